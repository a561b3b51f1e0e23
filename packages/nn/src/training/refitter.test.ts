import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { makeShapes } from '../data/index.js'
import { AbortedError } from '../errors.js'
import type { Graph } from '../graph.js'
import { channelGroups, type Kept, pruneAndRefit } from '../prune/index.js'
import { withRandomNorms } from '../prune/testing/onnx.js'
import { createRandom } from '../random.js'
import { gatherGrams } from './gram.js'
import { type MaskedOptions, maskedEvaluator } from './masked.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }
const data = makeShapes('train', 3, 24)
const build = (name: string) => withRandomNorms(buildArchitecture(name, { input: data.shape, classes: data.classes, seed: 6 }))

/** Two branches side by side, one with batch normalisation and one with a bias; a convolution reads both, and one with a bias is normalised. */
function concat(): Graph {
  const net = createBuilder({ name: 'concat', input: data.shape, seed: 7 })
  const a = net.relu('act_a', net.batchNorm('bn_a', net.conv('a', net.input, 7, { stride: 4 })))
  const b = net.relu('act_b', net.conv('b', a, 5, { bias: true }))
  const c = net.relu('act_c', net.conv('c', net.concat('both', [a, b]), 9, { bias: true }))
  const d = net.batchNorm('bn_d', net.conv('d', c, 6, { kernel: 1, bias: true }))
  return withRandomNorms(
    net.graph(net.linear('fc', net.flatten('flatten', net.maxPool('pool', net.relu('act_d', d), { kernel: 2 })), data.classes)),
  )
}

/** No normalisation and no bias: nothing that could hold a shift, but in the last layer. */
function plain(): Graph {
  const net = createBuilder({ name: 'plain', input: data.shape, seed: 8 })
  const a = net.relu('act_a', net.conv('a', net.input, 6, { stride: 4 }))
  const b = net.relu('act_b', net.conv('b', a, 6, { stride: 2 }))
  return net.graph(net.linear('fc', net.flatten('flatten', b), data.classes))
}

const drawn = (graph: Graph, seed: number): Kept => {
  const random = createRandom(seed, 'kept')
  const open = channelGroups(graph).filter(({ locked }) => locked === null)
  return Object.fromEntries(
    open.map(({ id, channels }) => [
      id,
      [...random.permutation(channels)].slice(0, Math.max(2, Math.round(random.uniform(0.3, 0.9) * channels))),
    ]),
  )
}
async function judged(graph: Graph, kept: readonly Kept[], options: Partial<MaskedOptions> = {}, signal?: AbortSignal) {
  const evaluator = await maskedEvaluator(gpu, graph, channelGroups(graph), data, { normalization, batch: 12, ...options })
  try {
    return await evaluator.evaluate(kept, signal)
  } finally {
    evaluator.destroy()
  }
}
const statisticsOf = (graph: Graph) =>
  gatherGrams(gpu, graph, channelGroups(graph), data, { normalization, images: 24, batch: 12, positions: 20 })

describe('a candidate is worth what the network is that is cut and re-fitted', () => {
  // Residual groups, a classifier of several linear layers, and each way in which a shift is held.
  const networks: Record<string, () => Graph> = {
    tiny: () => build('tiny'),
    resnet20: () => build('resnet20'),
    lenet5: () => build('lenet5'),
    concat,
    plain,
  }
  test.each(Object.entries(networks))('%s', async (_, make) => {
    const graph = make()
    const statistics = await statisticsOf(graph)
    const candidates = [drawn(graph, 0), drawn(graph, 1)]
    for (const recalibrate of [false, true]) {
      // The first once more, when the weights of others were there.
      const found = await judged(graph, [...candidates, {}, candidates[0]], { recalibrate, statistics })
      const masked = await judged(graph, [...candidates, {}], { recalibrate })
      expect(found[3]).toEqual(found[0])
      expect(found[2]).toEqual(masked[2])
      for (const [i, kept] of candidates.entries()) {
        const [cut] = await judged(pruneAndRefit(graph, kept, statistics).graph, [{}], { recalibrate })
        expect(Math.abs(found[i].loss - cut.loss)).toBeLessThan(1e-4)
        expect(found[i].accuracy).toBe(cut.accuracy)
        expect(Math.abs(found[i].loss - masked[i].loss)).toBeGreaterThan(1e-3)
      }
    }
  })
})

test('what is remembered changes nothing; an interruption is heard between candidates, and leaves the evaluator whole', async () => {
  const graph = build('tiny')
  const statistics = await statisticsOf(graph)
  const kept = [0, 1, 0, 1].map((seed) => drawn(graph, seed))
  const remembered = await judged(graph, kept, { statistics })
  // Room for about one of the larger layers.
  for (const cacheBytes of [0, 8e4]) expect(await judged(graph, kept, { statistics, refit: { cacheBytes } })).toEqual(remembered)
  expect((await judged(graph, kept, { statistics, refit: { ridge: 10 } }))[0].loss).not.toBe(remembered[0].loss)

  const evaluator = await maskedEvaluator(gpu, graph, channelGroups(graph), data, { normalization, batch: 12, statistics })
  let asked = 0
  // Asked before each candidate and before each of its two batches.
  const signal = {
    get aborted() {
      return ++asked > 3
    },
  } as AbortSignal
  await expect(evaluator.evaluate(kept, signal)).rejects.toThrow(AbortedError)
  expect(asked).toBe(4)
  expect(await evaluator.evaluate(kept)).toEqual(remembered)
  await expect(evaluator.evaluate([{ conv1: [99] }])).rejects.toThrow('kept channel out of range')
  evaluator.destroy()
  const other = { layers: new Map([['conv2', statistics.layers.get('conv3')!]]), skipped: [] }
  await expect(judged(graph, kept, { statistics: other })).rejects.toThrow('statistics of another network')
})
