/** The tables of a matrix, from its records. */
import { digits, table } from '../report.js'
import { mean } from '../statistics.js'
import { type Block, finetuneCommand, type Job, type Matrix, type Published, pruneCommand, scaled } from './matrix.js'
import type { RunRecord } from './records.js'

/** All runs of a method in one table. */
interface Row {
  readonly method: string
  readonly runs: readonly RunRecord[]
  /** Test accuracies, 0 to 1. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Of `after`. */
  readonly tunedSeeds: readonly number[]
}

interface Group {
  readonly model: string
  readonly budgets: readonly string[]
  readonly variant: string
  readonly rows: readonly Row[]
}

const percent = (share: number, places = 1) => `${(100 * share).toFixed(places)}%`
const count = (value: number) => Math.round(value).toLocaleString('en-US')

/** `36.5%`, or of several `36.5% (33.0 .. 39.1)`: mean and extremes. */
export function spread(shares: readonly number[]): string {
  if (shares.length === 0) return ''
  const [low, high] = [Math.min(...shares), Math.max(...shares)].map((share) => (100 * share).toFixed(1))
  return shares.length === 1 ? percent(shares[0]) : `${percent(mean(shares))} (${low} .. ${high})`
}

/** Runs by model, budgets and variant, in the order of the matrix; those without a record are left out. */
function groupsOf(jobs: readonly Job[], records: ReadonlyMap<string, RunRecord>): Group[] {
  const keyOf = ({ model, budgets, variant }: Job) => JSON.stringify([model, budgets, variant])
  const runs = jobs.filter(({ kind }) => kind === 'prune' || kind === 'finetune')
  return [...new Set(runs.map(keyOf))].flatMap((key) => {
    const own = runs.filter((job) => keyOf(job) === key)
    const rows = [...new Set(own.map(({ method }) => method))].flatMap((method) => rowOf(method, own, records) ?? [])
    const { model, budgets, variant } = own[0]
    return rows.length > 0 ? [{ model, budgets, variant, rows }] : []
  })
}

function rowOf(method: string, jobs: readonly Job[], records: ReadonlyMap<string, RunRecord>): Row | undefined {
  const of = (kind: Job['kind']) =>
    jobs.filter((job) => job.method === method && job.kind === kind).flatMap(({ command }) => records.get(command) ?? [])
  const runs = of('prune')
  if (runs.length === 0) return undefined
  const tuned = of('finetune').flatMap(({ seed, result }) => (result.accuracy === undefined ? [] : [{ seed, accuracy: result.accuracy }]))
  // Where the search command trains too, what it wrote is what counts.
  const within = runs.flatMap(({ seed, command, result }) =>
    / --finetune [1-9]/.test(command) && result.after ? [{ seed, accuracy: result.after.accuracy }] : [],
  )
  const trained = tuned.length > 0 ? tuned : within
  return {
    method,
    runs,
    before: runs.flatMap(({ result }) => result.pruned?.accuracy ?? []),
    after: trained.map(({ accuracy }) => accuracy),
    tunedSeeds: trained.map(({ seed }) => seed),
  }
}

function groupTable(matrix: Matrix, { model, budgets, variant, rows }: Group): string {
  const found = rows.flatMap(({ runs }) => runs).filter(({ result }) => result.before)
  const original = found[0]?.result.before
  const limits = found[0]?.result.budgets ?? []
  const tunedSeeds = [...new Set(rows.flatMap((row) => row.tunedSeeds))]
  const header = [
    'method',
    'seeds',
    'before fine-tuning',
    tunedSeeds.length === 1 ? `after (seed ${tunedSeeds[0]})` : 'after',
    ...(limits.length > 0 ? limits.map(({ budget, limit }) => `${budget.replace(/<=.*/, '')} (limit ${count(limit)})`) : budgets),
    'parameters left',
    'MACs left',
    'evaluations',
    'search, s',
    'evaluations/s',
  ]
  const blanks = (row: readonly string[]) => [...row, ...Array.from({ length: header.length - row.length }, () => '')]
  const sizes = budgets.map(() => '')
  const body = rows.map((row) => {
    const { title } = matrix.methods[row.method]
    const runs = row.runs.filter(({ result }) => result.pruned)
    if (runs.length === 0) return blanks([title, String(row.runs.length), 'no network within the budget was found'])
    const average = (value: (record: RunRecord) => number | undefined) => mean(runs.map((run) => value(run) ?? Number.NaN))
    return [
      title,
      String(runs.length),
      spread(row.before),
      spread(row.after),
      ...budgets.map((_, k) => count(average(({ result }) => result.budgets?.[k].value))),
      percent(average(({ result }) => result.after!.params / result.before!.params)),
      percent(average(({ result }) => result.after!.macs / result.before!.macs)),
      count(average(({ result }) => result.episodes)),
      digits(average(({ result }) => (typeof result.seconds === 'object' ? result.seconds.search : undefined))),
      digits(average(({ result }) => result.evaluationsPerSecond)),
    ]
  })
  const others = publishedFor(matrix, model, budgets, variant).map(({ name, original: from, accuracy, params, macs }) =>
    blanks([
      `${name}, published`,
      '',
      '',
      `${accuracy}%${from === undefined ? '' : ` (original ${from}%)`}`,
      ...sizes,
      params === undefined ? '' : `${params}%`,
      macs === undefined ? '' : `${macs}%`,
    ]),
  )
  const first = original
    ? [blanks(['original', '', spread([original.accuracy]), '', ...sizes, count(original.params), count(original.macs)])]
    : []
  return table(header, [...first, ...body, ...others])
}

const publishedFor = ({ published = [] }: Matrix, model: string, budgets: readonly string[], variant: string): readonly Published[] =>
  published.filter((each) => each.model === model && budgets.includes(each.budget) && (each.variant ?? '') === variant)

const typed = (command: string, scale: number) => `    espalier ${scaled(command, scale)}`

/** One command for a whole table: what changes in it stands in capitals. */
function templates(matrix: Matrix, { model, budgets, variant }: Group, scale: number): string[] {
  const own = matrix.runs.filter(
    (run): run is Block =>
      'model' in run &&
      run.model === model &&
      (run.variant ?? '') === variant &&
      run.budgets.some((each) => JSON.stringify([each].flat()) === JSON.stringify(budgets)),
  )
  const network = matrix.models[model]
  const commands = own.flatMap((block) => [
    pruneCommand(network, block, { budgets, method: 'METHOD', seed: 'SEED', out: 'OUT.onnx' }),
    ...(block.finetune ? [finetuneCommand(network, block, { from: 'OUT.onnx', seed: 'SEED', out: 'TUNED.onnx' })] : []),
  ])
  return [...new Set(commands)].map((command) => typed(command, scale))
}

/** In how many tables each learning method is ahead of everything that does not learn, by the means, and where it is not. */
export function verdicts(matrix: Matrix, groups: readonly Group[]): string[] {
  const titleOf = ({ model, budgets, variant }: Group) => `${[model, ...budgets, variant].filter(Boolean).join(' ')}`
  return Object.entries(matrix.methods).flatMap(([id, { title, learns }]) => {
    if (!learns) return []
    const sentences = (['before', 'after'] as const).flatMap((stage) => {
      const compared = groups.flatMap((group) => {
        const own = group.rows.find(({ method }) => method === id)?.[stage] ?? []
        const others = group.rows.filter(({ method, ...row }) => !matrix.methods[method].learns && row[stage].length > 0)
        if (own.length === 0 || others.length === 0) return []
        const best = others.reduce((a, b) => (mean(b[stage]) > mean(a[stage]) ? b : a))
        return [{ group, margin: 100 * (mean(own) - mean(best[stage])), best: matrix.methods[best.method].title }]
      })
      if (compared.length === 0) return []
      const list = (won: boolean) =>
        compared
          .filter(({ margin }) => margin > 0 === won)
          .map(({ group, margin, best }) => `${titleOf(group)} (${margin > 0 ? '+' : ''}${margin.toFixed(1)} points against ${best})`)
          .join(', ')
      const when = stage === 'before' ? 'before fine-tuning' : 'after fine-tuning'
      return [`${when} ahead in ${list(true) || 'none'}; not ahead in ${list(false) || 'none'}`]
    })
    return sentences.length > 0 ? [`- ${title}: ${sentences.join('. ').replace(/\. ./, (text) => text.toUpperCase())}.`] : []
  })
}

function signalTable(jobs: readonly Job[], records: ReadonlyMap<string, RunRecord>): string[] {
  const rows = jobs
    .filter(({ kind }) => kind === 'signal')
    .flatMap((job) => {
      const record = records.get(job.command)
      return (record?.result.signals ?? []).map(({ signal, rho, least, greatest }) => [
        `${job.model}, ${job.budgets.join(', ')}`,
        String(record!.result.networks),
        signal,
        `${digits(least)} .. ${digits(greatest)}`,
        rho.toFixed(2),
      ])
    })
  if (rows.length === 0) return []
  const commands = jobs.filter(({ kind, command }) => kind === 'signal' && records.has(command))
  return [
    '### Entropy and accuracy of random networks',
    '',
    'Random shares, scaled to the budget as those of the search `random`; rank correlation with the accuracy on the same images, both as the searches see them (masked, re-fitted, statistics of its own).',
    '',
    ...commands.map(({ command }) => `    npm run signal -w benchmarks -- ${command.replace(/^signal /, '')}`),
    '',
    table(['model, budget', 'networks', 'signal', 'range', "Spearman's rho with accuracy"], rows),
    '',
  ]
}

/** Everything between the markers of a matrix. */
export function page(matrix: Matrix, jobs: readonly Job[], records: ReadonlyMap<string, RunRecord>, scale = 1): string {
  const groups = groupsOf(jobs, records)
  const own = jobs.flatMap(({ command }) => records.get(command) ?? [])
  const distinct = (values: readonly string[]) => [...new Set(values)].join('; ')
  const used = Object.entries(matrix.methods).filter(([id]) => groups.some(({ rows }) => rows.some(({ method }) => method === id)))
  const counted = jobs.filter(({ kind }) => kind !== 'make')
  const made = [...new Set(groups.map(({ model }) => model))].flatMap((id) => matrix.models[id].make ?? [])
  const lines = [
    `${matrix.about} Written by \`npm run results -w benchmarks -- --matrix ${matrix.name}\`; ${counted.filter(({ command }) => records.has(command)).length} of ${counted.length} runs are done.`,
    '',
    `Adapter: ${distinct(own.map(({ adapter }) => adapter))}. Machine: ${distinct(own.map(({ cpu }) => cpu))}, load ${distinct(own.length > 0 ? [range(own.map(({ load }) => load))] : [])}. ` +
      `Versions: ${distinct(
        own.map(({ versions }) =>
          Object.entries(versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        ),
      )}. Commits: ${distinct(own.map(({ commit }) => commit))}.`,
    '',
    table(
      ['method', 'METHOD in the commands'],
      used.map(([, { title, options }]) => [title, `\`${options}\``]),
    ),
    '',
    ...(made.length > 0 ? ['Networks of ours:', '', ...made.map((command) => typed(command, scale)), ''] : []),
    ...groups.flatMap((group) => [
      `### ${[matrix.models[group.model].title, ...group.budgets, group.variant].filter(Boolean).join(', ')}`,
      '',
      ...templates(matrix, group, scale),
      '',
      groupTable(matrix, group),
      '',
    ]),
    ...signalTable(jobs, records),
  ]
  const verdict = verdicts(matrix, groups)
  if (verdict.length > 0)
    lines.push(
      '### Where learning wins',
      '',
      'By the means of the tables above, against the best of what does not learn:',
      '',
      ...verdict,
      '',
    )
  return lines.join('\n').trimEnd()
}

const range = (values: readonly number[]) => `${Math.min(...values)} .. ${Math.max(...values)}`

/** Text with what stands between `<!-- results NAME -->` and `<!-- /results NAME -->` replaced; both are added at the end where they are not. */
export function insert(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- results ${name} -->`, `<!-- /results ${name} -->`]
  const block = `${start}\n\n${content}\n\n${end}`
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 && to < 0) return `${text.trimEnd()}\n\n${block}\n`
  if (from < 0 || to < from) throw new Error(`expected ${start} before ${end}, found one of them or the other order`)
  return text.slice(0, from) + block + text.slice(to + end.length)
}
