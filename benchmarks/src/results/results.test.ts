import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { argumentsOf, expand, type Job, type Matrix, placeholdersIn, scaled, words } from './matrix.js'
import { duration, expectedSeconds, newest, parseRecords, pendingJobs, type RunRecord, type RunResult } from './records.js'
import { insert, page, spread } from './tables.js'

const matrix: Matrix = {
  name: 'test',
  about: 'About.',
  models: {
    net: {
      title: 'Net',
      file: 'MODELS/net.onnx',
      data: 'idx:FASHION',
      make: ['train tiny --data idx:FASHION --epochs 5 --out MODELS/net.onnx'],
    },
    theirs: { title: 'Theirs', file: 'SHARED/theirs.onnx', data: 'cifar10:CIFAR,limit=10000', options: '--normalize imagenet' },
  },
  methods: {
    agent: { title: 'agent', options: '--method agent', learns: true },
    uniform: { title: 'uniform', options: '--method uniform' },
  },
  runs: [
    {
      model: 'net',
      budgets: ['macs<=20%'],
      methods: ['agent', 'uniform'],
      seeds: [0, 1],
      options: '--episodes 256',
      finetune: { seeds: [0], data: 'idx:FASHION,limit=20000', options: '--epochs 2' },
    },
    { signal: 'net', budget: 'macs<=50%', options: '--networks 100' },
    {
      model: 'theirs',
      budgets: [['macs<=50%', 'params<=40%']],
      methods: ['agent'],
      seeds: [0],
      options: '--finetune 3',
      variant: 'weights',
    },
    // The same as above, but for what is fine-tuned: these runs are one.
    {
      model: 'net',
      budgets: ['macs<=20%'],
      methods: ['uniform'],
      seeds: [1],
      options: '--episodes 256',
      finetune: { seeds: [1], options: '' },
    },
  ],
  published: [{ model: 'net', budget: 'macs<=20%', name: 'Others', original: 94, accuracy: 93.5, macs: 21 }],
}
const jobs = expand(matrix)
const named = (name: string) => jobs.find((job) => job.name === name)!

test('a matrix becomes commands in its order, each once', () => {
  expect(jobs.map(({ name }) => name)).toEqual([
    'net made, step 1',
    'net macs<=20% agent seed 0',
    'net macs<=20% agent seed 0 fine-tuned',
    'net macs<=20% uniform seed 0',
    'net macs<=20% uniform seed 0 fine-tuned',
    'net macs<=20% agent seed 1',
    'net macs<=20% uniform seed 1',
    'net macs<=50% signal',
    'theirs macs<=50% params<=40% weights agent seed 0',
    'net macs<=20% uniform seed 1 fine-tuned',
  ])
  expect(named('net macs<=20% agent seed 0')).toMatchObject({
    command:
      "prune MODELS/net.onnx --data idx:FASHION --budget 'macs<=20%' --method agent --episodes 256 --seed 0 --out MODELS/net-macs-20-agent-seed-0.onnx",
    needs: ['MODELS/net.onnx'],
    makes: 'MODELS/net-macs-20-agent-seed-0.onnx',
  })
  expect(named('net macs<=20% agent seed 0 fine-tuned')).toMatchObject({
    command:
      'finetune MODELS/net-macs-20-agent-seed-0.onnx --teacher MODELS/net.onnx --data idx:FASHION,limit=20000 --epochs 2 --seed 0 --out MODELS/net-macs-20-agent-seed-0-tuned.onnx',
    needs: ['MODELS/net-macs-20-agent-seed-0.onnx', 'MODELS/net.onnx'],
  })
  expect(named('theirs macs<=50% params<=40% weights agent seed 0').command).toContain(
    "--normalize imagenet --budget 'macs<=50%' --budget 'params<=40%' --method agent --finetune 3",
  )
})

test('what a matrix names must be there, and a name stands for one command', () => {
  const block = { model: 'net', budgets: ['macs<=20%'], methods: ['agent'], seeds: [0], options: '' }
  expect(() => expand({ ...matrix, runs: [{ ...block, model: 'other' }] })).toThrow("model: expected one of net, theirs, found 'other'")
  expect(() => expand({ ...matrix, runs: [{ ...block, methods: ['greedy'] }] })).toThrow("expected one of agent, uniform, found 'greedy'")
  expect(() => expand({ ...matrix, runs: [block, { ...block, options: '--images 3' }] })).toThrow('stands for two commands')
})

test('the matrices of this repository are well formed', () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(fileURLToPath(new URL(`../../results/matrix/${name}.json`, import.meta.url)), 'utf8')) as Matrix
  for (const name of ['small', 'full']) {
    const all = expand(read(name))
    expect(all.map(({ command }) => words(command)[0]).filter((word) => !['train', 'finetune', 'prune', 'signal'].includes(word))).toEqual(
      [],
    )
    // Whatever is read was written before.
    const made = new Set<string>()
    for (const job of all) {
      expect(job.needs.filter((file) => !made.has(file))).toEqual([])
      if (job.makes) made.add(job.makes)
    }
  }
  const names = new Set(expand(read('small')).map(({ name }) => name))
  for (const method of ['crl', 'entropy', 'amc', 'uniform', 'global-l1', 'random', 'greedy']) {
    for (const budget of ['macs<=50%', 'macs<=20%', 'params<=10%'])
      for (const seed of [0, 1, 2]) expect(names).toContain(`fashion ${budget} ${method} seed ${seed}`)
    expect(names).toContain(`resnet20 macs<=50% ${method} seed 0`)
  }
})

test('words, placeholders and paths', () => {
  expect(words("prune A --budget 'macs<=1 MB' --x")).toEqual(['prune', 'A', '--budget', 'macs<=1 MB', '--x'])
  expect(() => words("a 'b")).toThrow('closed quotes')
  const command = "prune MODELS/a.onnx --data cifar10:CIFAR,limit=5 --out 'MODELSX/b'"
  expect(placeholdersIn(command)).toEqual(['CIFAR', 'MODELS'])
  expect(argumentsOf(command, { MODELS: '/with space', CIFAR: '/$&' })).toEqual([
    'prune',
    '/with space/a.onnx',
    '--data',
    'cifar10:/$&,limit=5',
    '--out',
    'MODELSX/b',
  ])
})

test('a scale cuts counts, data and the widths of what is trained, and leaves the rest', () => {
  const command =
    "prune M --data cifar10:CIFAR,limit=10000 --budget 'macs<=50%' --episodes 4096 --images 250 --finetune 60 --lr 0.02 --seed 3"
  expect(scaled(command, 0.1)).toBe(
    "prune M --data cifar10:CIFAR,limit=1000 --budget 'macs<=50%' --episodes 410 --images 32 --finetune 6 --lr 0.02 --seed 3",
  )
  expect(scaled('train tiny --data idx:FASHION --epochs 2', 0.001)).toBe('train tiny --width 0.25 --data idx:FASHION,limit=500 --epochs 1')
  expect(scaled('prune M --episodes 8', 0.5)).toBe('prune M --episodes 8')
  expect(scaled(command, 1)).toBe(command)
  expect(() => scaled(command, 0)).toThrow('above 0')
})

const record = (job: Job, result: RunResult, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ name: job.name, kind: job.kind, command: job.command, seed: job.seed, adapter: 'llvmpipe', versions: { node: '20' }, seconds: 10 },
  ...{ date: '2026-01-01 00:00', commit: 'abc', cpu: '2 x cpu', load: 1 },
  result,
  ...more,
})
const pruned = (accuracy: number, more: Partial<RunResult> = {}): RunResult => ({
  episodes: 256,
  evaluationsPerSecond: 8,
  before: { accuracy: 0.9183, params: 40_000, macs: 1_000_000 },
  after: { accuracy: accuracy + 0.4, params: 10_000, macs: 190_000 },
  pruned: { accuracy, validationAccuracy: accuracy },
  budgets: [{ budget: 'macs<=20%', limit: 200_000, value: 190_000 }],
  seconds: { search: 30, finetune: 0, total: 40 },
  ...more,
})

test('what is recorded is not run again; files that are gone are made again', () => {
  const names = (done: readonly RunRecord[], there: (file: string) => boolean, chosen?: (job: Job) => boolean) =>
    pendingJobs(jobs, newest(done), there, chosen).map(({ name }) => name)
  const all = jobs.map((job) => record(job, pruned(0.5)))
  expect(names([], () => false)).toEqual(jobs.map(({ name }) => name))
  // A network that is there needs no record.
  expect(names([], () => true)).toEqual(jobs.slice(1).map(({ name }) => name))
  expect(names(all, () => false)).toEqual([])
  const tuned = 'net macs<=20% uniform seed 1 fine-tuned'
  const withoutTuned = all.filter(({ name }) => name !== tuned)
  expect(names(withoutTuned, () => true)).toEqual([tuned])
  expect(names(withoutTuned, () => false)).toEqual(['net made, step 1', 'net macs<=20% uniform seed 1', tuned])
  expect(
    names(
      [],
      () => false,
      ({ name }) => name.includes('agent seed 1'),
    ),
  ).toEqual(['net made, step 1', 'net macs<=20% agent seed 1'])
  // What was not found cannot be trained.
  const none = record(named('net macs<=20% uniform seed 1'), { error: 'no network within the budgets was found' })
  expect(names([...withoutTuned, none], () => false)).toEqual([])
})

test('the newest record counts, of the adapter asked for', () => {
  const job = named('net macs<=20% agent seed 0')
  const both = [record(job, {}, { adapter: 'SwiftShader Device', seconds: 1 }), record(job, {}, { seconds: 2 })]
  expect(newest(both).get(job.command)?.seconds).toBe(2)
  expect(newest(both, 'swiftshader').get(job.command)?.seconds).toBe(1)
  expect(newest(both, 'nvidia').size).toBe(0)
})

test('records are read to the last whole line, and one that is broken is named', () => {
  const line = JSON.stringify(record(jobs[1], pruned(0.5)))
  expect(parseRecords(`${line}\n${line}\n${line.slice(0, 20)}`, 'a.jsonl')).toHaveLength(2)
  expect(parseRecords('', 'a.jsonl')).toEqual([])
  expect(() => parseRecords(`${line}\n{"x\n`, 'a.jsonl')).toThrow('a.jsonl, line 2: expected a JSON object')
})

test('the time of a run is guessed from its nearest relatives', () => {
  const job = named('net macs<=20% agent seed 1')
  const of = (name: string, seconds: number) => ({ job: named(name), seconds })
  expect(expectedSeconds(job, [])).toBeUndefined()
  expect(expectedSeconds(job, [of('net macs<=50% signal', 100)])).toBe(100)
  expect(expectedSeconds(job, [of('net macs<=20% uniform seed 0', 10), of('net macs<=50% signal', 100)])).toBe(10)
  expect(expectedSeconds(job, [of('net macs<=20% uniform seed 0', 10), of('net macs<=20% agent seed 0', 40)])).toBe(40)
  expect([40, 600, 3900].map(duration)).toEqual(['40 s', '10 min', '1 h 05 min'])
})

test('mean and extremes of shares', () => {
  expect(spread([])).toBe('')
  expect(spread([0.365])).toBe('36.5%')
  expect(spread([0.3, 0.5, 0.4])).toBe('40.0% (30.0 .. 50.0)')
})

test('tables: methods by budget, what others report, templates and where learning wins', () => {
  const records = [
    record(named('net macs<=20% agent seed 0'), pruned(0.4)),
    record(named('net macs<=20% agent seed 1'), pruned(0.5)),
    record(named('net macs<=20% uniform seed 0'), pruned(0.3)),
    record(named('net macs<=20% uniform seed 1'), { error: 'no network within the budgets was found' }),
    record(named('net macs<=20% agent seed 0 fine-tuned'), { accuracy: 0.88 }),
    record(named('net macs<=20% uniform seed 0 fine-tuned'), { accuracy: 0.89 }),
    record(named('net macs<=50% signal'), {
      networks: 100,
      signals: [{ signal: 'minus the entropy', rho: -0.25, least: -2, greatest: -1 }],
    }),
    record(
      named('theirs macs<=50% params<=40% weights agent seed 0'),
      pruned(0.2, {
        budgets: [
          { budget: 'macs<=50%', limit: 500_000, value: 190_000 },
          { budget: 'params<=40%', limit: 16_000, value: 10_000 },
        ],
      }),
    ),
  ]
  const text = page(matrix, jobs, newest(records)).replace(/ +/g, ' ')
  expect(text).toContain('8 of 9 runs are done')
  expect(text).toContain('espalier train tiny --data idx:FASHION --epochs 5 --out MODELS/net.onnx')
  expect(text).toContain("prune MODELS/net.onnx --data idx:FASHION --budget 'macs<=20%' METHOD --episodes 256 --seed SEED --out OUT.onnx")
  expect(text).toContain('| method | seeds | before fine-tuning | after (seed 0) | macs (limit 200,000) |')
  expect(text).toContain('| original | | 91.8% | | | 40,000 | 1,000,000 |')
  expect(text).toContain('| agent | 2 | 45.0% (40.0 .. 50.0) | 88.0% | 190,000 | 25.0% | 19.0% | 256 | 30.0 | 8.00 |')
  expect(text).toContain('| uniform | 1 | 30.0% | 89.0% |')
  expect(text).toContain('| Others, published | | | 93.5% (original 94%) | | | 21% |')
  // Fine-tuning within the search command.
  expect(text).toContain('### Theirs, macs<=50%, params<=40%, weights')
  expect(text).toContain('| agent | 1 | 20.0% | 60.0% | 190,000 | 10,000 |')
  expect(text).toContain('| net, macs<=50% | 100 | minus the entropy | -2.00 .. -1.00 | -0.25 |')
  expect(text).toContain(
    '- agent: before fine-tuning ahead in net macs<=20% (+15.0 points against uniform); not ahead in none. After fine-tuning ahead in none; not ahead in net macs<=20% (-1.0 points against uniform).',
  )
  const failed = page(matrix, jobs, newest([records[3]])).replace(/ +/g, ' ')
  expect(failed).toContain('| uniform | 1 | no network within the budget was found |')
})

test('tables stand between markers, added where there are none', () => {
  const once = insert('# Results\n', 'small', 'first')
  expect(once).toBe('# Results\n\n<!-- results small -->\n\nfirst\n\n<!-- /results small -->\n')
  expect(insert(`${once}after\n`, 'small', '$& second')).toBe(
    '# Results\n\n<!-- results small -->\n\n$& second\n\n<!-- /results small -->\nafter\n',
  )
  expect(insert(once, 'full', 'x')).toContain('<!-- /results small -->\n\n<!-- results full -->')
  expect(() => insert('<!-- results small -->', 'small', 'x')).toThrow('found one of them')
})
