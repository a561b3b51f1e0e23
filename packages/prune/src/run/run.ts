/** The folder of a run: settings, records, and what is needed to go on after an interruption. */

import { type Gpu, GpuError } from '@espalier/kernels'
import { AbortedError, InputError } from '@espalier/nn'
import {
  append,
  join,
  kindOf,
  lock,
  makeFolder,
  move,
  namesIn,
  readBytes,
  remove,
  removeEmpty,
  sizeOf,
  truncate,
  writeWhole,
} from '#platform'
import type { Reporter } from '../reporter.js'
import { version } from '../version.js'
import { readIfThere, readJson } from './files.js'

export type Settings = Readonly<Record<string, unknown>>

export interface RunRecord {
  readonly command: string
  readonly status: 'running' | 'interrupted' | 'failed' | 'done'
  readonly settings: Settings
  readonly seed: number
  readonly adapter: string
  /** Of the cpu adapter. No result depends on it, so a run may be gone on with on another number. */
  readonly threads?: number
  readonly versions: Readonly<Record<string, string>>
  readonly result?: unknown
}

/** What a run says of the machine it runs on. */
export const ranOn = ({ info }: Gpu) => ({ adapter: info.name, threads: info.threads, versions: info.versions })

export interface Run {
  readonly dir: string
  /** The record of a run that is gone on with; undefined for a new one. */
  readonly before: RunRecord | undefined
  path(name: string): string
  write(name: string, content: string | Uint8Array): Promise<void>
  read(name: string): Promise<unknown>
  readBytes(name: string): Promise<Uint8Array | undefined>
  readText(name: string): Promise<string | undefined>
  /**
   * The objects of a file with one on each line, none where this run was not begun before; half a line, which a killed process may have left, is cut off.
   * @throws InputError naming file, line and field where one has not the fields that it should
   */
  records<T>(name: string, fields: Fields<T>): Promise<{ readonly line: string; readonly value: T }[]>
  append(name: string, text: string): Promise<void>
  /** Cuts a file that was appended to back to `bytes`. */
  cut(name: string, bytes: number): Promise<void>
  remove(name: string): Promise<void>
  finish(result: unknown): Promise<void>
  /** Ended before its time: by an error, and then the folder may be used again; or by an interruption, after which it may be gone on with. */
  end(status: 'failed' | 'interrupted'): Promise<void>
  /** Removes what the run wrote, and its folder where nothing else is in it. */
  discard(): Promise<void>
  /** Others may have the folder again; whoever opened the run says so at its end, whatever that was. */
  release(): Promise<void>
}

/** Of each field of a record whether a value can be one, and what else there is to say. */
export type Fields<T> = { readonly [K in keyof T]-?: (value: unknown) => boolean }

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
/** As JSON has it: what is no number is null there. */
export const isFigure = (value: unknown): boolean => value === null || isNumber(value)
export const isText = (value: unknown): value is string => typeof value === 'string'
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isList =
  (each: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(each)
export const optional =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value)

export interface RunOptions {
  readonly command: string
  /** The user's choice; settings decide the result, so a resumed run must have the same. */
  readonly settings: Settings
  readonly seed: number
  readonly adapter: string
  readonly threads?: number
  readonly versions: Readonly<Record<string, string>>
  readonly resume?: boolean
  /** Settings that only what comes after the search depends on: where nothing else differs, what was judged is kept. */
  readonly afterSearch?: readonly string[]
  /**
   * The folder was not named by the user, who may not think of what an interrupted command left there: it is gone on with by the same settings, which come
   * to the same result, and set aside for others.
   */
  readonly implicit?: boolean
  readonly report?: Reporter
}

/** What to throw where an error ends a run: the record says so first, and an interruption or a lost GPU tells how to go on. */
export async function ended(run: Run | undefined, error: unknown): Promise<unknown> {
  const interrupted = error instanceof AbortedError
  await run?.end(interrupted ? 'interrupted' : 'failed')
  const goesOn = (message: string) => `${message}; --resume --run ${run?.dir} goes on`
  if (run && interrupted) return new AbortedError(goesOn(error.message))
  return run && error instanceof GpuError ? new GpuError(goesOn(error.message), { cause: error }) : error
}

export const recordName = 'run.json'
/** Everything a run may write; where one is discarded nothing else is touched. */
const ours = [
  recordName,
  'episodes.jsonl',
  'measurements.jsonl',
  'sensitivity.jsonl',
  'metrics.csv',
  'best.json',
  'warm-start.json',
  'report.html',
  'checkpoint',
  'rounds',
]

/** What a run is about; undefined where the folder holds none. @throws InputError when its record cannot be read */
export async function readRecord(dir: string): Promise<RunRecord | undefined> {
  const file = join(dir, recordName)
  const record = await readJson(file)
  if (record === undefined) return undefined
  const fail = (field: string | undefined, found: unknown) =>
    new InputError('not the record of a run', { file, field, expected: 'what espalier wrote; or name another folder', found: shown(found) })
  if (!isObject(record)) throw fail(undefined, record)
  const wrong = wrongField(record, runFields)
  if (wrong) throw fail(wrong, record[wrong])
  return record as unknown as RunRecord
}

/** Whether `openRun` goes on with the run: asked to, or by the same settings, unless the user named the folder of an unfinished one and may not know of it. */
const resumes = (before: RunRecord | undefined, options: RunOptions): boolean =>
  options.resume ||
  (before !== undefined && (options.implicit === true || before.status === 'done') && difference(before, options) === undefined)

/** Whether `openRun` goes on with what is in the folder. */
export const goesOn = async (dir: string, options: RunOptions): Promise<boolean> =>
  resumes(await readRecord(dir).catch(() => undefined), options)

/** What a new run in the folder would overwrite although no run wrote it. */
async function foreignIn(dir: string): Promise<string | undefined> {
  for (const name of ours) {
    const found = await kindOf(join(dir, name))
    if (found && !(found === 'folder' && (await namesIn(join(dir, name))).length === 0)) return name
  }
  return undefined
}

/** Gives a folder another name, the first that is free. */
async function setAside(dir: string): Promise<string> {
  for (let i = 1; ; i++) {
    const name = `${dir}.${i}`
    if (await kindOf(name)) continue
    await move(dir, name)
    return name
  }
}

/** Records of a search, which other settings for what comes after it do not change. */
const ofSearch = ['episodes.jsonl', 'measurements.jsonl', 'warm-start.json']

/**
 * Opens the folder of a run, which is this process's alone until `release`. Nothing that an earlier run judged is lost: with the same settings it is gone on with; with others
 * for what comes after the search alone, what was judged is known to the new run; else the earlier run is set aside.
 * @throws InputError where another process has it, where it holds an unfinished run and the user named it without `resume`, or what no run wrote
 */
export async function openRun(dir: string, options: RunOptions): Promise<Run> {
  const release = await lock(dir, '--run')
  try {
    return { ...(await openLocked(dir, options)), release }
  } catch (error) {
    await release()
    throw error
  }
}

async function openLocked(dir: string, options: RunOptions): Promise<Omit<Run, 'release'>> {
  const found = await kindOf(dir)
  if (found === 'file') throw new InputError('cannot hold a run', { file: dir, field: '--run', expected: 'a folder', found: 'a file' })
  const before = found ? await readRecord(dir) : undefined
  if (options.resume && !before)
    throw new InputError('there is no run to resume', {
      file: dir,
      field: '--resume',
      expected: `a folder with ${recordName}`,
      found: found ? `none` : 'nothing there',
    })
  const resume = resumes(before, options)
  if (before && options.resume) checkSame(before, options, dir)
  else if (resume)
    options.report?.log(
      `${dir}: ${before?.status === 'done' ? 'the run of the same settings is there already' : 'going on with the unfinished run of the same settings'}`,
    )
  else if (before && before.status !== 'done' && !options.implicit)
    throw new InputError('holds an unfinished run', {
      file: dir,
      field: '--run',
      expected: '--resume to go on with it, or another folder',
    })
  let searched: RunRecord | undefined
  if (before && !resume) {
    const aside = await setAside(dir)
    const unfinished = before.status === 'done' ? 'a run' : 'an unfinished run'
    options.report?.log(
      `${dir}: ${unfinished} with other settings is kept as ${aside}; --resume --run ${aside} with its settings goes on with it`,
    )
    if (options.afterSearch && difference(before, options, options.afterSearch) === undefined) {
      await keepSearch(aside, dir)
      searched = { ...before, settings: options.settings, status: 'running', result: undefined }
      options.report?.log(`${dir}: what was judged is known from there: only what comes after the search has other settings`)
    }
  }
  const foreign = found && !before ? await foreignIn(dir) : undefined
  if (foreign !== undefined)
    throw new InputError('holds what no run wrote', {
      file: dir,
      field: '--run',
      expected: `a new folder, or one with ${recordName}`,
      found: `${foreign}, which a run would replace`,
    })
  await makeFolder(join(dir, 'checkpoint'), '--run')
  const run = folder(dir, resume ? before : searched)
  if (resume && before)
    await run.write(
      recordName,
      `${JSON.stringify({ ...before, threads: options.threads, status: before.status === 'done' ? 'done' : 'running' }, null, 2)}\n`,
    )
  else {
    const { command, settings, seed, adapter, threads, versions } = options
    const record: RunRecord = { command, status: 'running', settings, seed, adapter, threads, versions: { espalier: version, ...versions } }
    await run.write(recordName, `${JSON.stringify(record, null, 2)}\n`)
  }
  return run
}

function folder(dir: string, before: RunRecord | undefined): Omit<Run, 'release'> {
  const path = (name: string) => join(dir, name)
  const run: Omit<Run, 'release'> = {
    dir,
    before,
    path,
    write: (name, content) => writeWhole(path(name), content),
    read: (name) => readJson(path(name)),
    readText: (name) => readIfThere(path(name)),
    readBytes: (name) => readBytes(path(name)),
    async records<T>(name: string, fields: Fields<T>) {
      if (!before) return []
      const text = (await readIfThere(path(name))) ?? ''
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      await run.cut(name, new TextEncoder().encode(whole).length)
      return whole
        .split('\n')
        .filter(Boolean)
        .map((line, i) => ({ line, value: parseRecord(line, fields, path(name), i) }))
    },
    append: (name, text) => append(path(name), text),
    async cut(name, bytes) {
      const size = await sizeOf(path(name))
      if (size < bytes)
        throw new InputError('is shorter than its checkpoint says: the run cannot be resumed', {
          file: path(name),
          expected: `${bytes} bytes`,
          found: size,
        })
      if (size > bytes) await truncate(path(name), bytes)
    },
    remove: (name) => remove(path(name)),
    async finish(result) {
      const record = (await readRecord(dir))!
      await run.write(recordName, `${JSON.stringify({ ...record, status: 'done', result }, null, 2)}\n`)
    },
    async end(status) {
      const record = (await readRecord(dir))!
      await run.write(recordName, `${JSON.stringify({ ...record, status }, null, 2)}\n`)
    },
    async discard() {
      for (const name of ours) await remove(path(name))
      await removeEmpty(dir)
    },
  }
  return run
}

function parseRecord<T>(line: string, fields: Fields<T>, file: string, index: number): T {
  const fail = (found: string, field?: string, cause?: unknown) =>
    new InputError('not a record; without this line and those behind it the run can be resumed, and judges them again', {
      file,
      field: `line ${index + 1}${field ? `: ${field}` : ''}`,
      expected: 'what espalier wrote',
      found,
      cause,
    })
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw fail(line.slice(0, 60), undefined, error)
  }
  if (!isObject(value)) throw fail(line.slice(0, 60))
  const wrong = wrongField(value, fields)
  if (wrong) throw fail(shown(value[wrong]), wrong)
  return value as T
}

const wrongField = <T>(value: Readonly<Record<string, unknown>>, fields: Fields<T>): string | undefined =>
  (Object.keys(fields) as (keyof T & string)[]).find((field) => !fields[field](value[field]))

const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60))

const runFields: Fields<Pick<RunRecord, 'command' | 'status' | 'settings' | 'seed' | 'adapter'>> = {
  command: isText,
  status: (value) => ['running', 'interrupted', 'failed', 'done'].includes(value as string),
  settings: isObject,
  seed: isNumber,
  adapter: isText,
}

interface Difference {
  readonly field: string
  readonly recorded: unknown
  readonly asked: unknown
}

/** Copies what was judged, but for what was trained a moment first. */
async function keepSearch(from: string, to: string): Promise<void> {
  await makeFolder(to, '--run')
  for (const name of ofSearch) {
    const text = await readIfThere(join(from, name))
    if (text === undefined) continue
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split(/(?<=\n)/)
    await writeWhole(
      join(to, name),
      name === 'episodes.jsonl' ? lines.filter((line) => !line.includes('"source":"finalist"')).join('') : text,
    )
  }
}

/** The first setting that is not what was recorded. @param but settings that may differ */
function difference(before: RunRecord, { command, settings, adapter }: RunOptions, but: readonly string[] = []): Difference | undefined {
  const fields = [...new Set([...Object.keys(before.settings), ...Object.keys(settings)])].filter((field) => !but.includes(field))
  const pairs: Difference[] = [
    { field: 'command', recorded: before.command, asked: command },
    ...[...fields].map((field) => ({ field, recorded: before.settings[field], asked: settings[field] })),
    { field: 'adapter', recorded: before.adapter, asked: adapter },
  ]
  return pairs.find(({ recorded, asked }) => JSON.stringify(recorded) !== JSON.stringify(asked))
}

function checkSame(before: RunRecord, options: RunOptions, dir: string): void {
  const found = difference(before, options)
  if (!found) return
  const { field, recorded, asked } = found
  throw new InputError('the run was begun with other settings', {
    file: join(dir, recordName),
    field,
    expected: String(JSON.stringify(recorded)),
    found: String(JSON.stringify(asked)),
  })
}

export async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
