import { open, readFile as read, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { InputError } from './errors.js'
import type { FolderEntry } from './platform.js'

/** The bytes of a file; an `InputError` that names it when it cannot be read. */
export async function readFile(path: string): Promise<Uint8Array> {
  try {
    const buffer = await read(path)
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  } catch (error) {
    throw unreadable(path, 'a file', error)
  }
}

/**
 * Reads weights that lie beside a model: `location` is relative to the model's folder, and what it points to, links followed,
 * must be in that folder; an `InputError` otherwise, or where the file is shorter than the range.
 */
export function readBeside(model: string): (location: string, range: { offset: number; length?: number }) => Promise<Uint8Array> {
  return async (location, { offset, length }) => {
    const path = join(dirname(model), location)
    try {
      const folder = await realpath(dirname(model))
      const target = await realpath(path)
      if (!target.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
        throw new InputError('external data must lie in the folder of the model', { file: model, field: location, found: target })
      }
      const found = await stat(target)
      // Opening a pipe would wait for ever.
      if (!found.isFile()) throw new InputError('cannot be read', { file: path, expected: 'a file', found: 'something else' })
      const size = found.size
      const file = await open(target)
      try {
        const count = length ?? size - offset
        if (count < 0 || offset + count > size) {
          throw new InputError('external data is truncated', { file: path, expected: `${offset + Math.max(count, 0)} bytes`, found: size })
        }
        const bytes = new Uint8Array(count)
        await file.read(bytes, 0, count, offset)
        return bytes
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof InputError) throw error
      throw unreadable(path, 'a file', error)
    }
  }
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
