import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildArchitecture, exportOnnx, type Graph } from '@espalier/nn'
import { expect, test } from 'vitest'
import { readBudgets, resolveBudgets } from '../budgets/budgets.js'
import { createCosts, globalWidths, globalWithin, projectShares, uniformWithin } from '../budgets/reach.js'
import type { Algorithm } from '../job/options.js'
import { cutOf, openRecords } from '../run/records.js'
import { type Cut, candidateOf, createSpace, masksToText, type Widths } from '../space/space.js'
import { searchGlobal, searchRandom, searchUniform } from './baselines.js'
import { searchCrl } from './crl.js'
import { searchFine } from './crl-fine.js'
import { searchDdpg } from './ddpg.js'
import { searchGreedy } from './greedy.js'
import { searchLocally } from './local.js'
import { createStates, stateSize } from './observation.js'
import { type Reward, rewardOf, rewards } from './reward.js'
import { createSearch, type Search } from './search.js'
import { readStart, startOf } from './start.js'

const tiny = buildArchitecture('tiny')
const options = { criterion: 'l1', roundTo: 1, minChannels: 1, keep: [], seed: 0 } as const

/** A search on made-up accuracies, in no time: group i loses by `sensitivity[i]` times the square of the share removed. */
async function searched(
  graph: Graph,
  method: (search: Search) => Promise<void>,
  sensitivity: readonly number[],
  episodes = 96,
  { algorithm = 'ppo-lag' as Algorithm, reward = 'accuracy' as Reward, warmStart = 'uniform', localSearch = 0, candidates = 8 } = {},
) {
  const space = createSpace(graph, options)
  const budgets = await resolveBudgets(await readBudgets(['params<=25%', 'macs<=40%']), candidateOf(graph, exportOnnx(graph), space))
  const costs = createCosts(space, budgets)
  const accuracy = (widths: Widths) =>
    Math.exp(-widths.reduce((sum, width, i) => sum + sensitivity[i] * (1 - width / space.open[i].group.channels) ** 2, 0))
  const records = await openRecords(undefined, space, budgets)
  const evaluate = async (all: readonly Cut[]) =>
    all.map(({ widths }) => ({ accuracy: accuracy(widths), loss: -Math.log(accuracy(widths)), entropy: widths[0] / 100 }))
  const uniform = await uniformWithin(space, budgets, costs)
  const search = createSearch({
    space,
    budgets,
    costs,
    records,
    uniform,
    start: uniform.widths,
    startsUniform: true,
    episodes: episodes - localSearch,
    candidates,
    seed: 0,
    algorithm,
    reward,
    report: { log() {}, progress() {} },
    evaluate,
  })
  await method({ ...search, ...(await startOf(search, warmStart, await readStart(warmStart))) })
  await searchLocally(search, localSearch)
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
  const { all } = await searched(buildArchitecture('resnet20'), searchCrl, sensitivity, 96, { algorithm })
  const mean = (from: number, to: number) => all.slice(from, to).reduce((sum, record) => sum + record.reward, 0) / (to - from)
  expect(mean(72, 96)).toBeGreaterThan(mean(0, 24) + 2)
  expect(all.every((record) => record.feasible)).toBe(true)
})

test.each([1, 3, 11])('%d candidates are as many records', async (episodes) => {
  for (const method of [searchCrl, searchFine, searchDdpg, searchGreedy, searchRandom]) {
    const { all } = await searched(tiny, method, [1, 1, 1, 1], episodes)
    expect(all, method.name).toHaveLength(episodes)
    expect(all.some(({ feasible }) => feasible)).toBe(true)
  }
})

test('greedy cuts what matters little, warm starts begin there, and a local search improves on what it is given', async () => {
  const graph = buildArchitecture('resnet20')
  const sensitivity = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 0.8 : 0.05))
  const best = (records: Awaited<ReturnType<typeof searched>>) => records.ranked()[0]
  const uniform = best(await searched(graph, searchUniform, sensitivity))
  const greedy = await searched(graph, searchGreedy, sensitivity, 60)
  expect(best(greedy).accuracy).toBeGreaterThan(uniform.accuracy + 0.1)
  // What is measured to find that out is not within the budgets.
  expect(greedy.all.filter(({ feasible }) => !feasible).length).toBeGreaterThanOrEqual(12)
  const warm = await searched(graph, searchCrl, sensitivity, 96, { warmStart: 'greedy' })
  expect(warm.all.filter(({ source }) => source === 'start').map(({ accuracy }) => accuracy)).toEqual([
    Math.max(
      ...warm.all.filter(({ source, feasible }) => feasible && (source === 'greedy' || source === 'local')).map(({ accuracy }) => accuracy),
    ),
  ])
  expect(best(warm).accuracy).toBeGreaterThan(uniform.accuracy + 0.1)
  const global = await searched(graph, searchCrl, sensitivity, 20, { warmStart: 'global-l1' })
  expect(global.all[0].widths).toEqual((await searched(graph, searchGlobal, sensitivity, 1)).all[0].widths)

  const local = await searched(graph, searchUniform, sensitivity, 60, { localSearch: 40 })
  expect(local.all.filter(({ source }) => source === 'local')).toHaveLength(40)
  expect(best(local).accuracy).toBeGreaterThan(uniform.accuracy + 0.05)
  expect(local.all.every(({ feasible }) => feasible)).toBe(true)
  expect(new Set(local.all.map(({ widths }) => Object.values(widths).join())).size).toBe(local.all.length)
})

test('a search begins at the widths of another run, or says what is wrong with its file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'))
  const file = join(folder, 'best.json')
  const begin = (content: string) => writeFile(file, content).then(() => searched(tiny, searchCrl, [1, 1, 1, 1], 2, { warmStart: file }))
  const [{ widths }] = (await searched(tiny, searchRandom, [1, 1, 1, 1], 1)).all
  expect((await begin(JSON.stringify({ widths }))).all[0]).toMatchObject({ source: 'start', widths })
  await expect(begin('{')).rejects.toThrow(/best\.json.*--warm-start.*JSON/s)
  await expect(begin('{"widths":{"conv1":99}}')).rejects.toThrow(/1 to 16 channels of group 'conv1'.*99/s)
  await rm(folder, { recursive: true })
  await expect(searched(tiny, searchCrl, [1, 1, 1, 1], 2, { warmStart: file })).rejects.toThrow(/--warm-start.*nothing there/s)
})

test("AMC's clip holds after rounding, and leaves every group its lower bound", async () => {
  for (const candidates of [1, 8]) {
    const { all } = await searched(buildArchitecture('resnet20'), searchDdpg, Array(12).fill(0.3), 40, { candidates })
    expect(all.every(({ feasible }) => feasible)).toBe(true)
    expect(all.at(-1)!.source).toBe('policy')
    const { open } = createSpace(buildArchitecture('resnet20'), options)
    for (const { widths } of all)
      for (const { group } of open) expect(widths[group.id]).toBeGreaterThanOrEqual(Math.floor(0.2 * group.channels))
  }
})

test('the fine mode chooses single channels within the exact budgets, the first ones near those of the criterion', async () => {
  const { all } = await searched(tiny, searchFine, [1, 1, 1, 1], 24)
  const space = createSpace(tiny, options)
  for (const record of all.slice(1)) {
    const { widths, kept } = cutOf(space, record)
    expect(space.open.map(({ group }) => kept![group.id].length)).toEqual(widths)
    expect(masksToText(space, kept!)).toEqual(record.masks)
    expect(record.feasible).toBe(true)
  }
  expect(new Set(all.map(({ masks }) => JSON.stringify(masks))).size).toBe(24)
  // A random half would share half of its channels with the criterion's half.
  const shared = all.slice(1).map((record) => {
    const { widths, kept } = cutOf(space, record)
    const byRank = space.keptOf({ widths })
    const common = space.open.reduce(
      (sum, { group }) => sum + Array.from(kept![group.id]).filter((c) => Array.from(byRank[group.id]).includes(c)).length,
      0,
    )
    return common / widths.reduce((a, b) => a + b, 0)
  })
  expect(Math.min(...shared)).toBeGreaterThan(0.6)
})

test('rewards: accuracy, entropy and its opposite, and what AMC has for small networks', async () => {
  const judged = { accuracy: 0.75, loss: 1, entropy: 0.3 }
  expect(rewards.map((reward) => rewardOf(reward, judged, () => Math.E ** 8))).toEqual([75, -0.3, 0.3, -2])
  expect(() => rewardOf('-entropy', { accuracy: 0.5, loss: 1 }, () => 1)).toThrow(/--reward.*activation maps|activation maps.*--reward/s)
  // The best by its reward, whatever the accuracy.
  const records = await searched(tiny, searchRandom, [1, 1, 1, 1], 12, { reward: '-entropy' })
  expect(records.ranked()[0].entropy).toBe(Math.min(...records.all.map(({ entropy }) => entropy!)))
})

test('shares beyond the exact budgets are scaled by one factor, others stay', async () => {
  const space = createSpace(tiny, options)
  const budgets = await resolveBudgets(await readBudgets(['params<=25%']), candidateOf(tiny, exportOnnx(tiny), space))
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
  const original = candidateOf(tiny, exportOnnx(tiny), space)
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
  const budgets = await resolveBudgets(requests, candidateOf(tiny, exportOnnx(tiny), space))
  const costs = createCosts(space, budgets)
  const records = await openRecords(undefined, space, budgets)
  const uniform = await uniformWithin(space, budgets, costs)
  const evaluate = async (all: readonly Cut[]) => all.map(() => ({ accuracy: 0.5, loss: 1 }))
  const report = { log() {}, progress() {} }
  const begin = { start: uniform.widths, startsUniform: true, algorithm: 'ppo-lag', reward: 'accuracy' } as const
  const more = { episodes: 3, candidates: 8, seed: 0, report, evaluate, ...begin }
  await searchGlobal(createSearch({ space, budgets, costs, records, uniform, ...more }))
  expect(records.all).toHaveLength(3)
  for (const record of records.all) expect(Math.max(...Object.values(record.widths))).toBeLessThanOrEqual(20)
  expect(records.all[0].costs.widest ?? records.all[0].costs[budgets[1].text]).toBeGreaterThan(15)
})
