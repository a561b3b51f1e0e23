import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import { makeShapes } from '../data/index.js'
import { channelGroups, type Kept, keepTop, maskGraph, pruneChannels, rankChannels } from '../prune/index.js'
import { evaluate } from './judge.js'
import { maskedEvaluator, masksOf } from './masked.js'
import { recalibrateBatchNorm } from './recalibrate.js'
import { compareGraphs } from './self-check.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

test('candidates judged together = one at a time = each network really pruned', async () => {
  const data = makeShapes('train', 0, 30)
  const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 4 })
  const groups = channelGroups(graph).filter((group) => group.locked === null)
  const normalization = { mean: [0.5], std: [0.25] }
  const candidates: Kept[] = [0.25, 0.5, 0.75, 1].map((ratio, i) =>
    Object.fromEntries(
      groups.map((group) => [group.id, keepTop(rankChannels(graph, group, 'random', { seed: i }), Math.ceil(group.channels * ratio))]),
    ),
  )
  const evaluators = await Promise.all(
    [1, 3].map((p) => maskedEvaluator(gpu, graph, groups, data, { normalization, candidates: p, batch: 12 })),
  )
  const [single, together] = await Promise.all(evaluators.map((evaluator) => evaluator.evaluate(candidates)))
  for (const evaluator of evaluators) evaluator.destroy()
  for (const [i, kept] of candidates.entries()) {
    const small = pruneChannels(graph, kept)
    const pruned = await evaluate(gpu, small, data, { normalization, batch: 30 })
    expect(together[i].accuracy).toBe(pruned.accuracy)
    expect(single[i].accuracy).toBe(pruned.accuracy)
    expect(together[i].loss).toBeCloseTo(pruned.loss, 4)
    const feeds = Object.fromEntries(groups.map((group) => [`mask:${group.id}`, masksOf(group, [kept], 1)]))
    const { maxAbsDifference, scale } = await compareGraphs(gpu, maskGraph(graph, groups, { candidates: 1 }), small, { feeds })
    expect(maxAbsDifference).toBeLessThan(1e-4 * Math.max(1, scale))
  }
  expect(new Set(together.map(({ loss }) => loss)).size).toBe(4)
})

test('with statistics of their own, candidates are worth what the pruned networks are after recalibration', async () => {
  const data = makeShapes('train', 0, 40)
  const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 5 })
  const groups = channelGroups(graph).filter((group) => group.locked === null)
  const normalization = { mean: [0.5], std: [0.25] }
  const candidates: Kept[] = [0.3, 0.6, 0.9].map((ratio) =>
    Object.fromEntries(
      groups.map((group) => [group.id, keepTop(rankChannels(graph, group, 'l1', { seed: 0 }), Math.ceil(group.channels * ratio))]),
    ),
  )
  const judged: { accuracy: number; loss: number }[][] = []
  for (const p of [1, 3]) {
    const evaluator = await maskedEvaluator(gpu, graph, groups, data, { normalization, candidates: p, batch: 40, recalibrate: true })
    judged.push(await evaluator.evaluate(candidates))
    // The images, one batch, were sent the first time.
    expect(await evaluator.evaluate(candidates)).toEqual(judged.at(-1))
    evaluator.destroy()
  }
  for (const [i, kept] of candidates.entries()) {
    // One batch of all images: the running statistics become the very ones that the evaluator uses, but for the unbiased variance.
    const small = await recalibrateBatchNorm(gpu, pruneChannels(graph, kept), data, { normalization, batch: 40, images: 40 })
    const pruned = await evaluate(gpu, small, data, { normalization, batch: 40 })
    const before = await evaluate(gpu, pruneChannels(graph, kept), data, { normalization, batch: 40 })
    for (const each of judged) {
      expect(Math.abs(each[i].loss - pruned.loss)).toBeLessThan(5e-3 * pruned.loss)
      expect(Math.abs(each[i].loss - before.loss)).toBeGreaterThan(1e-2)
    }
  }
})
