import { buildArchitecture, createRandom, exportOnnx, type LayerCost } from '@espalier/nn'
import { expect, test } from 'vitest'
import { candidateOf, createSpace } from '../space/space.js'
import { readBudgets, resolveBudgets } from './budgets.js'
import type { Candidate } from './candidate.js'
import { createLatencyTable } from './latency-table.js'
import { createMeasurements } from './measurements.js'
import { meets, projectShares, reach } from './reach.js'

const graph = buildArchitecture('resnet20')
const space = createSpace(graph, { criterion: 'l1', roundTo: 1, minChannels: 1, keep: [], seed: 0 })
const original = space.candidate(space.full).layers

const elements = (layer: LayerCost) => layer.outputShape!.reduce((product, size) => product * size, 1)
/** Milliseconds of a machine that the model has the words for: 0.3, and for each layer a speed of its own. */
const linear = (layers: readonly LayerCost[]) =>
  layers.reduce((sum, layer, i) => sum + layer.macs * 1e-7 * (1 + (i % 3)) + (layer.macs > 0 ? elements(layer) * 2e-6 : 0), 0.3)
/** The same in tiles of 8 output channels. */
const stepped = (layers: readonly LayerCost[]) =>
  layers.reduce((sum, layer, i) => {
    const channels = layer.outputShape?.[1] ?? 0
    return sum + (layer.macs > 0 ? (layer.macs / channels) * Math.ceil(channels / 8) * 8 * 1e-7 * (1 + (i % 3)) : 0)
  }, 0.3)
const random = createRandom(0, 'latency')
const randomWidths = () => space.open.map((_, i) => space.nearest(i, 0.1 + 0.9 * random.uniform()))

test('a made-up latency is learnt from a few networks, and told of others', () => {
  const table = createLatencyTable(original)
  expect(table.predict(original)).toBeUndefined()
  for (let i = 0; i < 100; i++) {
    const { layers } = space.candidate(randomWidths())
    table.learn(layers, linear(layers))
  }
  const { median, networks } = table.error()!
  expect(networks).toBe(96)
  expect(median).toBeLessThan(0.02)
  const errors = Array.from({ length: 20 }, () => space.candidate(randomWidths()).layers).map((layers) =>
    Math.abs(table.predict(layers)! / linear(layers) - 1),
  )
  expect(Math.max(...errors)).toBeLessThan(0.04)
})

/** Share of proposals (random ones, scaled back) within half the latency, as a budget on latency and as one that is only called. */
async function feasible(known: boolean): Promise<number> {
  const cost = ({ layers }: Candidate) => stepped(layers)
  const whole = candidateOf(graph, exportOnnx(graph), space)
  const given = known ? ['latency<=50%'] : [{ name: 'black box', limit: 0.97 * 0.5 * stepped(original), cost }]
  const budgets = await resolveBudgets(await readBudgets(given, { latency: cost }), whole)
  const { aims, costs } = await reach(space, budgets, createMeasurements())
  expect(aims[0].limit).toBeCloseTo(0.97 * 0.5 * stepped(original), 9)
  const random = createRandom(1, 'proposals')
  let within = 0
  for (let i = 0; i < 60; i++) {
    const shares = space.open.map(() => 0.3 + 0.7 * random.uniform())
    if (meets(await costs.of(projectShares(space, shares, costs)), aims)) within++
  }
  expect(costs.latencyError() === undefined).toBe(!known)
  return within / 60
}

test('what is expected to be too slow is scaled back: more of what is proposed is within the budget, with steps that the table has no words for', async () => {
  const [called, learnt] = [await feasible(false), await feasible(true)]
  expect(called).toBeLessThan(0.5)
  expect(learnt).toBeGreaterThan(0.9)
})

test('a limit that only the smallest network keeps is kept to as it is; one below it has the nearest value', async () => {
  const cost = ({ layers }: Candidate) => linear(layers)
  const whole = candidateOf(graph, exportOnnx(graph), space)
  const least = linear(space.candidate(space.smallest).layers)
  const reached = async (ms: number) =>
    reach(space, await resolveBudgets(await readBudgets([`latency<=${ms}`], { latency: cost }), whole), createMeasurements())
  expect((await reached(1.01 * least)).aims[0].limit).toBeCloseTo(1.01 * least, 9)
  await expect(reached(0.99 * least)).rejects.toMatchObject({ name: 'UnreachableError', nearest: [{ nearest: least }] })
})
