import { acquireGpu, type Gpu, GpuError } from '@espalier/kernels'
import { expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import { makeShapes } from '../data/index.js'
import { compile } from '../engine/compile.js'
import { openModel } from '../engine/model.js'
import { channelGroups } from '../prune/index.js'
import { watchCalls } from '../testing/calls.js'
import { gatherGrams } from './gram.js'
import { evaluate, measureLatency } from './judge.js'
import { maskedEvaluator } from './masked.js'
import { recalibrateBatchNorm } from './recalibrate.js'
import { channelScores } from './scores.js'
import { compareGraphs } from './self-check.js'
import { train } from './train.js'

const named = process.env.ESPALIER_ADAPTER
const adapters = named === 'cpu' && process.platform === 'linux' && process.arch === 'x64' ? [named, 'swiftshader'] : [named]

const data = makeShapes('train', 0, 8)
const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 1 })
const groups = channelGroups(graph)
const options = { normalization: { mean: [0.5], std: [0.25] }, batch: 4 }

const images = (count: number) => ({
  [graph.inputs[0].name]: { dims: [count, ...data.shape], data: new Float32Array(count * data.shape.reduce((a, b) => a * b)).fill(0.3) },
})

type Calls = Readonly<Record<string, (gpu: Gpu) => Promise<unknown>>>

/** During these the device is lost, */
const during: Calls = {
  train: async (gpu) => {
    const checkpoints: number[] = []
    const onCheckpoint = async ({ step }: { step: number }) => void checkpoints.push(step)
    return { ...(await train(gpu, graph, data, { ...options, epochs: 1, checkpointSeconds: 0, onCheckpoint })), checkpoints }
  },
  evaluate: (gpu) => evaluate(gpu, graph, data, options),
  openModel: async (gpu) => {
    const model = await openModel(graph, { gpu })
    return Promise.all([model.run(images(1)), model.run(images(1))]).finally(model.close)
  },
}

/** and these it is lost before. */
const after: Calls = {
  ...during,
  recalibrateBatchNorm: (gpu) => recalibrateBatchNorm(gpu, graph, data, options),
  maskedEvaluator: async (gpu) => {
    const evaluator = await maskedEvaluator(gpu, graph, groups, data, { ...options, candidates: 2, recalibrate: true })
    return evaluator.evaluate([{}, {}, {}]).finally(evaluator.destroy)
  },
  channelScores: (gpu) => channelScores(gpu, graph, groups, data, { ...options, criterion: 'taylor' }),
  gatherGrams: (gpu) => gatherGrams(gpu, graph, groups, data, options),
  compareGraphs: (gpu) => compareGraphs(gpu, graph, graph),
  measureLatency: async (gpu) => Object.keys(await measureLatency(gpu, graph, { runs: 2, warmup: 1 })),
}

async function run(gpu: Gpu): Promise<unknown> {
  const results: unknown[] = []
  for (const call of Object.values(during)) results.push(await call(gpu))
  return results
}

// vitest fails where a rejection is left unhandled.
test.each(adapters)('%s: a device that is lost before any call of its methods is a GpuError, never a wrong result', async (prefer) => {
  const methods: string[] = []
  const acquire = async (before: (method: string) => void): Promise<Gpu> => {
    const gpu = await acquireGpu({ prefer, threads: prefer === 'cpu' ? 2 : undefined })
    watchCalls(gpu.device, before)
    watchCalls(gpu.device.queue, before)
    return gpu
  }
  const whole = await acquire((method) => methods.push(method))
  const expected = await run(whole)
  const before = await compile(whole, graph, { batch: 1 })
  whole.device.destroy()
  for (const [name, call] of Object.entries(after)) await expect(call(whole), name).rejects.toThrow(GpuError)
  await expect(before.read(graph.outputs[0].name)).rejects.toThrow(/^the GPU '.+' was lost \(destroyed\): .*destroyed/)
  for (const use of [before.run, () => before.write(graph.inputs[0].name, new Float32Array(1))]) expect(use).toThrow(GpuError)

  // The first of every method, those of the last results, and some between.
  const lastCopy = methods.lastIndexOf('submit')
  const moments = new Set([...new Set(methods)].map((method) => methods.indexOf(method)))
  for (const share of [0.25, 0.5, 0.75]) moments.add(Math.floor(share * methods.length))
  for (const method of ['submit', 'getMappedRange', 'destroy']) moments.add(methods.lastIndexOf(method))
  for (const moment of moments) {
    let count = 0
    const gpu: Gpu = await acquire(() => count++ === moment && destroy())
    const destroy = gpu.device.destroy.bind(gpu.device)
    const result = await run(gpu).catch((error: unknown) => error)
    const lost = result instanceof GpuError && /was lost \(destroyed\)/.test(result.message)
    const when = `before call ${moment}, ${methods[moment]}`
    if (moment <= lastCopy) expect(result, when).toBeInstanceOf(GpuError)
    // What is left to do with a result is to free its memory.
    if (!lost) expect(result, when).toEqual(expected)
    gpu.close()
  }
})
