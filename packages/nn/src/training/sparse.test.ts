import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import { type Dataset, makeShapes } from '../data/index.js'
import { openModel } from '../engine/index.js'
import { AbortedError } from '../errors.js'
import type { Graph } from '../graph.js'
import { exportOnnx } from '../onnx/index.js'
import { runFile } from '../onnx/testing/models.js'
import { type KeptWeights, nonZeroWeights, pruneWeights, weightLayers } from '../prune/index.js'
import { createRandom } from '../random.js'
import { evaluate } from './judge.js'
import { recalibrateBatchNorm } from './recalibrate.js'
import { sparseEvaluator } from './sparse.js'
import { type TrainOptions, type TrainState, train } from './train.js'

let gpu: Gpu
let data: Dataset
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  data = makeShapes('train', 0, 40)
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }
const network = (name = 'tiny') => buildArchitecture(name, { input: data.shape, classes: data.classes, seed: 4 })
const shareOf = (graph: Graph, share: number): KeptWeights =>
  Object.fromEntries(weightLayers(graph).layers.map(({ name, count }) => [name, Math.round(share * count)]))
const everySecondFilter = (graph: Graph): KeptWeights =>
  Object.fromEntries(weightLayers(graph).layers.map(({ name, filters }) => [name, Array.from({ length: filters / 2 }, (_, i) => 2 * i)]))

test.each(['tiny', 'lenet5'])('candidates of %s, judged with one compiled network = the networks really pruned', async (name) => {
  const graph = await trained(network(name))
  const [first] = weightLayers(graph).layers
  const candidates = [shareOf(graph, 0.1), everySecondFilter(graph), {}, { [first.name]: 3 }, shareOf(graph, 0.5), {}]
  const evaluator = await sparseEvaluator(gpu, graph, data, { normalization, batch: 16 })
  const judged = await evaluator.evaluate(candidates)
  expect(await evaluator.evaluate([candidates[4]])).toEqual([judged[4]])
  await expect(evaluator.evaluate([{}], AbortSignal.abort())).rejects.toThrow(AbortedError)
  await expect(evaluator.evaluate([{ [first.name]: -1 }])).rejects.toThrow(/found -1/)
  await expect(evaluator.evaluate([{ nowhere: 1 }])).rejects.toThrow(/no such layer/)
  evaluator.destroy()
  for (const [i, kept] of candidates.entries()) {
    const pruned = await evaluate(gpu, pruneWeights(graph, kept), data, { normalization, batch: 16 })
    expect(judged[i].accuracy).toBe(pruned.accuracy)
    expect(Math.abs(judged[i].loss - pruned.loss)).toBeLessThan(1e-5)
  }
  expect(new Set(judged.map(({ loss }) => loss)).size).toBe(5)
})

test('a weight beyond what the adapter binds at once is written in parts', async () => {
  const graph = network('lenet5')
  // fc1 has 120 rows: it becomes two layers.
  const small = { ...gpu, target: { ...gpu.target, maxBindingBytes: graph.initializers.get('fc1.weight')!.data.length * 4 - 4 } }
  const evaluator = await sparseEvaluator(small, graph, data, { normalization, batch: 5 })
  const kept = { fc1: 500, conv2: 100 }
  const [judged] = await evaluator.evaluate([kept])
  evaluator.destroy()
  expect(Math.abs(judged.loss - (await evaluate(gpu, pruneWeights(graph, kept), data, { normalization })).loss)).toBeLessThan(1e-5)
})

test('with statistics of their own, candidates are worth what the pruned networks are after recalibration', async () => {
  const graph = await trained(network())
  const candidates = [shareOf(graph, 0.2), everySecondFilter(graph)]
  const evaluator = await sparseEvaluator(gpu, graph, data, { normalization, batch: data.count, recalibrate: true })
  const judged = await evaluator.evaluate(candidates)
  evaluator.destroy()
  for (const [i, kept] of candidates.entries()) {
    const pruned = pruneWeights(graph, kept)
    const settled = await recalibrateBatchNorm(gpu, pruned, data, { normalization, batch: data.count, images: data.count })
    const { loss } = await evaluate(gpu, settled, data, { normalization, batch: data.count })
    expect(Math.abs(judged[i].loss - loss)).toBeLessThan(2e-3 * loss)
    expect(Math.abs(judged[i].loss - (await evaluate(gpu, pruned, data, { normalization })).loss)).toBeGreaterThan(1e-2)
  }
})

const few: TrainOptions = { epochs: 2, batch: 10, normalization: { mean: [0.5], std: [0.25] }, seed: 3 }
const trained = async (graph: Graph) => (await train(gpu, graph, data, few)).graph

/** Stops after every step, sets the zeros of `start` again in the state, and goes on. */
async function projected(start: Graph, options: TrainOptions): Promise<Graph> {
  const weights = weightLayers(start).layers.map(({ weight }) => [weight, start.initializers.get(weight)!.data as Float32Array] as const)
  const zero = (tensor: Float32Array, at: Float32Array) => tensor.map((value, i) => (at[i] === 0 ? 0 : value))
  let state: TrainState | undefined
  const stop = new Error('after a step')
  for (;;) {
    try {
      const { graph } = await train(gpu, start, data, {
        ...options,
        resume: state,
        checkpointSeconds: -1,
        onCheckpoint: async (reached) => {
          const tensors = { ...reached.tensors }
          for (const [name, at] of weights) tensors[name] = zero(tensors[name], at)
          state = { ...reached, tensors }
          throw stop
        },
      })
      const initializers = new Map(graph.initializers)
      for (const [name, at] of weights) {
        const tensor = initializers.get(name)!
        initializers.set(name, { ...tensor, data: zero(tensor.data as Float32Array, at) })
      }
      return { ...graph, initializers }
    } catch (error) {
      if (error !== stop) throw error
    }
  }
}

describe.each([
  { name: 'sgd with momentum and nesterov', options: { optimizer: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-2 } },
  { name: 'adam', options: { optimizer: 'adam', weightDecay: 1e-2 } },
] as const)('keepZeros, $name', ({ options }) => {
  const all = { ...few, ...options }

  test('zeros stay, the others are what projection after every step gives; to the bit, and resumed too', async () => {
    const start = pruneWeights(network(), { ...shareOf(network(), 0.3), conv3: [0, 1, 2, 3] })
    const { graph, history } = await train(gpu, start, data, { ...all, keepZeros: true })
    const expected = await projected(start, all)
    for (const [name, { data: values }] of expected.initializers) expect(graph.initializers.get(name)!.data, name).toEqual(values)
    expect(nonZeroWeights(graph)).toEqual(nonZeroWeights(start))
    expect(nonZeroWeights((await train(gpu, start, data, all)).graph).nonZero).toBeGreaterThan(2 * nonZeroWeights(start).nonZero)

    const controller = new AbortController()
    let saved: TrainState | undefined
    const interrupted = train(gpu, start, data, {
      ...all,
      keepZeros: true,
      signal: controller.signal,
      onProgress: () => controller.abort(),
      onCheckpoint: async (state) => {
        saved = state
      },
    })
    await expect(interrupted).rejects.toThrow(AbortedError)
    const resumed = await train(gpu, start, data, { ...all, keepZeros: true, resume: saved })
    expect(resumed.history).toEqual(history)
    expect(Buffer.compare(exportOnnx(resumed.graph), exportOnnx(graph))).toBe(0)
  })
})

test('without zeros it is the plain training; the file of a sparse network keeps its zeros, and onnxruntime gives the same', async () => {
  const graph = network()
  const [plain, kept] = [await train(gpu, graph, data, few), await train(gpu, graph, data, { ...few, keepZeros: true })]
  expect(Buffer.compare(exportOnnx(kept.graph), exportOnnx(plain.graph))).toBe(0)

  const start = pruneWeights(graph, shareOf(graph, 0.2))
  const sparse = (await train(gpu, start, data, { ...few, keepZeros: true })).graph
  const bytes = exportOnnx(sparse)
  const model = await openModel(bytes, { gpu })
  expect(nonZeroWeights(model.graph)).toEqual(nonZeroWeights(start))
  const dims = [3, ...data.shape]
  const random = createRandom(1, graph.inputs[0].name)
  const input = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal())
  const { [graph.outputs[0].name]: ours } = await model.run({ [graph.inputs[0].name]: { dims, data: input } })
  const { [graph.outputs[0].name]: theirs } = await runFile(bytes, 3)
  model.close()
  theirs.data.forEach((value, i) => expect(Math.abs(ours.data[i] - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value))))
})
