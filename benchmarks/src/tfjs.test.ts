/** TensorFlow.js' WebGPU backend, whose shaders nobody here wrote, on the CPU adapter: against its own CPU backend. */
import { createGpu, globals } from '@espalier/cpu'
import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'

type Tf = typeof import('@tensorflow/tfjs-core')
let tf: Tf

beforeAll(async () => {
  const gpu = await createGpu({ threads: 2 })
  const navigatorGpu = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = (await gpu.requestAdapter(options))!
      const request = adapter.requestDevice.bind(adapter)
      // Its list of features holds a list.
      adapter.requestDevice = (descriptor) =>
        request({ ...descriptor, requiredFeatures: [descriptor?.requiredFeatures ?? []].flat(2) as GPUFeatureName[] })
      return adapter
    },
  }
  Object.assign(globalThis, globals)
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: navigatorGpu, userAgent: 'node' }, configurable: true })
  tf = await import('@tensorflow/tfjs-core')
  // It says on the console that there is something faster for Node; and small tensors would never reach the device.
  tf.env().set('PROD', true)
  // It registers gradients.
  await import('@tensorflow/tfjs-layers')
  await import('@tensorflow/tfjs-backend-cpu')
  await import('@tensorflow/tfjs-backend-webgpu')
  tf.env().set('WEBGPU_CPU_FORWARD', false)
})

function data(length: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** Values of the tensors that `make` gives, on a backend. */
async function valuesOn(backend: string, make: () => Tensor | Tensor[]): Promise<number[][]> {
  if (!(await tf.setBackend(backend))) throw new Error(`the backend '${backend}' did not start`)
  const results = [tf.tidy(make)].flat() as Tensor[]
  const values: number[][] = []
  for (const each of results) values.push(Array.from(await each.data()))
  tf.dispose(results)
  return values
}

async function agree(make: () => Tensor | Tensor[], tolerance = 1e-4): Promise<void> {
  const wanted = await valuesOn('cpu', make)
  const found = await valuesOn('webgpu', make)
  expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length))
  found.forEach((values, i) => {
    const scale = Math.max(1, ...wanted[i].map(Math.abs))
    for (const [j, value] of values.entries())
      if (!(Math.abs(value - wanted[i][j]) <= tolerance * scale))
        throw new Error(`result ${i} at ${j}: expected ${wanted[i][j]}, found ${value}`)
  })
}

const tensor = (shape: readonly number[], seed = 1): Tensor =>
  tf.tensor(
    data(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    [...shape],
  )
const images = (seed = 1) => tensor([2, 9, 11, 8], seed) as Tensor4D

const operations: Record<string, () => Tensor | Tensor[]> = {
  'sums, products, powers and comparisons of tensors': () => {
    const [a, b] = [tensor([5, 7, 3]), tensor([7, 1], 2)]
    return [
      tf.add(a, b),
      tf.mul(a, b),
      tf.pow(tf.abs(a), b),
      tf.cast(tf.greater(a, b), 'float32'),
      tf.where(tf.less(a, b), a, tf.mul(b, tf.onesLike(a))),
    ]
  },
  'functions of one number': () => {
    const x = tensor([300])
    return [
      tf.relu6(x),
      tf.sigmoid(x),
      tf.tanh(x),
      tf.exp(x),
      tf.log(tf.add(tf.abs(x), 1)),
      tf.rsqrt(tf.add(tf.square(x), 1)),
      tf.erf(x),
      tf.round(tf.mul(x, 9)),
    ]
  },
  'matrix products': () => [
    tf.matMul(tensor([37, 29]) as Tensor2D, tensor([29, 45], 2) as Tensor2D),
    tf.matMul(tensor([64, 64]) as Tensor2D, tensor([64, 64], 2) as Tensor2D, true, false),
    tf.matMul(tensor([3, 8, 16]), tensor([3, 12, 16], 2), false, true),
    tf.matMul(tensor([1, 200]) as Tensor2D, tensor([200, 3], 2) as Tensor2D),
  ],
  convolutions: () => [
    tf.conv2d(images(), tensor([3, 3, 8, 12], 2) as Tensor4D, 1, 'same'),
    tf.conv2d(images(), tensor([3, 3, 8, 5], 2) as Tensor4D, 2, 'valid'),
    tf.conv2d(images(), tensor([1, 1, 8, 16], 2) as Tensor4D, 1, 'valid'),
    tf.depthwiseConv2d(images(), tensor([3, 3, 8, 1], 2) as Tensor4D, 1, 'same'),
    tf.conv2dTranspose(images(), tensor([3, 3, 4, 8], 2) as Tensor4D, [2, 18, 22, 4], 2, 'same'),
    tf.fused.conv2d({
      x: images(),
      filter: tensor([3, 3, 8, 8], 2) as Tensor4D,
      strides: 1,
      pad: 'same',
      bias: tensor([8], 3) as Tensor1D,
      activation: 'relu',
    }),
  ],
  'the gradients of convolutions': () => {
    const loss = (x: Tensor, w: Tensor) => tf.sum(tf.square(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, 'same')))
    return tf.grads((x, w) => loss(x, w) as Tensor<Rank.R0>)([images(), tensor([3, 3, 8, 4], 2)])
  },
  'pooling and its gradients': () => [
    tf.maxPool(images(), 2, 2, 'valid'),
    tf.avgPool(images(), 3, 2, 'same'),
    tf.grad((x) => tf.sum(tf.square(tf.maxPool(x as Tensor4D, 2, 2, 'valid'))))(images()),
    tf.grad((x) => tf.sum(tf.square(tf.avgPool(x as Tensor4D, 3, 2, 'same'))))(images()),
  ],
  'batch normalisation': () => {
    const { mean, variance } = tf.moments(images(), [0, 1, 2])
    return tf.batchNorm(images(), mean as Tensor1D, variance as Tensor1D, tensor([8], 2) as Tensor1D, tensor([8], 3) as Tensor1D, 1e-3)
  },
  'softmax, its logarithm and cross-entropy': () => {
    const [x, labels] = [tensor([9, 33]), tf.oneHot(tf.tensor1d([0, 5, 32, 7, 7, 1, 2, 3, 30], 'int32'), 33)]
    return [tf.softmax(x as Tensor2D), tf.logSoftmax(x as Tensor2D), tf.losses.softmaxCrossEntropy(labels, x)]
  },
  reductions: () => {
    const x = tensor([6, 50, 7])
    return [
      tf.sum(x),
      tf.mean(x, 1),
      tf.max(x, [0, 2]),
      tf.min(x, 0),
      tf.prod(x, 2),
      tf.argMax(x, 1),
      tf.argMin(x, 2),
      tf.sum(tensor([3000])),
    ]
  },
  'parts and arrangements': () => {
    const x = tensor([4, 6, 5])
    return [
      tf.transpose(x, [2, 0, 1]),
      tf.concat([x, tensor([4, 2, 5], 2)], 1),
      tf.slice(x, [1, 2, 0], [2, 3, 4]),
      tf.stridedSlice(x, [0, 5, 0], [4, 0, 5], [2, -2, 1]),
      tf.pad(x, [
        [1, 0],
        [0, 2],
        [3, 1],
      ]),
      tf.gather(x, tf.tensor1d([3, 0, 0, 2], 'int32')),
      tf.tile(x, [1, 2, 1]),
      tf.reverse(x, [1]),
      tf.cumsum(x, 1),
      ...tf.split(x, 2, 1),
    ]
  },
  'resized images': () => [tf.image.resizeBilinear(images(), [5, 20]), tf.image.resizeNearestNeighbor(images(), [18, 7])],
}

for (const [name, make] of Object.entries(operations)) test(`tfjs: ${name}`, () => agree(make))

test('tfjs: the largest numbers of a list, and their places', async () => {
  await agree(() => {
    const { values, indices } = tf.topk(tensor([3, 70]), 5)
    return [values, indices]
  })
})

test('tfjs: a network learns', async () => {
  const losses = async (backend: string) => {
    await tf.setBackend(backend)
    const w = tf.variable(tf.tidy(() => tensor([3, 3, 8, 4], 2)))
    const v = tf.variable(tf.tidy(() => tensor([4, 5], 3)))
    const labels = tf.oneHot(tf.tensor1d([1, 4], 'int32'), 5)
    const optimizer = tf.train.momentum(0.01, 0.9)
    const found: number[] = []
    for (let i = 0; i < 5; i++) {
      const loss = optimizer.minimize(
        () => {
          const features = tf.mean(tf.relu(tf.conv2d(images(), w as Tensor4D, 1, 'same')), [1, 2]) as Tensor2D
          return tf.losses.softmaxCrossEntropy(labels, tf.matMul(features, v as unknown as Tensor2D)) as Tensor<Rank.R0>
        },
        true,
        [w, v],
      )!
      found.push((await loss.data())[0])
      loss.dispose()
    }
    tf.dispose([w, v, labels])
    optimizer.dispose()
    return found
  }
  const [wanted, found] = [await losses('cpu'), await losses('webgpu')]
  found.forEach((loss, i) => expect(loss).toBeCloseTo(wanted[i], 4))
  expect(found[4]).toBeLessThan(found[0])
})
