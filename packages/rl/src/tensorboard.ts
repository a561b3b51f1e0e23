/**
 * TensorBoard event files, scalars only: bytes to append to a file whose name contains `tfevents` (`events.out.tfevents.<seconds>.<host>`).
 * A file is a sequence of records (TensorFlow `lib/io/record_writer.cc`), the first of which is the version:
 *
 *   uint64 length, uint32 masked crc32c of it, data, uint32 masked crc32c of the data         all little-endian
 *   data: message Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *         message Summary { repeated Value value = 1; }   message Value { string tag = 1; float simple_value = 2; }
 */
import type { MetricEvent, MetricWriter } from './metrics.js'

/** Tags are `<type>/<name>`. Scalars without a value are left out. */
export function tensorBoardWriter({ append = false } = {}): MetricWriter<Uint8Array> {
  let begun = append
  return (event) => {
    const records = begun ? [] : [record(message([double(1, event.wallTime), text(3, 'brain.Event:2')]))]
    begun = true
    records.push(record(message([double(1, event.wallTime), varint(2, event.step), bytes(5, summary(event))])))
    return concatenated(records)
  }
}

function summary({ type, scalars }: MetricEvent): Uint8Array {
  return message(
    Object.entries(scalars).flatMap(([name, value]) =>
      value === null ? [] : [bytes(1, message([text(1, `${type}/${name}`), float(2, value)]))],
    ),
  )
}

function record(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true)
  return concatenated([length, uint32(maskedCrc(length)), data, uint32(maskedCrc(data))])
}

const message = (fields: readonly Uint8Array[]) => concatenated(fields)
const varint = (field: number, value: number) => Uint8Array.from([field << 3, ...base128(BigInt(value))])
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value))
const bytes = (field: number, value: Uint8Array) =>
  concatenated([Uint8Array.from([(field << 3) | 2, ...base128(BigInt(value.length))]), value])

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9)
  out[0] = (field << 3) | 1
  new DataView(out.buffer).setFloat64(1, value, true)
  return out
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5)
  out[0] = (field << 3) | 5
  new DataView(out.buffer).setFloat32(1, value, true)
  return out
}

function uint32(value: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value, true)
  return out
}

function base128(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...base128(value >> 7n)]
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Rotated and shifted, so that a checksum stored among the data does not check itself (`lib/hash/crc32c.h`). */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** The Castagnoli polynomial, reflected: 0x82f63b78. */
const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  return c
})

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
