import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ticks } from './chart.js'
import { count, htmlPage } from './html.js'
import { writeReport } from './report.js'
import { paretoFront } from './search.js'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'report-'))))
afterAll(() => rm(folder, { recursive: true }))

const figures = { params: 100, macs: 1000, bytes: 4000, memory: 80, latencyMs: 2, accuracy: 0.9 }
const done = {
  command: 'prune',
  status: 'done',
  settings: { model: 'a<b>.onnx', method: 'crl' },
  seed: 0,
  adapter: 'none',
  versions: {},
  result: {
    before: figures,
    after: { ...figures, params: 30 },
    pruned: { accuracy: 0.8 },
    selfCheck: { maxAbsDifference: 0 },
    seconds: { search: 1, finetune: 2, total: 4 },
    budgets: [
      { budget: 'params<=30%', limit: 30, value: 30, met: true },
      { budget: 'module:./energy.mjs<=3', limit: 3, value: 2.5, met: true },
    ],
    groups: [
      { id: 'conv1', channels: 10, kept: 3, fixed: null },
      { id: 'fc', channels: 10, kept: 10, fixed: 'graph output' },
    ],
  },
}
const episode = (accuracy: number, params: number, more: object = {}) => ({
  source: 'agent',
  accuracy,
  feasible: params <= 30,
  costs: { 'params<=30%': params, 'module:./energy.mjs<=3': params / 12 },
  signals: [params / 30 + 0.5, params / 36],
  multipliers: [params / 100, 0],
  ...more,
})

async function reported(record: object, episodes: readonly object[], best?: object): Promise<string> {
  await writeFile(join(folder, 'run.json'), JSON.stringify(record))
  await writeFile(join(folder, 'episodes.jsonl'), `${episodes.map((one) => JSON.stringify(one)).join('\n')}\n{"half`)
  await rm(join(folder, 'best.json'), { force: true })
  if (best) await writeFile(join(folder, 'best.json'), JSON.stringify(best))
  return readFile(await writeReport(folder), 'utf8')
}
const times = (page: string, text: string) => page.split(text).length - 1

test('every candidate is on a plot for each budget, with the limit, the front, the multiplier and what was written', async () => {
  const episodes = [
    episode(0.5, 20),
    episode(0.7, 40),
    episode(0.6, 30),
    episode(0.65, 30, { source: 'finalist', multipliers: [], signals: [] }),
  ]
  const page = await reported(done, episodes, { episode: 3 })
  for (const text of ['a&#60;b&#62;.onnx', 'Accuracy against params&#60;=30%', 'Multiplier of module:./energy.mjs&#60;=3', 'graph output'])
    expect(page).toContain(text)
  // Each on the learning curve and on two plots of each budget.
  expect(times(page, '<title>candidate 2, agent: 70.00%</title>')).toBe(5)
  expect(times(page, '<title>candidate 4, finalist: 65.00%; written</title>')).toBe(5)
  expect(times(page, 'class="limit"')).toBe(4)
  // Proposals are known of budgets that are counted.
  expect(times(page, 'as proposed: ')).toBe(3)
  expect(page).not.toMatch(/NaN|undefined|Infinity|https?:/)
})

test('a reward that is not the accuracy has a curve of its own', async () => {
  const episodes = [
    episode(0.5, 20, { reward: -0.6 }),
    episode(0.6, 30, { reward: -0.65 }),
    episode(0.7, 30, { source: 'finalist', reward: 70 }),
  ]
  const page = await reported(done, episodes)
  expect(times(page, 'Reward of the candidates')).toBe(1)
  expect(times(page, '<title>candidate 1, agent: 50.00%</title>')).toBe(6)
  expect(times(page, '<title>candidate 3, finalist: 70.00%</title>')).toBe(5)
  expect(page).not.toMatch(/NaN|undefined|Infinity/)
  expect(await reported(done, [episode(0.5, 20, { reward: 50 })])).not.toContain('Reward of')
})

test('records of runs that go on, or of older versions, have what they have', async () => {
  const going = await reported({ ...done, status: 'running' }, [episode(0.5, 20), episode(0.6, 30)])
  expect(going).toContain('this run is not finished')
  expect(going).toContain('Accuracy against params&#60;=30%')
  const old = await reported({ ...done, result: { before: figures, after: figures } }, [{ accuracy: 0.5, feasible: true }])
  expect(old).toContain('candidate 1: 50.00%')
  expect(old).toContain('Parameters')
  for (const page of [going, old, await reported(done, [])]) expect(page).not.toMatch(/NaN|undefined|Infinity/)
})

test('the front is what no other beats; ticks are round; figures keep what is before the point', () => {
  const points = [
    { x: 3, y: 5 },
    { x: 1, y: 1 },
    { x: 2, y: 4 },
    { x: 2, y: 3 },
    { x: 4, y: 5 },
  ]
  expect(paretoFront(points)).toEqual([points[1], points[2], points[0]])
  expect(ticks(0.21, 0.74, 5)).toEqual([0.4, 0.6])
  expect(ticks(-1, 1, 4)).toEqual([-1, -0.5, 0, 0.5, 1])
  expect(ticks(7, 7, 4)).toEqual([7])
  expect([15017.1234, 476179.2, 0.123456789, 1058176, 0].map(count)).toEqual(['15,017.1', '476,179', '0.123457', '1,058,176', '0'])
})

test('a page runs nothing, whatever is in it', () => {
  expect(htmlPage('a<b', ['<script>alert(1)</script>'])).toMatch(
    /^<!doctype html>\n<html[^>]*><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none';/,
  )
})
