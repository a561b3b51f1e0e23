/** The network of the comparison: 4 convolutions on CIFAR-sized images, 19.8 MMACs an image, and data for it. */
import { createBuilder, createRandom, type Dataset, type Graph, type Normalization } from '@espalier/nn'

export const batch = 64
export const classes = 10
export const imageShape = [3, 32, 32] as const
/** Input and output channels of the convolutions (3x3, padding 1; batch normalisation and ReLU follow), and whether a 2x2 max pooling follows. */
export const layers = [
  { name: 'conv1', from: 3, to: 32, pool: false },
  { name: 'conv2', from: 32, to: 32, pool: true },
  { name: 'conv3', from: 32, to: 64, pool: true },
  { name: 'conv4', from: 64, to: 128, pool: false },
] as const
/** Multiply-accumulates of the forward pass of one image, convolutions and the linear layer. */
export const macsPerImage = 32 * 32 * 9 * (3 * 32 + 32 * 32) + 16 * 16 * 9 * 32 * 64 + 8 * 8 * 9 * 64 * 128 + 128 * 10
/** Pixels reach the network as (value / 255 - 0.5) / 0.5. */
export const normalization: Normalization = { mean: [0.5], std: [0.5] }
export const epsilon = Math.fround(1e-5)

/** Seeded; the statistics of batch normalisation are not those of a fresh network, so that folding them wrongly shows. */
export function network(): Graph {
  const net = createBuilder({ name: 'four convolutions', input: [...imageShape], seed: 1 })
  let x = net.input
  for (const { name, to, pool } of layers) {
    x = net.relu(`${name}.relu`, net.batchNorm(`${name}.bn`, net.conv(name, x, to)))
    if (pool) x = net.maxPool(`${name}.pool`, x, { kernel: 2 })
  }
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('gap', x)), classes))
  const initializers = new Map(graph.initializers)
  const random = createRandom(2, 'statistics')
  for (const [name, tensor] of graph.initializers) {
    const range =
      name.endsWith('bn.weight') || name.endsWith('running_var') ? [0.5, 1.5] : /bn\.(bias|running_mean)$/.test(name) ? [-0.2, 0.2] : null
    if (range)
      initializers.set(name, { ...tensor, data: Float32Array.from(tensor.data as Float32Array, () => random.uniform(range[0], range[1])) })
  }
  return { ...graph, initializers }
}

/** `count` images of noise with labels. */
export function dataset(count = batch): Dataset {
  const random = createRandom(3, 'images')
  const images = new Uint8Array(count * 3 * 32 * 32).map(() => random.uniform(0, 256))
  const labels = new Uint32Array(count).map(() => random.uniform(0, classes))
  return { name: 'noise', classes, shape: [...imageShape], count, images, labels }
}

/** What the network sees of the images: [count, 3, 32, 32]. */
export function normalized(images: Uint8Array): Float32Array {
  return Float32Array.from(images, (value) => (value / 255 - 0.5) / 0.5)
}

export function floats(graph: Graph, name: string): Float32Array {
  const tensor = graph.initializers.get(name)
  if (!(tensor?.data instanceof Float32Array))
    throw new Error(`network: expected a float32 tensor '${name}', found ${tensor ? tensor.type : 'none'}`)
  return tensor.data
}

/** Moves an axis of an array from NCHW-like to NHWC-like order: [outer, channels, inner] to [outer, inner, channels]. */
export function channelsLast(data: Float32Array, outer: number, channels: number, inner: number): Float32Array {
  const moved = new Float32Array(data.length)
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < inner; i++) moved[(o * inner + i) * channels + c] = data[(o * channels + c) * inner + i]
  return moved
}

/** Convolution weights [to, from, 3, 3] as tfjs has them: [3, 3, from, to]. */
export function kernelChannelsLast(data: Float32Array, to: number, from: number): Float32Array {
  const moved = new Float32Array(data.length)
  for (let o = 0; o < to; o++)
    for (let i = 0; i < from; i++) for (let k = 0; k < 9; k++) moved[(k * from + i) * to + o] = data[(o * from + i) * 9 + k]
  return moved
}

/** Rows and columns of the matrices of the GEMM case. */
export const gemmSize = 512

export function gemmOperands(): { a: Float32Array; b: Float32Array } {
  const random = createRandom(4, 'matrices')
  const draw = () => Float32Array.from({ length: gemmSize * gemmSize }, () => random.uniform(-1, 1))
  return { a: draw(), b: draw() }
}
