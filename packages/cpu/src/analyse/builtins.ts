/** WGSL's library: what instructions do, component by component; the rest through `library.ts`. */
import type { Expression, Func, Type } from '../check/program.js'
import { lowerAll, spread } from './expressions.js'
import { add, and, binary, bits, div, f32, isConst, mul, or, read, select, sub, u32, unary, zero } from './fold.js'
import { joinFunction } from './functions.js'
import type { AtomicName, Binary, Unary, Value } from './ir.js'
import { libraryFunction } from './library.js'
import { loadReference, lowerPointer } from './references.js'
import { atom, bind, emit, fail, newLocal, type Parts, type State } from './state.js'

type Call = Expression & { op: 'builtin' }
type Each = (state: State, ...args: Value[]) => Value

const one =
  (name: Unary): Each =>
  (_, a) =>
    unary(name, a)
const two =
  (name: Binary): Each =>
  (_, a, b) =>
    binary(name, a, b)

/** The sign bit of b with the rest of a. */
const greatest = (a: Value, b: Value) => binary('max', a, b)
const least = (a: Value, b: Value) => binary('min', a, b)

function firstLeadingBit(state: State, a: Value): Value {
  const x = atom(state, a)
  // Of a negative number: the first bit that differs from the sign.
  const meant = x.kind === 'i32' ? binary('xor', x, binary('shr', x, { op: 'const', kind: 'i32', value: 31 })) : x
  const found = sub({ op: 'const', kind: x.kind, value: 31 }, unary('clz', meant))
  return found
}

/** Functions of scalars that apply to each component. */
const each: Record<string, Each> = {
  abs: (_, a) => (a.kind === 'u32' ? a : unary('abs', a)),
  ceil: one('ceil'),
  floor: one('floor'),
  trunc: one('trunc'),
  round: one('nearest'),
  sqrt: one('sqrt'),
  countLeadingZeros: one('clz'),
  countTrailingZeros: one('ctz'),
  countOneBits: one('popcnt'),
  firstLeadingBit,
  firstTrailingBit: (state, a) => {
    const x = atom(state, a)
    return select(binary('eq', x, zero(x.kind)), { op: 'const', kind: x.kind, value: -1 }, unary('ctz', x))
  },
  min: two('min'),
  max: two('max'),
  clamp: (_, x, low, high) => least(greatest(x, low), high),
  saturate: (_, x) => least(greatest(x, f32(0)), f32(1)),
  fma: (_, a, b, c) => ({ op: 'fma', kind: 'f32', a, b, c }),
  mix: (state, a, b, t) => {
    const share = atom(state, t)
    return add(mul(a, sub(f32(1), share)), mul(b, share))
  },
  fract: (state, a) => {
    const x = atom(state, a)
    return sub(x, unary('floor', x))
  },
  sign: (state, a) => {
    const x = atom(state, a)
    const [plus, minus] =
      x.kind === 'f32' ? [f32(1), f32(-1)] : [{ ...zero('i32'), value: 1 } as Value, { ...zero('i32'), value: -1 } as Value]
    return select(binary('gt', x, zero(x.kind)), plus, select(binary('lt', x, zero(x.kind)), minus, zero(x.kind)))
  },
  step: (_, edge, x) => select(binary('le', edge, x), f32(1), f32(0)),
  smoothstep: (state, low, high, x) => {
    const from = atom(state, low)
    const t = bind(state, least(greatest(div(sub(x, from), sub(high, from)), f32(0)), f32(1)))
    return mul(mul(t, t), sub(f32(3), mul(f32(2), t)))
  },
  inverseSqrt: (_, a) => div(f32(1), unary('sqrt', a)),
  radians: (_, a) => mul(a, f32(Math.PI / 180)),
  degrees: (_, a) => mul(a, f32(180 / Math.PI)),
  reverseBits: (state, a) => bits(a.kind, callLibrary(state, 'reverseBits', [bits('u32', a)])[0]),
  extractBits: (state, e, offset, count) =>
    callLibrary(state, e.kind === 'i32' ? 'extractBitsSigned' : 'extractBitsUnsigned', [e, offset, count])[0],
  insertBits: (state, e, inserted, offset, count) =>
    bits(e.kind, callLibrary(state, 'insertBits', [bits('u32', e), bits('u32', inserted), offset, count])[0]),
  ldexp: (state, a, e) => callLibrary(state, 'ldexp', [a, bits('i32', e)])[0],
}
for (const name of 'exp exp2 log log2 pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh quantizeToF16'.split(' '))
  each[name] = (state, ...args) => callLibrary(state, name, args)[0]

function callLibrary(state: State, name: string, args: Parts): Parts {
  const func = libraryFunction(name) as Func
  let next = 0
  for (const parameter of func.parameters) {
    const count = state.layout.leaves(parameter.type)
    state.values.set(
      parameter,
      args.slice(next, next + count).map((arg) => bind(state, arg)),
    )
    next += count
  }
  return joinFunction(state, func)
}

const dot = (a: Parts, b: Parts): Value => a.map((part, i) => mul(part, b[i])).reduce(add)
const atoms = (state: State, parts: Parts) => parts.map((part) => atom(state, part))
const length = (state: State, parts: Parts): Value => {
  if (parts.length === 1) return unary('abs', parts[0])
  const all = atoms(state, parts)
  return unary('sqrt', dot(all, all))
}

/** Functions of whole vectors and matrices. */
const whole: Record<string, (state: State, args: readonly Parts[], call: Call) => Parts> = {
  all: (_, [a]) => [a.reduce(and)],
  any: (_, [a]) => [a.reduce(or)],
  select: (state, [no, yes, condition]) => {
    const which = atoms(state, condition)
    return no.map((part, i) => select(which[which.length === 1 ? 0 : i], yes[i], part))
  },
  dot: (state, [a, b]) => [dot(atoms(state, a), atoms(state, b))],
  length: (state, [a]) => [length(state, a)],
  distance: (state, [a, b]) => [
    length(
      state,
      a.map((part, i) => sub(part, b[i])),
    ),
  ],
  normalize: (state, [a]) => {
    const all = atoms(state, a)
    const factor = bind(state, length(state, all))
    return all.map((part) => div(part, factor))
  },
  cross: (state, [p, q]) => {
    const [a, b] = [atoms(state, p), atoms(state, q)]
    return [1, 2, 0].map((i, k) => sub(mul(a[i], b[3 - i - k]), mul(a[3 - i - k], b[i])))
  },
  reflect: (state, [p, q]) => {
    const [e1, e2] = [atoms(state, p), atoms(state, q)]
    const twice = bind(state, mul(f32(2), dot(e2, e1)))
    return e1.map((part, i) => sub(part, mul(twice, e2[i])))
  },
  refract: (state, [p, q, [ratio]]) => {
    const [e1, e2, e3] = [atoms(state, p), atoms(state, q), atom(state, ratio)]
    const along = bind(state, dot(e2, e1))
    const k = bind(state, sub(f32(1), mul(mul(e3, e3), sub(f32(1), mul(along, along)))))
    const factor = bind(state, add(mul(e3, along), unary('sqrt', k)))
    return e1.map((part, i) => select(binary('lt', k, f32(0)), f32(0), sub(mul(e3, part), mul(factor, e2[i]))))
  },
  faceForward: (state, [p, i, g]) => {
    const towards = bind(state, binary('lt', dot(atoms(state, i), atoms(state, g)), f32(0)))
    return p.map((part) => {
      const own = atom(state, part)
      return select(towards, own, unary('neg', own))
    })
  },
  transpose: (_, [m], call) => {
    const type = call.arguments[0].type as Type & { kind: 'matrix' }
    const result: Value[] = []
    for (let row = 0; row < type.rows; row++) for (let column = 0; column < type.columns; column++) result.push(m[column * type.rows + row])
    return result
  },
  determinant: (state, [m], call) => [determinant(atoms(state, m), (call.arguments[0].type as Type & { kind: 'matrix' }).columns)],
  modf: (state, [a]) => {
    const all = atoms(state, a)
    const wholes = all.map((part) => bind(state, unary('trunc', part)))
    return [...all.map((part, i) => sub(part, wholes[i])), ...wholes]
  },
  frexp: (state, [a]) => {
    const all = a.map((part) => bind(state, part))
    return [
      ...all.map((part) => callLibrary(state, 'frexpFraction', [part])[0]),
      ...all.map((part) => callLibrary(state, 'frexpExponent', [part])[0]),
    ]
  },
}
for (const name of [
  'pack2x16float',
  'unpack2x16float',
  'pack4x8snorm',
  'pack4x8unorm',
  'pack2x16snorm',
  'pack2x16unorm',
  'unpack4x8snorm',
  'unpack4x8unorm',
  'unpack2x16snorm',
  'unpack2x16unorm',
  'pack4xI8',
  'pack4xU8',
  'pack4xI8Clamp',
  'pack4xU8Clamp',
  'unpack4xI8',
  'unpack4xU8',
  'dot4U8Packed',
  'dot4I8Packed',
])
  whole[name] = (state, args) => callLibrary(state, name, args.flat())

/** By the first row, of columns one after another. */
function determinant(m: Parts, n: number): Value {
  if (n === 2) return sub(mul(m[0], m[3]), mul(m[2], m[1]))
  let sum: Value | undefined
  for (let column = 0; column < n; column++) {
    const minor: Value[] = []
    for (let c = 0; c < n; c++) if (c !== column) for (let r = 1; r < n; r++) minor.push(m[c * n + r])
    const term = mul(m[column * n], determinant(minor, n - 1))
    sum = sum === undefined ? term : column % 2 ? sub(sum, term) : add(sum, term)
  }
  return sum!
}

const atomics: Record<string, AtomicName> = {
  atomicLoad: 'load',
  atomicStore: 'store',
  atomicAdd: 'add',
  atomicSub: 'sub',
  atomicMax: 'max',
  atomicMin: 'min',
  atomicAnd: 'and',
  atomicOr: 'or',
  atomicXor: 'xor',
  atomicExchange: 'exchange',
  atomicCompareExchangeWeak: 'compareExchange',
}

function lowerAtomic(state: State, name: AtomicName, call: Call): Parts {
  const reference = lowerPointer(state, call.arguments[0])
  if (reference.kind !== 'memory') return fail('an atomic must be in workgroup or storage memory', call.position)
  const args = lowerAll(state, call.arguments.slice(1)).map(([value]) => value)
  const kind = state.layout.kinds(reference.type)[0]
  const to = name === 'store' ? undefined : newLocal(state, kind, call.name)
  const compare = name === 'compareExchange' ? bind(state, args[0]) : undefined
  const value = name === 'compareExchange' ? args[1] : args[0]
  emit(state, { op: 'atomic', name, kind, to, memory: reference.memory, offset: reference.offset, value, compare })
  if (!to) return []
  return compare ? [read(to), binary('eq', read(to), compare)] : [read(to)]
}

export function lowerBuiltin(state: State, call: Call): Parts {
  const { name } = call
  if (atomics[name]) return lowerAtomic(state, atomics[name], call)
  switch (name) {
    case 'workgroupBarrier':
    case 'storageBarrier':
    case 'textureBarrier':
      emit(state, { op: 'barrier' })
      return []
    case 'workgroupUniformLoad': {
      const reference = lowerPointer(state, call.arguments[0])
      emit(state, { op: 'barrier' })
      const parts = loadReference(state, reference).map((part) => bind(state, part))
      emit(state, { op: 'barrier' })
      return parts
    }
    case 'arrayLength': {
      const reference = lowerPointer(state, call.arguments[0])
      if (reference.kind !== 'memory' || reference.memory.space !== 'storage' || !isConst(reference.offset))
        return fail('arrayLength takes a runtime-sized array of a storage buffer', call.position)
      const { stride } = reference.type as Type & { kind: 'array' }
      return [div(sub({ op: 'size', kind: 'u32', slot: reference.memory.slot }, reference.offset), u32(stride))]
    }
  }
  const args = lowerAll(state, call.arguments)
  if (Object.hasOwn(whole, name)) return whole[name](state, args, call)
  const apply = Object.hasOwn(each, name) ? each[name] : undefined
  if (!apply) return fail(`the function '${name}' is not supported`, call.position)
  const count = state.layout.leaves(call.type)
  const spreadArgs = args.map((parts) => spread(state, parts, count))
  return Array.from({ length: count }, (_, i) => apply(state, ...spreadArgs.map((parts) => parts[i])))
}
