/** ONNX `TensorProto` to `TensorData`: every encoding ONNX has for numbers; half and double precision become float32. */
import { elements } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, TensorData } from '../graph.js'
import type { Budget } from './budget.js'
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from './proto/onnx_pb.js'

/** Reads weights that lie beside a model. */
export interface ReadExternal {
  /** `length` bytes (all when absent) at `offset`; `location` is relative and has no `..`. What comes back is kept, not copied. */
  (location: string, range: { offset: number; length?: number }): Promise<Uint8Array>
  /**
   * Bytes of a file, how many of them lie on disk (a sparse file's are fewer), and what is the same for all its names. Without it, all
   * that is read counts as on disk.
   */
  measure?(location: string): Promise<{ readonly size: number; readonly onDisk: number; readonly id: string }>
}

/** The float32 of a half-precision bit pattern. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The float32 of a bfloat16 bit pattern. */
export const fromBfloat = (() => {
  const word = new Uint32Array(1)
  const float = new Float32Array(word.buffer)
  return (bits: number): number => {
    word[0] = bits << 16
    return float[0]
  }
})()

/** `fromHalf` and the like for many: each pattern is computed once. */
export function widened(bits: Uint16Array, one: (bits: number) => number): Float32Array {
  const table = bits.length < 2 ** 16 ? undefined : Float32Array.from({ length: 2 ** 16 }, (_, i) => one(i))
  const values = new Float32Array(bits.length)
  for (let i = 0; i < values.length; i++) values[i] = table ? table[bits[i]] : one(bits[i])
  return values
}

/** `bytes` as an aligned array of its own; ONNX is little-endian, as is every platform with WebGPU. A whole buffer is one already. */
const own = (bytes: Uint8Array): ArrayBuffer =>
  (bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes))
    .buffer as ArrayBuffer

interface Encoding {
  /** Of the graph. */
  readonly type: DataType
  readonly bytes: number
  raw(bytes: Uint8Array): TensorData['data']
  /** Where its numbers are when they are not bytes, and what they become. */
  list(proto: TensorProto): readonly (number | bigint)[]
  typed(list: readonly never[]): TensorData['data']
}

const halves = (one: (bits: number) => number): Encoding => ({
  type: 'float32',
  bytes: 2,
  raw: (bytes) => widened(new Uint16Array(own(bytes)), one),
  list: ({ int32Data }) => int32Data,
  typed: (list) => widened(new Uint16Array(list), one),
})

const encodings: Partial<Record<Type, Encoding>> = {
  [Type.FLOAT]: {
    type: 'float32',
    bytes: 4,
    raw: (bytes) => new Float32Array(own(bytes)),
    list: ({ floatData }) => floatData,
    typed: (list) => new Float32Array(list),
  },
  [Type.DOUBLE]: {
    type: 'float32',
    bytes: 8,
    raw: (bytes) => new Float32Array(new Float64Array(own(bytes))),
    list: ({ doubleData }) => doubleData,
    typed: (list) => new Float32Array(list),
  },
  [Type.FLOAT16]: halves(fromHalf),
  [Type.BFLOAT16]: halves(fromBfloat),
  [Type.INT64]: {
    type: 'int64',
    bytes: 8,
    raw: (bytes) => new BigInt64Array(own(bytes)),
    list: ({ int64Data }) => int64Data,
    typed: (list) => new BigInt64Array(list),
  },
  [Type.INT32]: {
    type: 'int32',
    bytes: 4,
    raw: (bytes) => new Int32Array(own(bytes)),
    list: ({ int32Data }) => int32Data,
    typed: (list) => new Int32Array(list),
  },
  [Type.UINT8]: {
    type: 'uint8',
    bytes: 1,
    raw: (bytes) => new Uint8Array(own(bytes)),
    list: ({ int32Data }) => int32Data,
    typed: (list) => new Uint8Array(list),
  },
  [Type.BOOL]: {
    type: 'bool',
    bytes: 1,
    raw: (bytes) => new Uint8Array(own(bytes)),
    list: ({ int32Data }) => int32Data,
    typed: (list) => new Uint8Array(list),
  },
}

/** The graph's type for an ONNX element type; undefined where there is none. */
export const dataType = (type: number): DataType | undefined => encodings[type as Type]?.type

/** 'FLOAT16', or the number where it has no name. */
export const typeName = (type: number): string => Type[type] ?? String(type)

/** Dimensions of a tensor: NumPy's own limit. */
export const highestRank = 64

/** @param field what the tensor is, for messages: `initializer 'conv1.weight'` */
export type ReadTensor = (proto: TensorProto, field: string) => Promise<TensorData>

export interface TensorOptions {
  readonly file: string | undefined
  readonly readExternal: ReadExternal | undefined
  readonly budget: Budget
}

export function createTensorReader({ file, readExternal, budget }: TensorOptions): ReadTensor {
  const readOutside = createOutsideReader(file, readExternal, budget)
  /** A range that several tensors name is read once. */
  const shared = new Map<string, TensorData['data']>()
  return async (proto, field) => {
    const encoding = encodings[proto.dataType as Type]
    if (!encoding)
      throw new InputError('unsupported element type', {
        file,
        field,
        expected: 'float32, float16, bfloat16, double, int64, int32, uint8 or bool',
        found: `${typeName(proto.dataType)}${[Type.INT8, Type.UINT16, Type.INT16].includes(proto.dataType) ? ' (quantised networks are not supported)' : ''}`,
      })
    if (proto.dims.length > highestRank)
      throw new InputError('bad dimensions', { file, field, expected: `at most ${highestRank}`, found: proto.dims.length })
    const dims = proto.dims.map(Number)
    const count = elements(dims)
    if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0) || !Number.isSafeInteger(8 * count))
      throw new InputError('bad dimensions', { file, field, expected: 'sizes from 0 up', found: `[${dims}]` })

    const size = count * encoding.bytes
    const wrong = (expected: string, found: number) =>
      new InputError('wrong amount of data', { file, field, expected: `${expected} for [${dims}] ${typeName(proto.dataType)}`, found })
    const take = () => budget.take(count * (encoding.type === 'float32' ? 4 : encoding.bytes), field)
    if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
      const range = rangeOf(proto, size, file, field)
      const key = `${proto.dataType} ${range.offset} ${range.length} ${range.location}`
      let data = shared.get(key)
      if (!data) {
        await readOutside.announce(range, field)
        take()
        data = encoding.raw(await readOutside.read(range, field))
        shared.set(key, data)
      }
      return { dims, type: encoding.type, data }
    }
    if (proto.rawData.length > 0) {
      if (proto.rawData.length !== size) throw wrong(`${size} bytes`, proto.rawData.length)
      take()
      return { dims, type: encoding.type, data: encoding.raw(new Uint8Array(proto.rawData)) }
    }
    const list = encoding.list(proto)
    if (list.length !== count) throw wrong(`${count} elements`, list.length)
    take()
    return { dims, type: encoding.type, data: encoding.typed(list as readonly never[]) }
  }
}

interface Range {
  readonly location: string
  readonly offset: number
  readonly length: number
}

function rangeOf(proto: TensorProto, bytes: number, file: string | undefined, field: string): Range {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
  const given = entries.get('location') ?? ''
  // The file names it, so it must not lead out of the model's folder.
  if (!given || /^[/\\]|^[a-z]+:|\\|\0/i.test(given) || given.split('/').includes('..'))
    throw new InputError('bad location of external data', {
      file,
      field,
      expected: "a relative path inside the model's folder",
      found: `'${given}'`,
    })
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? bytes)
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== bytes)
    throw new InputError('bad range of external data', {
      file,
      field,
      expected: `${bytes} bytes at an offset from 0 up`,
      found: `${length} bytes at ${offset} of '${given}'`,
    })
  return { location: given.replace(/(^|\/)(\.?\/)+/g, '$1'), offset, length }
}

function createOutsideReader(file: string | undefined, readExternal: ReadExternal | undefined, budget: Budget) {
  const measured = new Map<string, number>()
  const granted = new Set<string>()
  /** End of what was read of each file. */
  const ends = new Map<string, number>()
  const truncated = ({ location, offset, length }: Range, field: string, found: number) =>
    new InputError('external data is truncated', { file, field, expected: `${length} bytes at ${offset} of '${location}'`, found })
  const reader = ({ location }: Range, field: string): ReadExternal => {
    if (readExternal) return readExternal
    throw new InputError('weights lie in another file, and nothing was given to read it with', {
      file,
      field,
      expected: 'the option readExternal, or a path instead of bytes',
      found: `external data in '${location}'`,
    })
  }
  return {
    /** Grants memory for the file in which the range lies, once. */
    async announce(range: Range, field: string): Promise<void> {
      const { location, offset, length } = range
      const read = reader(range, field)
      const end = offset + length
      if (read.measure) {
        if (!measured.has(location)) {
          const { size, onDisk, id } = await read.measure(location)
          measured.set(location, size)
          if (!granted.has(id)) budget.grant(onDisk)
          granted.add(id)
        }
        const size = measured.get(location)!
        if (end > size) throw truncated(range, field, Math.max(0, size - offset))
      } else {
        budget.grant(Math.max(0, end - Math.max(offset, ends.get(location) ?? 0)))
        ends.set(location, Math.max(end, ends.get(location) ?? 0))
      }
    },
    async read(range: Range, field: string): Promise<Uint8Array> {
      const { location, offset, length } = range
      const data = await reader(range, field)(location, { offset, length })
      if (data.length !== length) throw truncated(range, field, data.length)
      return data
    },
  }
}
