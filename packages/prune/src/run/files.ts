/** Files that are either whole or not there: written beside, then renamed. */
import { mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { InputError } from '@espalier/nn'

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

/** The text of a file, or undefined when it is not there. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new InputError('cannot be read', { file: path, found: String((error as Error).message), cause: error })
  }
}

/** JSON of a file of ours; `undefined` when it is not there. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError('not JSON', { file: path, found: (error as Error).message, cause: error })
  }
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
