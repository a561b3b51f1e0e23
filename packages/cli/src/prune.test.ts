import { cpSync, existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { acquireGpu } from '@espalier/kernels'
import { channelGroups, costOf, importOnnx, makeShapes, nonZeroWeights } from '@espalier/nn'
import { type EpisodeRecord, finetune, type PruneOptions, prune, UnreachableError } from '@espalier/prune'
import { expect, test } from 'vitest'
import { compareWithOnnxRuntime } from './onnxruntime.js'
import { espalier } from './testing/cli.js'
import { trainedTiny } from './testing/trained.js'

const trained = trainedTiny(4)
const { data, at, read } = trained
const job = (name: string, more: Partial<PruneOptions> = {}) =>
  trained.job(name, { budgets: ['params<=30%', 'macs<=40%'], episodes: 18, finetune: 2, ...more })
const episodesOf = async (name: string) =>
  (await read(`${name}.run/episodes.jsonl`))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as EpisodeRecord)

test('the command prunes within two budgets, writes its records, and prints one object', async () => {
  const args = [
    'prune',
    trained.model,
    '--data',
    data,
    '--budget',
    'params<=30%',
    '--budget',
    'macs<=40%',
    '--out',
    at('cli.onnx'),
    '--run',
    at('cli.run'),
  ]
  const { code, json, stderr } = await espalier([
    ...args,
    '--episodes',
    '12',
    '--validation',
    '40',
    '--candidates',
    '4',
    '--finetune',
    '1',
    '--batch',
    '20',
    '--json',
  ])
  expect(stderr).toContain('fc: all 10 channels stay: graph output')
  expect(code).toBe(0)
  const result = json()
  expect(result).toMatchObject({
    model: at('cli.onnx'),
    method: 'crl',
    algorithm: 'ppo-lag',
    seed: 0,
    episodes: 12,
    budgets: [
      { budget: 'params<=30%', met: true },
      { budget: 'macs<=40%', met: true },
    ],
  })
  for (const side of ['before', 'after'])
    for (const key of ['params', 'macs', 'bytes', 'memory', 'latencyMs', 'accuracy'])
      expect((result[side] as Record<string, number>)[key], key).toBeGreaterThan(0)
  for (const key of ['search', 'finetune', 'total']) expect((result.seconds as Record<string, number>)[key], key).toBeGreaterThan(0)
  expect((result.selfCheck as { maxAbsDifference: number }).maxAbsDifference).toBeLessThan(1e-3)

  const bytes = await readFile(at('cli.onnx'))
  const graph = await importOnnx(bytes)
  const { params, macs } = costOf(graph)
  expect(result.after).toMatchObject({ params, macs, bytes: bytes.length })
  expect(params).toBeLessThanOrEqual(0.3 * (result.before as { params: number }).params)
  expect(macs).toBeLessThanOrEqual(0.4 * (result.before as { macs: number }).macs)
  expect(await compareWithOnnxRuntime(trained.gpu, graph, bytes, makeShapes('test', 0, 8))).toBeLessThan(1e-4)

  const best = JSON.parse(await read('cli.run/best.json')) as {
    widths: Record<string, number>
    kept: Record<string, number[]>
    episode: number
  }
  for (const [group, width] of Object.entries(best.widths)) expect(best.kept[group]).toHaveLength(width)
  const episodes = await episodesOf('cli')
  expect(episodes).toHaveLength(12)
  expect(episodes[0].source).toBe('uniform')
  expect(episodes[7].source).toBe('policy')
  expect(episodes.slice(8).map((episode) => episode.source)).toEqual(['finalist', 'finalist', 'finalist', 'finalist'])
  expect(episodes[best.episode].accuracy).toBe(Math.max(...episodes.slice(8).map((episode) => episode.accuracy)))
  expect(JSON.parse(await read('cli.run/run.json'))).toMatchObject({ command: 'prune', status: 'done', seed: 0 })
  expect(await read('cli.run/metrics.csv')).toMatch(/^episodes,reward,best,feasible,params<=30%,macs<=40%,multiplier 1/)
  expect(await read('cli.run/report.html')).toMatch(/<svg.*prefers-color-scheme|prefers-color-scheme.*<svg/s)
  expect((await espalier(['report', at('cli.run'), '--json'])).json()).toEqual({ report: at('cli.run/report.html') })
  expect((await espalier(['eval', at('cli.onnx'), '--data', data, '--json'])).json()).toMatchObject({
    accuracy: (result.after as { accuracy: number }).accuracy,
    params,
    macs,
    images: 200,
  })
})

test('the same seed gives the same episodes and file; killed anywhere and resumed, a run ends in them too', async () => {
  // What is on the disk at some moment is what a killed process leaves: copies of the folder stand for kills.
  const whole = await prune({
    ...job('whole'),
    checkpointSeconds: 0,
    onEpisode: ({ episode }) => episode === 9 && cpSync(at('whole.run'), at('search.run'), { recursive: true }),
    report: {
      log() {},
      progress: (stage, done, total) =>
        stage === 'finetune' &&
        done < total &&
        existsSync(at('whole.run/checkpoint/finetune.safetensors')) &&
        cpSync(at('whole.run'), at('finetune.run'), { recursive: true }),
    },
  })
  await appendFile(at('search.run/episodes.jsonl'), '{"episode":10,"sou')
  const expected = await read('whole.run/episodes.jsonl')
  const file = await readFile(at('whole.onnx'))
  for (const name of ['search', 'finetune']) {
    await rm(at('whole.onnx'), { force: true })
    const lines: string[] = []
    const resumed = await prune({
      ...job('whole'),
      run: at(`${name}.run`),
      resume: true,
      report: { log: (line) => void lines.push(line), progress() {} },
    })
    expect(lines.join('\n')).toMatch(name === 'search' ? /networks are known from before/ : /finetune: going on after \d+ steps/)
    expect(Buffer.from(resumed.bytes).equals(file), name).toBe(true)
    expect((await readFile(at('whole.onnx'))).equals(file), name).toBe(true)
    expect(await read(`${name}.run/episodes.jsonl`)).toBe(expected)
  }
  expect(resumedSummary(await prune({ ...job('whole'), resume: true }))).toEqual(resumedSummary(whole))
  await expect(prune({ ...job('whole'), resume: true, episodes: 19 })).rejects.toThrow(
    /run\.json: episodes: the run was begun with other settings: expected 18, found 19/,
  )
  const again = await prune(job('again'))
  expect(Buffer.from(again.bytes).equals(file)).toBe(true)
  expect(await read('again.run/episodes.jsonl')).toBe(expected)
})

const resumedSummary = ({ after, budgets, kept }: Awaited<ReturnType<typeof prune>>) => ({
  after: { ...after, latencyMs: 0 },
  budgets,
  kept,
})

test('interrupted, the command exits with 130 and its run goes on from there without being told again', async () => {
  const controller = new AbortController()
  const args = ['--run', at('stopped.run'), '--json', '--quiet']
  const begin = [
    'prune',
    trained.model,
    '--data',
    data,
    '--budget',
    'params<=30%',
    '--out',
    at('stopped.onnx'),
    '--episodes',
    '40',
    '--validation',
    '40',
    '--candidates',
    '2',
  ]
  const watching = setInterval(() => existsSync(at('stopped.run/episodes.jsonl')) && controller.abort(), 5)
  const stopped = await espalier([...begin, ...args], controller.signal)
  clearInterval(watching)
  expect(stopped.stderr).toMatch(/interrupted.*--resume --run/)
  expect(stopped.code).toBe(130)
  expect(existsSync(at('stopped.onnx'))).toBe(false)
  const refused = await espalier([...begin, ...args])
  expect(refused.stderr).toMatch(/holds an unfinished run.*--resume/)
  expect(refused.code).toBe(2)
  const resumed = await espalier(['prune', '--resume', ...args])
  expect(resumed.stderr).toBe('')
  expect(resumed.code).toBe(0)
  expect(resumed.json()).toMatchObject({ episodes: 40, model: at('stopped.onnx') })
})

test('what an interrupted run left in a folder that was not named is gone on with, or set aside for other settings', async () => {
  const options = { ...job('default'), replace: true, finetune: 0, episodes: 8 }
  const controller = new AbortController()
  const stopped = prune({ ...options, signal: controller.signal, onEpisode: ({ episode }) => episode === 3 && controller.abort() })
  await expect(stopped).rejects.toMatchObject({ name: 'AbortedError' })
  expect(JSON.parse(await read('default.run/run.json'))).toMatchObject({ status: 'interrupted' })
  const left = await read('default.run/episodes.jsonl')

  const lines: string[] = []
  const report = { log: (line: string) => void lines.push(line), progress() {} }
  await prune({ ...options, seed: 1, report })
  expect(lines.join('\n')).toContain(`an unfinished run with other settings is kept as ${at('default.run.1')}`)
  expect(await read('default.run.1/episodes.jsonl')).toBe(left)

  await rm(at('default.run'), { recursive: true })
  cpSync(at('default.run.1'), at('default.run'), { recursive: true })
  lines.length = 0
  await prune({ ...options, report })
  expect(lines.join('\n')).toMatch(/going on with the unfinished run of the same settings.*networks are known from before/s)
  expect((await read('default.run/episodes.jsonl')).startsWith(left)).toBe(true)
})

test('nothing that was judged is lost: runs that failed, that are done, that start from their own best network, that another command has', async () => {
  const lines: string[] = []
  const report = { log: (line: string) => void lines.push(line), progress() {} }
  const said = () => lines.splice(0).join('\n')
  const options = { ...job('kept'), run: at('kept.run'), replace: true, finetune: 0, episodes: 8, finalists: 2, report }
  const judged = async (name: string) => (await read(`${name}/episodes.jsonl`)).split('\n').filter((line) => !line.includes('finalist'))
  let asked = 0
  const flaky = { name: 'flaky', limit: 1, cost: () => (existsSync(at('kept.run/episodes.jsonl')) && ++asked === 1 ? Number.NaN : 0) }
  await expect(prune({ ...options, budgets: [...options.budgets, flaky] })).rejects.toThrow(/flaky/)
  expect(JSON.parse(await read('kept.run/run.json'))).toMatchObject({ status: 'failed' })
  const failed = await read('kept.run/episodes.jsonl')
  await prune({ ...options, budgets: [...options.budgets, flaky] })
  expect(said()).toContain('going on with the unfinished run')
  expect((await read('kept.run/episodes.jsonl')).startsWith(failed)).toBe(true)

  // Another search sets that one aside; other training keeps it, and the same command finds what it made.
  await prune(options)
  expect(said()).toContain(`with other settings is kept as ${at('kept.run.1')}`)
  const first = await judged('kept.run')
  await prune({ ...options, finetune: 1 })
  expect(said()).toMatch(/what was judged is known from there.*6 networks are known from before/s)
  expect(await judged('kept.run')).toEqual(first)
  expect(await judged('kept.run.2')).toEqual(first)
  const bytes = await readFile(at('kept.onnx'))
  await prune({ ...options, finetune: 1 })
  expect(said()).toContain('the run of the same settings is there already')
  expect((await readFile(at('kept.onnx'))).equals(bytes)).toBe(true)

  // Its own best network, which is moved away before the search begins, and is there no more when it is gone on with.
  const own = { ...options, warmStart: at('kept.run/best.json') }
  const controller = new AbortController()
  const stopped = prune({ ...own, signal: controller.signal, onEpisode: ({ episode }) => episode === 2 && controller.abort() })
  await expect(stopped).rejects.toMatchObject({ name: 'AbortedError' })
  expect(await judged('kept.run.3')).toEqual(first)
  const best = await read('kept.run.3/best.json')
  expect(await read('kept.run/warm-start.json')).toBe(best)
  await expect(prune({ ...own, onEpisode: () => expect(prune(own)).rejects.toThrow(/under way/) as never })).resolves.toBeDefined()
  expect(existsSync(at('kept.run.lock'))).toBe(false)
})

test('damaged records are told with their place, and what to do', async () => {
  const options = { ...job('damaged'), run: at('damaged.run'), finetune: 0, episodes: 6, finalists: 1, resume: true }
  await prune({ ...options, resume: false })
  const good = { run: await read('damaged.run/run.json'), episodes: await read('damaged.run/episodes.jsonl') }
  await rm(at('damaged.onnx'))
  const lines = good.episodes.trimEnd().split('\n')
  const third = JSON.parse(lines[2]) as Record<string, unknown>
  const rubbish: [unknown, RegExp][] = [
    [null, /found null/],
    [{}, /line 3: episode/],
    [[], /found \[\]/],
    [5, /found 5/],
    ['x', /found "x"/],
    [{ ...third, widths: null }, /line 3: widths/],
    [{ ...third, widths: {} }, /line 3: widths/],
    [{ ...third, costs: undefined }, /line 3: costs: .*found nothing/],
    [{ ...third, source: 'me' }, /line 3: source: .*found "me"/],
    [{ ...third, accuracy: '0.5' }, /line 3: accuracy/],
    [JSON.parse(lines[1]), /line 3/],
  ]
  for (const [line, told] of rubbish) {
    await writeFile(at('damaged.run/episodes.jsonl'), lines.with(2, JSON.stringify(line)).join('\n') + '\n')
    const error = await prune(options).catch((error: Error) => error as never)
    expect(error, JSON.stringify(line)).toMatchObject({ name: 'InputError', message: expect.stringContaining('episodes.jsonl: line 3') })
    expect(String(error)).toMatch(told)
  }
  await writeFile(at('damaged.run/episodes.jsonl'), good.episodes.slice(0, good.episodes.indexOf('\n', 10) + 1))
  for (const record of [
    'null',
    '5',
    '[]',
    '{}',
    JSON.stringify({ ...(JSON.parse(good.run) as object), settings: null }),
    good.run.replace('"done"', '"?"'),
  ]) {
    await writeFile(at('damaged.run/run.json'), record)
    await expect(prune(options), record).rejects.toThrow(/run\.json: .*not the record of a run/)
  }
  await writeFile(at('damaged.run/run.json'), good.run)
  await prune(options)
  expect(await read('damaged.run/episodes.jsonl')).toBe(good.episodes)
})

test('what would fail at the end is told before the work', async () => {
  await expect(prune({ ...job('same'), run: at('same.onnx') })).rejects.toThrow(/same\.onnx: --out: is the folder of the run itself/)
  await expect(prune({ ...job('local'), episodes: 12, localSearch: 9, finalists: 3 })).rejects.toThrow(
    /--local-search: leaves none of the episodes to the search: expected less than the 12 of --episodes without 3 for the finalists, found 9/,
  )
})

test('a device that is lost ends the run with what it says, and another goes on with it', async () => {
  const options = { ...job('lost'), run: at('lost.run'), finetune: 0, episodes: 8 }
  const gpu = await acquireGpu()
  const lost = prune({ ...options, gpu, onEpisode: ({ episode }) => episode === 3 && gpu.device.destroy() })
  await expect(lost).rejects.toMatchObject({
    name: 'GpuError',
    message: expect.stringMatching(/lost.*; --resume --run .*lost\.run goes on/s),
  })
  expect(JSON.parse(await read('lost.run/run.json'))).toMatchObject({ status: 'failed' })
  const { episodes, after } = await prune({ ...options, resume: true })
  expect({ episodes, ...after }).toMatchObject({ episodes: 8, params: JSON.parse(await read('lost.run/run.json')).result.after.params })
})

test('a misspelt option in code is told', async () => {
  const misspelt = { ...job('misspelt'), episods: 3 }
  await expect(prune(misspelt)).rejects.toThrow(/^episods: no such option: expected one of normalize, .*episodes/)
  await expect(prune({ ...job('list'), budgets: 'params<=50%' as never })).rejects.toThrow(
    /budgets: not a list: expected \['params<=50%'\]/,
  )
})

test('nothing of the user’s is replaced: files in the folder for records, the model itself, the teacher', async () => {
  await mkdir(at('mine/checkpoint'), { recursive: true })
  await writeFile(at('mine/checkpoint/model.pt'), 'precious')
  await expect(prune({ ...job('mine'), run: at('mine') })).rejects.toThrow(/mine: --run: holds what no run wrote: .*found checkpoint/)
  expect(await readdir(at('mine'))).toEqual(['checkpoint'])
  expect(await read('mine/checkpoint/model.pt')).toBe('precious')
  await expect(prune({ ...job('over'), out: trained.model })).rejects.toThrow(/--out: is the model itself, which would be lost/)
  await expect(finetune({ model: trained.model, data, out: trained.model, teacher: trained.model })).rejects.toThrow(
    /is the teacher itself/,
  )
})

test('a budget of one’s own that is a step function is kept on the written file, and sees what it is told', async () => {
  const seen: number[] = []
  const cost = async (candidate: { widths: Record<string, number>; onnx(): Uint8Array; layers: readonly object[] }) => {
    seen.push(candidate.onnx().length)
    return Object.values(candidate.widths).reduce((sum, width) => sum + Math.ceil(width / 8), 0)
  }
  const result = await prune({ ...job('step'), budgets: [{ name: 'tiles', limit: 9, cost }], finetune: 0, run: undefined })
  expect(result.budgets).toEqual([
    {
      budget: 'tiles',
      limit: 9,
      value: Object.values(result.kept).reduce((sum, units) => sum + Math.ceil(units.length / 8), 0),
      met: true,
    },
  ])
  expect(seen.at(-1)).toBe(result.bytes.length)
})

test('a budget that no network keeps is told with the nearest value, before any search', async () => {
  const episodes: EpisodeRecord[] = []
  const failing = prune({
    ...job('none'),
    budgets: ['params<=50%', { name: 'watts', limit: 1, cost: () => 2 }],
    onEpisode: (episode) => episodes.push(episode),
  })
  await expect(failing).rejects.toThrow(UnreachableError)
  await expect(failing).rejects.toMatchObject({ nearest: [{ budget: 'params<=50%' }, { budget: 'watts', limit: 1, nearest: 2 }] })
  expect(episodes).toEqual([])
  expect((await readdir(at('.'))).filter((name) => name.startsWith('none'))).toEqual([])
})

test.each([
  ['uniform', 'taylor'],
  ['random', 'entropy'],
  ['global-l1', 'l2'],
  ['greedy', 'l1'],
  ['crl-fine', 'fpgm'],
  ['amc', 'bn'],
  ['entropy', 'l1'],
] as const)('%s by %s keeps the budgets, rounded widths and layers that must stay', async (method, criterion) => {
  const { kept, after, before, episodes } = await prune({
    ...job(method),
    method,
    criterion,
    budgets: ['bytes<=60%', 'memory<=90%'],
    roundTo: 4,
    keep: ['conv3'],
    finetune: 0,
    run: undefined,
    episodes: 6,
  })
  expect(after.bytes).toBeLessThanOrEqual(0.6 * before.bytes)
  expect(after.memory).toBeLessThanOrEqual(0.9 * before.memory)
  for (const units of Object.values(kept)) expect(units.length % 4).toBe(0)
  expect(kept.conv3).toBeUndefined()
  expect(episodes).toBeLessThanOrEqual(6)
})

test.each([
  ['crl', 'weights'],
  ['crl-fine', 'filters'],
  ['global-l1', 'weights'],
  ['greedy', 'weights'],
] as const)('single weights by %s: %s go to zero and stay there, and the network keeps its shape', async (method, unit) => {
  const { graph, before, after, kept, budgets, pruned } = await prune({
    ...job(`weights-${method}`),
    structure: 'weights',
    method,
    budgets: ['weights<=20%'],
    keep: ['fc'],
  })
  expect(budgets).toMatchObject([{ budget: 'weights<=20%', met: true }])
  expect(after).toMatchObject({ params: before.params, macs: before.macs, bytes: before.bytes })
  expect(after.weights).toBeLessThanOrEqual(0.2 * before.weights)
  expect(after.accuracy).toBeGreaterThanOrEqual(pruned.accuracy - 0.05)
  expect(kept).toEqual({})
  // What is written is what was promised: counted in the file, layer by layer.
  const { layers } = nonZeroWeights(await importOnnx(await readFile(at(`weights-${method}.onnx`))))
  expect(layers.at(-1)).toMatchObject({ name: 'fc', count: 640, nonZero: 640 })
  const { widths } = JSON.parse(await read(`weights-${method}.run/best.json`)) as { widths: Record<string, number> }
  for (const { name, count, nonZero } of layers.slice(0, -1)) {
    const filters = graph.initializers.get(graph.nodes.find((node) => node.name === name)!.inputs[1])!.dims[0]
    expect(nonZero, name).toBe(unit === 'weights' ? widths[name] : (widths[name] * count) / filters)
  }
  expect(await read(`weights-${method}.run/report.html`)).toContain('<svg')
})

test('rounds tighten the budgets; killed in the second round and resumed, a run ends in the same file', async () => {
  const three = { ...job('rounds'), rounds: 3, episodes: 15, finetune: 3, finalists: 1, localSearch: 1, budgets: ['params<=20%'] }
  let seen = 0
  const copyLater = () => ++seen === 8 && cpSync(at('rounds.run'), at('killed.run'), { recursive: true })
  const whole = await prune({ ...three, onEpisode: copyLater })
  expect(whole.episodes).toBe(15)
  const sizes = await Promise.all(
    [1, 2].map(async (round) => costOf(await importOnnx(await readFile(at(`rounds.run/rounds/${round}.onnx`)))).params),
  )
  const { params } = whole.before
  for (const [i, size] of sizes.entries()) expect(size).toBeLessThanOrEqual(params * 0.2 ** ((i + 1) / 3))
  expect(sizes[1]).toBeLessThan(sizes[0])
  expect(whole.after.params).toBeLessThanOrEqual(0.2 * params)
  // Indices of the original network: of each layer as many as the result has.
  const groups = channelGroups(await importOnnx(await readFile(trained.model)))
  for (const { id, channels, channels: least } of channelGroups(whole.graph)) {
    const kept = whole.kept[id]
    expect(kept?.length ?? least, id).toBe(channels)
    for (const index of kept ?? []) expect(index).toBeLessThan(groups.find((group) => group.id === id)!.channels)
  }
  const file = await readFile(at('rounds.onnx'))
  await rm(at('rounds.onnx'))
  const resumed = await prune({ ...three, run: at('killed.run'), resume: true })
  expect(Buffer.from(resumed.bytes).equals(file)).toBe(true)
  expect(resumed.kept).toEqual(whole.kept)
})

test('re-fitted, the pruned network is better before fine-tuning, within the same budgets', async () => {
  const uniform = { ...job('refit'), method: 'uniform', episodes: 1, budgets: ['params<=50%'], finetune: 0, run: undefined } as const
  const plain = await prune({ ...uniform, recalibrate: false, refit: false })
  const refitted = await prune({ ...uniform, recalibrate: false })
  expect(refitted.kept).toEqual(plain.kept)
  expect(refitted.after.params).toBe(plain.after.params)
  expect(refitted.pruned.accuracy).toBeGreaterThan(plain.pruned.accuracy + 0.1)
})

test('training that is interrupted and resumed ends in the same file, on whatever number of threads', async () => {
  const controller = new AbortController()
  const args = (out: string) => ['train', 'tiny', '--data', data, '--epochs', '2', '--batch', '20', '--out', at(out), '--quiet']
  const watching = setInterval(() => existsSync(at('trained.run/run.json')) && controller.abort(), 5)
  const one = ['--adapter', 'cpu', '--threads', '1', '--run', at('trained.run')]
  expect((await espalier([...args('trained.onnx'), ...one], controller.signal)).code).toBe(130)
  clearInterval(watching)
  expect(JSON.parse(await read('trained.run/run.json'))).toMatchObject({ status: 'interrupted', threads: 1 })
  expect(existsSync(at('trained.onnx'))).toBe(false)
  const two = ['--adapter', 'cpu', '--threads', '2', '--run', at('trained.run')]
  expect((await espalier([...args('trained.onnx'), ...two, '--resume'])).code).toBe(0)
  expect(JSON.parse(await read('trained.run/run.json'))).toMatchObject({ status: 'done', threads: 2 })
  expect((await espalier([...args('plain.onnx'), '--adapter', 'cpu', '--threads', '3'])).code).toBe(0)
  expect((await readFile(at('trained.onnx'))).equals(await readFile(at('plain.onnx')))).toBe(true)
  expect(existsSync(at('plain.run'))).toBe(false)
})

test('fine-tuning learns from a teacher', async () => {
  await writeFile(at('tune.json'), JSON.stringify({ epochs: 1, batch: 20, teacher: trained.model, 'teacher-weight': 0.5 }))
  const { code, json } = await espalier([
    'finetune',
    trained.model,
    '--data',
    data,
    '--config',
    at('tune.json'),
    '--out',
    at('tuned.onnx'),
    '--json',
    '--quiet',
  ])
  expect(code).toBe(0)
  expect(json()).toMatchObject({ model: at('tuned.onnx'), images: 200, epochs: [{ epoch: 1 }] })
})
