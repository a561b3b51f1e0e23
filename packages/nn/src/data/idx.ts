/** IDX, the format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/): big-endian header, then bytes. */
import { exists, readFile } from '#platform'
import { InputError } from '../errors.js'
import { unpack } from './unpack.js'

export interface Idx {
  readonly dims: number[]
  /** Unsigned bytes, row by row: a view of the input. */
  readonly data: Uint8Array
}

const hexadecimal = (value: number) => `0x${value.toString(16).padStart(8, '0')}`

/**
 * @param rank number of dimensions the file must have: 3 for images [N, H, W], 1 for labels [N]
 * @param file name for messages
 */
export function parseIdx(bytes: Uint8Array, rank: number, file: string): Idx {
  const dims = parseHeader(bytes, rank, file)
  const size = sizeOf(dims)
  if (bytes.length !== size) throw wrongSize(dims, bytes.length, file)
  return { dims, data: bytes.subarray(headerOf(rank)) }
}

const headerOf = (rank: number): number => 4 + 4 * rank
/** Bytes of a file with these dimensions. */
const sizeOf = (dims: readonly number[]): number => headerOf(dims.length) + dims.reduce((a, b) => a * b, 1)

const wrongSize = (dims: readonly number[], found: number, file: string) =>
  new InputError(found < sizeOf(dims) ? 'truncated' : 'bytes left over', {
    file,
    field: 'data',
    expected: `${sizeOf(dims)} bytes for ${dims.join(' x ')}`,
    found: `${found} bytes`,
  })

/** The dimensions. */
function parseHeader(bytes: Uint8Array, rank: number, file: string): number[] {
  const header = headerOf(rank)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // 0x08: unsigned bytes; the last byte counts the dimensions.
  const magic = 0x0800 + rank
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    throw new InputError('wrong IDX header', {
      file,
      field: 'magic number',
      expected: hexadecimal(magic),
      found: hexadecimal(view.getUint32(0)),
    })
  }
  if (bytes.length < header) {
    throw new InputError('truncated', { file, field: 'header', expected: `${header} bytes`, found: `${bytes.length} bytes` })
  }
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  if (dims.includes(0))
    throw new InputError('an empty dimension', { file, field: 'dimensions', expected: 'all from 1', found: dims.join(' x ') })
  return dims
}

/** Bytes that an unpacked file may always have, and how many more for each on disk. */
const [floor, perByte] = [2 ** 30, 16]

/**
 * Unpacks what starts with gzip's magic bytes, returns everything else as it is. Its header says how long the file must be: what is
 * longer, or longer than `memoryLimit`, is refused before there is memory for it.
 */
async function gunzip(bytes: Uint8Array, rank: number, file: string, memoryLimit = floor + perByte * bytes.length): Promise<Uint8Array> {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes
  let head: Uint8Array = new Uint8Array(0)
  let all: Uint8Array | undefined
  let dims: number[] = []
  let at = 0
  const take = (part: Uint8Array): boolean => {
    if (!all) {
      head = Uint8Array.from([...head, ...part.subarray(0, headerOf(rank))]).subarray(0, headerOf(rank))
      if (head.length < headerOf(rank)) {
        at += part.length
        return true
      }
      dims = parseHeader(head, rank, file)
      const size = sizeOf(dims)
      if (size > memoryLimit)
        throw new InputError('takes too much memory', {
          file,
          field: 'dimensions',
          expected: `at most ${memoryLimit} bytes for ${bytes.length} on disk (the option memoryLimit raises it)`,
          found: `${size} bytes for ${dims.join(' x ')}`,
        })
      all = new Uint8Array(size)
      all.set(head.subarray(0, at))
    }
    if (at + part.length > all.length) throw wrongSize(dims, at + part.length, file)
    all.set(part, at)
    at += part.length
    return true
  }
  try {
    await unpack(bytes, 'gzip', take)
  } catch (error) {
    if (error instanceof InputError) throw error
    // Node hides what zlib said behind 'terminated'.
    const reason = (error as Error).cause ?? error
    const found = reason instanceof Error ? reason.message : String(reason)
    throw new InputError('damaged or truncated gzip data', { file, found, cause: error })
  }
  return (all ?? head).subarray(0, at)
}

async function readIdx(folder: string, stem: string, rank: number, memoryLimit?: number): Promise<Idx & { file: string }> {
  const names = [`${stem}-idx${rank}-ubyte`, `${stem}.idx${rank}-ubyte`].flatMap((name) => [name, `${name}.gz`])
  for (const name of names) {
    const file = `${folder}/${name}`
    if (await exists(file)) return { file, ...parseIdx(await gunzip(await readFile(file), rank, file, memoryLimit), rank, file) }
  }
  throw new InputError('no IDX file', { file: folder, field: stem, expected: names.join(' or '), found: 'none of them' })
}

/** Only the labels: enough to know the number of classes. */
export async function readIdxLabels(
  folder: string,
  part: 'train' | 't10k',
  memoryLimit?: number,
): Promise<{ labels: Uint8Array; file: string }> {
  const { data, file } = await readIdx(folder, `${part}-labels`, 1, memoryLimit)
  return { labels: data, file }
}

export async function readIdxPart(
  folder: string,
  part: 'train' | 't10k',
  memoryLimit?: number,
): Promise<{ images: Uint8Array; labels: Uint8Array; shape: [number, number, number]; file: string }> {
  const { labels, file } = await readIdxLabels(folder, part, memoryLimit)
  const images = await readIdx(folder, `${part}-images`, 3, memoryLimit)
  const [count, height, width] = images.dims
  if (labels.length !== count) {
    throw new InputError('images and labels do not match', {
      file,
      field: 'labels',
      expected: `${count} labels for ${images.file}`,
      found: labels.length,
    })
  }
  return { images: images.data, labels, shape: [1, height, width], file }
}
