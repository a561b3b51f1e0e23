/** Calls of builtin functions whose results are the same on every device: integers, and floats where they are exact for what they are given. */
import { type Context, call, type Expression, helper, inside, level, some, tame } from './context.js'
import { exactMatrix, expression, live } from './expressions.js'
import { f32, i32, matrix, type Scalar, type Type, u32, type Vector, vector } from './types.js'

export function builtin(c: Context, type: Scalar | Vector, depth: number): Expression {
  const element = type.kind === 'vector' ? type.element : type
  return { ...(element === f32 ? floatBuiltin(c, type, depth) : integerBuiltin(c, type, element, depth)), fixed: false }
}

const binaryIntegers = ['min', 'max', 'clamp']
const unaryIntegers = [
  'countLeadingZeros',
  'countTrailingZeros',
  'countOneBits',
  'firstLeadingBit',
  'firstTrailingBit',
  'reverseBits',
  'abs',
]

function integerBuiltin(c: Context, type: Scalar | Vector, element: Scalar, depth: number): Expression {
  const r = c.random
  const scalar = type.kind === 'scalar'
  const kind = r.kind({
    unary: 4,
    binary: 4,
    extract: 1,
    insert: 1,
    dot: scalar ? 1 : 0,
    sign: element === i32 ? 0.5 : 0,
    pack: scalar || type.size === 4 ? 1 : 0,
  }) // prettier-ignore
  const first = live(c, type, depth)
  if (kind === 'unary') return call(r.pick(unaryIntegers), first)
  if (kind === 'sign') return c.floats === 'none' || c.random.chance(0.5) ? call('sign', first) : exponent(c, type, depth)
  if (kind === 'binary') {
    const name = r.pick(binaryIntegers)
    // Both bounds alive: constant ones in the wrong order are refused.
    return call(name, first, ...(name === 'clamp' ? [live(c, type, depth), live(c, type, depth)] : [expression(c, type, depth)]))
  }
  if (kind === 'extract' || kind === 'insert') {
    const [offset, count] = [bitRange(c, depth), bitRange(c, depth)]
    if (kind === 'extract') return call('extractBits', first, offset, count)
    return call('insertBits', first, expression(c, type, depth), offset, count)
  }
  if (kind === 'dot') {
    const operands = vector(2 + r.below(3), element)
    return call('dot', live(c, operands, depth), expression(c, operands, depth))
  }
  return packed(c, type, element, depth) ?? call('abs', first)
}

/** Of what is no zero, infinity or NaN. */
function exponent(c: Context, type: Scalar | Vector, depth: number): Expression {
  const like = type.kind === 'vector' ? vector(type.size, f32) : f32
  const e = helper(c, 'nonzero', like, tame(c, like, live(c, like, depth)))
  return { text: `${call('frexp', e).text}.exp`, level: level.primary }
}

/** Offset and count of a bit field: past 32 at run time only. */
function bitRange(c: Context, depth: number): Expression {
  if (c.random.chance(0.5)) return { text: `${c.random.below(17)}u`, level: level.primary, fixed: true }
  const e = live(c, u32, depth)
  return c.random.chance(0.3) ? e : { text: `${inside(e, level.product)} % 40u`, level: level.product }
}

function packed(c: Context, type: Scalar | Vector, element: Scalar, depth: number): Expression | undefined {
  const r = c.random
  if (type.kind === 'vector') return call(element === i32 ? 'unpack4xI8' : 'unpack4xU8', live(c, u32, depth))
  if (r.chance(0.4)) return call(element === i32 ? 'dot4I8Packed' : 'dot4U8Packed', live(c, u32, depth), expression(c, u32, depth))
  if (element === i32) return undefined
  if (c.floats === 'none' || r.chance(0.5)) {
    const name = r.pick(['pack4xI8', 'pack4xU8', 'pack4xI8Clamp', 'pack4xU8Clamp'])
    return call(name, live(c, vector(4, name.includes('I') ? i32 : u32), depth))
  }
  // Multiples of 1/8 in [0, 1]: no ties that could be rounded either way.
  const name = r.pick(['pack4x8unorm', 'pack4x8snorm', 'pack2x16unorm', 'pack2x16snorm', 'pack2x16float'])
  const operands = vector(name.startsWith('pack4') ? 4 : 2, f32)
  const e = tame(c, operands, live(c, operands, depth))
  return call(name, name === 'pack2x16float' ? helper(c, 'nonzero', operands, e) : call('saturate', e))
}

const rounding = ['floor', 'ceil', 'trunc', 'round', 'abs', 'saturate', 'sign', 'fract']

function floatBuiltin(c: Context, type: Scalar | Vector, depth: number): Expression {
  const r = c.random
  const scalar = type.kind === 'scalar'
  const any = () => live(c, type, depth)
  const tamed = (of: Type = type) => tame(c, of, live(c, of, depth))
  const kind = r.kind({
    rounding: 4,
    extreme: 3,
    sqrt: 1,
    exact: 0.7,
    step: 0.5,
    ldexp: 0.5,
    dot: scalar ? 1.5 : 0,
    determinant: scalar ? 0.7 : 0,
    faceForward: scalar ? 0 : 0.5,
    cross: !scalar && type.size === 3 ? 1 : 0,
    parts: 0.6,
    half: 0.4,
  }) // prettier-ignore
  if (kind === 'rounding') {
    const name = r.pick(rounding)
    // What these give for NaN is not told; parts of infinity and of what is a little below a whole number neither.
    if (name === 'fract') return { ...call(name, tamed()), clean: true }
    const e = any()
    return {
      ...call(name, name === 'saturate' || name === 'sign' ? some(c, type, e) : e),
      clean: c.floats === 'wild' ? e.clean : name === 'sign' || (name === 'saturate' && e.clean),
    } // prettier-ignore
  }
  if (kind === 'extreme') {
    const [a, b] = [some(c, type, any()), some(c, type, expression(c, type, depth))]
    if (r.chance(0.7)) return { ...call(r.pick(['min', 'max']), a, b), clean: a.clean && b.clean }
    const low = (r.below(65) - 32) / 8
    const bounds = [low, low + r.below(33) / 8].map((bound) => ({ text: `${scalar ? 'f32' : type.name}(${bound})`, level: level.primary }))
    return { ...call('clamp', a, ...bounds), clean: a.clean }
  }
  if (kind === 'sqrt') return call('sqrt', call('abs', any()))
  if (kind === 'exact') {
    const name = r.pick(['fma', 'mix'])
    return call(name, tamed(), tamed(), tamed(name === 'mix' && r.chance(0.3) ? f32 : type))
  }
  if (kind === 'step') return { ...call('step', some(c, type, any()), some(c, type, expression(c, type, depth))), clean: true }
  if (kind === 'ldexp') {
    const like: Type = scalar ? i32 : vector(type.size, i32)
    return call('ldexp', tamed(), {
      text: `(${inside(live(c, like, depth), level.unary)} & ${like.name}(7)) - ${like.name}(3)`,
      level: level.sum,
    })
  }
  if (kind === 'dot') {
    const operands = vector(2 + r.below(3), f32)
    return call('dot', tamed(operands), tamed(operands))
  }
  if (kind === 'determinant') return determinant(c, depth)
  if (kind === 'faceForward') return { ...call('faceForward', tamed(), tamed(), tamed()), clean: true }
  if (kind === 'cross') return call('cross', tamed(), tamed())
  if (kind === 'half') return { ...call('quantizeToF16', tamed()), clean: true }
  return parts(c, type, tamed)
}

/** Of whole numbers up to 7 beyond 2x2: sums of products of four are exact. */
function determinant(c: Context, depth: number): Expression {
  const n = 2 + c.random.below(3)
  if (n === 2) return call('determinant', exactMatrix(c, 2, 2, depth))
  const columns = Array.from({ length: n }, (): Expression => {
    const whole = live(c, vector(n, u32), n === 3 ? Math.min(depth, 1) : 0)
    return { text: `vec${n}f(${inside(whole, level.unary)} & vec${n}u(7u))`, level: level.primary }
  })
  return call('determinant', call(matrix(n, n).name, ...columns))
}

/** Members of the results of `modf` and `frexp`, and two halves. */
function parts(c: Context, type: Scalar | Vector, tamed: (of?: Type) => Expression): Expression {
  const kind = c.random.below(type.kind === 'vector' && type.size === 2 ? 3 : 2)
  if (kind === 0) return { text: `${call('modf', tamed()).text}.${c.random.pick(['fract', 'whole'])}`, level: level.primary, clean: true }
  if (kind === 1) return { text: `${call('frexp', helper(c, 'nonzero', type, tamed())).text}.fract`, level: level.primary }
  return call('unpack2x16float', call('pack2x16float', tamed()))
}
