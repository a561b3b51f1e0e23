/** Values to instructions: once for all lanes, or for four lanes at a time. */
import { constant } from '../analyse/fold.js'
import type { Binary, Kind, Unary, Value } from '../analyse/ir.js'
import { floatBits } from './code.js'
import type { Emitter } from './emitter.js'
import { divide, perLane } from './helpers.js'
import { op, simd } from './wasm.js'

/** Pushes an i32 or f32 that all lanes have; of a linear value lane 0's. */
export function writeScalar(e: Emitter, value: Value): void {
  const { code } = e
  switch (value.op) {
    case 'const':
      value.kind === 'f32' ? code.f32(value.value) : code.i32(value.value)
      return

    case 'local':
      code.get(e.places.get(value.local)!)
      if (e.forms.get(value.local) === 'splat') code.lane(value.kind === 'f32' ? simd.f32_extract : simd.extract, 0)
      return
    case 'lane':
      writeLane(e, value.axis)
      return

    case 'group':
      code.get(e.groupIds[value.axis])
      return

    case 'groups':
      code.get(e.groupCounts[value.axis])
      return

    case 'size':
      code.get(e.sizes[value.slot])
      return

    case 'unary':
      scalarUnary(e, value.name, value.a)
      return

    case 'binary':
      scalarBinary(e, value.name, value.a, value.b)
      return

    case 'fma':
      writeScalar(e, value.a)
      writeScalar(e, value.b)
      code.emit(op.f32_mul)
      writeScalar(e, value.c)
      {
        code.emit(op.f32_add)
        return
      }
    case 'select':
      writeScalar(e, value.yes)
      writeScalar(e, value.no)
      writeScalar(e, value.condition)
      {
        code.emit(op.select)
        return
      }
    case 'bits':
      writeScalar(e, value.a)
      if (value.kind === 'f32') code.emit(op.f32_reinterpret)
      else if (value.a.kind === 'f32') code.emit(op.i32_reinterpret)
      return
    case 'convert':
      writeScalar(e, value.a)
      if (value.kind === 'f32') {
        code.emit(value.a.kind === 'i32' ? op.f32_convert_s : op.f32_convert_u)
        return
      }
      {
        code.emit(0xfc, value.kind === 'i32' ? 0 : 1)
        return
      }
  }
}

/** The ids of lane 0 of the group; the others follow, or are the same (`laneShape`). */
function writeLane(e: Emitter, axis: 0 | 1 | 2 | 'index'): void {
  const { code } = e
  const [x, y, z] = e.kernel.workgroupSize
  if (e.alone) {
    code.i32(0)
    return
  }
  const size = [x, y, z]
  const before = axis === 'index' || axis === 0 ? 1 : axis === 1 ? x : x * y
  const isLast = axis === 'index' || size.slice(axis + 1).every((each) => each === 1)
  if (axis !== 'index' && size[axis] === 1) {
    code.i32(0)
    return
  }
  code.get(e.firstLane)
  if (before > 1) {
    code.i32(before)
    code.emit(op.i32_div_u)
  }
  if (!isLast) {
    code.i32(size[axis as 0])
    code.emit(op.i32_rem_u)
  }
}

function scalarUnary(e: Emitter, name: Unary, a: Value): void {
  const { code } = e
  const isFloat = a.kind === 'f32'
  if (name === 'neg' && !isFloat) {
    code.i32(0)
    writeScalar(e, a)
    code.emit(op.i32_sub)
    return
  }
  writeScalar(e, a)
  switch (name) {
    case 'neg':
      code.emit(op.f32_neg)
      return

    case 'not':
      if (a.kind === 'bool') {
        code.emit(op.i32_eqz)
        return
      }
      code.i32(-1)
      {
        code.emit(op.i32_xor)
        return
      }
    case 'abs': {
      if (isFloat) {
        code.emit(op.f32_abs)
        return
      }
      // (x ^ s) - s, s being all sign
      const [own, sign] = [code.local('i32'), code.local('i32')]
      code.tee(own)
      code.get(own)
      code.i32(31)
      code.emit(op.i32_shr_s)
      code.tee(sign)
      code.emit(op.i32_xor)
      code.get(sign)
      code.emit(op.i32_sub)
      return
    }
    case 'sqrt':
      code.emit(op.f32_sqrt)
      return

    case 'ceil':
      code.emit(op.f32_ceil)
      return

    case 'floor':
      code.emit(op.f32_floor)
      return

    case 'trunc':
      code.emit(op.f32_trunc)
      return

    case 'nearest':
      code.emit(op.f32_nearest)
      return

    case 'clz':
      code.emit(op.i32_clz)
      return

    case 'ctz':
      code.emit(op.i32_ctz)
      return

    default:
      code.emit(op.i32_popcnt)
      return
  }
}

const floatOps: Partial<Record<Binary, number>> = {
  add: op.f32_add,
  sub: op.f32_sub,
  mul: op.f32_mul,
  div: op.f32_div,
  min: op.f32_min,
  max: op.f32_max,
  eq: op.f32_eq,
  ne: op.f32_ne,
  lt: op.f32_lt,
  le: op.f32_le,
  gt: op.f32_gt,
  ge: op.f32_ge,
}
const integerOps: Partial<Record<Binary, readonly [signed: number, unsigned: number]>> = {
  add: [op.i32_add, op.i32_add],
  sub: [op.i32_sub, op.i32_sub],
  mul: [op.i32_mul, op.i32_mul],
  and: [op.i32_and, op.i32_and],
  or: [op.i32_or, op.i32_or],
  xor: [op.i32_xor, op.i32_xor],
  shl: [op.i32_shl, op.i32_shl],
  shr: [op.i32_shr_s, op.i32_shr_u],
  eq: [op.i32_eq, op.i32_eq],
  ne: [op.i32_ne, op.i32_ne],
  lt: [op.i32_lt_s, op.i32_lt_u],
  le: [op.i32_le_s, op.i32_le_u],
  gt: [op.i32_gt_s, op.i32_gt_u],
  ge: [op.i32_ge_s, op.i32_ge_u],
}

function scalarBinary(e: Emitter, name: Binary, a: Value, b: Value): void {
  const { code } = e
  if (a.kind !== 'f32' && (name === 'div' || name === 'rem')) {
    scalarDivision(e, name, a, b)
    return
  }
  if (a.kind !== 'f32' && (name === 'min' || name === 'max')) {
    const [p, q] = [code.local('i32'), code.local('i32')]
    writeScalar(e, a)
    code.tee(p)
    writeScalar(e, b)
    code.tee(q)
    code.get(p)
    code.get(q)
    const [signed, unsigned] = integerOps[name === 'min' ? 'lt' : 'gt']!
    code.emit(a.kind === 'i32' ? signed : unsigned, op.select)
    return
  }
  // x * 2^n
  if (name === 'mul' && a.kind !== 'f32' && b.op === 'const' && b.value > 0 && (b.value & (b.value - 1)) === 0) {
    writeScalar(e, a)
    code.i32(31 - Math.clz32(b.value))
    code.emit(op.i32_shl)
    return
  }
  writeScalar(e, a)
  writeScalar(e, b)
  if (a.kind === 'f32') {
    code.emit(floatOps[name]!)
    return
  }
  code.emit(integerOps[name]![a.kind === 'i32' ? 0 : 1])
}

/** x / 0 = x, x % 0 = 0, and the least i32 divided by -1 is itself: all three are divisions by 1. */
function scalarDivision(e: Emitter, name: 'div' | 'rem', a: Value, b: Value): void {
  const { code } = e
  const signed = a.kind === 'i32'
  writeScalar(e, a)
  if (b.op === 'const' && b.value !== 0 && b.value !== -1) code.i32(b.value)
  else {
    const [p, q] = [code.local('i32'), code.local('i32')]
    code.tee(p)
    code.i32(1)
    writeScalar(e, b)
    code.tee(q)
    code.get(q)
    code.emit(op.i32_eqz)
    if (signed) {
      code.get(p)
      code.i32(-(2 ** 31))
      code.emit(op.i32_eq)
      code.get(q)
      code.i32(-1)
      code.emit(op.i32_eq, op.i32_and, op.i32_or)
    }
    code.emit(op.select)
  }
  code.emit(name === 'div' ? (signed ? op.i32_div_s : op.i32_div_u) : signed ? op.i32_rem_s : op.i32_rem_u)
}

/** Pushes a v128 with the values of four lanes: words, or for bool all bits set or none. */
export function writeVector(e: Emitter, value: Value): void {
  const { code } = e
  const shape = e.shape(value)
  if (!shape.varying) {
    if (value.op === 'const') {
      const word = value.kind === 'f32' ? floatBits(value.value) : value.kind === 'bool' ? -value.value : value.value
      code.v128([word, word, word, word])
      return
    }
    if (value.op === 'local' && e.forms.get(value.local) === 'splat') {
      code.get(e.places.get(value.local)!)
      return
    }
    if (value.kind === 'bool') {
      code.i32(0)
      writeScalar(e, value)
      code.emit(op.i32_sub)
    } else writeScalar(e, value)
    code.simd(value.kind === 'f32' ? simd.f32_splat : simd.i32_splat)
    if (shape.stride !== 0) {
      code.v128([0, shape.stride, 2 * shape.stride, 3 * shape.stride])
      code.simd(simd.i32_add)
    }
    return
  }
  switch (value.op) {
    case 'local':
      code.get(e.places.get(value.local)!)
      return

    case 'lane': {
      // Of a workgroup whose rows are not whole groups of lanes: from the index.
      const index: Value = { op: 'lane', kind: 'u32', axis: 'index' }
      const [x, y] = e.kernel.workgroupSize
      const before = value.axis === 0 ? 1 : value.axis === 1 ? x : x * y
      const number = (value: number) => () => writeVector(e, constant('u32', value))
      const whole = () => writeVector(e, index)
      const divided = () => (before === 1 ? whole() : writeVectorDivision(e, 'div', 'u32', whole, number(before)))
      writeVectorDivision(e, 'rem', 'u32', divided, number(e.kernel.workgroupSize[value.axis as 0]))
      return
    }
    case 'unary':
      vectorUnary(e, value.name, value.a)
      return

    case 'binary':
      vectorBinary(e, value.name, value.a, value.b)
      return

    case 'fma':
      multiplyAdd(e, value.a, value.b, value.c)
      return

    case 'select':
      writeVector(e, value.yes)
      writeVector(e, value.no)
      if (e.shape(value.condition).varying || e.shape(value.condition).stride !== 0) {
        writeVector(e, value.condition)
        code.simd(simd.bitselect)
        return
      }
      writeScalar(e, value.condition)
      {
        code.emit(0x1c, 1, 0x7b)
        return
      }
    case 'bits':
      writeVector(e, value.a)
      return

    case 'convert':
      writeVector(e, value.a)
      if (value.kind === 'f32') {
        code.simd(value.a.kind === 'i32' ? simd.f32_convert_s : simd.f32_convert_u)
        return
      }
      {
        code.simd(value.kind === 'i32' ? simd.i32_trunc_sat_s : simd.i32_trunc_sat_u)
        return
      }
    default:
      throw new Error(`'${value.op}' has no lanes`)
  }
}

function vectorUnary(e: Emitter, name: Unary, a: Value): void {
  const { code } = e
  const isFloat = a.kind === 'f32'
  writeVector(e, a)
  switch (name) {
    case 'neg':
      code.simd(isFloat ? simd.f32_neg : simd.i32_neg)
      return

    case 'not':
      code.simd(simd.not)
      return

    case 'abs':
      code.simd(isFloat ? simd.f32_abs : simd.i32_abs)
      return

    case 'sqrt':
      code.simd(simd.f32_sqrt)
      return

    case 'ceil':
      code.simd(simd.f32_ceil)
      return

    case 'floor':
      code.simd(simd.f32_floor)
      return

    case 'trunc':
      code.simd(simd.f32_trunc)
      return

    case 'nearest':
      code.simd(simd.f32_nearest)
      return

    case 'clz':
      code.call(e.helpers.index('clz', () => perLane(op.i32_clz, 1)))
      return

    case 'ctz':
      code.call(e.helpers.index('ctz', () => perLane(op.i32_ctz, 1)))
      return

    default:
      code.simd(simd.i8_popcnt)
      code.simd(simd.i16_pairwise_u)
      {
        code.simd(simd.i32_pairwise_u)
        return
      }
  }
}

const floatVectorOps: Partial<Record<Binary, number>> = {
  add: simd.f32_add,
  sub: simd.f32_sub,
  mul: simd.f32_mul,
  div: simd.f32_div,
  min: simd.f32_pmin,
  max: simd.f32_pmax,
  eq: simd.f32_eq,
  ne: simd.f32_ne,
  lt: simd.f32_lt,
  le: simd.f32_le,
  gt: simd.f32_gt,
  ge: simd.f32_ge,
}
const integerVectorOps: Partial<Record<Binary, readonly [signed: number, unsigned: number]>> = {
  add: [simd.i32_add, simd.i32_add],
  sub: [simd.i32_sub, simd.i32_sub],
  mul: [simd.i32_mul, simd.i32_mul],
  min: [simd.i32_min_s, simd.i32_min_u],
  max: [simd.i32_max_s, simd.i32_max_u],
  and: [simd.and, simd.and],
  or: [simd.or, simd.or],
  xor: [simd.xor, simd.xor],
  eq: [simd.i32_eq, simd.i32_eq],
  ne: [simd.i32_ne, simd.i32_ne],
  lt: [simd.i32_lt_s, simd.i32_lt_u],
  le: [simd.i32_le_s, simd.i32_le_u],
  gt: [simd.i32_gt_s, simd.i32_gt_u],
  ge: [simd.i32_ge_s, simd.i32_ge_u],
}

function vectorBinary(e: Emitter, name: Binary, a: Value, b: Value): void {
  const { code } = e
  if (a.kind === 'f32') {
    // WGSL lets a product and a sum be one operation that rounds once.
    if (e.options.fused && (name === 'add' || name === 'sub')) {
      if (isProduct(e, b)) {
        multiplyAdd(e, b.a, b.b, a, name === 'sub')
        return
      }
      if (name === 'add' && isProduct(e, a)) {
        multiplyAdd(e, a.a, a.b, b)
        return
      }
    }
    writeVector(e, a)
    writeVector(e, b)
    code.simd(floatVectorOps[name]!)
    return
  }
  if (name === 'div' || name === 'rem') {
    writeVectorDivision(
      e,
      name,
      a.kind,
      () => writeVector(e, a),
      () => writeVector(e, b),
    )
    return
  }
  if (name === 'shl' || name === 'shr') {
    writeVector(e, a)
    const shape = e.shape(b)
    if (!shape.varying && shape.stride === 0) {
      writeScalar(e, b)
      code.simd(name === 'shl' ? simd.i32_shl : a.kind === 'i32' ? simd.i32_shr_s : simd.i32_shr_u)
      return
    }
    writeVector(e, b)
    const opcode = name === 'shl' ? op.i32_shl : a.kind === 'i32' ? op.i32_shr_s : op.i32_shr_u
    code.call(e.helpers.index(`shift ${opcode}`, () => perLane(opcode, 2)))
    return
  }
  writeVector(e, a)
  writeVector(e, b)
  code.simd(integerVectorOps[name]![a.kind === 'i32' ? 0 : 1])
}

function writeVectorDivision(e: Emitter, name: 'div' | 'rem', kind: Kind, a: () => void, b: () => void): void {
  a()
  b()
  const signed = kind === 'i32'
  e.code.call(e.helpers.index(`${name} ${signed}`, () => divide(signed, name === 'rem')))
}

const isProduct = (e: Emitter, value: Value): value is Value & { op: 'binary' } =>
  value.op === 'binary' && value.name === 'mul' && e.shape(value).varying

/** a b + c, or c - a b. */
function multiplyAdd(e: Emitter, a: Value, b: Value, c: Value, negative = false): void {
  const { code } = e
  if (e.options.fused) {
    writeVector(e, a)
    writeVector(e, b)
    writeVector(e, c)
    code.simd(negative ? simd.relaxed_nmadd : simd.relaxed_madd)
    return
  }
  writeVector(e, a)
  writeVector(e, b)
  code.simd(simd.f32_mul)
  writeVector(e, c)
  code.simd(simd.f32_add)
}
