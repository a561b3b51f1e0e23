/**
 * `npm run bench -- [--adapter lavapipe|swiftshader|cpu|hardware|<name>] [--only forward,training-resnet20,masked,gemm,policy,checks,surgery,search,rl,kernels] [--seconds 30] [--dry]`
 * `npm run bench -- --adapter cpu [--threads N] [--python PATH] [--only ceiling,convolutions,forward,training,candidate,threads,start,...]`
 *
 * Every runtime is a process of its own; they take turns, round by round, in alternating order, so that what disturbs
 * the machine disturbs all of them. Results go to benchmarks/results; cases that were not run keep their older figures.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { breakDown, byOperation, compileFor } from './breakdown.js'
import { ceilings } from './ceilings.js'
import { checkAll } from './checks.js'
import { compare } from './compare.js'
import { comparisons as onAdapter } from './comparisons.js'
import { cpuComparisons } from './cpu-comparisons.js'
import { surroundings } from './environment.js'
import { networks } from './network.js'
import { type Check, type ComparisonResult, digits, type KernelFigures, markdown, type Results } from './report.js'
import { measureRl } from './rl.js'
import { createRuntimes } from './runtimes.js'
import { searches } from './search.js'
import { measureStart } from './start-up.js'
import { measureSurgery } from './surgery.js'

const { values: options } = parseArgs({
  options: {
    adapter: { type: 'string' },
    only: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    dry: { type: 'boolean', default: false },
    threads: { type: 'string' },
    python: { type: 'string' },
    peers: { type: 'string' },
  },
})
const threads = Number(options.threads ?? availableParallelism())
if (!Number.isInteger(threads) || threads < 1) throw new Error(`--threads: expected a number from 1, found '${options.threads}'`)
const { adapter: prefer } = options
const gpu = await acquireGpu({ prefer, threads })
const { peers = gpu.info.kind === 'cpu' ? 'cpu' : 'adapter', python } = options
if (peers !== 'cpu' && peers !== 'adapter') throw new Error(`--peers: expected cpu or adapter, found '${peers}'`)
/** Against what else computes on the processor; otherwise against what runs on the same adapter. */
const onCpu = peers === 'cpu'
if (!onCpu && (options.threads || python))
  throw new Error('--threads and --python are for the peers of the CPU (--adapter cpu, or --peers cpu)')
const settings = onCpu ? { prefer, threads, python } : { prefer }
const comparisons = onCpu ? cpuComparisons(settings) : onAdapter

const chosen = options.only?.split(',')
const extra = ['start', 'checks', 'surgery', ...Object.keys(searches), 'rl', 'kernels']
/** What is not asked for by name: against the processor's peers, only what says something about it. */
const usual = onCpu ? ['start', 'checks'] : extra.slice(1)
/** `forward` stands for all of `forward-resnet20` and so on. */
const matches = (name: string, id: string) => id === name || id.startsWith(`${name}-`)
const wanted = (id: string) => chosen?.some((name) => matches(name, id)) ?? (usual.includes(id) || !extra.includes(id))
const unknown = chosen?.filter((name) => [...extra, ...comparisons.map(({ id }) => id)].every((id) => !matches(name, id)))
if (unknown?.length)
  throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${[...comparisons.map(({ id }) => id), ...extra].join(', ')}`)
const budget = Number(options.seconds) * 1000

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

function nameOfFile(name: string, kind: string): string {
  if (kind === 'cpu') return 'cpu'
  if (/llvmpipe/i.test(name)) return 'lavapipe'
  return /swiftshader/i.test(name) ? 'swiftshader' : name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

async function main(): Promise<void> {
  const { name, kind, source } = gpu.info
  const { cpu, load, commit } = surroundings()
  console.log(`${name} (${kind}, ${source}), ${onCpu ? `${threads} threads, ` : ''}${cpu}, load ${load}, commit ${commit}`)
  const runtimes = createRuntimes(settings, onCpu ? undefined : name)
  const folder = join(import.meta.dirname, '..', 'results')
  const short = `${nameOfFile(name, kind)}${onCpu && kind !== 'cpu' ? '-among-cpu-peers' : ''}`
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
      versions: { ...before?.versions, ...gpu.info.versions, ...runtimes.versions },
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
  const checking = async (id: string, measure: () => Promise<Check[]>) => {
    if (!wanted(id)) return
    checks = merged(checks, await measure())
    write()
  }
  try {
    for (const comparison of comparisons) {
      if (!wanted(comparison.id)) continue
      fresh.set(comparison.title, await compare(comparison, runtimes, kind, budget))
      write()
    }
    await checking('start', () => measureStart(settings))
    await checking('checks', async () => checkAll((await runtimes.of({ runtime: 'espalier' }))!))
    await checking('surgery', measureSurgery)
    await checking('rl', () => measureRl(gpu))
    runtimes.end()
    for (const [id, measure] of Object.entries(searches)) await checking(id, () => measure(gpu))
    if (wanted('kernels')) {
      kernels = await measureKernels(gpu)
      write()
    }
  } finally {
    gpu.close()
    runtimes.end()
  }
}

await main()
