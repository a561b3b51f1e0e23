/** ONNX `TensorProto` to `TensorData`: every encoding ONNX has for numbers; half and double precision become float32. */
import { elements } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { DataType, TensorData } from '../graph.js'
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from './proto/onnx_pb.js'

/** Reads `length` bytes (all when absent) at `offset` of a file beside the model; `location` is relative and has no `..`. */
export type ReadExternal = (location: string, range: { offset: number; length?: number }) => Promise<Uint8Array>

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

/** `bytes` as an aligned array of its own; ONNX is little-endian, as is every platform with WebGPU. */
const copied = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

interface Encoding {
  /** Of the graph. */
  readonly type: DataType
  readonly bytes: number
  raw(bytes: Uint8Array): TensorData['data']
  typed(proto: TensorProto): TensorData['data']
}

const encodings: Partial<Record<Type, Encoding>> = {
  [Type.FLOAT]: {
    type: 'float32',
    bytes: 4,
    raw: (bytes) => new Float32Array(copied(bytes)),
    typed: (proto) => Float32Array.from(proto.floatData),
  },
  [Type.DOUBLE]: {
    type: 'float32',
    bytes: 8,
    raw: (bytes) => Float32Array.from(new Float64Array(copied(bytes))),
    typed: (proto) => Float32Array.from(proto.doubleData),
  },
  [Type.FLOAT16]: {
    type: 'float32',
    bytes: 2,
    raw: (bytes) => Float32Array.from(new Uint16Array(copied(bytes)), fromHalf),
    typed: (proto) => Float32Array.from(proto.int32Data, fromHalf),
  },
  [Type.BFLOAT16]: {
    type: 'float32',
    bytes: 2,
    raw: (bytes) => Float32Array.from(new Uint16Array(copied(bytes)), fromBfloat),
    typed: (proto) => Float32Array.from(proto.int32Data, fromBfloat),
  },
  [Type.INT64]: {
    type: 'int64',
    bytes: 8,
    raw: (bytes) => new BigInt64Array(copied(bytes)),
    typed: (proto) => BigInt64Array.from(proto.int64Data),
  },
  [Type.INT32]: {
    type: 'int32',
    bytes: 4,
    raw: (bytes) => new Int32Array(copied(bytes)),
    typed: (proto) => Int32Array.from(proto.int32Data),
  },
  [Type.UINT8]: { type: 'uint8', bytes: 1, raw: (bytes) => new Uint8Array(bytes), typed: (proto) => Uint8Array.from(proto.int32Data) },
  [Type.BOOL]: { type: 'bool', bytes: 1, raw: (bytes) => new Uint8Array(bytes), typed: (proto) => Uint8Array.from(proto.int32Data) },
}

/** The graph's type for an ONNX element type; undefined where there is none. */
export const dataType = (type: number): DataType | undefined => encodings[type as Type]?.type

/** 'FLOAT16', or the number where it has no name. */
export const typeName = (type: number): string => Type[type] ?? String(type)

/**
 * @param field what the tensor is, for messages: `initializer 'conv1.weight'`
 */
export async function readTensor(
  proto: TensorProto,
  field: string,
  file: string | undefined,
  readExternal: ReadExternal | undefined,
): Promise<TensorData> {
  const encoding = encodings[proto.dataType as Type]
  if (!encoding)
    throw new InputError('unsupported element type', {
      file,
      field,
      expected: 'float32, float16, bfloat16, double, int64, int32, uint8 or bool',
      found: `${typeName(proto.dataType)}${[Type.INT8, Type.UINT16, Type.INT16].includes(proto.dataType) ? ' (quantised networks are not supported)' : ''}`,
    })
  const dims = proto.dims.map(Number)
  const count = elements(dims)
  if (dims.some((size) => size < 0) || !Number.isSafeInteger(count))
    throw new InputError('bad dimensions', { file, field, expected: 'sizes from 0 up', found: `[${dims}]` })

  const external = proto.dataLocation === TensorProto_DataLocation.EXTERNAL
  const raw = external ? await readOutside(proto, field, file, readExternal, count * encoding.bytes) : proto.rawData
  if (external || raw.length > 0) {
    if (raw.length !== count * encoding.bytes)
      throw new InputError('wrong amount of data', {
        file,
        field,
        expected: `${count * encoding.bytes} bytes for [${dims}] ${typeName(proto.dataType)}`,
        found: `${raw.length}`,
      })
    return { dims, type: encoding.type, data: encoding.raw(raw) }
  }
  const data = encoding.typed(proto)
  if (data.length !== count)
    throw new InputError('wrong amount of data', { file, field, expected: `${count} elements for [${dims}]`, found: `${data.length}` })
  return { dims, type: encoding.type, data }
}

async function readOutside(
  proto: TensorProto,
  field: string,
  file: string | undefined,
  readExternal: ReadExternal | undefined,
  bytes: number,
): Promise<Uint8Array> {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  // The file names it, so it must not lead out of the model's folder.
  if (!location || /^[/\\]|^[a-z]+:|\\|\0/i.test(location) || location.split('/').includes('..'))
    throw new InputError('bad location of external data', {
      file,
      field,
      expected: "a relative path inside the model's folder",
      found: `'${location}'`,
    })
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? bytes)
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== bytes)
    throw new InputError('bad range of external data', {
      file,
      field,
      expected: `${bytes} bytes at an offset from 0 up`,
      found: `${length} bytes at ${offset} of '${location}'`,
    })
  if (!readExternal)
    throw new InputError('weights lie in another file, and nothing was given to read it with', {
      file,
      field,
      expected: 'the option readExternal, or a path instead of bytes',
      found: `external data in '${location}'`,
    })
  const data = await readExternal(location, { offset, length })
  if (data.length !== length)
    throw new InputError('external data is truncated', {
      file,
      field,
      expected: `${length} bytes at ${offset} of '${location}'`,
      found: data.length,
    })
  return data
}
