import type { Stats } from 'node:fs'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { InputError } from './errors.js'
import type { FolderEntry, ReadBeside } from './platform.js'

/** What one call of the system may read: Node ends the process above 2 GiB. */
const largestRead = 2 ** 30

/** The bytes of a file; an `InputError` that names it when it cannot be read. */
export async function readFile(path: string): Promise<Uint8Array> {
  try {
    const { size, blocks } = await regular(path, path)
    // Nothing but holes may be as long as it likes without taking any place.
    const most = 2 ** 29 + 8 * 512 * blocks
    if (size > most)
      throw new InputError('mostly holes', { file: path, expected: `at most ${most} bytes for what lies on disk`, found: size })
    return await readRange(path, 0, size)
  } catch (error) {
    if (error instanceof InputError) throw error
    throw unreadable(path, 'a file', error)
  }
}

/** A file of which there is an end: devices have none, and opening a pipe would wait for ever. */
async function regular(target: string, path: string): Promise<Stats> {
  const found = await stat(target)
  if (found.isFile()) return found
  throw new InputError('cannot be read', { file: path, expected: 'a file', found: found.isDirectory() ? 'a folder' : 'something else' })
}

/** Fewer bytes than asked for where the file has become shorter. */
async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const bytes = new Uint8Array(length)
    let at = 0
    while (at < length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(largestRead, length - at), offset + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return at === length ? bytes : bytes.slice(0, at)
  } finally {
    await file.close()
  }
}

/**
 * Reads weights that lie beside a model: `location` is relative to the model's folder, and what it points to, links followed,
 * must be in that folder; an `InputError` otherwise, or where the file is shorter than the range.
 */
export function readBeside(model: string): ReadBeside {
  const find = async <T>(location: string, then: (target: string, path: string, found: Stats) => T | Promise<T>): Promise<T> => {
    const path = join(dirname(model), location)
    try {
      const folder = await realpath(dirname(model))
      const target = await realpath(path)
      if (!target.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
        throw new InputError('external data must lie in the folder of the model', { file: model, field: location, found: target })
      }
      return await then(target, path, await regular(target, path))
    } catch (error) {
      if (error instanceof InputError) throw error
      throw unreadable(path, 'a file', error)
    }
  }
  const read = (location: string, { offset, length }: { offset: number; length?: number }) =>
    find(location, (target, path, { size }) => {
      const count = length ?? size - offset
      if (count < 0 || offset + count > size) {
        throw new InputError('external data is truncated', { file: path, expected: `${offset + Math.max(count, 0)} bytes`, found: size })
      }
      return readRange(target, offset, count)
    })
  // Blocks are of 512 bytes, whatever the file system's own are.
  const measure = (location: string) =>
    find(location, (_, __, { size, blocks, dev, ino }) => ({ size, onDisk: Math.min(size, 512 * blocks), id: `${dev} ${ino}` }))
  return Object.assign(read, { measure })
}

/** Files and folders in a folder (links followed), sorted by name in code units; an `InputError` when it is not there. */
export async function listFolder(path: string): Promise<FolderEntry[]> {
  try {
    const entries: FolderEntry[] = []
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const found = entry.isSymbolicLink() ? await stat(join(path, entry.name)) : entry
      if (found.isFile() || found.isDirectory()) entries.push({ name: entry.name, kind: found.isFile() ? 'file' : 'folder' })
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw unreadable(path, 'a folder', error)
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function unreadable(path: string, expected: string, error: unknown): InputError {
  const code = (error as NodeJS.ErrnoException).code
  const found =
    { ENOENT: 'nothing there', EISDIR: 'a folder', ENOTDIR: 'not a folder', EACCES: 'no permission' }[code ?? ''] ?? String(error)
  return new InputError('cannot be read', { file: path, expected, found, cause: error })
}
