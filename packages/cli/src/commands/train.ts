import { finetune, percent, type Trained, train } from '@espalier/prune'
import { commonOptions, defineCommand, runOptions } from '../command.js'
import { above, number, option, text, whole } from '../option.js'
import { architectureWidth, count, dataOptions, required, runBeside, trainingChoice, trainingOptions } from './shared.js'

const answer = ({ graph: _graph, bytes: _bytes, ...json }: Trained) => ({
  json,
  text: `${json.model}: test accuracy ${percent(json.accuracy)} on ${count(json.images)} images, loss ${json.loss.toFixed(4)}, ${count(json.params)} parameters, ${json.seconds.toFixed(1)} s`,
})

const out = option('--out <file>', 'ONNX file to write', text)

export const trainCommand = defineCommand({
  name: 'train',
  summary: 'train a built-in architecture',
  arguments: [{ name: '<ARCH>', description: 'vgg11|13|16|19, resnet18|20|32|50|56, mobilenetv2, lenet5, tiny' }],
  options: {
    ...dataOptions,
    out,
    width: architectureWidth,
    epochs: option('--epochs <n>', '(30)', whole(0).optional()),
    ...trainingOptions,
    ...runOptions,
    ...commonOptions,
  },
  async run([architecture], options, { gpu, report, signal }) {
    const { data, normalize, mean, std, out, width, epochs, seed, resume } = options
    return answer(
      await train({
        architecture: required(architecture, 'ARCH'),
        ...{ data, normalize, mean, std, out, width, epochs, seed, resume, report, signal },
        training: trainingChoice(options),
        run: options.run ?? runBeside(out),
        temporary: options.run === undefined,
        gpu: await gpu(),
      }),
    )
  },
})

export const finetuneCommand = defineCommand({
  name: 'finetune',
  summary: 'train a model further, from its weights; with --teacher by knowledge distillation',
  arguments: [{ name: '<MODEL>', description: 'ONNX file' }],
  options: {
    ...dataOptions,
    out,
    teacher: option('--teacher <model>', 'ONNX file to learn from, beside the labels', text.optional()),
    temperature: option('--temperature <x>', 'of the distillation (4)', above(0).optional()),
    teacherWeight: option('--teacher-weight <x>', 'share of the teacher in the loss, 0 to 1 (0.7)', number(0, 1).optional()),
    epochs: option('--epochs <n>', '(10)', whole(0).optional()),
    ...trainingOptions,
    ...runOptions,
    ...commonOptions,
  },
  async run([model], options, { gpu, report, signal }) {
    const { data, normalize, mean, std, out, epochs, seed, resume, teacher, temperature, teacherWeight } = options
    return answer(
      await finetune({
        model: required(model, 'MODEL'),
        ...{ data, normalize, mean, std, out, epochs, seed, resume, teacher, temperature, teacherWeight, report, signal },
        training: trainingChoice(options),
        run: options.run ?? runBeside(out),
        temporary: options.run === undefined,
        gpu: await gpu(),
      }),
    )
  },
})
