/** Files in memory, as long as the page lives; there are no modules or commands of the user's own. */
import { InputError } from '@espalier/nn'
import type { CostFunction } from './budgets/candidate.js'
import type { Kind } from './platform.js'

const files = new Map<string, Uint8Array>()

const clean = (path: string) => path.split('/').filter((part) => part !== '' && part !== '.')
const keyOf = (path: string) => clean(path).join('/')
/** Folders are there as soon as something is in them, or anybody made them. */
const folders = new Set<string>([''])
const isUnder = (path: string, folder: string) => folder === '' || path.startsWith(`${folder}/`)
const bytesOf = (content: string | Uint8Array) => (typeof content === 'string' ? new TextEncoder().encode(content) : content.slice())

export const join = (...parts: string[]): string => `${parts[0]?.startsWith('/') ? '/' : ''}${parts.flatMap(clean).join('/')}`

export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  files.set(keyOf(path), bytesOf(content))
}

export async function checkWritable(path: string, field: string): Promise<void> {
  if ((await kindOf(path)) === 'folder')
    throw new InputError('cannot be written', { file: path, field, expected: 'the name of a file', found: 'a folder' })
}

export async function checkNotOver(out: string, input: unknown, what: string): Promise<void> {
  if (typeof input === 'string' && keyOf(out) === keyOf(input))
    throw new InputError(`is ${what} itself, which would be lost`, { file: out, field: '--out', expected: 'another file' })
}

export async function makeFolder(path: string, field: string): Promise<void> {
  const parts = clean(path)
  for (let i = 1; i <= parts.length; i++) {
    const folder = parts.slice(0, i).join('/')
    if (files.has(folder)) throw new InputError('cannot be written', { file: path, field, found: 'a file where a folder must be' })
    folders.add(folder)
  }
}

export async function readBytes(path: string): Promise<Uint8Array | undefined> {
  const found = files.get(keyOf(path))
  if (!found && (await kindOf(path)) === 'folder') throw new InputError('cannot be read', { file: path, found: 'a folder' })
  return found?.slice()
}

export async function kindOf(path: string): Promise<Kind | undefined> {
  const key = keyOf(path)
  if (files.has(key)) return 'file'
  return folders.has(key) || [...files.keys()].some((name) => isUnder(name, key)) ? 'folder' : undefined
}

export async function namesIn(path: string): Promise<string[]> {
  const key = keyOf(path)
  const inside = [...files.keys(), ...folders].filter((name) => name !== key && isUnder(name, key))
  return [...new Set(inside.map((name) => name.slice(key === '' ? 0 : key.length + 1).split('/')[0]))].sort()
}

export async function move(from: string, to: string): Promise<void> {
  const [old, key] = [keyOf(from), keyOf(to)]
  const moved = (name: string) => key + name.slice(old.length)
  for (const [name, bytes] of [...files])
    if (name === old || isUnder(name, old)) {
      files.delete(name)
      files.set(moved(name), bytes)
    }
  for (const name of [...folders])
    if (name === old || isUnder(name, old)) {
      folders.delete(name)
      folders.add(moved(name))
    }
}

export async function remove(path: string): Promise<void> {
  const key = keyOf(path)
  for (const name of [...files.keys()]) if (name === key || isUnder(name, key)) files.delete(name)
  for (const name of [...folders]) if (name === key || isUnder(name, key)) folders.delete(name)
}

export async function removeEmpty(path: string): Promise<void> {
  if ((await namesIn(path)).length === 0) folders.delete(keyOf(path))
}

export async function append(path: string, text: string): Promise<void> {
  const [before, more] = [files.get(keyOf(path)) ?? new Uint8Array(), bytesOf(text)]
  const whole = new Uint8Array(before.length + more.length)
  whole.set(before)
  whole.set(more, before.length)
  files.set(keyOf(path), whole)
}

export const sizeOf = async (path: string): Promise<number> => files.get(keyOf(path))?.length ?? 0

export async function truncate(path: string, bytes: number): Promise<void> {
  files.set(keyOf(path), (files.get(keyOf(path)) ?? new Uint8Array()).slice(0, bytes))
}

const held = new Set<string>()

/** A page has one process; two runs of it may not share a folder either. */
export async function lock(folder: string, field: string): Promise<() => Promise<void>> {
  const key = keyOf(folder)
  if (held.has(key))
    throw new InputError('belongs to a run that is under way', {
      file: folder,
      field,
      expected: 'a folder that no process works in',
      found: 'this page',
    })
  held.add(key)
  return async () => void held.delete(key)
}

const refuse = (what: string): never => {
  throw new InputError(`${what} need Node; in a browser give a function instead`)
}

export const importModule = async (): Promise<{ default?: unknown }> => refuse('modules of your own')

export const commandCost = (): CostFunction => refuse('commands')
