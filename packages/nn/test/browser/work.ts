/** What runs in Node and in the browser alike; results are plain data, so that they can be compared. */
import { type Attributes, acquireGpu, elements, type Gpu, type NdArray, operations } from '@espalier/kernels'
import { buildArchitecture, createRandom, exportOnnx, type Graph, makeShapes, openModel, train } from '@espalier/nn'
import { type Environment, learn, type Random } from '@espalier/rl'

async function withGpu<T>(prefer: string | undefined, use: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await acquireGpu({ prefer })
  try {
    return await use(gpu)
  } finally {
    gpu.close()
  }
}

const floats = (count: number, stream: string) => {
  const random = createRandom(7, stream)
  return Float32Array.from({ length: count }, () => random.uniform(-1, 1))
}

const cases: readonly { op: string; attributes: Attributes; shapes: readonly (readonly number[])[] }[] = [
  {
    op: 'Conv',
    attributes: { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 },
    shapes: [[3, 5, 9, 7], [7, 5, 3, 3], [7]],
  },
  { op: 'Gemm', attributes: { alpha: 0.5, beta: 2, transA: 0, transB: 1 }, shapes: [[5, 33], [7, 33], [7]] },
  { op: 'Softmax', attributes: { axis: 1 }, shapes: [[3, 11]] },
]

export interface Difference {
  readonly op: string
  readonly values: number
  /** Greatest |shader - float64 reference|. */
  readonly difference: number
}

export const work = {
  /** The adapter, as a user would print it. */
  gpu: (prefer?: string) => withGpu(prefer, async ({ info, limits, features }) => ({ info, limits, features })),

  /** Operations as networks of one node, against their references. */
  operations: (prefer?: string) =>
    withGpu(prefer, async (gpu) => {
      const results: Difference[] = []
      for (const { op, attributes, shapes } of cases) {
        const names = shapes.map((_, i) => `input${i}`)
        const data = shapes.map((shape, i) => floats(elements(shape), `${op} ${i}`))
        const graph: Graph = {
          name: op,
          inputs: [{ name: names[0], shape: shapes[0], type: 'float32' }],
          outputs: [{ name: 'y', shape: operations[op].infer(attributes, shapes)[0], type: 'float32' }],
          nodes: [{ name: op, op, inputs: names, outputs: ['y'], attributes }],
          initializers: new Map(names.slice(1).map((name, i) => [name, { dims: shapes[i + 1], type: 'float32', data: data[i + 1] }])),
          metadata: {},
        }
        const model = await openModel(graph, { gpu })
        const { y } = await model.run({ [names[0]]: { dims: shapes[0], data: data[0] } })
        const [expected] = operations[op].reference(
          attributes,
          shapes.map((shape, i): NdArray => ({ shape, data: Float64Array.from(data[i]) })),
        )
        const difference = expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - y.data[i])), 0)
        results.push({ op, values: y.data.length, difference })
        model.close()
      }
      return results
    }),

  /** Logits of the ONNX file of `tiny` on 3 seeded images. */
  model: (prefer?: string) =>
    withGpu(prefer, async (gpu) => {
      const model = await openModel(exportOnnx(buildArchitecture('tiny', { seed: 1 })), { gpu })
      const { output } = await model.run({ input: { dims: [3, 3, 24, 24], data: floats(3 * 3 * 24 * 24, 'images') } })
      model.close()
      return { dims: [...output.dims], logits: Array.from(output.data) }
    }),

  /** Four steps on `shapes`: loss and accuracy of both epochs, and the weights of the last layer. */
  training: (prefer?: string) =>
    withGpu(prefer, async (gpu) => {
      const { graph, history } = await train(gpu, buildArchitecture('tiny', { seed: 1 }), makeShapes('train', 0, 20), {
        epochs: 2,
        batch: 10,
        normalization: { mean: [0.4, 0.4, 0.4], std: [0.25, 0.25, 0.25] },
        augment: { crop: 2, flip: true },
      })
      return { history, weights: Array.from(graph.initializers.get(graph.nodes.at(-1)!.inputs[1])!.data as Float32Array) }
    }),

  /** A few updates of the constrained learner on a random walk. */
  async learning() {
    const { history, policy } = await learn({
      algorithm: 'ppo-lag',
      environment: walk,
      environments: 2,
      costLimits: [0.3],
      steps: 120,
      hidden: [8],
      collect: { wholeEpisodeSteps: 40 },
      epochs: 2,
      minibatch: 16,
      seed: 3,
    })
    return { history, action: Array.from(policy.act([0.5, 0.5], { deterministic: true }) as Float32Array) }
  },

  /** The error of a page without such an adapter; null when there is one. */
  async failure(prefer?: string) {
    try {
      await work.gpu(prefer)
      return null
    } catch (error) {
      const { name, message } = error as Error
      return { name, message }
    }
  },
}

function walk(): Environment {
  let random: Random
  let x = 0
  let t = 0
  return {
    observationSize: 2,
    actions: { kind: 'box', low: [-1], high: [1] },
    costs: 1,
    reset(generator) {
      random = generator
      x = random.normal()
      t = 0
      return [x, 0]
    },
    step(action) {
      const [move] = action as Float32Array
      x += move + 0.1 * random.normal()
      t++
      return { observation: [x, t / 7], reward: -x * x, costs: [Math.abs(move)], terminated: x < -2, truncated: t === 7 }
    },
  }
}
