/** Budgets that are measured, and say something else each time. */
import { cpSync, existsSync } from 'node:fs'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Candidate } from '../budgets.js'
import { UnreachableError } from '../errors.js'
import { train } from '../jobs.js'
import type { PruneOptions } from './options.js'
import { prune } from './prune.js'

const data = 'shapes,limit=200'
let folder: string
let gpu: Gpu
let model: string
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measured-'))
  gpu = await acquireGpu()
  model = at('tiny.onnx')
  await train({ architecture: 'tiny', data, epochs: 2, training: { batch: 20 }, gpu, out: model })
})
afterAll(async () => {
  gpu.close()
  await rm(folder, { recursive: true })
})

const job = (name: string, more: Partial<PruneOptions>): PruneOptions => ({
  model,
  data,
  budgets: [],
  episodes: 16,
  candidates: 4,
  validation: 40,
  training: { batch: 20 },
  gpu,
  out: at(`${name}.onnx`),
  run: at(`${name}.run`),
  ...more,
})
const read = (name: string) => readFile(at(name), 'utf8')

test('a run with a noisy budget, killed and resumed, asks nothing twice and goes the same way', async () => {
  let calls = 0
  // Another answer for each call, up to 40% off.
  const cost = ({ params }: Candidate) => params * (1 + 0.4 * Math.sin(++calls))
  const options = job('noisy', { budgets: [{ name: 'noisy', limit: 15_000, cost }, 'latency<=80%'] })
  const kill = (name: string) => cpSync(at('noisy.run'), at(`${name}.run`), { recursive: true })
  const whole = await prune({ ...options, onEpisode: ({ episode }) => void (episode === 7 && kill('early')) })
  const [episodes, measurements] = [await read('noisy.run/episodes.jsonl'), await read('noisy.run/measurements.jsonl')]
  // One line for each network and budget, the original's latency first.
  const networks = measurements
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { network: string; budget: string; value: number })
  expect(networks[0]).toMatchObject({ network: 'original', budget: 'noisy' })
  expect(new Set(networks.map(({ network, budget }) => `${network} ${budget}`)).size).toBe(networks.length)
  expect(networks.filter(({ network }) => network.startsWith('cut ')).length).toBeGreaterThan(1)
  const before = await read('early.run/measurements.jsonl')
  expect(measurements.startsWith(before)).toBe(true)
  await appendFile(at('early.run/measurements.jsonl'), '{"network":"1 2')
  await rm(at('noisy.onnx'))

  const resumed = await prune({ ...options, run: at('early.run'), resume: true })
  expect(await read('early.run/episodes.jsonl')).toBe(episodes)
  expect((await read('early.run/measurements.jsonl')).startsWith(before)).toBe(true)
  expect(resumed.kept).toEqual(whole.kept)
  expect(resumed.budgets.map(({ limit }) => limit)).toEqual(whole.budgets.map(({ limit }) => limit))

  await appendFile(at('early.run/measurements.jsonl'), 'nonsense\n')
  await expect(prune({ ...options, run: at('early.run'), out: at('other.onnx'), resume: true })).rejects.toThrow(/out/)
  await expect(prune({ ...options, out: at('noisy.onnx'), run: at('early.run'), resume: true })).resolves.toMatchObject({
    kept: whole.kept,
  })
  await rm(at('noisy.onnx'))
  await expect(prune({ ...options, run: at('early.run'), resume: true })).rejects.toThrow(
    /measurements\.jsonl: line \d+: not a measurement.*nonsense/,
  )
})

/** A budget that holds whenever a network is asked for the first two times (in the search, and cut), and for the first `spoilt` networks no more. */
function spoiling(spoilt: number) {
  const asked = new Map<string, number>()
  let thirds = 0
  const cost = ({ widths }: Candidate) => {
    const key = JSON.stringify(widths)
    asked.set(key, (asked.get(key) ?? 0) + 1)
    return asked.get(key) === 3 && thirds++ < spoilt ? 99 : Math.max(...Object.values(widths))
  }
  return { name: 'widest', limit: 30, cost }
}

test('where a budget does not hold for the network to be written, the next one is taken', async () => {
  const lines: string[] = []
  const report = { log: (line: string) => void lines.push(line), progress() {} }
  const first = await prune(job('first', { budgets: [spoiling(0)], finetune: 1 }))
  const later = await prune(job('later', { budgets: [spoiling(5)], finetune: 1, report }))
  expect(lines.filter((line) => line === 'widest: 99.000 on the network to be written, above 30.000: it is not written')).toHaveLength(5)
  expect(later.budgets).toMatchObject([{ met: true }])
  expect(later.kept).not.toEqual(first.kept)
  expect(JSON.parse(await read('later.run/best.json'))).toMatchObject({ kept: later.kept })
  expect(existsSync(at('later.onnx'))).toBe(true)
})

test('where it holds for none, nothing is written and the nearest values are told', async () => {
  const failing = prune(job('none', { budgets: [spoiling(99)], finetune: 0 }))
  await expect(failing).rejects.toThrow(UnreachableError)
  await expect(failing).rejects.toThrow(
    /8 networks to be written are not within the budgets; nothing was written\n {2}widest: limit 30, nearest reachable value 99/,
  )
  expect(existsSync(at('none.onnx'))).toBe(false)
})
