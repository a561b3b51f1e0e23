import { readFile as read, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
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
