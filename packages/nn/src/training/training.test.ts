import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import type { Dataset } from '../data/dataset.js'
import { makeShapes } from '../data/index.js'
import { AbortedError } from '../errors.js'
import { exportOnnx } from '../onnx/index.js'
import { decodeTensors, encodeTensors } from '../safetensors.js'
import { evaluate, measureLatency } from './judge.js'
import { recalibrateBatchNorm } from './recalibrate.js'
import { type TrainState, train } from './train.js'

let gpu: Gpu
let data: Dataset
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  data = shapes(40)
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }
const shapes = (count: number): Dataset => makeShapes('train', 0, count)
const network = () => buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 1 })

describe('train', () => {
  test('overfits 20 images', async () => {
    const few = shapes(20)
    const { graph, history } = await train(gpu, network(), few, {
      epochs: 25,
      batch: 10,
      learningRate: 0.05,
      weightDecay: 0,
      normalization,
      seed: 1,
    })
    expect(history).toHaveLength(25)
    const judged = await evaluate(gpu, await recalibrateBatchNorm(gpu, graph, few, { normalization, batch: 10 }), few, {
      normalization,
      batch: 8,
    })
    expect(judged.images).toBe(20)
    expect(judged.accuracy).toBe(1)
  })

  test('Adam, augmentation, label smoothing and a teacher train as well', async () => {
    const few = shapes(20)
    const graph = network()
    const { history } = await train(gpu, graph, few, {
      epochs: 12,
      batch: 10,
      optimizer: 'adam',
      learningRate: 3e-3,
      normalization,
      augment: { crop: 1, flip: true },
      labelSmoothing: 0.1,
      teacher: { graph, temperature: 4, weight: 0.3 },
    })
    expect(history.at(-1)!.loss).toBeLessThan(0.8 * history[0].loss)
  })

  test('interrupted and resumed through a file = never interrupted, to the bit', async () => {
    const options = { epochs: 3, batch: 8, normalization, augment: { crop: 1, flip: true }, seed: 5 }
    const whole = await train(gpu, network(), data, options)
    const controller = new AbortController()
    let saved: TrainState | undefined
    const interrupted = train(gpu, network(), data, {
      ...options,
      signal: controller.signal,
      onProgress: (event) => event.epoch === 2 && controller.abort(),
      onCheckpoint: async (state) => {
        saved = state
      },
    })
    await expect(interrupted).rejects.toThrow(AbortedError)
    const { tensors } = decodeTensors(encodeTensors(saved!.tensors))
    const resumed = await train(gpu, network(), data, { ...options, resume: { ...saved!, tensors } })
    expect(resumed.history).toEqual(whole.history)
    expect(Buffer.compare(exportOnnx(resumed.graph), exportOnnx(whole.graph))).toBe(0)
  })

  test('divergence is an error, not a NaN network', async () => {
    await expect(train(gpu, network(), data, { epochs: 3, batch: 8, learningRate: 1e12, normalization })).rejects.toThrow(/diverged/)
  })

  test('data of another shape is refused', async () => {
    const graph = buildArchitecture('lenet5', { input: [1, 28, 28], classes: 10, seed: 0 })
    await expect(train(gpu, graph, data, { epochs: 1, normalization })).rejects.toThrow(/does not fit/)
  })
})

test('evaluate does not depend on the batch size, and counts a last partial batch', async () => {
  const graph = network()
  const results = await Promise.all([7, 40].map((batch) => evaluate(gpu, graph, data, { normalization, batch })))
  expect(results[0].accuracy).toBe(results[1].accuracy)
  expect(results[0].loss).toBeCloseTo(results[1].loss, 4)
})

test('latency has a median and a 95th percentile', async () => {
  const { median, p95 } = await measureLatency(gpu, network(), { runs: 5, warmup: 1 })
  expect(median).toBeGreaterThan(0)
  expect(p95).toBeGreaterThanOrEqual(median)
})
