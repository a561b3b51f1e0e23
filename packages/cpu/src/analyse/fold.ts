/** Constructors of values that compute what is constant at once, and drop what does nothing. Results are those of the code that would have been made. */
import type { Binary, Kind, Local, Unary, Value } from './ir.js'

export const constant = (kind: Kind, value: number | boolean): Value => ({
  op: 'const',
  kind,
  value: kind === 'f32' ? Math.fround(Number(value)) : kind === 'bool' ? Number(Boolean(value)) : Number(value) | 0,
})
/** A u32. */
export const u32 = (value: number): Value => ({ op: 'const', kind: 'u32', value: value | 0 })
export const zero = (kind: Kind): Value => ({ op: 'const', kind, value: 0 })
export const read = (local: Local): Value => ({ op: 'local', kind: local.kind, local })

export const isConst = (value: Value): value is Value & { op: 'const' } => value.op === 'const'
const isNumber = (value: Value, number: number) => value.op === 'const' && Object.is(value.value, number)

const scratch = new DataView(new ArrayBuffer(8))
function bitsOf(kind: Kind, value: number): number {
  if (kind !== 'f32') return value | 0
  scratch.setFloat32(0, value)
  return scratch.getInt32(0)
}
function fromBits(kind: Kind, bits: number): number {
  if (kind !== 'f32') return bits | 0
  scratch.setInt32(0, bits)
  return scratch.getFloat32(0)
}

function nearest(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 23) return x
  const floor = Math.floor(x)
  const rest = x - floor
  const rounded = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1
  return rounded === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rounded
}

function foldUnary(kind: Kind, name: Unary, a: number): number {
  switch (name) {
    case 'neg':
      return kind === 'f32' ? -a : -a | 0
    case 'not':
      return kind === 'bool' ? 1 - a : ~a
    case 'abs':
      return kind === 'f32' ? Math.abs(a) : Math.abs(a) | 0
    case 'sqrt':
      return Math.fround(Math.sqrt(a))
    case 'ceil':
      return Math.ceil(a)
    case 'floor':
      return Math.floor(a)
    case 'trunc':
      return Math.trunc(a)
    case 'nearest':
      return nearest(a)
    case 'clz':
      return Math.clz32(a)
    case 'ctz':
      return a === 0 ? 32 : 31 - Math.clz32(a & -a)
    default: {
      let count = 0
      for (let bits = a >>> 0; bits; bits &= bits - 1) count++
      return count
    }
  }
}

function foldBinary(kind: Kind, name: Binary, a: number, b: number): number {
  const isFloat = kind === 'f32'
  // How integers compare and divide: as they are meant.
  const [p, q] = kind === 'u32' ? [a >>> 0, b >>> 0] : [a, b]
  switch (name) {
    case 'add':
      return isFloat ? Math.fround(a + b) : (a + b) | 0
    case 'sub':
      return isFloat ? Math.fround(a - b) : (a - b) | 0
    case 'mul':
      return isFloat ? Math.fround(a * b) : Math.imul(a, b)
    case 'div':
      return isFloat ? Math.fround(a / b) : q === 0 ? a : Math.trunc(p / q) | 0
    case 'rem':
      return isFloat ? Math.fround(a % b) : q === 0 ? 0 : (p % q) | 0
    case 'min':
      return isFloat ? Math.min(a, b) : Math.min(p, q) | 0
    case 'max':
      return isFloat ? Math.max(a, b) : Math.max(p, q) | 0
    case 'and':
      return a & b
    case 'or':
      return a | b
    case 'xor':
      return a ^ b
    case 'shl':
      return a << (b & 31)
    case 'shr':
      return kind === 'u32' ? (a >>> (b & 31)) | 0 : a >> (b & 31)
    case 'eq':
      return Number(p === q)
    case 'ne':
      return Number(p !== q)
    case 'lt':
      return Number(p < q)
    case 'le':
      return Number(p <= q)
    case 'gt':
      return Number(p > q)
    default:
      return Number(p >= q)
  }
}

const comparisons = new Set<Binary>(['eq', 'ne', 'lt', 'le', 'gt', 'ge'])
export const isComparison = (name: Binary): boolean => comparisons.has(name)

export function unary(name: Unary, a: Value): Value {
  if (a.op === 'const') return { op: 'const', kind: a.kind, value: foldUnary(a.kind, name, a.value) }
  if (name === 'not' && a.op === 'unary' && a.name === 'not') return a.a
  return { op: 'unary', kind: a.kind, name, a }
}

export function binary(name: Binary, a: Value, b: Value): Value {
  const kind = isComparison(name) ? 'bool' : a.kind
  if (a.op === 'const' && b.op === 'const') return { op: 'const', kind, value: foldBinary(a.kind, name, a.value, b.value) }
  if (a.kind !== 'f32') {
    if (isNumber(b, 0)) {
      if (['add', 'sub', 'or', 'xor', 'shl', 'shr'].includes(name)) return a
      if (name === 'mul' || name === 'and') return b
    }
    if (isNumber(a, 0)) {
      if (name === 'add' || name === 'or' || name === 'xor') return b
      if (name === 'mul' || name === 'and') return a
    }
    if (a.kind === 'bool') {
      if (isNumber(b, 1)) {
        if (name === 'and' || name === 'eq') return a
        if (name === 'or') return b
      }
      if (isNumber(a, 1)) {
        if (name === 'and' || name === 'eq') return b
        if (name === 'or') return a
      }
    } else {
      if ((name === 'mul' || name === 'div') && isNumber(b, 1)) return a
      if (name === 'mul' && isNumber(a, 1)) return b
      // Constants gather on the right: (x + 1) + 2 = x + 3, so that offsets of one base compare.
      if (name === 'add' && a.op === 'const') return binary('add', b, a)
      if (name === 'mul' && a.op === 'const') return binary('mul', b, a)
      if (name === 'sub' && b.op === 'const') return binary('add', a, { ...b, value: -b.value | 0 })
      if (name === 'add' && b.op === 'const' && a.op === 'binary' && a.name === 'add' && a.b.op === 'const')
        return binary('add', a.a, { ...b, value: (a.b.value + b.value) | 0 })
      if (name === 'mul' && b.op === 'const' && a.op === 'binary' && a.name === 'mul' && a.b.op === 'const')
        return binary('mul', a.a, { ...b, value: Math.imul(a.b.value, b.value) })
      // (x + 1) * 4 = x * 4 + 4, which wraps the same.
      if (name === 'mul' && b.op === 'const' && a.op === 'binary' && a.name === 'add' && a.b.op === 'const')
        return binary('add', binary('mul', a.a, b), { ...b, value: Math.imul(a.b.value, b.value) })
      // (x + 1) + y = (x + y) + 1
      if (name === 'add' && a.op === 'binary' && a.name === 'add' && a.b.op === 'const') return binary('add', binary('add', a.a, b), a.b)
      if (name === 'add' && b.op === 'binary' && b.name === 'add' && b.b.op === 'const') return binary('add', binary('add', a, b.a), b.b)
      if (a.kind === 'u32' && b.op === 'const' && (b.value & (b.value - 1)) === 0 && b.value !== 0) {
        if (name === 'div') return binary('shr', a, u32(31 - Math.clz32(b.value)))
        if (name === 'rem') return binary('and', a, u32(b.value - 1))
      }
    }
  }
  return { op: 'binary', kind, name, a, b }
}

export function select(condition: Value, yes: Value, no: Value): Value {
  if (condition.op === 'const') return condition.value ? yes : no
  if (yes.op === 'local' && no.op === 'local' && yes.local === no.local) return yes
  return { op: 'select', kind: yes.kind, condition, yes, no }
}

/** WGSL's conversions: towards zero and clamped from f32, the same bits between integers, 0 and 1 for bool. */
export function convert(kind: Kind, a: Value): Value {
  if (a.kind === kind) return a
  if (a.op === 'const') {
    if (kind === 'bool') return constant('bool', a.value !== 0)
    if (kind === 'f32') return constant('f32', a.kind === 'u32' ? a.value >>> 0 : a.value)
    if (a.kind !== 'f32') return { op: 'const', kind, value: a.value }
    const [low, high] = kind === 'i32' ? [-(2 ** 31), greatestFloat.i32] : [0, greatestFloat.u32]
    return constant(kind, Number.isNaN(a.value) ? 0 : Math.min(high, Math.max(low, Math.trunc(a.value))))
  }
  if (a.kind === 'bool' && kind !== 'f32') return select(a, constant(kind, 1), zero(kind))
  if (a.kind === 'bool') return select(a, constant('f32', 1), zero('f32'))
  if (kind === 'bool') return binary('ne', a, zero(a.kind))
  if (a.kind !== 'f32' && kind !== 'f32') return { op: 'bits', kind, a }
  // The instruction clamps too, but to integers that f32 does not have.
  return { op: 'convert', kind, a: kind === 'f32' ? a : binary('min', a, f32(greatestFloat[kind])) }
}

/** The greatest values of f32 that are values of the integer types: WGSL converts what is beyond to these. */
const greatestFloat = { i32: 2147483520, u32: 4294967040 } as const

export function bits(kind: Kind, a: Value): Value {
  if (a.kind === kind) return a
  // A NaN would lose its payload as a JavaScript number.
  if (a.op === 'const' && !(kind === 'f32' && (a.value & 0x7f800000) === 0x7f800000))
    return { op: 'const', kind, value: fromBits(kind, bitsOf(a.kind, a.value)) }
  if (a.op === 'bits') return bits(kind, a.a)
  return { op: 'bits', kind, a }
}

export const add = (a: Value, b: Value): Value => binary('add', a, b)
export const sub = (a: Value, b: Value): Value => binary('sub', a, b)
export const mul = (a: Value, b: Value): Value => binary('mul', a, b)
export const div = (a: Value, b: Value): Value => binary('div', a, b)
export const and = (a: Value, b: Value): Value => binary('and', a, b)
export const or = (a: Value, b: Value): Value => binary('or', a, b)
export const not = (a: Value): Value => unary('not', a)
export const f32 = (value: number): Value => constant('f32', value)
