import { initialize } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { inputShape, option, text, whole } from '../option.js'
import { architectureWidth, count, required } from './shared.js'

export const initCommand = defineCommand({
  name: 'init',
  summary: 'write an untrained built-in architecture',
  arguments: [{ name: '<ARCH>', description: 'vgg11|13|16|19, resnet18|20|32|50|56, mobilenetv2, lenet5, tiny' }],
  options: {
    out: option('--out <file>', 'ONNX file to write', text),
    input: option('--input <CxHxW>', 'input, such as 3x32x32 (that of the architecture)', inputShape.optional()),
    classes: option('--classes <n>', 'number of classes (10)', whole(1).optional()),
    width: architectureWidth,
    ...commonOptions,
  },
  async run([architecture], { out, input, classes, width, seed }) {
    const { params, macs, model } = await initialize({ architecture: required(architecture, 'ARCH'), out, input, classes, width, seed })
    return { json: { model, params, macs, seed }, text: `${out}: ${count(params)} parameters, ${count(macs)} MACs` }
  },
})
