// `npm run cases -w packages/rl -- [--only cmdp1,cpo] [--seeds 5] [--jobs 2] [--again]`: trains every algorithm on every problem that is fair to it,
// judges it as the problem's file asks, keeps what was found in cases.jsonl and writes the table of the README. Hours for all of it; not part of the
// tests. Runs that cases.jsonl has are left as they are unless `--again`: after a change of an algorithm, its figures have to be made anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { learn } from '../learn.js'
import { baseline, median, optionsOf, type Pair, pairs, problemOf } from './judge.js'

/** One seed of one pair. */
interface Run extends Pair {
  readonly seed: number
  /** Average over the policies at the end of the training, and the last policy. */
  readonly return: number
  readonly costs: readonly number[]
  readonly lastReturn: number
  readonly lastCosts: readonly number[]
  readonly passed: boolean
  readonly lastPassed: boolean
  /** Environment steps up to the first policy that passed; null: none did. */
  readonly firstPass: number | null
  readonly steps: number
  readonly seconds: number
}

async function train(pair: Pair, seed: number): Promise<Run> {
  const { evaluate, minReturn, maxCosts, tail } = problemOf(pair.problem)
  const options = optionsOf(pair, seed)
  const passes = (found: { return: number; costs: readonly number[] }) =>
    found.return >= minReturn && found.costs.every((cost, k) => cost <= maxCosts[k])
  const ends: { return: number; costs: readonly number[] }[] = []
  let firstPass: number | null = null
  const start = Date.now()
  const { policy, history } = await learn({
    ...options,
    onIteration: async ({ steps, policy }) => {
      const late = steps > (1 - tail) * options.steps
      if (firstPass !== null && !late) return
      const found = await evaluate(policy, false)
      if (late) ends.push(found)
      if (firstPass === null && passes(found)) firstPass = steps
    },
  })
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const average = { return: mean(ends.map((each) => each.return)), costs: maxCosts.map((_, k) => mean(ends.map((each) => each.costs[k]))) }
  const last = await evaluate(policy, true)
  return {
    ...pair,
    seed,
    ...average,
    lastReturn: last.return,
    lastCosts: last.costs,
    passed: passes(average),
    lastPassed: passes(last),
    firstPass,
    steps: history.at(-1)!.steps,
    seconds: (Date.now() - start) / 1000,
  }
}

const digits = (value: number) => value.toPrecision(4)
const range = (values: readonly number[]) => `${digits(Math.min(...values))} .. ${digits(Math.max(...values))}`
const thousands = (value: number | null) =>
  value === null ? '-' : Number.isFinite(value) ? Math.round(value).toLocaleString('en') : 'never'

function table(runs: readonly Run[]): string {
  const rows = pairs().flatMap((pair) => {
    const own = runs.filter((run) => run.problem === pair.problem && run.algorithm === pair.algorithm)
    if (own.length === 0) return []
    const { limits, optimum, minReturn } = problemOf(pair.problem)
    const costs = limits.map((limit, k) => `${range(own.map((run) => run.costs[k]))} (${limit})`).join('; ')
    const passed = own.filter((run) => run.passed).length
    const last = own.filter((run) => run.lastPassed).length
    const first = median(own.map((run) => run.firstPass ?? Number.POSITIVE_INFINITY))
    const reference = baseline(pair)
    return [
      [
        pair.problem,
        pair.algorithm,
        `${passed}/${own.length}`,
        `${last}/${own.length}`,
        `${digits(optimum)} (${digits(minReturn)})`,
        range(own.map((run) => run.return)),
        costs,
        thousands(first),
        thousands(reference.firstPass),
        thousands(reference.steps),
      ],
    ]
  })
  const head = [
    'problem/budget',
    'algorithm',
    'passed',
    'last policy',
    'optimum (needed)',
    'return',
    'cost (limit)',
    'first pass',
    'reference',
    'steps',
  ]
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

async function main() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { only: text, seeds: text, jobs: text, again: { type: 'boolean' } } })
  const wanted = (values.only ?? '').split(',').filter(Boolean)
  const known = [...new Set(pairs().flatMap(({ problem, algorithm }) => [problem, algorithm]))]
  const algorithms = wanted.filter((word) => known.includes(word) && !word.includes('_'))
  const problems = wanted.filter((word) => !algorithms.includes(word))
  const chosen = pairs().filter(
    ({ problem, algorithm }) =>
      (algorithms.length === 0 || algorithms.includes(algorithm)) &&
      (problems.length === 0 || problems.some((start) => problem.startsWith(start))),
  )
  const folder = new URL('../../', import.meta.url) // of the package, from dist/cases
  const file = new URL('cases.jsonl', folder)
  const readme = new URL('README.md', folder)
  let runs: Run[] = existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []

  const key = ({ problem, algorithm }: Pair, seed: number) => `${problem} ${algorithm} ${seed}`
  const done = new Set(values.again ? [] : runs.map((run) => key(run, run.seed)))
  const queue = chosen
    .flatMap((pair) => Array.from({ length: Number(values.seeds ?? 5) }, (_, seed) => ({ pair, seed })))
    .filter(({ pair, seed }) => !done.has(key(pair, seed)))

  const write = () => {
    const order = pairs().map(({ problem, algorithm }) => `${problem} ${algorithm}`)
    const place = ({ problem, algorithm, seed }: Run) => 1000 * order.indexOf(`${problem} ${algorithm}`) + seed
    runs.sort((a, b) => place(a) - place(b))
    writeFileSync(file, `${runs.map((each) => JSON.stringify(each)).join('\n')}\n`)
    const text = readFileSync(readme, 'utf8')
    const inside = /(<!-- cases -->\n)[\s\S]*(<!-- \/cases -->)/
    writeFileSync(
      readme,
      text.replace(inside, (_, start: string, end: string) => `${start}\n${table(runs)}\n\n${end}`),
    )
  }
  const keep = (run: Run) => {
    runs = [...runs.filter((other) => key(other, other.seed) !== key(run, run.seed)), run]
    write()
    console.log(
      `${run.problem} ${run.algorithm} seed ${run.seed}: ${run.passed ? 'passed' : 'FAILED'}, last ${run.lastPassed ? 'passed' : 'FAILED'}; return ${digits(run.return)}, cost ${run.costs.map(digits).join(', ')}; first pass ${thousands(run.firstPass)} of ${thousands(run.steps)} steps, ${run.seconds.toFixed(0)} s`,
    )
  }
  write()
  const jobs = Math.min(queue.length, Number(values.jobs ?? availableParallelism()))
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let job = queue.shift(); job; job = queue.shift()) {
        keep(
          await new Promise<Run>((resolve, reject) => {
            new Worker(fileURLToPath(import.meta.url), { workerData: job }).once('message', resolve).once('error', reject)
          }),
        )
      }
    }),
  )
}

if (isMainThread) await main()
else parentPort!.postMessage(await train(workerData.pair, workerData.seed))
