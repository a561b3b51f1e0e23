/** Explicit conversions of constants, and their bits. */
import { round } from './arithmetic.js'
import { EvaluationError, roundToF32, type Scalar } from './constants.js'
import type { AnyScalarName } from './types.js'

/** The greatest integers that f32 has too: what greater floats become (WGSL, section 15.7.6). */
const greatestOfF32 = { i32: 0x7fffff80, u32: 0xffffff00 }

/** `T(value)`: floats are cut toward zero and kept in the range of the integer; integers keep their bits. */
export function convertScalar(value: Scalar, from: AnyScalarName, to: AnyScalarName): Scalar {
  if (to === 'bool') return Boolean(value)
  if (typeof value === 'boolean') return Number(value)
  if (to === 'f32') return roundToF32(Number(value))
  if (to !== 'i32' && to !== 'u32') return round(Number(value), to)
  const [low, high] = to === 'i32' ? [-0x80000000, 0x7fffffff] : [0, 0xffffffff]
  if (from === 'abstract-int' && (value < low || value > high)) throw new EvaluationError(`${value} is out of the range of '${to}'`)
  if (from === 'f32') return Math.min(Math.max(Math.trunc(Number(value)), low), greatestOfF32[to]) + 0
  if (from === 'abstract-float') return Math.min(Math.max(Math.trunc(Number(value)), low), high) + 0
  return to === 'i32' ? Number(value) | 0 : Number(value) >>> 0
}

/** The same bits as another type of 32 bits. */
export function bitcastScalar(value: number, from: AnyScalarName, to: AnyScalarName): number {
  const bits = new DataView(new ArrayBuffer(4))
  if (from === 'f32') bits.setFloat32(0, value)
  else bits.setInt32(0, value)
  if (to === 'i32') return bits.getInt32(0)
  if (to === 'u32') return bits.getUint32(0)
  const float = bits.getFloat32(0)
  if (!Number.isFinite(float)) throw new EvaluationError(`the bits of ${value} are no finite 'f32'`)
  return float
}
