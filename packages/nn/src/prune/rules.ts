/** What every operation does to the identity of channels: one small rule each. */
import type { Node } from '../graph.js'
import { fromFront, numbers, scalar } from './attributes.js'
import { activations, bind, type Context, constant, layoutOf, type Rule, refuse } from './context.js'
import { broadcastShape, type Layout, opaque, windowSize } from './layout.js'
import { layerRules } from './rules-layers.js'
import { shapeRules } from './rules-shape.js'

/** Each output value depends on the input value at the same place alone. */
const same: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (!x) return refuse(context, node, `${node.op} at ${node.name} of a constant`)
  return node.outputs.map((_, i) => (i === 0 ? x : opaque(`second output of ${node.op} at ${node.name}`)))
}

/** Binds a constant that is broadcast against `layout`, where it holds one entry per channel. */
function bindBroadcast(context: Context, node: Node, input: number, layout: Layout): void {
  const dims = constant(context, node, input)?.dims
  if (!dims || layout.axis < 0) return
  const axis = dims.length - (layout.shape.length - layout.axis)
  if (axis >= 0 && dims[axis] > 1) bind(context, node, input, axis, layout.atoms)
}

/** Add, Mul and the like: channels that meet at the same index go together; constants are cut along. */
const elementwise: Rule = (node, context) => {
  const inputs = activations(context, node)
  const known = inputs.filter(({ layout }) => layout.axis >= 0).map(({ layout }) => layout)
  const shapes = inputs.map(({ layout }) => layout.shape)
  const dims = node.inputs.flatMap((_, input) => (constant(context, node, input) ? [constant(context, node, input)!.dims] : []))
  const shape = inputs.length === 0 || shapes.some((one) => one.length === 0) ? [] : broadcastShape([...shapes, ...dims])
  const fromEnd = known.length > 0 ? known[0].shape.length - known[0].axis : 0
  // An input without channels of its own does no harm where it is the same for all channels.
  const unknown = inputs.find(({ layout }) => layout.axis < 0 && layout.shape[layout.shape.length - fromEnd] !== 1)?.layout
  if (unknown || known.length === 0) {
    return refuse(context, node, unknown?.why ?? inputs[0]?.layout.why ?? `${node.op} at ${node.name} of constants`, shape)
  }
  const axis = shape.length - fromEnd
  const channels = known.reduce((most, layout) => Math.max(most, layout.atoms.length), 0)
  const wide = known.filter((layout) => layout.atoms.length === channels)
  const aligned = known.every((layout) => layout.shape.length - layout.axis === fromEnd)
  const spread = shape[axis] !== undefined && shape[axis] !== channels
  if (!aligned || spread || known.some((layout) => layout.atoms.length !== channels && layout.atoms.length !== 1)) {
    return refuse(context, node, `not separable: ${node.op} at ${node.name} mixes channels with another axis`, shape)
  }
  for (const layout of wide) context.atoms.uniteAll(wide[0].atoms, layout.atoms)
  const result: Layout = { shape, axis, atoms: wide[0].atoms }
  node.inputs.forEach((_, input) => {
    bindBroadcast(context, node, input, result)
  })
  return [result]
}

/** Scale, bias and the like: one entry per channel in each of these inputs. */
const perChannel =
  (...parameters: number[]): Rule =>
  (node, context) => {
    const x = layoutOf(context, node, 0)
    if (!x) return refuse(context, node, `${node.op} at ${node.name} of a constant`)
    if (x.axis >= 0 && x.axis !== 1)
      return refuse(context, node, `${node.op} at ${node.name} works on axis 1, channels are on axis ${x.axis}`, x.shape)
    for (const input of parameters) {
      if (!node.inputs[input]) continue
      if (!constant(context, node, input))
        return refuse(context, node, `input ${input} of ${node.op} at ${node.name} is not a constant`, x.shape)
      if (x.axis === 1) bind(context, node, input, 0, x.atoms)
    }
    return node.outputs.map((_, i) => (i === 0 ? x : opaque(`second output of ${node.op} at ${node.name}`)))
  }

const prelu: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (!x || !constant(context, node, 1)) return refuse(context, node, `the slope of PRelu at ${node.name} is not a constant`)
  bindBroadcast(context, node, 1, x)
  return [x]
}

const pool: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const kernel = numbers(node, 'kernel_shape')
  if (!x || !kernel) return refuse(context, node, `${node.op} at ${node.name} has no kernel_shape`)
  const n = kernel.length
  const spatial = kernel.map((size, i) =>
    windowSize(x.shape[2 + i], {
      kernel: size,
      stride: numbers(node, 'strides')?.[i] ?? 1,
      dilation: numbers(node, 'dilations')?.[i] ?? 1,
      pads: (numbers(node, 'pads')?.[i] ?? 0) + (numbers(node, 'pads')?.[i + n] ?? 0),
      begin: numbers(node, 'pads')?.[i] ?? 0,
      ceil: scalar(node, 'ceil_mode', 0) !== 0 || node.attributes.ceil_mode === true,
    }),
  )
  const y = { ...x, shape: [x.shape[0], x.shape[1], ...spatial] }
  return x.axis > 1
    ? refuse(context, node, `${node.op} at ${node.name} pools over the channel axis`)
    : node.outputs.map((_, i) => (i === 0 ? y : opaque('indices of a pool')))
}

const globalPool: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (!x || x.axis > 1) return refuse(context, node, `${node.op} at ${node.name} pools over the channel axis`)
  return [{ ...x, shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)) }]
}

const adaptivePool: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const size = numbers(node, 'output_size')
  if (!x || !size || x.axis > 1) return refuse(context, node, `${node.op} at ${node.name} pools over the channel axis`)
  return [{ ...x, shape: [x.shape[0], x.shape[1], ...size] }]
}

const reduce: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (!x || x.shape.length === 0) return refuse(context, node, x?.why ?? `${node.op} at ${node.name} of a constant`)
  const rank = x.shape.length
  const axes = (numbers(node, 'axes') ?? x.shape.map((_, i) => i)).map((axis) => fromFront(axis, rank))
  const keep = scalar(node, 'keepdims', 1) !== 0 && node.attributes.keepdims !== false
  const shape = keep ? x.shape.map((size, i) => (axes.includes(i) ? 1 : size)) : x.shape.filter((_, i) => !axes.includes(i))
  if (axes.includes(x.axis)) return refuse(context, node, `not separable: ${node.op} at ${node.name} runs over the channels`, shape)
  return [{ ...x, shape, axis: keep || x.axis < 0 ? x.axis : x.axis - axes.filter((axis) => axis < x.axis).length }]
}

/** Softmax and the like: along `axis`, or (`from` true: LayerNormalization) from that axis on. Channels there depend on one another. */
const mixing =
  (fallback: number, from: boolean): Rule =>
  (node, context) => {
    const x = layoutOf(context, node, 0)
    if (!x) return refuse(context, node, `${node.op} at ${node.name} of a constant`)
    const axis = fromFront(scalar(node, 'axis', fallback), x.shape.length)
    if (from ? x.axis >= axis : x.axis === axis) context.atoms.lock(x.atoms, `not separable: ${node.op} at ${node.name} mixes channels`)
    return node.outputs.map((_, i) => (i === 0 ? x : opaque(`second output of ${node.op} at ${node.name}`)))
  }

const neighbours: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (x) context.atoms.lock(x.atoms, `not separable: ${node.op} at ${node.name} mixes channels`)
  return same(node, context)
}

const each = (ops: string, rule: Rule): Record<string, Rule> => Object.fromEntries(ops.split(' ').map((op) => [op, rule]))

export const rules: Readonly<Record<string, Rule>> = {
  ...layerRules,
  ...shapeRules,
  ...each(
    'Relu LeakyRelu Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus Softsign Gelu Mish Silu Erf ThresholdedRelu Shrink',
    same,
  ),
  ...each('Exp Log Sqrt Reciprocal Abs Neg Sign Floor Ceil Round Sin Cos Identity Dropout Cast Clip', same),
  ...each('Add Sub Mul Div Sum Mean Max Min Pow', elementwise),
  ...each('MaxPool AveragePool LpPool', pool),
  ...each('GlobalAveragePool GlobalMaxPool GlobalLpPool', globalPool),
  AdaptiveAveragePool: adaptivePool,
  ...each('ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp', reduce),
  ...each('Softmax LogSoftmax Hardmax', mixing(-1, false)),
  ...each('LayerNormalization', mixing(-1, true)),
  ...each('LRN GroupNormalization LpNormalization MeanVarianceNormalization', neighbours),
  BatchNormalization: perChannel(1, 2, 3, 4),
  InstanceNormalization: perChannel(1, 2),
  PRelu: prelu,
}
