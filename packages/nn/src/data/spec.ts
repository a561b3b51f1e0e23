import { InputError } from '../errors.js'

interface Limited {
  /** At most the first N images of the training set, and of the test set. */
  readonly limit?: number
}

/** One part of data held in memory: N images as bytes, NCHW, and N class indices. */
export interface MemoryData {
  readonly images: Uint8Array
  readonly labels: ArrayLike<number>
  readonly shape: readonly [number, number, number]
  readonly classes: number
  readonly classNames?: readonly string[]
}

/** Where data come from: what `--data` says, or the same as an object. */
export type DataSpec =
  | ({ readonly kind: 'idx' | 'cifar10' | 'cifar100' | 'images'; readonly path: string } & Limited)
  | ({ readonly kind: 'shapes' } & Limited)
  | ({ readonly kind: 'memory'; readonly name?: string; readonly train?: MemoryData; readonly test?: MemoryData } & Limited)

const kinds = {
  idx: 'idx:DIR (MNIST, Fashion-MNIST)',
  cifar10: 'cifar10:DIR',
  cifar100: 'cifar100:DIR',
  images: 'images:DIR (DIR/train|val/CLASS/*.png|jpg)',
  shapes: 'shapes (built in)',
}
const expected = `${Object.values(kinds).join(', ')}; each may end in ,limit=N`

/**
 * Reads `KIND:PATH[,limit=N]`. Options are the last comma-separated parts that look like `name=value`, so a path may hold commas.
 * @throws InputError for an unknown kind, a missing path, an unknown option
 */
export function parseDataSpec(text: string): DataSpec {
  const parts = text.split(',')
  const options: string[] = []
  while (parts.length > 1 && /^\s*\w+=[^/\\]*$/.test(parts.at(-1)!)) options.unshift(parts.pop()!.trim())
  const body = parts.join(',')
  const colon = body.indexOf(':')
  const kind = (colon < 0 ? body : body.slice(0, colon)).trim()
  const path = colon < 0 ? '' : body.slice(colon + 1)
  const field = '--data'
  if (!Object.hasOwn(kinds, kind)) throw new InputError('unknown kind of data', { field, expected, found: `'${text}'` })

  const limits: Limited[] = options.map((option) => {
    const [name, value] = option.split('=')
    if (name !== 'limit') throw new InputError(`unknown option '${name}'`, { field, expected: 'limit=N', found: `'${option}'` })
    return { limit: checkLimit(value.trim() === '' ? Number.NaN : Number(value), value) }
  })
  if (limits.length > 1) throw new InputError('limit is given twice', { field, found: `'${text}'` })
  if (kind === 'shapes') {
    if (path !== '') throw new InputError('shapes takes no path', { field, expected: 'shapes or shapes,limit=N', found: `'${text}'` })
    return { kind, ...limits[0] }
  }
  if (path === '') throw new InputError('the path is missing', { field, expected: kinds[kind as keyof typeof kinds], found: `'${text}'` })
  return { kind: kind as 'idx', path, ...limits[0] }
}

/** A whole number of images from 1 on; `written` is what the user wrote. */
export function checkLimit(limit: number, written: string | number = limit): number {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new InputError('not a number of images', { field: 'limit of the data', expected: 'a whole number from 1', found: written })
  return limit
}
