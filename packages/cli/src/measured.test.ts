/** Budgets that are measured, and say something else each time. */
import { cpSync, existsSync } from 'node:fs'
import { appendFile, rm, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Candidate, prune, UnreachableError } from '@espalier/prune'
import { expect, test } from 'vitest'
import { espalier } from './testing/cli.js'
import { trainedTiny } from './testing/trained.js'

const trained = trainedTiny(2)
const { data, at, read, job } = trained

interface Line {
  readonly network: string
  readonly budget: string
  readonly value: number
}
const measurementsOf = async (name: string) =>
  (await read(`${name}.run/measurements.jsonl`))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test('a run with a noisy budget, killed and resumed, asks nothing twice and goes the same way', async () => {
  let calls = 0
  // Another answer for each call, up to 40% off.
  const cost = ({ params }: Candidate) => params * (1 + 0.4 * Math.sin(++calls))
  const options = job('noisy', { budgets: [{ name: 'noisy', limit: 15_000, cost }] })
  const kill = (name: string) => cpSync(at('noisy.run'), at(`${name}.run`), { recursive: true })
  await prune({ ...options, onEpisode: ({ episode }) => (episode === 7 && kill('early')) || (episode === 11 && kill('late')) })
  const [early, late, all] = [await measurementsOf('early'), await measurementsOf('late'), await measurementsOf('noisy')]
  expect(all[0]).toMatchObject({ network: 'original', budget: 'noisy' })
  expect(all.filter(({ network }) => network.startsWith('cut ')).length).toBeGreaterThan(1)
  expect(new Set(all.map(({ network }) => network)).size).toBe(all.length)
  expect(all.slice(0, early.length)).toEqual(early)

  const episodes = (await read('noisy.run/episodes.jsonl')).trimEnd().split('\n')
  await appendFile(at('early.run/measurements.jsonl'), '{"network":"1 2')
  for (const [name, known] of [
    ['early', early],
    ['late', late],
  ] as const) {
    await rm(at('noisy.onnx'), { force: true })
    await prune({ ...options, run: at(`${name}.run`), resume: true })
    const after = await measurementsOf(name)
    expect(after.slice(0, known.length)).toEqual(known)
    expect(new Set(after.map(({ network }) => network)).size).toBe(after.length)
    const judged = name === 'early' ? 8 : 12
    expect((await read(`${name}.run/episodes.jsonl`)).trimEnd().split('\n').slice(0, judged)).toEqual(episodes.slice(0, judged))
  }

  await appendFile(at('late.run/measurements.jsonl'), 'nonsense\n')
  await rm(at('noisy.onnx'))
  await expect(prune({ ...options, run: at('late.run'), resume: true })).rejects.toThrow(
    /measurements\.jsonl: line \d+: not a record.*nonsense/,
  )
})

test('latency is kept, and a resumed run has the limit that it was begun with', async () => {
  const few = { method: 'uniform', roundTo: 16, minChannels: 16, episodes: 2, finalists: 1 } as const
  // Real measurements, on a machine that may have other work: the limit is far enough away that noise cannot reach it, params are what cuts.
  const options = job('timed', { budgets: ['latency<=500%', 'params<=90%'], ...few })
  const whole = await prune({ ...options, onEpisode: () => cpSync(at('timed.run'), at('killed.run'), { recursive: true }) })
  expect(whole.budgets).toMatchObject([
    { budget: 'latency<=500%', met: true },
    { budget: 'params<=90%', met: true },
  ])
  const known = await measurementsOf('killed')
  expect(known.slice(0, 2).map(({ network }) => network)).toEqual(['reference', 'original'])
  expect(whole.budgets[0].limit).toBeCloseTo(5 * known[1].value, 9)
  await rm(at('timed.onnx'))
  const resumed = await prune({ ...options, run: at('killed.run'), resume: true })
  expect(resumed.budgets[0].limit).toBe(whole.budgets[0].limit)
  expect((await measurementsOf('killed')).slice(0, known.length)).toEqual(known)
})

test('three budgets at once, one of them in another language, hold for the file that is written', async () => {
  const example = (name: string) => fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url))
  const budgets = ['memory<=90%', `command:${example('flash.sh')}<=50%`, `module:${example('lanes.mjs')}<=60%`]
  const { code, json, stderr } = await espalier(
    ['prune', trained.model, '--data', data, ...budgets.flatMap((budget) => ['--budget', budget]), '--out', at('three.onnx')].concat(
      '--episodes 6 --validation 40 --candidates 4 --json --quiet'.split(' '),
    ),
  )
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const checked = json().budgets as { budget: string; limit: number; value: number; met: boolean }[]
  expect(checked.map(({ budget, met }) => [budget, met])).toEqual(budgets.map((budget) => [budget, true]))
  const { size } = await stat(at('three.onnx'))
  expect(checked[1]).toMatchObject({ value: Math.ceil(size / 4096) * 4096 })
  const whole = (await measurementsOf('three')).find(({ network, budget }) => network === 'original' && budget === budgets[1])!
  expect(checked[1].limit).toBe(0.5 * whole.value)
})

test('interrupted while budgets are measured, it stops, and leaves no run that was not begun', async () => {
  const controller = new AbortController()
  let calls = 0
  const cost = async ({ params }: Candidate) => {
    if (++calls === 3) controller.abort()
    return params
  }
  const stopped = prune(job('stopped', { budgets: [{ name: 'meter', limit: 15_000, cost }], signal: controller.signal }))
  await expect(stopped).rejects.toMatchObject({ name: 'AbortedError' })
  expect(calls).toBe(3)
  expect(existsSync(at('stopped.run'))).toBe(false)
})

/** A budget that holds when a network is asked about the first two times (in the search, and cut), and no more after that for the first `spoilt` networks. */
function spoiling(spoilt: number) {
  const asked = new Map<string, number>()
  let thirds = 0
  const cost = ({ widths }: Candidate) => {
    const key = JSON.stringify(widths)
    asked.set(key, (asked.get(key) ?? 0) + 1)
    return asked.get(key) === 3 && thirds++ < spoilt ? 99 : Math.max(...Object.values(widths))
  }
  return { name: 'widest', limit: 45, cost }
}

test('where a budget does not hold for the network to be written, the next one is taken', async () => {
  const lines: string[] = []
  const report = { log: (line: string) => void lines.push(line), progress() {} }
  const first = await prune(job('first', { budgets: [spoiling(0)], finetune: 1 }))
  const later = await prune(job('later', { budgets: [spoiling(2)], finetune: 1, report }))
  expect(lines.filter((line) => line === 'widest: 99.000 on the network to be written, above 45.000: it is not written')).toHaveLength(2)
  expect(later.budgets).toMatchObject([{ met: true }])
  expect(later.kept).not.toEqual(first.kept)
  expect(JSON.parse(await read('later.run/best.json'))).toMatchObject({ kept: later.kept })
  expect(existsSync(at('later.onnx'))).toBe(true)
})

test('where it holds for none, nothing is written and the nearest values are told', async () => {
  const failing = prune(job('none', { budgets: [spoiling(99)], finetune: 0 }))
  await expect(failing).rejects.toThrow(UnreachableError)
  await expect(failing).rejects.toThrow(
    /[3-8] networks to be written are not within the budgets; nothing was written\n {2}widest: limit 45, nearest reachable value 99/,
  )
  expect(existsSync(at('none.onnx'))).toBe(false)
})
