/** Every arithmetic operation of a network, not its products and sums alone. */
import { elements, type Shape } from '@espalier/kernels'
import type { Node } from './graph.js'

const set = (ops: string): ReadonlySet<string> => new Set(ops.split(/\s+/))

const movement = set(`Reshape Flatten Squeeze Unsqueeze Transpose Concat Slice Split Pad Gather Expand Tile Identity Dropout Cast Shape Size
  DepthToSpace SpaceToDepth Constant ConstantOfShape RepeatBatch`)

/** Per element: a normalisation at inference scales and shifts; one with its own statistics also sums, subtracts, squares, sums and divides. */
const perElement: Readonly<Record<string, number>> = {
  BatchNormalization: 2,
  InstanceNormalization: 7,
  LayerNormalization: 7,
  GroupNormalization: 7,
  LpNormalization: 3,
  // Maximum, difference, exponential, sum, quotient.
  Softmax: 5,
  LogSoftmax: 5,
}

/**
 * Operations of a node for one image: two for each multiply-accumulate, one for each bias that is added, for a pool one per element of
 * each window, for a reduction one per element it reads, nothing for what only moves values, and for everything else one per
 * element of the output (an activation is one operation, however it is computed), but for the few that `perElement` names.
 */
export function operationsOf({ op, attributes, inputs, outputs }: Node, shapes: ReadonlyMap<string, Shape>, macs: number): number {
  const x = shapes.get(inputs[0])
  const y = shapes.get(outputs[0])
  if (!y || movement.has(op)) return 2 * macs
  const list = (name: string) => (attributes[name] ?? []) as readonly number[]
  const size = elements(y)
  if (/^(Fused)?Conv|^(Gemm|MatMul)$/.test(op)) return 2 * macs + (inputs[2] ? size : 0)
  if (/^(Global|Reduce|Adaptive|Arg)/.test(op)) return x ? elements(x) : 0
  if (op.endsWith('Pool')) return size * elements(list('kernel_shape'))
  if (op === 'LRN') return size * (2 * Number(attributes.size) + 3)
  if (op === 'Resize') {
    const axes = list('scales').filter((scale) => scale !== 1).length
    // Between two neighbours along an axis: a difference, a product, a sum.
    if (attributes.mode === 'linear') return size * 3 * (2 ** axes - 1)
    return attributes.mode === 'cubic' ? size * 2 * 4 ** axes : 0
  }
  return size * (Object.hasOwn(perElement, op) ? perElement[op] : Math.max(1, inputs.filter((name) => name !== '').length - 1))
}
