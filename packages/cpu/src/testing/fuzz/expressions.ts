/** Random expressions of a wanted type: operators, conversions, swizzles, calls. Builtin functions are in builtins.ts. */
import { atom, construct, fromVariable, index, runtime } from './atoms.js'
import { builtin } from './builtins.js'
import { type Context, call, clean, type Expression, type Func, helper, inside, level, some, tame } from './context.js'
import { bool, contains, f32, i32, matrix, partTypes, type Scalar, type Type, u32, type Vector, vector } from './types.js'

type Make = () => Expression | undefined

export function expression(c: Context, type: Type, depth: number): Expression {
  if (depth <= 0) return atom(c, type, 0)
  for (let tries = 0; tries < 3; tries++) {
    const made = c.random.weighted(alternatives(c, type, depth - 1))()
    if (made) return made
  }
  return atom(c, type, depth)
}

/** As what may be stored, passed on, returned. */
export const value = (c: Context, type: Type, depth: number) => clean(c, type, expression(c, type, depth))

/** An expression that is no constant: the operand that keeps an operator from being evaluated by the compiler. */
export function live(c: Context, type: Type, depth: number): Expression {
  const e = expression(c, type, depth)
  return e.fixed ? runtime(c, type, depth) : e
}

function alternatives(c: Context, type: Type, depth: number): (readonly [number, Make])[] {
  const common: (readonly [number, Make])[] = [
    [2, () => atom(c, type, depth)],
    [c.calls ? 1.5 : 0, () => userCall(c, type, depth)],
  ]
  if (type.kind === 'array' || type.kind === 'struct') return [...common, [2, () => construct(c, type, depth)]]
  if (type.kind === 'matrix')
    return [...common, [1, () => construct(c, type, depth)], [3, () => matrixExpression(c, type.columns, type.rows, depth)]]
  const element = type.kind === 'vector' ? type.element : type
  common.push([element === bool ? 0.3 : 0.6, () => selection(c, type, depth)])
  if (type.kind === 'vector') {
    common.push([1, () => construct(c, type, depth)], [1, () => swizzle(c, type, depth)])
    if (element === f32) common.push([0.7, () => linear(c, type, depth)])
  } else common.push([0.7, () => component(c, type, depth)])
  if (element === bool) return [...common, [5, () => boolean(c, type, depth)]]
  common.push(
    [5, () => arithmetic(c, type, depth)],
    [0.7, () => unary(c, type, depth)],
    [2.5, () => builtin(c, type, depth)],
    [1, () => conversion(c, type, depth)],
  )
  return common
}

const binary = (operator: string, at: number, left: string, right: string, e: Partial<Expression> = {}): Expression => ({
  text: `${left} ${operator} ${right}`,
  level: at,
  ...e,
})

function arithmetic(c: Context, type: Scalar | Vector, depth: number): Expression {
  const r = c.random
  const element = type.kind === 'vector' ? type.element : type
  const float = element === f32
  let operator = float
    ? r.kind({ '+': 4, '-': 4, '*': 4, '/': 1.5, '%': 0.5 })
    : r.kind({ '+': 4, '-': 3, '*': 3, '/': 1.5, '%': 1.5, '&': 1.5, '|': 1.5, '^': 2, '<<': 1, '>>': 1 })
  if (operator === '<<' || operator === '>>') {
    const amounts: Type = type.kind === 'vector' ? vector(type.size, u32) : u32
    const left = live(c, type, depth)
    const right =
      type === i32 || type === u32
        ? r.chance(0.5)
          ? `${r.below(32)}u`
          : inside(live(c, u32, depth), level.unary)
        : inside(live(c, amounts, depth), level.unary)
    return binary(operator, level.shift, inside(left, level.unary), right)
  }
  // A vector may be combined with a scalar, on either side.
  const mixed = type.kind === 'vector' && '+-*/%'.includes(operator) ? r.kind({ no: 3, left: 1, right: 1 }) : 'no'
  let left = live(c, mixed === 'left' ? element : type, depth)
  const rightType = mixed === 'right' ? element : type
  const literalDivisor = !float && rightType.kind === 'scalar' && (operator === '/' || operator === '%') && r.chance(0.3)
  let right: Expression
  if (literalDivisor) right = { text: `${1 + r.below(13)}${element === u32 ? 'u' : ''}`, level: level.primary }
  else if (operator === '/' || operator === '%') right = live(c, rightType, depth)
  else right = expression(c, rightType, depth)
  if (c.floats === 'wild' && float && operator === '-') [operator, right] = ['+', helper(c, 'minus', rightType, right)]
  if (float && operator === '/') right = helper(c, 'divisor', rightType, right)
  if (operator === '%' && float) {
    left = tame(c, mixed === 'left' ? element : type, left)
    right = helper(c, 'divisor', rightType, tame(c, rightType, right))
  }
  if ('&|^'.includes(operator)) return binary(operator, level.bits, inside(left, level.unary), inside(right, level.unary))
  const at = operator === '+' || operator === '-' ? level.sum : level.product
  const [l, m] = r.chance(0.5) ? [inside(left, at), inside(right, at + 1)] : [inside(left, level.primary), inside(right, level.primary)]
  const e = binary(operator, at, l, m)
  // By huge numbers it is denormal.
  return operator === '/' && c.floats === 'wild' && float ? clean(c, type, e) : e
}

function unary(c: Context, type: Scalar | Vector, depth: number): Expression {
  const element = type.kind === 'vector' ? type.element : type
  const operator = element === f32 ? '-' : element === u32 ? '~' : c.random.pick(['-', '~'])
  const e = live(c, type, depth)
  if (element === f32 && c.floats === 'wild') return { ...helper(c, 'minus', type, e), clean: e.clean }
  return { text: `${operator}${inside(e, level.primary)}`, level: level.unary, clean: e.clean }
}

function boolean(c: Context, type: Scalar | Vector, depth: number): Expression {
  const r = c.random
  const kind = r.kind({ compare: 6, not: 1.2, short: type === bool ? 2.5 : 0, bits: 1, all: type === bool ? 1 : 0, equal: 0.5 })
  const like = (element: Scalar) => (type.kind === 'vector' ? vector(type.size, element) : element)
  if (kind === 'compare') {
    const operands = like(r.pick(c.floats === 'none' ? [i32, u32] : [i32, u32, f32]))
    const [left, right] = [some(c, operands, live(c, operands, depth)), some(c, operands, expression(c, operands, depth))]
    // Always put in parentheses, and shifts too: `f(a < b, c > d)` and `a < b >> c` would be template lists.
    return { ...binary(r.pick(['<', '<=', '>', '>=', '==', '!=']), level.relation, inside(left, level.sum), inside(right, level.sum)) }
  }
  if (kind === 'not') {
    const e = live(c, type, depth)
    return { text: `!${inside(e, level.primary)}`, level: level.unary }
  }
  if (kind === 'short')
    return binary(
      r.pick(['&&', '||']),
      level.short,
      inside(live(c, bool, depth), level.relation),
      inside(expression(c, bool, depth), level.relation),
    )
  if (kind === 'all') return call(r.pick(['all', 'any']), live(c, vector(2 + r.below(3), bool), depth))
  if (kind === 'equal')
    return binary(
      r.pick(['==', '!=']),
      level.relation,
      inside(live(c, type, depth), level.shift),
      inside(expression(c, type, depth), level.shift),
    )
  return binary(r.pick(['&', '|']), level.bits, inside(live(c, type, depth), level.unary), inside(expression(c, type, depth), level.unary))
}

function selection(c: Context, type: Scalar | Vector, depth: number): Expression {
  const [no, yes] = [live(c, type, depth), expression(c, type, depth)]
  const condition = type.kind === 'vector' && c.random.chance(0.5) ? vector(type.size, bool) : bool
  return { ...call('select', no, yes, live(c, condition, depth)), clean: no.clean && yes.clean, fixed: false }
}

function conversion(c: Context, type: Scalar | Vector, depth: number): Expression {
  const r = c.random
  const element = type.kind === 'vector' ? type.element : type
  const like = (of: Scalar) => (type.kind === 'vector' ? vector(type.size, of) : of)
  const from = r.pick([bool, i32, u32, ...(c.floats === 'none' ? [] : [f32])].filter((scalar) => scalar !== element))
  const e = live(c, like(from), depth)
  if (from !== bool && r.chance(0.3)) return bitcast(c, element, from, like, e)
  if (from === f32) return { ...call(type.name, some(c, like(f32), e)) }
  // SwiftShader does not round those of 2^31 and more to the nearest.
  const below: Expression = { text: `${inside(e, level.unary)} & ${like(u32).name}(0x7fffffffu)`, level: level.bits }
  return { ...call(type.name, element === f32 && from === u32 ? below : e), clean: from === bool || c.floats === 'wild' }
}

function bitcast(c: Context, to: Scalar, from: Scalar, like: (of: Scalar) => Type, e: Expression): Expression {
  if (from === f32) return call(`bitcast<${like(to).name}>`, helper(c, 'nonzero', like(f32), some(c, like(f32), e)))
  if (to !== f32) return call(`bitcast<${like(to).name}>`, e)
  // Exponents from 2^-31 to 2: neither denormals nor NaN of unknown bits.
  const bits: Expression = {
    text: `(${inside(call(like(u32).name, e), level.unary)} & ${like(u32).name}(0x8fffffffu)) | ${like(u32).name}(0x30000000u)`,
    level: level.bits,
  }
  return { ...call(`bitcast<${like(f32).name}>`, bits), clean: c.floats === 'wild' }
}

function component(c: Context, type: Scalar, depth: number): Expression {
  const size = 2 + c.random.below(3)
  const e = live(c, vector(size, type), depth)
  const text = inside(e, level.primary)
  const at = c.random.chance(0.5) ? `.${'xyzw'[c.random.below(size)]}` : `[${index(c, size, depth)}]`
  return { text: `${text}${at}`, level: level.primary, clean: e.clean }
}

function swizzle(c: Context, type: Vector, depth: number): Expression {
  const size = 2 + c.random.below(3)
  const e = live(c, vector(size, type.element), depth)
  const letters = c.random.pick(['xyzw', 'rgba'])
  const components = Array.from({ length: type.size }, () => letters[c.random.below(size)]).join('')
  return { text: `${inside(e, level.primary)}.${components}`, level: level.primary, clean: e.clean }
}

/** Vectors from matrices, and products with them. */
function linear(c: Context, type: Vector, depth: number): Expression {
  const n = 2 + c.random.below(3)
  const [m, v] = [
    (columns: number, rows: number) => exactMatrix(c, columns, rows, depth),
    () => tame(c, vector(n, f32), live(c, vector(n, f32), depth)),
  ]
  const kind = c.random.below(3)
  if (kind === 0) return binary('*', level.product, inside(m(n, type.size), level.product), inside(v(), level.unary))
  if (kind === 1) return binary('*', level.product, inside(v(), level.product), inside(m(type.size, n), level.unary))
  const e = m(n, type.size)
  return { text: `${inside(e, level.primary)}[${index(c, n, depth)}]`, level: level.primary, clean: e.clean }
}

/** A matrix of tame values. */
export function exactMatrix(c: Context, columns: number, rows: number, depth: number): Expression {
  const type = matrix(columns, rows)
  if (c.floats === 'tame') return clean(c, type, live(c, type, depth))
  const parts = Array.from({ length: columns }, () => tame(c, vector(rows, f32), live(c, vector(rows, f32), 0)))
  return call(type.name, ...parts)
}

function matrixExpression(c: Context, columns: number, rows: number, depth: number): Expression {
  const r = c.random
  const kind = r.pick(['sum', 'scale', 'product', 'transpose'])
  const type = matrix(columns, rows)
  if (kind === 'transpose') return { ...call('transpose', live(c, matrix(rows, columns), depth)), clean: false }
  if (kind === 'sum')
    return binary(
      c.floats === 'wild' ? '+' : r.pick(['+', '-']),
      level.sum,
      inside(live(c, type, depth), level.sum),
      inside(live(c, type, depth), level.product),
    )
  if (kind === 'scale') {
    const [m, s] = [inside(live(c, type, depth), level.unary), inside(live(c, f32, depth), level.unary)]
    return r.chance(0.5) ? binary('*', level.product, m, s) : binary('*', level.product, s, m)
  }
  const n = 2 + r.below(3)
  return binary(
    '*',
    level.product,
    inside(exactMatrix(c, n, rows, depth), level.product),
    inside(exactMatrix(c, columns, n, depth), level.unary),
  )
}

/** A call of a function of the program that gives the type, or undefined. */
function userCall(c: Context, type: Type, depth: number): Expression | undefined {
  const found = c.functions.filter((f) => f.result?.name === type.name)
  return found.length === 0 ? undefined : callOf(c, c.random.pick(found), depth)
}

/** Undefined where there is nothing to point a pointer parameter at. */
export function callOf(c: Context, f: Func, depth: number): Expression | undefined {
  const roots = new Set<string>()
  const parts: string[] = []
  for (const parameter of f.parameters) {
    if (!parameter.pointer) {
      parts.push(inside(value(c, parameter.type, Math.min(depth, 2)), level.shift))
      continue
    }
    const found = fromVariable(
      c,
      parameter.type,
      Math.min(depth, 1),
      (v) =>
        v.mutable && v.space === parameter.pointer && !roots.has(v.root) && !f.privates.has(v.root) && addressable(v.type, parameter.type),
    )
    if (!found) return undefined
    roots.add(found.variable.root)
    const whole = found.text === found.variable.text
    parts.push(whole && found.variable.pointer ? found.variable.pointer : `&${found.text}`)
  }
  for (const name of f.privates) c.privates.add(name)
  return { text: `${f.name}(${parts.join(', ')})`, level: level.primary, clean: true }
}

/** Whether a pointer to any such part can be had: components of vectors have no address. */
const addressable = (from: Type, part: Type): boolean =>
  part.kind !== 'scalar' ||
  from.name === part.name ||
  ((from.kind === 'array' || from.kind === 'struct') &&
    partTypes(from).every((inner) => !contains(inner, part) || addressable(inner, part)))
