/**
 * `npm run bench -- [--adapter lavapipe|swiftshader|hardware|<name>] [--only forward,training-resnet20,masked,gemm,policy,checks,surgery,search,rl,kernels] [--seconds 30] [--dry]`
 *
 * Every runtime is a process of its own; they take turns, round by round, in alternating order, so that what disturbs
 * the machine disturbs all of them. Results go to benchmarks/results; cases that were not run keep their older figures.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { breakDown, byOperation, compileFor } from './breakdown.js'
import { ceilings } from './ceilings.js'
import { type Arm, type Comparison, comparisons } from './comparisons.js'
import type { Measurement } from './contenders/contender.js'
import { preferred, surroundings } from './environment.js'
import { networks } from './network.js'
import { type Process, startProcess } from './process.js'
import { type ArmResult, type Check, type ComparisonResult, digits, type KernelFigures, markdown, type Results } from './report.js'
import { measureRl } from './rl.js'
import { searches } from './search.js'
import { disagreement, paired, quantile, summarise } from './statistics.js'
import { measureSurgery } from './surgery.js'

const { values: options } = parseArgs({
  options: {
    adapter: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    dry: { type: 'boolean', default: false },
  },
})
const prefer = preferred(options.adapter)
const chosen = options.only?.split(',')
const extra = ['checks', 'surgery', ...Object.keys(searches), 'rl', 'kernels']
/** `forward` stands for all of `forward-resnet20` and so on. */
const matches = (name: string, id: string) => id === name || id.startsWith(`${name}-`)
const wanted = (id: string) => chosen === undefined || chosen.some((name) => matches(name, id))
const unknown = chosen?.filter((name) => [...extra, ...comparisons.map(({ id }) => id)].every((id) => !matches(name, id)))
if (unknown?.length)
  throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${[...comparisons.map(({ id }) => id), ...extra].join(', ')}`)
const budget = Number(options.seconds) * 1000
const leastRounds = 3
const mostRounds = 20
/** Largest difference between runtimes, relative to the largest value. */
const tolerance = 1e-3

const processes = new Map<string, Process>()
const versions: Record<string, string> = {}
let adapter = ''

async function runtimeOf(name: string): Promise<Process> {
  let started = processes.get(name)
  if (!started) {
    started = startProcess(name, prefer, 900_000)
    processes.set(name, started)
    const about = await started.describe()
    Object.assign(versions, about.versions)
    adapter ||= about.adapter
    if (about.adapter !== adapter) throw new Error(`${name} runs on '${about.adapter}', the others on '${adapter}'`)
  }
  return started
}

async function compare({ title, arms, flops }: Comparison, kind: 'hardware' | 'software'): Promise<ComparisonResult> {
  const here = surroundings()
  console.log(`\n${title} (load ${here.load}${here.load > 1 ? ': the machine is busy' : ''})`)
  const runs = await Promise.all(arms.map(async (arm) => ({ arm, process: await runtimeOf(arm.runtime), rounds: [] as Measurement[] })))
  let worst = 0
  let reference: number[] | undefined
  for (const { arm, process } of runs) {
    const start = performance.now()
    await process.prepare(arm.case)
    const outputs = await process.outputs(arm.case)
    if (outputs && reference) {
      const each = disagreement(outputs, reference)
      if (!(each <= tolerance)) throw new Error(`${title}: ${arm.label} differs from ${arms[0].label} by ${each}, more than ${tolerance}`)
      worst = Math.max(worst, each)
    }
    reference ??= outputs
    // The comparison was a warm-up already; one more run, so that pools and caches are as in the runs that follow, unless it takes minutes.
    if (performance.now() - start < 60_000) await process.once(arm.case)
    console.log(`  ${arm.label.padEnd(20)} ready after ${digits((performance.now() - start) / 1000)} s`)
  }
  const start = performance.now()
  for (let round = 0; round < mostRounds; round++) {
    if (round >= leastRounds && performance.now() - start > budget) break
    for (const run of round % 2 ? [...runs].reverse() : runs) run.rounds.push(await run.process.once(run.arm.case))
  }
  for (const { arm, process } of runs) await process.dispose(arm.case)
  const results = runs.map(({ arm, rounds }): ArmResult => {
    const times = rounds.map(({ ms }) => ms)
    const names = Object.keys(rounds[0]).filter((name) => name !== 'ms')
    const also = Object.fromEntries(
      names.map((name) => [
        name,
        quantile(
          rounds.map((each) => each[name]),
          0.5,
        ),
      ]),
    )
    return { label: arm.label, rounds: times, time: summarise(times), also }
  })
  const ratios = arms.slice(1).map((arm: Arm, i) => ({
    label: arm.label,
    ratio: summarise(paired(results[i + 1].rounds, results[0].rounds)),
    goal: arm.goal?.[kind],
  }))
  for (const { label, time } of results) {
    const ratio = ratios.find((each) => each.label === label)
    const against = ratio ? `, ${digits(ratio.ratio.median)} times ours${ratio.goal ? ` (goal ${ratio.goal})` : ''}` : ''
    const speed = flops ? `, ${digits(flops / time.median / 1e6)} GFLOPS` : ''
    console.log(
      `  ${label.padEnd(20)} ${digits(time.median)} ms (${digits(time.low)} .. ${digits(time.high)}, ${time.count} rounds)${speed}${against}`,
    )
  }
  return { ...here, title, flops, arms: results, ratios, disagreement: reference ? worst : undefined }
}

/** Figures of ours alone: host time of a step, and memory. */
async function checkAll(): Promise<Check[]> {
  const ours = await runtimeOf('espalier')
  const checks: Check[] = []
  const add = (check: Omit<Check, keyof ReturnType<typeof surroundings>>) => {
    checks.push({ ...surroundings(), ...check })
    console.log(
      `  ${check.title}: ${digits(check.value)} ${check.unit}${check.limit === undefined ? '' : ` (limit ${check.limit})`}, ${check.detail}`,
    )
  }
  console.log('\nchecks')
  await ours.prepare('training cifar4')
  for (let i = 0; i < 3; i++) await ours.once('training cifar4')
  const host: number[] = []
  for (let i = 0; i < 10; i++) host.push((await ours.once('training cifar4')).hostMs)
  await ours.dispose('training cifar4')
  const { median, low, high } = summarise(host)
  add({
    title: 'host time of a training step',
    value: median,
    unit: 'ms',
    limit: 2,
    detail: `quartiles ${digits(low)} .. ${digits(high)} of ${host.length}`,
  })
  for (const what of ['forward', 'training'].flatMap((pass) => Object.keys(networks).map((id) => `${pass} ${id}`))) {
    await ours.prepare(`memory, ${what}`)
    const { ratio, peakBytes, planBytes, arenaBytes, lowerBoundBytes, leftBytes } = await ours.once(`memory, ${what}`)
    await ours.dispose(`memory, ${what}`)
    const mib = (bytes: number) => `${digits(bytes / 2 ** 20)} MiB`
    const detail = `peak ${mib(peakBytes)}, plan ${mib(planBytes)} (live activations alone ${mib(lowerBoundBytes)}), left after destroy ${mib(leftBytes)}`
    add({ title: `peak memory over the plan's, ${what}`, value: ratio, unit: '', limit: 1.1, detail })
    add({
      title: `planned activations over the greatest live set, ${what}`,
      value: arenaBytes / lowerBoundBytes,
      unit: '',
      limit: 1.2,
      detail: '',
    })
  }
  return checks
}

/** Our operations one by one, against what the adapter can do at most. */
async function measureKernels(gpu: Gpu): Promise<KernelFigures> {
  const here = surroundings()
  console.log('\nkernels')
  const { fma, copy } = await ceilings(gpu)
  console.log(`  ceilings: ${digits(fma)} GFLOPS of multiply-adds in registers, ${digits(copy)} GB/s of a copy`)
  const rows: KernelFigures['rows'][number][] = []
  for (const network of Object.values(networks))
    for (const pass of ['forward', 'training'] as const) {
      const found = await breakDown(gpu, () => compileFor(gpu, network, pass), 3)
      const sum = found.calls.reduce((total, { ms }) => total + ms, 0)
      console.log(`  ${network.title}, ${pass}: ${digits(found.whole)} ms, ${found.dispatches} dispatches`)
      const dear = byOperation(found).filter(({ ms }) => ms >= 0.01 * sum)
      rows.push(...dear.map((row) => ({ case: `${network.title}, ${pass}, ${network.batch} images`, share: row.ms / sum, ...row })))
    }
  return { ...here, fma, copy, rows }
}

/** New figures in the place of those of the same title. */
const merged = (before: readonly Check[], fresh: readonly Check[]): Check[] => [
  ...before.filter(({ title }) => fresh.every((each) => each.title !== title)),
  ...fresh,
]

async function main(): Promise<void> {
  const gpu = await acquireGpu({ prefer })
  const { name, kind, source } = gpu.info
  adapter = name
  const { cpu, load, commit } = surroundings()
  console.log(`${name} (${kind}, ${source}), ${cpu}, load ${load}, commit ${commit}`)
  const folder = join(import.meta.dirname, '..', 'results')
  const short = /llvmpipe/i.test(name)
    ? 'lavapipe'
    : /swiftshader/i.test(name)
      ? 'swiftshader'
      : name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const path = join(folder, short)
  const before: Results | undefined = existsSync(`${path}.json`) ? JSON.parse(readFileSync(`${path}.json`, 'utf8')) : undefined
  const fresh = new Map<string, ComparisonResult>()
  let checks = before?.checks ?? []
  let kernels = before?.kernels
  // After every case: a long run that is interrupted keeps what it has.
  const write = () => {
    if (options.dry) return
    const merged = comparisons.flatMap(({ title }) => fresh.get(title) ?? before?.comparisons.find((each) => each.title === title) ?? [])
    const results: Results = {
      adapter: name,
      kind,
      source,
      versions: { ...before?.versions, ...versions },
      comparisons: merged,
      checks,
      kernels,
    }
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${path}.json`, `${JSON.stringify(results, null, 2)}\n`)
    writeFileSync(`${path}.md`, markdown(results))
    // The repository's formatter has its own mind about JSON.
    spawnSync('npx', ['biome', 'format', '--write', `${path}.json`], { stdio: 'ignore', shell: process.platform === 'win32' })
    console.log(`  written to benchmarks/results/${short}.json and .md`)
  }
  try {
    for (const comparison of comparisons) {
      if (!wanted(comparison.id)) continue
      fresh.set(comparison.title, await compare(comparison, kind))
      write()
    }
    if (wanted('checks')) {
      checks = merged(checks, await checkAll())
      write()
    }
    if (wanted('surgery')) {
      checks = merged(checks, await measureSurgery())
      write()
    }
    if (wanted('rl')) {
      checks = merged(checks, await measureRl(gpu))
      write()
    }
    for (const process of processes.values()) process.end()
    for (const [id, measure] of Object.entries(searches)) {
      if (!wanted(id)) continue
      checks = merged(checks, await measure(gpu))
      write()
    }
    if (wanted('kernels')) {
      kernels = await measureKernels(gpu)
      write()
    }
  } finally {
    gpu.close()
    for (const process of processes.values()) process.end()
  }
}

await main()
