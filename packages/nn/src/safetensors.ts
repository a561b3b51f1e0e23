/**
 * The safetensors format (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON
 * header of name -> { dtype, shape, data_offsets }, then the bytes. Used for checkpoints: float32 only, names sorted, so
 * that equal tensors give equal bytes.
 */
import { InputError } from './errors.js'

export function encodeTensors(
  tensors: Readonly<Record<string, Float32Array>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const names = Object.keys(tensors).sort((a, b) => (a < b ? -1 : 1))
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const name of names) {
    const bytes = tensors[name].byteLength
    header[name] = { dtype: 'F32', shape: [tensors[name].length], data_offsets: [offset, offset + bytes] }
    offset += bytes
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const padded = Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(text, 8)
  let position = 8 + padded
  for (const name of names) {
    const { buffer, byteOffset, byteLength } = tensors[name]
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
  const fail = (what: string, details: { field?: string; expected?: string | number; found?: string | number } = {}) =>
    new InputError(`not a usable safetensors file: ${what}`, { file, ...details })
  if (bytes.length < 8) throw fail('too short', { expected: 'at least 8 bytes', found: bytes.length })
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  if (length > bytes.length - 8) throw fail('truncated header', { expected: `${length} bytes`, found: bytes.length - 8 })
  let header: Record<string, { dtype?: unknown; data_offsets?: unknown }>
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)))
  } catch {
    throw fail('its header is not JSON')
  }
  const data = bytes.subarray(8 + length)
  const tensors: Record<string, Float32Array> = {}
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = Array.isArray(entry?.data_offsets) ? (entry.data_offsets as number[]) : []
    if (entry?.dtype !== 'F32') throw fail('data type', { field: name, expected: 'F32', found: String(entry?.dtype) })
    if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= data.length && (to - from) % 4 === 0)) {
      throw fail('data_offsets', { field: name, expected: `within ${data.length} bytes`, found: `${from} to ${to}` })
    }
    tensors[name] = new Float32Array(data.slice(from, to).buffer)
  }
  return { tensors, metadata: (header.__metadata__ as Record<string, string> | undefined) ?? {} }
}
