import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import { makeShapes } from '../data/index.js'
import { exportOnnx } from '../onnx/index.js'
import { channelGroups, pruneChannels } from '../prune/index.js'
import { takeIndices } from '../prune/surgery.js'
import { pruneTraining } from './carry-over.js'
import { type TrainOptions, type TrainState, train } from './train.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const data = makeShapes('train', 0, 40)
const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 1 })
const common = { epochs: 3, batch: 8, normalization: { mean: [0.5], std: [0.25] }, seed: 5 }

/** The state in the second of three epochs. */
async function interrupted(options: TrainOptions): Promise<TrainState> {
  const controller = new AbortController()
  let state: TrainState | undefined
  const training = train(gpu, graph, data, {
    ...options,
    signal: controller.signal,
    onProgress: ({ epoch }) => epoch === 2 && controller.abort(),
    onCheckpoint: async (saved) => {
      state = saved
    },
  })
  await expect(training).rejects.toThrow('interrupted')
  return state!
}

/** A moment of one parameter, found by hand: parameters follow one another at multiples of 64 elements, matrices apart from vectors. */
function momentOf(state: TrainState, of: typeof graph, kind: string, wanted: string) {
  const matrix = (name: string) => of.initializers.get(name)!.dims.length >= 2
  let offset = 0
  for (const name of of.initializers.keys()) {
    if (/running_/.test(name) || matrix(name) !== matrix(wanted)) continue
    const { dims, data: values } = of.initializers.get(name)!
    const vector = state.tensors[`${kind} ${matrix(wanted) ? 'decay' : 'plain'}`]
    if (name === wanted) return { dims, type: 'float32' as const, data: vector.slice(offset, offset + values.length) }
    offset = Math.ceil((offset + values.length) / 64) * 64
  }
  throw new Error(`no parameter ${wanted}`)
}

test.each(['sgd', 'adam'] as const)('the state of %s is cut as the weights are, and training goes on from it', async (optimizer) => {
  const options = { ...common, optimizer }
  const state = await interrupted(options)
  const kept = { conv1: [1, 4, 5, 9, 15], conv2: Array.from({ length: 20 }, (_, i) => i + 3), conv5: [0, 63] }
  const { graph: small, state: cut } = pruneTraining(graph, kept, state, data)
  const { conv1, conv2, conv5 } = kept
  for (const kind of optimizer === 'sgd' ? ['velocity'] : ['m', 'v']) {
    for (const [name, slices] of [
      ['conv1.weight', [{ axis: 0, indices: conv1 }]],
      [
        'conv2.weight',
        [
          { axis: 0, indices: conv2 },
          { axis: 1, indices: conv1 },
        ],
      ],
      ['conv3.weight', [{ axis: 1, indices: conv2 }]],
      ['bn4.bias', [{ axis: 0, indices: conv2 }]],
      ['fc.weight', [{ axis: 1, indices: conv5 }]],
      ['fc.bias', []],
    ] as const) {
      const whole = momentOf(state, graph, kind, name)
      expect(whole.data.some((value) => value !== 0)).toBe(true)
      expect(momentOf(cut, small, kind, name), `${kind} ${name}`).toEqual(takeIndices(whole, slices))
    }
  }
  const weights = new Map(graph.initializers)
  for (const [name, tensor] of graph.initializers) weights.set(name, { ...tensor, data: state.tensors[name] })
  expect(small.initializers).toEqual(pruneChannels({ ...graph, initializers: weights }, kept).initializers)
  const go = () => train(gpu, small, data, { ...options, resume: cut })
  const [first, again] = [await go(), await go()]
  expect(first.history).toHaveLength(3)
  expect(exportOnnx(first.graph)).toEqual(exportOnnx(again.graph))
})

test('with everything kept, training ends as if it had never been interrupted; a state of another network is refused', async () => {
  const state = await interrupted(common)
  const all = Object.fromEntries(channelGroups(graph).map(({ id, channels }) => [id, Array.from({ length: channels }, (_, i) => i)]))
  const same = pruneTraining(graph, all, state, data)
  const resumed = await train(gpu, same.graph, data, { ...common, resume: same.state })
  const whole = await train(gpu, graph, data, common)
  expect(resumed.history).toEqual(whole.history)
  expect(exportOnnx(resumed.graph)).toEqual(exportOnnx(whole.graph))
  const other = buildArchitecture('lenet5', { input: data.shape, classes: data.classes })
  expect(() => pruneTraining(other, {}, state, data)).toThrow('this state is of another network')
})
