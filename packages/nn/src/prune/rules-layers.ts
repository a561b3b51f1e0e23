/** Channel rules of the operations that make channels: convolutions and linear layers. */
import type { Node } from '../graph.js'
import { numbers, scalar } from './attributes.js'
import { bind, type Context, constant, identify, layoutOf, type Rule, refuse } from './context.js'
import { type Layout, pick, windowSize } from './layout.js'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

function bindBias(context: Context, node: Node, outputs: Int32Array): void {
  if (constant(context, node, 2)) bind(context, node, 2, 0, outputs)
}

function convolvedShape(node: Node, shape: Layout['shape'], channels: number, kernel: readonly number[]): Layout['shape'] {
  const n = kernel.length
  const strides = numbers(node, 'strides')
  const dilations = numbers(node, 'dilations')
  const pads = numbers(node, 'pads')
  const size = (i: number) =>
    windowSize(shape[2 + i], {
      kernel: kernel[i],
      stride: strides?.[i] ?? 1,
      dilation: dilations?.[i] ?? 1,
      pads: (pads?.[i] ?? 0) + (pads?.[i + n] ?? 0),
    })
  return [shape[0], channels, ...range(n).map(size)]
}

const convolution: Rule = (node, context) => {
  const weight = constant(context, node, 1)
  if (!weight) return refuse(context, node, `the weight of ${node.name} is not a constant`)
  if (!layoutOf(context, node, 0)) return refuse(context, node, `the input of ${node.name} is a constant`)
  const groups = scalar(node, 'group', 1)
  const [channels, perGroup, ...kernel] = weight.dims
  const x = identify(context, node, 0, 1, perGroup * groups)
  const shape = convolvedShape(node, x.shape, channels, kernel)
  // Depthwise: output k is made of input k / multiplier alone, so it is the same channel. A convolution with one group is never depthwise.
  if (groups > 1 && perGroup === 1) {
    const multiplier = channels / groups
    context.atoms.reserve(channels)
    const outputs = pick(
      x.atoms,
      range(channels).map((k) => Math.floor(k / multiplier)),
    )
    bind(context, node, 1, 0, outputs, true)
    bindBias(context, node, outputs)
    context.layers.push({ node, outputs, outputAxis: 0 })
    return [{ shape, axis: 1, atoms: outputs }]
  }
  const outputs = context.atoms.fresh(channels)
  if (groups > 1) {
    context.grouped.push({ atoms: x.atoms, groups }, { atoms: outputs, groups })
  }
  bind(context, node, 1, 0, outputs, true)
  bind(context, node, 1, 1, x.atoms, true, groups)
  bindBias(context, node, outputs)
  context.layers.push({ node, outputs, inputs: x.atoms, outputAxis: 0, inputAxis: 1 })
  return [{ shape, axis: 1, atoms: outputs }]
}

/** Weight [in, out / groups, ...kernel]. */
const transposedConvolution: Rule = (node, context) => {
  const weight = constant(context, node, 1)
  if (!weight) return refuse(context, node, `the weight of ${node.name} is not a constant`)
  if (!layoutOf(context, node, 0)) return refuse(context, node, `the input of ${node.name} is a constant`)
  const groups = scalar(node, 'group', 1)
  const [channels, perGroup, ...kernel] = weight.dims
  const x = identify(context, node, 0, 1, channels)
  const n = kernel.length
  const strides = numbers(node, 'strides')
  const dilations = numbers(node, 'dilations')
  const pads = numbers(node, 'pads')
  const extra = numbers(node, 'output_padding')
  const given = numbers(node, 'output_shape')
  const spatial = range(n).map((i) => {
    const size = x.shape[2 + i]
    if (given) return given[i]
    if (size === undefined) return undefined
    const reach = (dilations?.[i] ?? 1) * (kernel[i] - 1) + 1
    return (size - 1) * (strides?.[i] ?? 1) + reach + (extra?.[i] ?? 0) - (pads?.[i] ?? 0) - (pads?.[i + n] ?? 0)
  })
  const shape = [x.shape[0], perGroup * groups, ...spatial]
  if (groups > 1 && groups === channels) {
    context.atoms.reserve(perGroup * groups)
    const outputs = pick(
      x.atoms,
      range(perGroup * groups).map((k) => Math.floor(k / perGroup)),
    )
    bind(context, node, 1, 0, x.atoms, true)
    bindBias(context, node, outputs)
    context.layers.push({ node, outputs, outputAxis: 0 })
    return [{ shape, axis: 1, atoms: outputs }]
  }
  const outputs = context.atoms.fresh(perGroup * groups)
  if (groups > 1) {
    context.grouped.push({ atoms: x.atoms, groups }, { atoms: outputs, groups })
  }
  bind(context, node, 1, 0, x.atoms, true)
  bind(context, node, 1, 1, outputs, true, groups)
  bindBias(context, node, outputs)
  context.layers.push({ node, outputs, inputs: x.atoms, outputAxis: 1, inputAxis: 0 })
  return [{ shape, axis: 1, atoms: outputs }]
}

const gemm: Rule = (node, context) => {
  const weight = constant(context, node, 1)
  if (!weight || scalar(node, 'transA', 0) || !layoutOf(context, node, 0)) {
    return refuse(context, node, `${node.op} at ${node.name} has no constant weight on its right`)
  }
  const inputAxis = scalar(node, 'transB', 0) ? 1 : 0
  return linear(node, context, 1, inputAxis)
}

const matmul: Rule = (node, context) => {
  const weight = constant(context, node, 1)
  const x = layoutOf(context, node, 0)
  if (!weight || !x || weight.dims.length !== 2)
    return refuse(context, node, `${node.op} at ${node.name} has no constant weight on its right`)
  const last = x.shape.length - 1
  // Channels on another axis pass through; the product runs over positions.
  if (x.axis >= 0 && x.axis < last) return [{ ...x, shape: [...x.shape.slice(0, last), weight.dims[1]] }]
  return linear(node, context, Math.max(1, last), 0)
}

function linear(node: Node, context: Context, axis: number, inputAxis: 0 | 1): Layout[] {
  const weight = constant(context, node, 1)!
  const outputAxis = 1 - inputAxis
  const x = identify(context, node, 0, axis, weight.dims[inputAxis])
  const outputs = context.atoms.fresh(weight.dims[outputAxis])
  bind(context, node, 1, inputAxis, x.atoms, true)
  bind(context, node, 1, outputAxis, outputs, true)
  const bias = constant(context, node, 2)
  const last = (bias?.dims.length ?? 0) - 1
  if (bias && bias.dims[last] === outputs.length && outputs.length > 1) bind(context, node, 2, last, outputs)
  context.layers.push({ node, outputs, inputs: x.atoms, outputAxis, inputAxis })
  return [{ shape: [...x.shape.slice(0, axis), outputs.length], axis, atoms: outputs }]
}

export const layerRules: Readonly<Record<string, Rule>> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: matmul,
}
