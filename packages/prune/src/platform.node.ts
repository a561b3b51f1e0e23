/** Files of the disk, which are either whole or not there (written beside, then renamed); modules and commands of the user's own. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import {
  constants,
  copyFile,
  link as linkFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  truncate as truncateFile,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InputError } from '@espalier/nn'
import type { CostFunction } from './budgets/candidate.js'
import type { Kind } from './platform.js'

export { join }

const temporary = (path: string, id: number | string) => join(dirname(path), `.${basename(path)}.${id}.tmp`)

/** Replaces `path` in one step: readers see the old bytes or the new ones. Removes what earlier, killed writers of the same file left behind. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await removeStale(path)
  const beside = temporary(path, process.pid)
  try {
    const file = await open(beside, 'w')
    try {
      await file.writeFile(content)
      // The name must not reach the disk before the bytes do.
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw unwritable(path, error)
  }
}

async function removeStale(path: string): Promise<void> {
  const prefix = `.${basename(path)}.`
  const names = await readdir(dirname(path)).catch(() => [])
  for (const name of names) {
    const id = name.startsWith(prefix) && name.endsWith('.tmp') ? Number(name.slice(prefix.length, -4)) : Number.NaN
    if (Number.isInteger(id) && !isRunning(id)) await rm(join(dirname(path), name), { force: true })
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A process of this machine, by number and when it began: numbers are used again. */
interface Owner {
  readonly pid: number
  readonly host: string
  /** When the system began it, in the system's own count; null where that is not told. */
  readonly began: string | null
  readonly since: string
}

async function beganAt(pid: number): Promise<string | null> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field, the name, may have blanks in it.
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

/** Locks of this process, which go with it. */
const held = new Set<string>()
/** How often an owner says that it is there still, and how long a silent one on another machine is believed, in ms. */
const [heartbeat, patience] = [20_000, 300_000]

function releaseAtExit(): void {
  for (const path of held) rmSync(path, { force: true })
}

/**
 * Has a folder for this process alone, by a file beside it: `NAME.lock`. One that a killed process left behind is taken over: on this machine as soon as the process is gone,
 * from another machine when it has not been renewed for five minutes.
 * @returns what gives it back
 * @throws InputError naming `field` and the owner, where another process has it
 */
export async function lock(folder: string, field: string): Promise<() => Promise<void>> {
  const path = `${resolve(folder)}.lock`
  await makeFolder(dirname(path), field)
  const me: Owner = { pid: process.pid, host: hostname(), began: await beganAt(process.pid), since: new Date().toISOString() }
  for (let tries = 0; ; tries++) {
    try {
      // Linked, so that nobody ever sees half of it.
      const beside = `${path}.${process.pid}`
      await writeFile(beside, JSON.stringify(me))
      await linkFile(beside, path)
        // Some disks have no links.
        .catch((error) => (error.code === 'EEXIST' ? Promise.reject(error) : copyFile(beside, path, constants.COPYFILE_EXCL)))
        .finally(() => rm(beside, { force: true }))
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(path, error, field)
    }
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const owner = ownerOf(text)
    if (tries > 20 || (owner && (held.has(path) || (await isThere(owner, me, path)))))
      throw new InputError('belongs to a run that is under way', {
        file: folder,
        field,
        expected: 'a folder that no process works in',
        found: owner ? `process ${owner.pid} on ${owner.host}, since ${owner.since}` : `${path}`,
      })
    // Two may find the same dead owner: the one who moved away anything else puts it back.
    const aside = `${path}.${process.pid}.dead`
    await rename(path, aside).catch(() => {})
    const moved = await readFile(aside, 'utf8').catch(() => text)
    if (moved !== text) await linkFile(aside, path).catch(() => {})
    await rm(aside, { force: true })
  }
  if (held.size === 0) process.on('exit', releaseAtExit)
  held.add(path)
  const renewed = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), heartbeat)
  renewed.unref()
  return async () => {
    clearInterval(renewed)
    if (!held.delete(path)) return
    await rm(path, { force: true })
    if (held.size === 0) process.off('exit', releaseAtExit)
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner
    return Number.isInteger(owner.pid) && typeof owner.host === 'string' ? owner : undefined
  } catch {
    return undefined
  }
}

async function isThere(owner: Owner, me: Owner, path: string): Promise<boolean> {
  if (owner.host === me.host) {
    if (owner.pid === process.pid) return owner.began === me.began && held.has(path)
    return isRunning(owner.pid) && (owner.began === null || owner.began === (await beganAt(owner.pid)))
  }
  // By the clock of the disk: two machines' own may differ.
  const probe = `${path}.${process.pid}.now`
  await writeFile(probe, '')
  const [now, then] = await Promise.all([stat(probe), stat(path).catch(() => undefined)]).finally(() => rm(probe, { force: true }))
  return then !== undefined && now.mtimeMs - then.mtimeMs < patience
}

/** Fails before long work where writing `path` at its end would: the folder is missing or read-only, or `path` is a folder itself. */
export async function checkWritable(path: string, field: string): Promise<void> {
  const folder = dirname(resolve(path))
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isFile())
    throw new InputError('cannot be written', { file: path, field, expected: 'the name of a file', found: 'a folder' })
  const parent = await stat(folder).catch(() => undefined)
  if (!parent?.isDirectory())
    throw new InputError('cannot be written', {
      file: path,
      field,
      expected: `an existing folder ${folder}`,
      found: parent ? 'a file' : 'nothing there',
    })
  const probe = temporary(path, process.pid)
  try {
    await (await open(probe, 'w')).close()
  } catch (error) {
    throw unwritable(path, error, field)
  } finally {
    await rm(probe, { force: true })
  }
}

/** Refuses to write over the file that a result is made from. @param input what the user gave for it; not a path where it was given in code */
export async function checkNotOver(out: string, input: unknown, what: string): Promise<void> {
  if (typeof input !== 'string') return
  const [a, b] = await Promise.all([out, input].map((path) => realpath(path).catch(() => resolve(path))))
  if (a === b) throw new InputError(`is ${what} itself, which would be lost`, { file: out, field: '--out', expected: 'another file' })
}

export async function makeFolder(path: string, field: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    throw unwritable(path, error, field)
  }
}

/** The bytes of a file, or undefined where nothing is there. @throws InputError where something is that cannot be read */
export async function readBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const found = { EISDIR: 'a folder', ENOTDIR: 'not a folder', EACCES: 'no permission' }[code ?? ''] ?? message
    throw new InputError('cannot be read', { file: path, found, cause: error })
  }
}

export async function kindOf(path: string): Promise<Kind | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && (found.isDirectory() ? 'folder' : 'file')
}

/** Names of what is in a folder. */
export const namesIn = (path: string): Promise<string[]> => readdir(path)

export const move = (from: string, to: string): Promise<void> => rename(from, to)

/** Removes a file, or a folder with all that is in it; nothing where nothing is there. */
export const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true })

/** Removes a folder where nothing is in it. */
export const removeEmpty = (path: string): Promise<void> => rmdir(path).catch(() => {})

export async function append(path: string, text: string): Promise<void> {
  const file = await open(path, 'a')
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}

/** Bytes of a file; 0 where nothing is there. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

export const truncate = (path: string, bytes: number): Promise<void> => truncateFile(path, bytes)

/** What an ES module of the user's exports. */
export const importModule = (path: string): Promise<{ default?: unknown }> => import(/* @vite-ignore */ pathToFileURL(resolve(path)).href)

/** Runs the command, without a shell, with the path of the candidate's ONNX file as its last argument; it prints one number. It is ended after `patience` ms. */
export function commandCost([command, ...words]: readonly string[], patience: number): CostFunction {
  return async (candidate) => {
    const folder = await mkdtemp(join(tmpdir(), 'espalier-candidate-'))
    try {
      const file = join(folder, 'candidate.onnx')
      await writeFile(file, candidate.onnx())
      const printed = (await printedBy(command, [...words, file], patience)).trim()
      const value = printed === '' ? Number.NaN : Number(printed)
      if (!Number.isFinite(value)) throw new Error(`${command} printed '${printed.slice(0, 60)}' and not one number`)
      return value
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** More than this is no number. */
const mostPrinted = 4096

/** What a command prints. Errors say what became of it, with the last line of its standard error. */
function printedBy(command: string, words: readonly string[], patience: number): Promise<string> {
  return new Promise((answer, fail) => {
    // A path stays relative to where the user stands; a bare name is looked up as a shell would.
    const program = command.includes('/') ? resolve(command) : command
    // A group of its own: what the command started ends with it, and Ctrl-C stops the search and not the measurement.
    const group = process.platform !== 'win32'
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: group })
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] = (said[stream] + text).slice(...(stream === 'stdout' ? [0, mostPrinted] : [-mostPrinted]))
      })
    const end = () => {
      try {
        if (group) process.kill(-child.pid!, 'SIGKILL')
        else child.kill('SIGKILL')
      } catch {
        // It ended just now.
      }
    }
    const timer = setTimeout(() => {
      end()
      fail(new Error(`${command} took longer than ${patience / 1000} s`))
    }, patience)
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const reasons: Readonly<Record<string, string>> = { ENOENT: 'is not there', EACCES: 'may not be executed' }
      fail(new Error(`${command} ${reasons[error.code ?? ''] ?? `cannot be run: ${error.message}`}`))
    })
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (status === 0) return answer(said.stdout)
      const last = said.stderr.trim().split('\n').at(-1)
      fail(new Error(`${command} ${signal ? `was ended by ${signal}` : `ended with status ${status}`}${last ? `: ${last}` : ''}`))
    })
  })
}

function unwritable(path: string, error: unknown, field?: string): InputError {
  if (error instanceof InputError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const found =
    {
      EACCES: 'no permission',
      EROFS: 'a read-only disk',
      ENOSPC: 'a full disk',
      EEXIST: 'a file',
      ENOTDIR: 'a file where a folder must be',
    }[code ?? ''] ?? message
  return new InputError('cannot be written', { file: path, field, found, cause: error })
}
