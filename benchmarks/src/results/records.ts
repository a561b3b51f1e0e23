/** Finished runs, one JSON object a line; which runs are left; how long they will take. */
import type { Surroundings } from '../environment.js'
import type { Job } from './matrix.js'

export interface RunRecord extends Surroundings {
  readonly name: string
  readonly kind: Job['kind']
  /** With placeholders in the place of paths. */
  readonly command: string
  readonly seed: number
  readonly adapter: string
  readonly versions: Readonly<Record<string, string>>
  /** From the start of the process to its end. */
  readonly seconds: number
  /** A training that went on after an interruption: the time is that of its last part. */
  readonly resumed?: boolean
  /** What the command printed with `--json`; of a budget that nothing keeps, `error` and the nearest values. */
  readonly result: RunResult
}

/** What tables read of `espalier prune`, `train` and `finetune`, and of `signal`. */
export interface RunResult {
  readonly error?: string
  readonly episodes?: number
  readonly evaluationsPerSecond?: number
  readonly before?: Sizes
  readonly after?: Sizes
  readonly pruned?: { readonly accuracy: number; readonly validationAccuracy: number }
  readonly budgets?: readonly { readonly budget: string; readonly limit: number; readonly value: number }[]
  readonly seconds?: number | { readonly search: number; readonly finetune: number; readonly total: number }
  readonly accuracy?: number
  readonly signals?: readonly SignalRow[]
  readonly networks?: number
}

export interface Sizes {
  readonly accuracy: number
  readonly params: number
  readonly macs: number
}

export interface SignalRow {
  readonly signal: string
  readonly rho: number
  readonly least: number
  readonly greatest: number
}

/** @param file only for messages */
export function parseRecords(text: string, file: string): RunRecord[] {
  const lines = text.split('\n')
  // A process that was killed may have written half of the last line.
  const whole = lines.slice(0, -1)
  return whole.filter(Boolean).map((line, i) => {
    try {
      return JSON.parse(line) as RunRecord
    } catch (error) {
      throw new Error(`${file}, line ${i + 1}: expected a JSON object, found '${line.slice(0, 60)}'`, { cause: error })
    }
  })
}

/** The last record of each command, of the adapter asked for where one is. */
export function newest(records: readonly RunRecord[], adapter?: string): Map<string, RunRecord> {
  const wanted = adapter?.toLowerCase()
  const fitting = records.filter((record) => wanted === undefined || record.adapter.toLowerCase().includes(wanted))
  return new Map(fitting.map((record) => [record.command, record]))
}

/**
 * What is to be run: what was chosen and has no record, and what makes the files that it needs and that are not there. A network that is there needs
 * no record: it may have been put there.
 */
export function pendingJobs(
  jobs: readonly Job[],
  done: ReadonlyMap<string, RunRecord>,
  exists: (file: string) => boolean,
  chosen: (job: Job) => boolean = () => true,
): Job[] {
  const makers = new Map(jobs.flatMap((job) => (job.makes === undefined ? [] : [[job.makes, job] as const])))
  const wanted = new Set<Job>()
  const want = (job: Job) => {
    if (wanted.has(job)) return
    wanted.add(job)
    for (const file of job.needs) {
      const maker = makers.get(file)
      // A run that found nothing within its budgets will not find it again.
      if (maker && !exists(file) && done.get(maker.command)?.result.error === undefined) want(maker)
    }
  }
  for (const job of jobs) if (chosen(job) && job.kind !== 'make' && !done.has(job.command) && hopeful(job, makers, done)) want(job)
  return jobs.filter((job) => wanted.has(job))
}

/** Nothing that it needs was found not to exist. */
const hopeful = (job: Job, makers: ReadonlyMap<string, Job>, done: ReadonlyMap<string, RunRecord>) =>
  job.needs.every((file) => done.get(makers.get(file)?.command ?? '')?.result.error === undefined)

/** Seconds that a run will take, by the mean of the nearest relatives that have been run: same model, method and kind, then less and less alike; undefined where none was. */
export function expectedSeconds(job: Job, finished: readonly { readonly job: Job; readonly seconds: number }[]): number | undefined {
  const alike: ((other: Job) => boolean)[] = [
    (other) => other.kind === job.kind && other.model === job.model && other.method === job.method,
    (other) => other.kind === job.kind && other.model === job.model,
    (other) => other.kind === job.kind,
    () => true,
  ]
  for (const like of alike) {
    const times = finished.filter((each) => like(each.job)).map(({ seconds }) => seconds)
    if (times.length > 0) return times.reduce((sum, each) => sum + each, 0) / times.length
  }
  return undefined
}

/** `1 h 05 min`, `12 min`, `40 s`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
