/** The buffers of a generated program: contents from the seed, and which words of them are compared how. */
import type { Floats } from './context.js'
import type { Random } from './random.js'
import { alignOf, eachScalar, f32, i32, type Scalar, sizeOf, strideOf, type Type } from './types.js'

/**
 * How a word is compared: i by its bits; f as float (any NaN is any other, zeros are equal); a as float, approximately; - not (padding).
 */
export type WordClass = 'i' | 'f' | 'a' | '-'

export interface Buffer {
  readonly name: string
  readonly group: number
  readonly binding: number
  readonly kind: 'uniform' | 'read-only-storage' | 'storage'
  readonly words: Uint32Array<ArrayBuffer>
  /** Of each word of a period, which repeats through the buffer; nothing where it is only read. */
  readonly classes: string
}

const integers = [0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x80000001, 31, 32, 33, 0xaaaaaaaa, 0x10000, 0xffff]
const wilds = [
  Infinity,
  -Infinity,
  NaN,
  3e38,
  -3e38,
  1e20,
  -1e10,
  2147483648,
  -2147483904,
  4294967296,
  16777217,
  0.1,
  -1 / 3,
  8388609.5,
  0,
  -0,
]

const asBits = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]

export function someWord(r: Random, scalar: Scalar, floats: Floats): number {
  if (scalar === f32)
    return asBits(floats === 'wild' && r.chance(0.3) ? r.pick(wilds) : (r.chance(0.5) ? r.below(16) - 4 : r.below(512) - 256) / 8)
  const value = r.weighted([
    [4, r.below(12)],
    [2, r.pick(integers)],
    [1, r.bits()],
    [1, r.below(1000)],
  ])
  return (scalar === i32 && r.chance(0.3) ? -value : value) >>> 0
}

/** `count` elements of a type, as they lie in memory; what is padding holds anything. */
export function contents(r: Random, type: Type, count: number, floats: Floats): Uint32Array<ArrayBuffer> {
  const words = Uint32Array.from({ length: (strideOf(type) * count) / 4 }, () => 0xdeadbeef)
  for (let i = 0; i < count; i++)
    eachScalar(type, (offset, scalar) => void (words[(i * strideOf(type) + offset) / 4] = someWord(r, scalar, floats)))
  return words
}

/** The classes of the words of one element of an array. */
export function classesOf(type: Type): string {
  const classes = Array<WordClass>(strideOf(type) / 4).fill('-')
  eachScalar(type, (offset, scalar) => void (classes[offset / 4] = scalar === f32 ? 'f' : 'i'))
  return classes.join('')
}

/** The size that a binding of a struct must have at least. */
export const structSize = (type: Type) => Math.ceil(sizeOf(type) / alignOf(type)) * alignOf(type)
