/** What the networks of this folder have in common: an option or two, and the layers that the builder of `architectures` has no word for. */
import type { Shape } from '@espalier/kernels'
import { type Builder, type ConvOptions, createBuilder, type Value } from '../../architectures/index.js'

export interface NetworkOptions {
  /** [c, h, w]; the size the network was published for when absent. */
  readonly input?: Shape
  /** Factor of every width, to the nearest multiple of 8; 1 when absent. */
  readonly width?: number
  readonly seed?: number
  /** Weights of zeros: costs and channel groups do not depend on them, and drawing a hundred million takes its time. */
  readonly zeros?: boolean
}

export function start(name: string, input: Shape, options: NetworkOptions) {
  const { width = 1, seed = 0, zeros } = options
  return {
    net: createBuilder({ name, input: options.input ?? input, seed, zeros }),
    wide: (channels: number) => (width === 1 ? channels : Math.max(8, 8 * Math.round((channels * width) / 8))),
  }
}

export type Activation = (net: Builder, name: string, x: Value) => Value

export const relu: Activation = (net, name, x) => net.relu(name, x)
export const sigmoid: Activation = (net, name, x) => net.node(name, 'Sigmoid', [x], x.shape)
/** As PyTorch writes it from opset 14 on. */
export const hardSwish: Activation = (net, name, x) => net.node(name, 'HardSwish', [x], x.shape)
export const hardSigmoid: Activation = (net, name, x) =>
  net.node(name, 'HardSigmoid', [x], x.shape, { alpha: Math.fround(1 / 6), beta: 0.5 })
/** ONNX has no such operator: PyTorch writes x sigmoid(x). */
export const silu: Activation = (net, name, x) => net.node(name, 'Mul', [x, sigmoid(net, `${name}.sigmoid`, x)], x.shape)

export interface BlockOptions extends ConvOptions {
  /** ReLU when absent, nothing where null. */
  readonly activation?: Activation | null
}

/** Convolution, normalisation, activation, numbered as in torchvision's Conv2dNormActivation. */
export function convBn(
  net: Builder,
  name: string,
  x: Value,
  channels: number,
  { activation = relu, ...options }: BlockOptions = {},
): Value {
  const y = net.batchNorm(`${name}.1`, net.conv(`${name}.0`, x, channels, options))
  return activation ? activation(net, `${name}.2`, y) : y
}

/** Squeeze-and-excitation (Hu et al. 2018) with 1x1 convolutions. */
export function squeezeExcite(
  net: Builder,
  name: string,
  x: Value,
  { squeeze, activation = relu, gate = sigmoid }: { squeeze: number; activation?: Activation; gate?: Activation },
): Value {
  let y = net.globalAveragePool(`${name}.avgpool`, x)
  y = activation(net, `${name}.activation`, net.conv(`${name}.fc1`, y, squeeze, { kernel: 1, bias: true }))
  y = gate(net, `${name}.scale`, net.conv(`${name}.fc2`, y, x.shape[0], { kernel: 1, bias: true }))
  return net.node(`${name}.mul`, 'Mul', [y, x], x.shape)
}

/** Global pooling and a linear layer. */
export function classifier(net: Builder, x: Value, name = 'fc') {
  return net.graph(net.linear(name, net.flatten('flatten', net.globalAveragePool('avgpool', x)), 1000))
}

/** Values of no particular kind, for parameters that would hide mistakes if they were all the same. */
export function scattered(net: Builder, name: string, dims: Shape, center = 1): string {
  const size = dims.reduce((a, b) => a * b, 1)
  return net.parameter(name, dims, () => Float32Array.from({ length: size }, (_, i) => center + 0.5 * Math.sin(12.9 * i + size)))
}
