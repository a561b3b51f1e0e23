import { inspect } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { count, required, table } from './shared.js'

export const inspectCommand = defineCommand({
  name: 'inspect',
  summary: 'layers, shapes, parameters, MACs, all operations, activation memory; channel groups, and why a layer is locked',
  arguments: [{ name: '<MODEL>', description: 'ONNX file' }],
  options: commonOptions,
  async run([model]) {
    const result = await inspect(required(model, 'MODEL'))
    const shape = (dims: readonly number[] | null) => dims?.join('x') ?? '?'
    const layers = table(
      [
        ['layer', 'operation', 'input', 'output', 'parameters', 'MACs', 'all operations'],
        ...result.layers.map((layer) => [
          layer.name,
          layer.op,
          shape(layer.inputShape),
          shape(layer.outputShape),
          count(layer.params),
          count(layer.macs),
          count(layer.operations),
        ]),
      ],
      [0, 1, 2, 3],
    )
    const groups = table(
      [
        ['channel group', 'channels', 'state', 'layers (< in, > out)'],
        ...result.groups.map((group) => [
          group.id,
          count(group.channels),
          group.locked === null ? 'free' : `locked: ${group.locked}`,
          group.members.map(({ layer, side }) => `${side === 'in' ? '<' : '>'}${layer}`).join(' '),
        ]),
      ],
      [0, 2, 3],
    )
    const total = `${count(result.params)} parameters, ${count(result.macs)} MACs (${count(2 * result.macs)} FLOPs; ${count(result.operations)} operations of all kinds), ${result.memory === null ? 'unknown' : `${count(result.memory)} bytes of`} peak activations at batch 1`
    return { json: result, text: [layers, '', total, '', groups].join('\n') }
  },
})
