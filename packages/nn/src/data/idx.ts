/** IDX, the format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/): big-endian header, then bytes. */
import { exists, readFile } from '#platform'
import { InputError } from '../errors.js'

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
  const header = 4 + 4 * rank
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
  const size = header + dims.reduce((a, b) => a * b, 1)
  if (bytes.length !== size) {
    throw new InputError(bytes.length < size ? 'truncated' : 'bytes left over', {
      file,
      field: 'data',
      expected: `${size} bytes for ${dims.join(' x ')}`,
      found: `${bytes.length} bytes`,
    })
  }
  return { dims, data: bytes.subarray(header) }
}

/** Unpacks what starts with gzip's magic bytes, returns everything else as it is. */
export async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (error) {
    // Node hides what zlib said behind 'terminated'.
    const reason = (error as Error).cause ?? error
    const found = reason instanceof Error ? reason.message : String(reason)
    throw new InputError('damaged or truncated gzip data', { file, found, cause: error })
  }
}

async function readIdx(folder: string, stem: string, rank: number): Promise<Idx & { file: string }> {
  const names = [`${stem}-idx${rank}-ubyte`, `${stem}.idx${rank}-ubyte`].flatMap((name) => [name, `${name}.gz`])
  for (const name of names) {
    const file = `${folder}/${name}`
    if (await exists(file)) return { file, ...parseIdx(await gunzip(await readFile(file), file), rank, file) }
  }
  throw new InputError('no IDX file', { file: folder, field: stem, expected: names.join(' or '), found: 'none of them' })
}

/** Only the labels: enough to know the number of classes. */
export async function readIdxLabels(folder: string, part: 'train' | 't10k'): Promise<{ labels: Uint8Array; file: string }> {
  const { data, file } = await readIdx(folder, `${part}-labels`, 1)
  return { labels: data, file }
}

export async function readIdxPart(
  folder: string,
  part: 'train' | 't10k',
): Promise<{ images: Uint8Array; labels: Uint8Array; shape: [number, number, number]; file: string }> {
  const { labels, file } = await readIdxLabels(folder, part)
  const images = await readIdx(folder, `${part}-images`, 3)
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
