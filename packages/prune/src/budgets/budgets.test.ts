import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@espalier/nn'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { costValue, parseBudget, readBudgets, relativeCost, resolveBudgets } from './budgets.js'
import type { Candidate } from './candidate.js'
import { upperBoundOfMedian } from './latency.js'

let folder: string
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'budgets-'))))
afterAll(() => rm(folder, { recursive: true }))

const original = {
  params: 1000,
  macs: 2000,
  bytes: 5000,
  memory: 800,
  weights: 7,
  widths: {},
  kept: {},
  layers: [],
  onnx: () => new Uint8Array(),
  graph: () => ({ name: '', inputs: [], outputs: [], nodes: [], initializers: new Map(), metadata: {} }),
} satisfies Candidate
const limitOf = async (text: string) => (await resolveBudgets([await parseBudget(text)], original))[0].limit

test.each([
  ['params<=10%', 100],
  ['weights<=50%', 3.5],
  ['params<=200k', 200_000],
  ['params <= 1_500', 1500],
  ['params<=1.5M', 1_500_000],
  ['macs<=0.3x', 600],
  ['bytes<=1MB', 1_000_000],
  ['bytes<=1MiB', 1_048_576],
  ['bytes<=500KB', 500_000],
  ['memory<=2mib', 2_097_152],
  ['memory<=50%', 400],
])('%s is a limit of %d', async (text, limit) => expect(await limitOf(text)).toBeCloseTo(limit, 6))

test.each([
  ['params', /no '<='/],
  ['params<10%', /'<'; a budget is an upper limit/],
  ['params>=10%', /'>='/],
  ['prams<=10%', /unknown budget.*'prams'/],
  ['params<=', /not a limit/],
  ['params<=ten', /expected a number such as.*'ten'/],
  ['params<=0', /above 0/],
  ['params<=-5%', /above 0/],
  ['params<=1MB', /not a limit/],
  ['latency<=4ms', /latency cannot be measured here.*a GPU adapter/],
  ['latency<=4MB', /not a limit.*4ms or 4.*'4MB'/],
  ['command:<=3', /the command is missing/],
  ['module:<=3', /the file is missing/],
  ['module:./nowhere.mjs<=3', /nowhere\.mjs.*cannot be loaded/],
])('%s is refused', async (text, message) => {
  await expect(parseBudget(text)).rejects.toThrow(message)
  await expect(parseBudget(text)).rejects.toMatchObject({ name: 'InputError' })
})

test('a module gives a cost of its own; its limit may be a share of what the original costs', async () => {
  const file = join(folder, 'half.mjs')
  await writeFile(file, 'export default async (candidate) => candidate.params / 2')
  expect(await limitOf(`module:${file}<=12.5`)).toBe(12.5)
  expect(await limitOf(`module:${file}<=50%`)).toBe(250)
})

test('a module without a function as its default export is refused', async () => {
  const file = join(folder, 'none.mjs')
  await writeFile(file, 'export const cost = 1')
  await expect(parseBudget(`module:${file}<=3`)).rejects.toThrow(/none\.mjs.*export default async \(candidate\) => number.*undefined/)
})

/** Bodies of a function of `candidate`, and what is said of them. */
const misbehaving: [string, string, RegExp][] = [
  ['throws', "throw new Error('no meter')", /threw.*no meter/],
  ['rejects', "return Promise.reject(new Error('no meter'))", /threw.*no meter/],
  ['never answers', 'return new Promise(() => {})', /it took longer than 0\.2 s/],
  ['gives NaN', 'return NaN', /no finite number.*found NaN/],
  ['gives Infinity', 'return Promise.resolve(1 / 0)', /no finite number.*found Infinity/],
  ['gives text', "return '3'", /no finite number.*found string "3"/],
  ['gives nothing', '', /no finite number.*found undefined/],
  ['gives a BigInt', 'return 3n', /found bigint 3/],
  ['gives a circle', 'const it = {}; it.it = it; return it', /found object \[object Object\]/],
  ['throws what has no prototype', 'throw Object.create(null)', /found \{\}/],
  ['is a thenable that never answers', 'return { then() {} }', /took longer than/],
]
const patience = 200

test.each(misbehaving)('a function that %s is bad input', async (_, body, message) => {
  const cost = new Function('candidate', body) as () => number
  const [budget] = await readBudgets([{ name: 'energy', limit: 3, cost }], { patience })
  await expect(costValue(budget, original)).rejects.toThrow(message)
  await expect(costValue(budget, original)).rejects.toMatchObject({ name: 'InputError', field: "budget 'energy'" })
})

test.each(misbehaving)('a module that %s is bad input', async (name, body, message) => {
  const file = join(folder, `${name.replaceAll(' ', '-')}.mjs`)
  await writeFile(file, `export default (candidate) => { ${body} }`)
  const budget = await parseBudget(`module:${file}<=3`, { patience })
  await expect(costValue(budget, original)).rejects.toThrow(message)
  await expect(costValue(budget, original)).rejects.toMatchObject({ name: 'InputError', field: `budget 'module:${file}<=3'` })
})

test('what a function does with its network does not reach the one that is written', async () => {
  const bytes = Uint8Array.of(1, 2, 3)
  const layers = [{ name: 'conv1', params: 4 }] as never
  const candidate: Candidate = {
    ...original,
    onnx: () => bytes,
    layers,
    graph: () => ({ name: 'g', nodes: [] }) as never,
    widths: { conv1: 4 },
  }
  const spoil = (given: Candidate) => {
    given.onnx().fill(0)
    Object.assign(given.graph(), { name: 'mine' })
    Object.assign(given.layers[0], { params: 0 })
    Object.assign(given.widths, { conv1: 1 })
    return 1
  }
  const [budget] = await readBudgets([{ name: 'spoil', limit: 3, cost: spoil }])
  expect(await costValue(budget, candidate)).toBe(1)
  expect([bytes, candidate.layers[0].params, candidate.widths, candidate.graph().name]).toEqual([
    Uint8Array.of(1, 2, 3),
    4,
    { conv1: 4 },
    'g',
  ])
  const [frozen] = await readBudgets([{ name: 'frozen', limit: 3, cost: (given) => Object.assign(given, { params: 0 }).params }])
  await expect(costValue(frozen, candidate)).rejects.toThrow(/budget 'frozen': its function threw/)
})

test('a cost below zero is a number like any other', async () => {
  const [budget] = await readBudgets([{ name: 'gain', limit: -2, cost: () => -3 }])
  expect(await costValue(budget, original)).toBe(-3)
})

test('a name tells one budget from another', async () => {
  const energy = { name: 'energy', limit: 3, cost: () => 1 }
  await expect(readBudgets([energy, 'params<=10%', { ...energy, limit: 4 }])).rejects.toThrow(/budget 'energy': given twice/)
})

test('without a budget there is nothing to do', async () => await expect(readBudgets([])).rejects.toThrow(/--budget/))

test('the cost signal is 1 at the limit, and grows with the value for any limit', () => {
  expect(relativeCost(30, 10)).toBe(3)
  expect(relativeCost(10, 10)).toBe(1)
  expect(relativeCost(0, 0)).toBe(1)
  expect(relativeCost(-1, -2)).toBeGreaterThan(1)
})

describe('a command measures the file it is given, without a shell', () => {
  const candidate: Candidate = { ...original, onnx: () => new Uint8Array(1234) }
  const script = async (name: string, body: string, mode = 0o755) => {
    const file = join(folder, name)
    await writeFile(file, `#!/bin/sh\n${body}\n`, { mode })
    return file
  }
  const cost = async (command: string) => costValue(await parseBudget(`command:${command}<=3`, { patience: 1000 }), candidate)

  test('what it prints is the cost; words before the path are its own', async () => {
    const file = await script('size.sh', 'echo $(($(wc -c < "$2") * $1))')
    expect(await cost(`${file} 2`)).toBe(2468)
    expect(await limitOf(`command:${file} 1<=50%`)).toBe(0)
  })

  test.each([
    ['words.sh', 'echo fast', /printed 'fast' and not one number/],
    ['nothing.sh', 'true', /printed '' and not one number/],
    ['two.sh', 'echo 1 2', /printed '1 2' and not one number/],
    ['nan.sh', 'echo NaN', /printed 'NaN' and not one number/],
    ['endless.sh', 'while echo 1; do :; done', /took longer than 1 s/],
    ['status.sh', 'echo no such board >&2; exit 7', /ended with status 7: no such board/],
    ['signal.sh', 'kill -9 $$', /was ended by SIGKILL/],
  ])('%s is told', async (name, body, message) => {
    const file = await script(name, body)
    await expect(cost(file)).rejects.toThrow(message)
    await expect(cost(file)).rejects.toMatchObject({ name: 'InputError' })
  })

  test('one that hangs is ended, with all that it started', async () => {
    const left = join(folder, 'left')
    const file = await script('hangs.sh', `(sleep 2; touch ${left}) & wait`)
    await expect(cost(file)).rejects.toThrow(/hangs\.sh took longer than 1 s/)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(existsSync(left)).toBe(false)
  })

  test('one below zero is a number like any other; the example counts pages', async () => {
    expect(await cost(await script('negative.sh', 'echo -1.5e0'))).toBe(-1.5)
    expect(await cost(fileURLToPath(new URL('../../../../examples/flash.sh', import.meta.url)))).toBe(4096)
  })

  test('one that is not there or may not be run is told, and no candidate is left behind', async () => {
    await expect(cost('./nowhere.sh')).rejects.toThrow(/nowhere\.sh is not there/)
    await expect(cost(await script('plain.sh', 'echo 1', 0o644))).rejects.toThrow(/may not be executed/)
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('espalier-candidate-'))).toEqual([])
  })
})

test('latency has units of time, and its bound is above the median in 95 of 100 samples', async () => {
  const meters = { latency: () => 8 }
  for (const [text, limit] of [
    ['latency<=4ms', 4],
    ['latency<=500us', 0.5],
    ['latency<=50%', 4],
  ] as const)
    expect((await resolveBudgets(await readBudgets([text], meters), original))[0].limit).toBeCloseTo(limit, 9)
  // Of 31 values the 21st: 10 or fewer heads in 31 throws, and what lies between, come up 19 times in 20.
  expect(upperBoundOfMedian(Array.from({ length: 31 }, (_, i) => 31 - i))).toBe(21)
  const random = createRandom(0, 'bound')
  let above = 0
  for (let i = 0; i < 1000; i++) if (upperBoundOfMedian(Array.from({ length: 51 }, () => random.normal())) >= 0) above++
  expect(above / 1000).toBeGreaterThan(0.93)
  expect(above / 1000).toBeLessThan(0.99)
})
