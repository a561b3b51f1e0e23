/** Functions that pack small numbers into 32 bits, and back. */
import { type Constant, EvaluationError, roundToF32 } from '../constants.js'
import { type LibraryFunction, whole } from './entry.js'
import { fromHalf, toHalf } from './half.js'

type Numbers = readonly number[]

const clamped = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high)

/** Joins numbers of 32 / size bits each, the first lowest. */
function join(values: Numbers): number {
  const width = 32 / values.length
  return values.reduce((word, value, i) => word | ((value & (width === 8 ? 0xff : 0xffff)) << (i * width)), 0) >>> 0
}

function split(word: number, size: number, signed: boolean): number[] {
  const width = 32 / size
  return Array.from({ length: size }, (_, i) => {
    const top = word << (32 - width * (i + 1))
    return signed ? top >> (32 - width) : top >>> (32 - width)
  })
}

function pack(from: string, apply: (x: number) => number): LibraryFunction {
  return whole(`${from} -> u32`, 'none', (_, values: Numbers) => join(values.map(apply)))
}

function unpack(to: string, size: number, signed: boolean, apply: (x: number) => number): LibraryFunction {
  return whole(`u32 -> ${to}`, 'none', (_, word: number) => split(word, size, signed).map(apply))
}

function half(x: number): number {
  const bits = toHalf(x)
  if (bits === undefined) throw new EvaluationError(`${x} is out of the range of 'f16'`)
  return bits
}

function dot4(signed: boolean): LibraryFunction {
  return whole(`u32 u32 -> ${signed ? 'i32' : 'u32'}`, 'none', (_, a: number, b: number): Constant => {
    const right = split(b, 4, signed)
    return split(a, 4, signed).reduce((sum, x, i) => sum + x * right[i], 0)
  })
}

export const packing: Record<string, LibraryFunction> = {
  dot4U8Packed: dot4(false),
  dot4I8Packed: dot4(true),
  pack4x8snorm: pack('v4f32', (x) => Math.floor(0.5 + 127 * clamped(x, -1, 1))),
  pack4x8unorm: pack('v4f32', (x) => Math.floor(0.5 + 255 * clamped(x, 0, 1))),
  pack4xI8: pack('v4i32', (x) => x),
  pack4xU8: pack('v4u32', (x) => x),
  pack4xI8Clamp: pack('v4i32', (x) => clamped(x, -128, 127)),
  pack4xU8Clamp: pack('v4u32', (x) => clamped(x, 0, 255)),
  pack2x16snorm: pack('v2f32', (x) => Math.floor(0.5 + 32767 * clamped(x, -1, 1))),
  pack2x16unorm: pack('v2f32', (x) => Math.floor(0.5 + 65535 * clamped(x, 0, 1))),
  pack2x16float: pack('v2f32', half),
  unpack4x8snorm: unpack('v4f32', 4, true, (x) => Math.fround(Math.max(x / 127, -1))),
  unpack4x8unorm: unpack('v4f32', 4, false, (x) => Math.fround(x / 255)),
  unpack4xI8: unpack('v4i32', 4, true, (x) => x),
  unpack4xU8: unpack('v4u32', 4, false, (x) => x),
  unpack2x16snorm: unpack('v2f32', 2, true, (x) => Math.fround(Math.max(x / 32767, -1))),
  unpack2x16unorm: unpack('v2f32', 2, false, (x) => Math.fround(x / 65535)),
  unpack2x16float: unpack('v2f32', 2, false, (x) => roundToF32(fromHalf(x))),
}
