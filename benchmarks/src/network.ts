/** The networks that are compared, and data for them: images of 3 x 32 x 32, as CIFAR's. */
import { buildArchitecture, costOf, createBuilder, createRandom, type Dataset, type Graph, type Normalization } from '@espalier/nn'

export const classes = 10
export const imageShape = [3, 32, 32] as const
/** Pixels reach the network as (value / 255 - 0.5) / 0.5. */
export const normalization: Normalization = { mean: [0.5], std: [0.5] }

export interface Network {
  readonly id: string
  readonly title: string
  /** Images of a forward pass or a training step. */
  readonly batch: number
  graph(): Graph
  /** Multiply-accumulates of the forward pass of one image: convolutions and linear layers. */
  macs(): number
}

/** conv 3-32, 32-32, pool, 32-64, pool, 64-128, global pool, 10; batch normalisation and ReLU after each convolution: 19.8 MMACs an image. */
function fourConvolutions(): Graph {
  const net = createBuilder({ name: 'four convolutions', input: [...imageShape], seed: 1 })
  let x = net.input
  for (const [name, to, pool] of [
    ['conv1', 32, false],
    ['conv2', 32, true],
    ['conv3', 64, true],
    ['conv4', 128, false],
  ] as const) {
    x = net.relu(`${name}.relu`, net.batchNorm(`${name}.bn`, net.conv(name, x, to)))
    if (pool) x = net.maxPool(`${name}.pool`, x, { kernel: 2 })
  }
  return net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('gap', x)), classes))
}

/** Statistics of batch normalisation that are not those of a fresh network, so that folding them wrongly shows. Seeded. */
export function withStatistics(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  const random = createRandom(2, 'statistics')
  for (const { inputs } of graph.nodes.filter(({ op }) => op === 'BatchNormalization'))
    for (const [i, [low, high]] of [
      [0.8, 1.2],
      [-0.2, 0.2],
      [-0.2, 0.2],
      [0.8, 1.2],
    ].entries()) {
      const tensor = graph.initializers.get(inputs[i + 1])!
      initializers.set(inputs[i + 1], { ...tensor, data: Float32Array.from(tensor.data as Float32Array, () => random.uniform(low, high)) })
    }
  return { ...graph, initializers }
}

function network(id: string, title: string, batch: number, build: () => Graph): Network {
  let made: Graph | undefined
  const graph = () => (made ??= withStatistics(build()))
  return { id, title, batch, graph, macs: () => costOf(graph()).macs }
}

export const networks = {
  cifar4: network('cifar4', '4 convolutions', 64, fourConvolutions),
  resnet20: network('resnet20', 'ResNet-20', 32, () => buildArchitecture('resnet20')),
  vgg16: network('vgg16', 'VGG16', 32, () => buildArchitecture('vgg16')),
  mobilenetv2: network('mobilenetv2', 'MobileNetV2', 32, () => buildArchitecture('mobilenetv2')),
} as const

/** `count` images of noise with labels. */
export function dataset(count: number, shape: Dataset['shape'] = imageShape): Dataset {
  const random = createRandom(3, 'images')
  const images = new Uint8Array(count * shape.reduce((a, b) => a * b, 1)).map(() => random.uniform(0, 256))
  const labels = new Uint32Array(count).map(() => random.uniform(0, classes))
  return { name: 'noise', classes, shape, count, images, labels }
}

/** What the network sees of the images: [count, 3, 32, 32]. */
export function normalized(images: Uint8Array): Float32Array {
  return Float32Array.from(images, (value) => (value / 255 - 0.5) / 0.5)
}

/** Rows and columns of the matrices of the GEMM case. */
export const gemmSize = 512

export function gemmOperands(): { a: Float32Array; b: Float32Array } {
  const random = createRandom(4, 'matrices')
  const draw = () => Float32Array.from({ length: gemmSize * gemmSize }, () => random.uniform(-1, 1))
  return { a: draw(), b: draw() }
}
