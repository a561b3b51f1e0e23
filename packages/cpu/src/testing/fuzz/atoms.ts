/** Expressions without operators: literals, variables and paths into them, elements of the inputs, constructors. */
import { type Context, clean, type Expression, inside, level, type Variable, visible } from './context.js'
import { expression } from './expressions.js'
import { bool, contains, f32, i32, isInteger, type Scalar, type Type, u32, vector } from './types.js'

/** Elements of each input array. */
export const inputLength = 32

const primary = (text: string, rest: Partial<Expression> = {}): Expression => ({ text, level: level.primary, ...rest })

export function literal(c: Context, type: Scalar): Expression {
  const r = c.random
  if (type === bool) return primary(r.pick(['true', 'false']), { fixed: true })
  if (type === u32) {
    const value = r.weighted([
      [6, r.below(10)],
      [2, r.below(256)],
      [1, r.pick([0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x10000, 0xaaaaaaaa])],
    ])
    return primary(r.chance(0.2) ? `0x${value.toString(16)}u` : `${value}u`, { fixed: true })
  }
  if (type === i32) {
    const value = r.weighted([
      [6, r.below(12) - 2],
      [2, r.below(512) - 256],
      [1, r.pick([0x7fffffff, -0x7fffffff, -1, 0x10000, -0x10000])],
    ])
    return { text: `${value}${r.chance(0.4) ? 'i' : ''}`, level: value < 0 ? level.unary : level.primary, fixed: true }
  }
  // The optimiser before SwiftShader makes x + (1.5 - 0.3) of (x + 1.5) - 0.3 and 0 of x * 0, which for wild values is something else.
  return c.floats === 'wild' ? input(c, f32, 0) : floatLiteral(c)
}

export function floatLiteral(c: Context): Expression {
  const r = c.random
  const value = (r.below(81) - 24) / 8
  const text = r.weighted([
    [5, value.toFixed(3).replace(/0{1,2}$/, '')],
    [2, `${value}f`],
    [1, `${(value * 4).toFixed(0)}e0`],
    [1, r.pick(['0x1.8p1', '0x3p-1f', '1.5e1', '.5', '2.', '0x.8p2'])],
  ])
  return { text, level: text.startsWith('-') ? level.unary : level.primary, fixed: true, clean: true }
}

/**
 * Whether a type must have no constants: wild floats must not be known before the program runs (see `literal`), and composites of bool are `false` as a
 * whole often enough (see `hideZero`).
 */
export const mustLive = (c: Context, type: Type): boolean =>
  (c.floats === 'wild' && contains(type, f32)) || (type !== bool && contains(type, bool))

/**
 * What keeps the value of a variable that starts as zero from being known before the program runs. The optimiser before SwiftShader (FoldVectors of SPIRV-Tools)
 * leaves out those components of vectors that come from such zeros: `vec2u(1) / r` with `var r: u32;` is 0 there, and must be 1.
 */
export function hideZero(c: Context, text: string, type: Type): string {
  const { scopes } = c
  // Not of variables, which may be such zeros themselves.
  c.scopes = [[]]
  const other = construct(c, type, 0, true).text
  c.scopes = scopes
  return `if arrayLength(&iu) == 0u { ${text} = ${other}; }`
}

/** An index that is less than n when the program runs, of either integer type. */
export function index(c: Context, n: number, depth: number): string {
  const r = c.random
  if (depth <= 0 || r.chance(0.35)) return `${r.below(n)}${r.chance(0.3) ? r.pick(['u', 'i']) : ''}`
  const type = r.pick([u32, i32])
  const e = expression(c, type, depth - 1)
  if (e.fixed) return `${r.below(n)}`
  const suffix = type === u32 ? 'u' : ''
  if ((n & (n - 1)) === 0 && r.chance(0.6)) return `${inside(e, level.unary)} & ${n - 1}${suffix}`
  if (type === i32) return `clamp(${e.text}, 0, ${n - 1})`
  return r.chance(0.5) ? `${inside(e, level.product)} % ${n}u` : `min(${e.text}, ${n - 1}u)`
}

/** The path from something written `text`, of type `from`, to a part of the type wanted. */
export function path(c: Context, text: string, from: Type, wanted: Type, depth: number): string {
  if (from.name === wanted.name) return text
  if (from.kind === 'struct') {
    const member = c.random.pick(from.members.filter(({ type }) => contains(type, wanted)))
    return path(c, `${text}.${member.name}`, member.type, wanted, depth)
  }
  if (from.kind === 'array') return path(c, `${text}[${index(c, from.count, depth)}]`, from.element, wanted, depth)
  if (from.kind === 'matrix') return path(c, `${text}[${index(c, from.columns, depth)}]`, vector(from.rows, f32), wanted, depth)
  if (from.kind !== 'vector') throw new Error(`no ${wanted.name} in ${from.name}`)
  if (c.random.chance(0.3)) return `${text}[${index(c, from.size, depth)}]`
  return `${text}.${c.random.pick(['xyzw', 'rgba'])[c.random.below(from.size)]}`
}

/** A part of a variable in scope, or undefined. */
export function fromVariable(c: Context, type: Type, depth: number, suits: (variable: Variable) => boolean = () => true) {
  const found = visible(c).filter((variable) => suits(variable) && contains(variable.type, type))
  if (found.length === 0) return undefined
  // A variable of the very type, or a newer one, rather than any.
  const exact = found.filter((variable) => variable.type.name === type.name)
  const variable = exact.length > 0 && c.random.chance(0.5) ? c.random.pick(exact) : c.random.pick(found)
  if (variable.space === 'private') c.privates.add(variable.root)
  return { variable, text: path(c, variable.text, variable.type, type, depth) }
}

/** An element of an input array: a runtime value of any integer or float type, everywhere. */
export function input(c: Context, type: Scalar, depth: number): Expression {
  const r = c.random
  if (type === bool) {
    // Of a variable mostly, on which invocations differ: then they part.
    const found = r.chance(0.65) ? fromVariable(c, u32, 0, (variable) => !variable.fixed) : undefined
    const text = found?.text ?? input(c, u32, depth).text
    const small = r.pick([
      `${text} % ${2 + r.below(4)}u == ${r.below(2)}u`,
      `(${text} & ${r.pick([1, 2, 3, 5])}u) != 0u`,
      `${text} > ${1 + r.below(8)}u`,
    ])
    return { text: found ? small : `${text} > ${5 + r.below(100)}u`, level: level.relation }
  }
  const name = type === u32 ? 'iu' : type === i32 ? 'ii' : 'fi'
  const at =
    depth > 0 && r.chance(0.2)
      ? `${inside(expression(c, u32, depth - 1), level.product)} % arrayLength(&${name})`
      : index(c, inputLength, depth)
  return primary(`${name}[${at}]`, { clean: true })
}

/** Something that is not known before the program runs. */
export const runtime = (c: Context, type: Type, depth: number): Expression => {
  if (type.kind === 'scalar') {
    const found = fromVariable(c, type, depth, (variable) => !variable.fixed)
    return found && c.random.chance(0.8) ? primary(found.text, { clean: true }) : input(c, type, depth)
  }
  const found = fromVariable(c, type, depth, (variable) => !variable.fixed)
  return found ? primary(found.text, { clean: true }) : construct(c, type, depth, true)
}

export function atom(c: Context, type: Type, depth: number): Expression {
  const found = c.random.chance(0.8) ? fromVariable(c, type, depth) : undefined
  if (found) return primary(found.text, { fixed: found.variable.fixed, clean: true })
  if (type.kind === 'scalar') return c.random.chance(0.5) ? literal(c, type) : input(c, type, depth)
  return construct(c, type, depth, c.random.chance(0.5))
}

/** A constructor; with `live`, no constant. */
export function construct(c: Context, type: Type, depth: number, live = false): Expression {
  const r = c.random
  const part = (of: Type, first: boolean) => {
    const e = depth > 0 ? expression(c, of, depth - 1) : of.kind === 'scalar' && r.chance(0.5) ? literal(c, of) : atom(c, of, 0)
    return clean(c, of, live && first && e.fixed ? runtime(c, of, 0) : e)
  }
  const joined = (name: string, types: readonly Type[]) => {
    const parts = types.map((of, i) => part(of, i === 0))
    return primary(`${name}(${parts.map((p) => inside(p, level.shift)).join(', ')})`, { fixed: parts.every((p) => p.fixed), clean: true })
  }
  if (type.kind === 'scalar') return part(type, true)
  if (type.kind === 'struct')
    return joined(
      type.name,
      type.members.map((member) => member.type),
    )
  if (type.kind === 'array') return joined(type.name, Array(type.count).fill(type.element))
  if (type.kind === 'matrix')
    return joined(type.name, r.chance(0.7) ? Array(type.columns).fill(vector(type.rows, f32)) : Array(type.columns * type.rows).fill(f32))
  const { size, element } = type
  if (r.chance(0.2)) return joined(type.name, [element])
  // Pieces of 1, 2 or 3 components.
  const pieces: Type[] = []
  for (let left = size; left > 0; ) {
    const n = Math.min(left, 1 + r.index([5, 2, 1]))
    if (n === size) continue
    pieces.push(n === 1 ? element : vector(n, element))
    left -= n
  }
  return joined(r.chance(0.8) || isInteger(element) || element === bool ? type.name : `vec${size}<${element.name}>`, pieces)
}
