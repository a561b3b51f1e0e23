import { buildArchitecture, exportOnnx, type Graph } from '@espalier/nn'
import { expect, test } from 'vitest'
import { readBudgets, resolveBudgets } from '../budgets.js'
import { searchGlobal, searchRandom, searchUniform } from './baselines.js'
import { searchCrl } from './crl.js'
import { createStates, stateSize } from './observation.js'
import type { Algorithm } from './options.js'
import { createCosts, globalWidths, globalWithin, projectShares, uniformWithin } from './reach.js'
import { openRecords } from './records.js'
import { createSearch, type Search } from './search.js'
import { candidateOf, createSpace, type Widths } from './space.js'

const tiny = buildArchitecture('tiny')
const options = { criterion: 'l1', roundTo: 1, minChannels: 1, keep: [], seed: 0 } as const

/** A search on made-up accuracies, in no time: group i loses by `sensitivity[i]` times the square of the share removed. */
async function searched(
  graph: Graph,
  method: (search: Search) => Promise<void>,
  sensitivity: readonly number[],
  episodes = 96,
  algorithm: Algorithm = 'ppo-lag',
) {
  const space = createSpace(graph, options)
  const budgets = await resolveBudgets(await readBudgets(['params<=25%', 'macs<=40%']), candidateOf(graph, exportOnnx(graph), space, {}))
  const costs = createCosts(space, budgets)
  const accuracy = (widths: Widths) =>
    Math.exp(-widths.reduce((sum, width, i) => sum + sensitivity[i] * (1 - width / space.open[i].group.channels) ** 2, 0))
  const records = await openRecords(undefined, space, budgets)
  const evaluate = async (all: readonly Widths[]) => all.map((widths) => ({ accuracy: accuracy(widths), loss: 1 }))
  const uniform = await uniformWithin(space, budgets, costs)
  await method(
    createSearch({
      space,
      budgets,
      costs,
      records,
      uniform,
      episodes,
      candidates: 8,
      seed: 0,
      algorithm,
      report: { log() {}, progress() {} },
      evaluate,
    }),
  )
  return records
}

test('the agent learns which groups matter: better than uniform and random at the same number of candidates, and better late than early', async () => {
  const graph = buildArchitecture('resnet20')
  // Twelve groups, of which every third matters.
  const sensitivity = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 0.8 : 0.05))
  const [crl, uniform, random] = [
    await searched(graph, searchCrl, sensitivity),
    await searched(graph, searchUniform, sensitivity),
    await searched(graph, searchRandom, sensitivity),
  ]
  const best = (records: typeof crl) => records.ranked()[0].accuracy
  expect(crl.all).toHaveLength(96)
  expect(random.all).toHaveLength(96)
  expect(best(crl)).toBeGreaterThan(best(random))
  expect(best(random)).toBeGreaterThan(best(uniform))
  const mean = (from: number, to: number) => crl.all.slice(from, to).reduce((sum, record) => sum + record.reward, 0) / (to - from)
  expect(mean(72, 96)).toBeGreaterThan(mean(0, 24) + 5)
  // Exact budgets are never broken by what is judged, and what the agent proposes comes closer to them.
  expect(crl.all.every((record) => record.feasible)).toBe(true)
  expect(crl.all[0].widths).toEqual(uniform.all[0].widths)
})

test.each(['pid-lag', 'trpo-lag', 'cpo'] as const)('%s learns too', async (algorithm) => {
  const sensitivity = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 0.8 : 0.05))
  const { all } = await searched(buildArchitecture('resnet20'), searchCrl, sensitivity, 96, algorithm)
  const mean = (from: number, to: number) => all.slice(from, to).reduce((sum, record) => sum + record.reward, 0) / (to - from)
  expect(mean(72, 96)).toBeGreaterThan(mean(0, 24) + 2)
  expect(all.every((record) => record.feasible)).toBe(true)
})

test.each([1, 3, 11])('%d candidates are as many records', async (episodes) => {
  expect((await searched(tiny, searchCrl, [1, 1, 1, 1], episodes)).all).toHaveLength(episodes)
})

test('shares beyond the exact budgets are scaled by one factor, others stay', async () => {
  const space = createSpace(tiny, options)
  const budgets = await resolveBudgets(await readBudgets(['params<=25%']), candidateOf(tiny, exportOnnx(tiny), space, {}))
  const costs = createCosts(space, budgets)
  expect(projectShares(space, [0.25, 0.25, 0.25, 0.25], costs)).toEqual([4, 8, 8, 16])
  const widths = projectShares(space, [1, 0.5, 1, 1], costs)
  expect(space.candidate(widths).params).toBeLessThanOrEqual(budgets[0].limit)
  expect(space.candidate(widths.map((width) => width + 1)).params).toBeGreaterThan(budgets[0].limit)
  expect(widths[0] / 16).toBeCloseTo(widths[3] / 64, 1)
})

test('widths are multiples, never below the least, and all channels where a group is too narrow', () => {
  const space = createSpace(tiny, { ...options, roundTo: 24, minChannels: 25 })
  expect(space.open.map(({ group, widths }) => [group.id, widths])).toEqual([['conv5', [48, 64]]])
  expect(space.fixed.map(({ id }) => id)).toEqual(['input', 'conv1', 'conv2', 'conv3', 'fc'])
})

test('the state of the paper, each number at most 1', () => {
  const space = createSpace(tiny, options)
  const state = createStates(space)(2, [0.5, 0.25])
  expect(state).toHaveLength(stateSize(space))
  // Index, channels in and out, kernel, stride, padding, what was removed, and which group.
  expect(state).toEqual([2 / 3, 1, 0.5, 1, 1, 0.5, 0.5, 1, 1, 0.75 / 4, 0, 0, 1, 0])
})

test('a global threshold keeps the highest scores of all groups, as many as the budgets allow', async () => {
  const space = createSpace(tiny, options)
  const original = candidateOf(tiny, exportOnnx(tiny), space, {})
  const budgets = await resolveBudgets(await readBudgets(['params<=30%', 'macs<=50%']), original)
  const costs = createCosts(space, budgets)
  const count = globalWithin(space, costs)
  const widths = globalWidths(space)(count)
  const ranked = space.open.map(({ scores }) => [...scores].sort((a, b) => b - a))
  const kept = ranked.flatMap((scores, i) => scores.slice(0, widths[i]))
  const removed = ranked.flatMap((scores, i) => scores.slice(widths[i]))
  expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...removed))
  expect(kept).toHaveLength(count)
  expect(costs.fits(widths)).toBe(true)
  expect(costs.fits(globalWidths(space)(count + 1))).toBe(false)
  expect(new Set(widths.map((width, i) => width / space.open[i].group.channels)).size).toBeGreaterThan(1)
  // Rounded, and never below the least.
  const coarse = createSpace(tiny, { ...options, roundTo: 8, minChannels: 9 })
  for (const each of globalWidths(coarse)(20)) expect(each).toBe(16)

  const records = await searched(tiny, searchGlobal, [1, 1, 1, 1], 5)
  expect(records.all.length).toBe(5)
  expect(records.all.every((record) => record.source === 'global' && record.feasible)).toBe(true)
  const sizes = records.all.map(({ costs }) => costs['params<=25%'])
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
})

test('a custom budget is reached by going narrower', async () => {
  const space = createSpace(tiny, options)
  const cost = ({ widths }: { widths: Readonly<Record<string, number>> }) => Math.max(...Object.values(widths))
  const requests = await readBudgets(['params<=80%', { name: 'widest', limit: 20, cost }])
  const budgets = await resolveBudgets(requests, candidateOf(tiny, exportOnnx(tiny), space, {}))
  const costs = createCosts(space, budgets)
  const records = await openRecords(undefined, space, budgets)
  const uniform = await uniformWithin(space, budgets, costs)
  const evaluate = async (all: readonly Widths[]) => all.map(() => ({ accuracy: 0.5, loss: 1 }))
  const more = { episodes: 3, candidates: 8, seed: 0, algorithm: 'ppo-lag' as const, report: { log() {}, progress() {} }, evaluate }
  await searchGlobal(createSearch({ space, budgets, costs, records, uniform, ...more }))
  expect(records.all).toHaveLength(3)
  for (const record of records.all) expect(Math.max(...Object.values(record.widths))).toBeLessThanOrEqual(20)
  expect(records.all[0].costs.widest ?? records.all[0].costs[budgets[1].text]).toBeGreaterThan(15)
})
