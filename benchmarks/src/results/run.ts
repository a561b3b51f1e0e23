/**
 * `npm run results -w benchmarks -- [--matrix small|full|FILE.json] [--only TEXT,...] [--dry-run] [--again] [--adapter NAME] [--scale 1]
 * [--cifar DIR] [--fashion DIR] [--data-root DIR] [--work DIR]`: runs a matrix of models, methods, budgets and seeds through the public command line and
 * writes the tables of docs/results.md.
 *
 * A run that is in the records is not run again, so a runner that was ended goes on where it was. Networks are kept in --work (benchmarks/results/models)
 * and made where they are absent. `--scale` cuts epochs, episodes, images, data and widths, to try whether every command runs; its records and tables stay in --work.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { preferred, surroundings } from '../environment.js'
import { argumentsOf, expand, type Job, type Matrix, type Paths, placeholdersIn } from './matrix.js'
import { duration, expectedSeconds, newest, parseRecords, pendingJobs, type RunRecord, type RunResult } from './records.js'
import { insert, page } from './tables.js'

const { values: options } = parseArgs({
  options: {
    matrix: { type: 'string', default: 'small' },
    only: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    adapter: { type: 'string' },
    scale: { type: 'string', default: '1' },
    cifar: { type: 'string' },
    fashion: { type: 'string' },
    'data-root': { type: 'string' },
    work: { type: 'string' },
  },
})

/** Bundled to benchmarks/dist. */
const benchmarks = join(import.meta.dirname, '..')
const root = join(benchmarks, '..')
/** Paths of the user are relative to where npm was called. */
const given = (path: string) => resolve(process.env.INIT_CWD ?? '.', path)

const scale = Number(options.scale)
const matrixFile = /\.json$/i.test(options.matrix) ? given(options.matrix) : join(benchmarks, 'results/matrix', `${options.matrix}.json`)
if (!existsSync(matrixFile)) throw new Error(`--matrix: expected small, full or a JSON file, found '${options.matrix}'`)
const matrix = JSON.parse(readFileSync(matrixFile, 'utf8')) as Matrix
const jobs = expand(matrix, scale)
const adapter = preferred(options.adapter)

const cache = options.work === undefined ? join(benchmarks, 'results/models') : given(options.work)
const work = scale === 1 ? cache : join(cache, `scale-${scale}`)
const shared = given(options['data-root'] ?? process.env.ESPALIER_SHARED ?? join(root, '../shared'))
const paths: Paths = {
  SHARED: shared,
  FASHION: options.fashion === undefined ? join(shared, 'data/fashion-mnist') : given(options.fashion),
  CIFAR: options.cifar === undefined ? undefined : given(options.cifar),
  MODELS: work,
}
const advice = { SHARED: '--data-root or ESPALIER_SHARED', FASHION: '--fashion', CIFAR: '--cifar', MODELS: '--work' }

const recordsFile = scale === 1 ? join(benchmarks, 'results', `${matrix.name}.jsonl`) : join(work, `${matrix.name}.jsonl`)
const records = existsSync(recordsFile) ? parseRecords(readFileSync(recordsFile, 'utf8'), recordsFile) : []
const inFile = (file: string) => argumentsOf(file, paths)[0]

/** Whatever is missing shows before anything runs. */
function checkPaths(pending: readonly Job[]): void {
  const wrong = [...new Set(pending.flatMap(({ command }) => placeholdersIn(command)))].flatMap((name) => {
    if (name === 'MODELS') return []
    const path = paths[name]
    if (path === undefined) return [`${name}: give its folder by ${advice[name]}`]
    return existsSync(path) ? [] : [`${name}: expected a folder, nothing is at ${path}; give it by ${advice[name]}`]
  })
  const files = [...new Set(pending.flatMap(({ command }) => command.match(/SHARED\/\S+/g) ?? []))]
    .map(inFile)
    .filter((file) => !existsSync(file))
  wrong.push(...files.map((file) => `nothing is at ${file}`))
  if (!existsSync(join(root, 'packages/cli/dist/bin.js'))) wrong.push('packages/cli/dist/bin.js is not there: npm run build')
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\n(--only TEXT runs a part of the matrix)`)
}

const versions = () => {
  const of = (name: string) => (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version
  const espalier = (JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as { version: string }).version
  return { espalier, node: process.versions.node, webgpu: of('webgpu') }
}

let running: ChildProcess | undefined
let stoppedAt: number | undefined
/** The command saves itself and ends; a second time, later, ends it at once (a terminal's signal may come twice: from it and from our parent). */
function stop(): void {
  const now = performance.now()
  if (stoppedAt === undefined) {
    stoppedAt = now
    console.log('\nstopping; what is done is kept')
    running?.kill('SIGINT')
  } else if (now - stoppedAt > 1000) running?.kill('SIGKILL')
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** In a process group of its own: a signal of the terminal reaches it through `stop` only. */
function runCommand(script: string, args: readonly string[]): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running = child
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-10_000)))
    child.on('error', fail).on('close', (status) => {
      running = undefined
      done({ status, stdout, stderr })
    })
  })
}

/** Where an interrupted training left its records, so that it can go on. */
function unfinished(job: Job): boolean {
  if (job.makes === undefined || (job.kind !== 'make' && job.kind !== 'finetune')) return false
  const file = join(inFile(job.makes).replace(/\.onnx$/, '.run'), 'run.json')
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { status: string }).status === 'running'
}

/** Machine's paths become placeholders again, so that records say the same everywhere. */
function withoutPaths(text: string): string {
  const known = Object.entries(paths).flatMap(([name, path]) => (path === undefined ? [] : [{ name, path }]))
  return known.sort((a, b) => b.path.length - a.path.length).reduce((result, { name, path }) => result.replaceAll(path, name), text)
}

/** What a command said went wrong, without the adapter's warnings and without the stack of an unexpected error. */
function complaint(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() && !/^\s+at |^Warning: |^Node\.js v/.test(line))
  return lines.slice(-3).join('\n')
}

/** The exit code of a budget that nothing keeps: a result like others. */
const unreachable = 3

async function carryOut(job: Job): Promise<RunRecord> {
  const here = surroundings()
  const [command, ...rest] = argumentsOf(job.command, paths)
  const script = command === 'signal' ? join(benchmarks, 'dist/signal.js') : join(root, 'packages/cli/dist/bin.js')
  const more = ['--json', ...(command === 'signal' ? [] : ['--quiet']), ...(adapter === undefined ? [] : ['--adapter', adapter])]
  const args = [...(command === 'signal' ? [] : [command]), ...rest, ...more]
  const start = performance.now()
  let resumed = unfinished(job)
  let ended = await runCommand(script, resumed ? [...args, '--resume'] : args)
  // Its settings or its adapter may be others now: from the beginning, then.
  if (resumed && ended.status === 2) {
    resumed = false
    ended = await runCommand(script, args)
  }
  const seconds = (performance.now() - start) / 1000
  const line = ended.stdout.trimEnd().split('\n').at(-1) ?? ''
  if ((ended.status !== 0 && ended.status !== unreachable) || !line.startsWith('{'))
    throw new Error(`ended with ${ended.status}: ${complaint(ended.stderr || ended.stdout)}`)
  const result = JSON.parse(withoutPaths(line)) as RunResult & { adapter?: string }
  const named = result.adapter ?? records.at(-1)?.adapter ?? options.adapter ?? ''
  return {
    name: job.name,
    kind: job.kind,
    command: job.command,
    seed: job.seed,
    adapter: named,
    versions: versions(),
    seconds,
    ...(resumed && { resumed }),
    ...here,
    result,
  }
}

function writeTables(): void {
  const content = page(matrix, jobs, newest(records), scale)
  if (scale !== 1 || /\.json$/i.test(options.matrix)) {
    const file = join(work, `${matrix.name}.md`)
    writeFileSync(file, `${content}\n`)
    console.log(`tables: ${file}`)
    return
  }
  const file = join(root, 'docs/results.md')
  writeFileSync(file, insert(readFileSync(file, 'utf8'), matrix.name, content))
}

/** What a finished run came to, in a few words. */
function inWords({ result, seconds }: RunRecord): string {
  const percent = (share: number | undefined) => (share === undefined ? '' : `, test accuracy ${(100 * share).toFixed(2)}%`)
  return `${duration(seconds)}${percent(result.pruned?.accuracy ?? result.accuracy)}${result.error ? `, ${result.error.split('\n')[0]}` : ''}`
}

async function main(): Promise<void> {
  const known = newest(records, adapter)
  const texts = options.only?.split(',').map((text) => text.trim().toLowerCase())
  const chosen = ({ name, command }: Job) => texts?.some((text) => `${name} ${command}`.toLowerCase().includes(text)) ?? true
  if (texts && !jobs.some(chosen)) throw new Error(`--only: no run of ${matrix.name} has ${texts.join(' or ')} in its name or command`)
  const again = (job: Job) => options.again && chosen(job)
  const done = new Map([...known].filter(([command]) => !jobs.some((job) => job.command === command && again(job))))
  const pending = pendingJobs(jobs, done, (file) => existsSync(inFile(file)), chosen)
  const finished = jobs.flatMap((job) => {
    const record = known.get(job.command)
    return record ? [{ job, seconds: record.seconds }] : []
  })
  const left = (from: number) => pending.slice(from).reduce<number>((sum, job) => sum + (expectedSeconds(job, finished) ?? Number.NaN), 0)
  const inTime = (seconds: number) => (Number.isFinite(seconds) ? `about ${duration(seconds)}` : 'time not known yet')
  console.log(`${matrix.name}: ${jobs.length} commands, ${pending.length} to be run, ${inTime(left(0))}`)
  if (options['dry-run']) {
    for (const job of pending) console.log(`${job.name}\n    espalier ${job.command}`)
    return
  }
  checkPaths(pending)
  mkdirSync(work, { recursive: true })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  const failed: string[] = []
  for (const [i, job] of pending.entries()) {
    if (stoppedAt !== undefined) break
    const missing = job.needs.filter((file) => !existsSync(inFile(file)))
    if (missing.length > 0) {
      failed.push(`${job.name}: ${missing.join(', ')} was not made`)
      continue
    }
    console.log(
      `[${i + 1}/${pending.length}] ${job.name} (${inTime(expectedSeconds(job, finished) ?? Number.NaN)}; ${inTime(left(i))} left)`,
    )
    try {
      const record = await carryOut(job)
      records.push(record)
      finished.push({ job, seconds: record.seconds })
      mkdirSync(dirname(recordsFile), { recursive: true })
      appendFileSync(recordsFile, `${JSON.stringify(record)}\n`)
      console.log(`    ${inWords(record)}`)
      writeTables()
    } catch (error) {
      if (stoppedAt !== undefined) break
      failed.push(`${job.name}: ${(error as Error).message}`)
      console.log(`    FAILED, ${(error as Error).message}`)
    }
  }
  if (pending.length === 0) writeTables()
  if (failed.length > 0) {
    console.error(`\n${failed.length} failed:\n${failed.join('\n')}`)
    process.exitCode = 1
  }
  if (stoppedAt !== undefined) process.exitCode = 130
}

await main().catch((error: unknown) => {
  console.error(`results: ${(error as Error).message}`)
  process.exitCode = 1
})
