/** Functions of bits and of bool. */
import { type Constant, EvaluationError, type Scalar } from '../constants.js'
import type { AnyScalarName } from '../types.js'
import { each, type LibraryFunction, whole } from './entry.js'

/** The number of a type with these 32 bits. */
const typed = (bits: number, type: AnyScalarName) => (type === 'i32' ? bits | 0 : bits >>> 0)

function bits(apply: (x: number, type: AnyScalarName) => number): LibraryFunction {
  return each('*T -> *T', 'bits', (type, x: number) => typed(apply(x, type), type))
}

function trailing(x: number): number {
  return x === 0 ? 32 : 31 - Math.clz32(x & -x)
}

function count(x: number): number {
  let ones = 0
  for (let rest = x >>> 0; rest; rest = (rest & (rest - 1)) >>> 0) ones++
  return ones
}

function reverse(x: number): number {
  let reversed = 0
  for (let i = 0; i < 32; i++) if ((x >>> i) & 1) reversed |= 1 << (31 - i)
  return reversed
}

function extract(type: AnyScalarName, x: number, offset: number, size: number): number {
  if (size === 0) return 0
  const top = x << (32 - size - offset)
  return type === 'i32' ? top >> (32 - size) : top >>> (32 - size)
}

function insert(type: AnyScalarName, x: number, from: number, offset: number, size: number): number {
  if (size === 0) return typed(x, type)
  const mask = (size === 32 ? -1 : (1 << size) - 1) << offset
  return typed((x & ~mask) | ((from << offset) & mask), type)
}

/** That the bits from `offset`, the argument at `at`, as many as the next one, are in 32. */
function within(at: number, name: string): LibraryFunction['check'] {
  return (values) => {
    const offset = values[at] as number | undefined
    const size = values[at + 1] as number | undefined
    if (offset !== undefined && size !== undefined && offset + size > 32)
      throw new EvaluationError(`'${name}' of ${size} bits from bit ${offset}: there are 32 bits only`)
  }
}

const every = (test: (value: readonly Scalar[]) => boolean) => (_: AnyScalarName, value: Constant) =>
  test((Array.isArray(value) ? value : [value]) as readonly Scalar[])

export const integers: Record<string, LibraryFunction> = {
  countLeadingZeros: bits((x) => Math.clz32(x)),
  countOneBits: bits(count),
  countTrailingZeros: bits(trailing),
  firstLeadingBit: bits((x, type) => 31 - Math.clz32(type === 'i32' && x < 0 ? ~x : x)),
  firstTrailingBit: bits((x) => (x === 0 ? -1 : trailing(x))),
  reverseBits: bits(reverse),
  extractBits: each('*T u32 u32 -> *T', 'bits', extract, within(1, 'extractBits')),
  insertBits: each('*T *T u32 u32 -> *T', 'bits', insert, within(2, 'insertBits')),
  all: whole(
    '*bool -> bool',
    'none',
    every((values) => values.every(Boolean)),
  ),
  any: whole(
    '*bool -> bool',
    'none',
    every((values) => values.some(Boolean)),
  ),
  select: each('*T *T bool -> *T; *T *T *bool -> *T', 'any', (_, no: Scalar, yes: Scalar, condition: boolean) => (condition ? yes : no)),
}
