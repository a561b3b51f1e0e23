/**
 * The safetensors format (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON
 * header of name -> { dtype, shape, data_offsets }, then the bytes. Written float32 only, names sorted, so
 * that equal tensors give equal bytes.
 */
import type { Shape } from '@espalier/kernels'
import { InputError } from './errors.js'

export function encodeTensors(
  tensors: Readonly<Record<string, Float32Array>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return encodeShaped(new Map(Object.entries(tensors).map(([name, data]) => [name, { dims: [data.length], data }])), metadata)
}

/** The same with the tensors' shapes. */
export function encodeShaped(
  tensors: ReadonlyMap<string, { readonly dims: Shape; readonly data: Float32Array }>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const names = [...tensors.keys()].sort((a, b) => (a < b ? -1 : 1))
  const header = new Map<string, unknown>([['__metadata__', metadata]])
  let offset = 0
  for (const name of names) {
    const { dims, data } = tensors.get(name)!
    header.set(name, { dtype: 'F32', shape: dims, data_offsets: [offset, offset + data.byteLength] })
    offset += data.byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const padded = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(text, 8)
  let position = 8 + padded
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = tensors.get(name)!.data
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), position)
    position += byteLength
  }
  return bytes
}

/** @throws InputError when the bytes are not safetensors of float32, naming `file` and the tensor */
export function decodeTensors(
  bytes: Uint8Array,
  file?: string,
): { tensors: Record<string, Float32Array>; metadata: Record<string, string> } {
  const { entries, metadata } = readEntries(bytes, file)
  const tensors: Record<string, Float32Array> = {}
  for (const { name, dtype, data } of entries) {
    if (dtype !== 'F32') throw unusable(file, 'data type', { field: name, expected: 'F32', found: dtype })
    if (data.length % 4 !== 0) throw unusable(file, 'data_offsets', { field: name, expected: 'whole numbers', found: data.length })
    tensors[name] = new Float32Array(new Uint8Array(data).buffer)
  }
  return { tensors, metadata }
}

export interface Entry {
  readonly name: string
  readonly dtype: string
  readonly shape: Shape
  /** A view of the file. */
  readonly data: Uint8Array
}

const unusable = (
  file: string | undefined,
  what: string,
  details: { field?: string; expected?: string | number; found?: string | number } = {},
) => new InputError(`not a usable safetensors file: ${what}`, { file, ...details })

/** Throws an InputError for bytes that are no such file. */
export function readEntries(bytes: Uint8Array, file?: string): { entries: Entry[]; metadata: Record<string, string> } {
  if (bytes.length < 8) throw unusable(file, 'too short', { expected: 'at least 8 bytes', found: bytes.length })
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - 8) throw unusable(file, 'truncated header', { expected: `${length} bytes`, found: bytes.length - 8 })
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)))
  } catch {
    throw unusable(file, 'its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw unusable(file, 'its header is no JSON object')
  const data = bytes.subarray(8 + length)
  const entries: Entry[] = []
  for (const [name, entry] of Object.entries(
    header as Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null>,
  )) {
    if (name === '__metadata__') continue
    const [from, to] = Array.isArray(entry?.data_offsets) ? (entry.data_offsets as number[]) : []
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= data.length))
      throw unusable(file, 'data_offsets', { field: name, expected: `within ${data.length} bytes`, found: `${from} to ${to}` })
    const shape = Array.isArray(entry?.shape) ? (entry.shape as number[]) : []
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw unusable(file, 'shape', { field: name, expected: 'sizes from 0 up', found: `[${shape}]` })
    entries.push({ name, dtype: String(entry?.dtype), shape, data: data.subarray(from, to) })
  }
  return { entries, metadata: (header as { __metadata__?: Record<string, string> }).__metadata__ ?? {} }
}
