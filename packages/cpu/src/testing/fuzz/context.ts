/** What is known while a program is being written: the names in scope, the functions so far, what the place allows. */
import type { Random } from './random.js'
import { f32, type Struct, scalarOf, type Type, type Vector } from './types.js'

export interface Expression {
  readonly text: string
  /** How tightly its outermost operator binds: see `level`. */
  readonly level: number
  /** Of literals, constants and overrides only: operators on such values alone would be evaluated, and refused, before the program runs. */
  readonly fixed?: boolean
  /** A float that can be stored as it is: see `clean`. Of no meaning for other types. */
  readonly clean?: boolean
}

/** Levels of WGSL's grammar, the tightest last. Operands of `<<`, `&`, `|` and `^` must be unary; `&&` and `||` take relations. */
export const level = { short: 1, bits: 2, relation: 3, shift: 4, sum: 5, product: 6, unary: 7, primary: 8 } as const

export interface Variable {
  /** The identifier that must not be hidden by another where this is used. */
  readonly name: string
  /** How it is written: the identifier, `(*p)`, or an element of a storage array that only this invocation touches. */
  readonly text: string
  readonly type: Type
  readonly mutable: boolean
  readonly fixed?: boolean
  /** 'value' is what has no address: lets, parameters, constants. */
  readonly space: 'function' | 'private' | 'storage' | 'value'
  /** The variable whose memory it is part of: two pointers into one must not go to the same call. */
  readonly root: string
  /** An expression of a pointer to it, where that is not `&text`. */
  readonly pointer?: string
}

export interface Parameter {
  readonly name: string
  readonly type: Type
  /** The address space, of a pointer. */
  readonly pointer?: 'function' | 'private'
}

export interface Func {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly result: Type | undefined
  /** Private variables that it, or what it calls, touches. */
  readonly privates: ReadonlySet<string>
}

/**
 * Which floats occur. Software drivers flush denormals, may take either operand of `min(NaN, x)`, and disagree in the order of sums, so
 * - tame: what is stored is a multiple of 1/8 in [-32, 32), so that dot products of it are exact in any order,
 * - wild: infinities and NaN too; what is stored is no denormal, NaN is taken out before it can decide anything.
 */
export type Floats = 'none' | 'tame' | 'wild'

export interface Context {
  readonly random: Random
  readonly floats: Floats
  /** Types for variables. */
  readonly types: Type[]
  readonly structs: Struct[]
  readonly functions: Func[]
  scopes: Variable[][]
  lines: string[]
  indent: string
  /** Helpers of the shader, by name, that were used. */
  readonly helpers: Map<string, string>
  names: number
  /** Statements that may still be written. */
  budget: number
  depth: number
  loops: number
  /** What `break`, `continue` and `return` would leave, where they are allowed. */
  breakable: boolean
  continuable: boolean
  returns: 'no' | 'nothing' | Type
  /** Whether a `break` was written since this was last made false. */
  broke: boolean
  /** The depth at which nothing leaves: that of a loop's body. */
  staying: number
  /** Private variables that the function being written touches. */
  privates: Set<string>
  /** Whether expressions may call functions of the program. */
  calls: boolean
  /** Statements that only this program has, such as on its atomics. */
  readonly extras: ((c: Context) => void)[]
}

export const freshName = (c: Context, prefix: string) => `${prefix}${c.names++}`
export const write = (c: Context, line: string) => void c.lines.push(c.indent + line)
export const declare = (c: Context, variable: Variable) => void c.scopes[c.scopes.length - 1].push(variable)

/** Writes `head {`, what `body` writes, in a scope of its own, and `tail`. */
export function block(c: Context, head: string, body: () => void, tail = '}'): void {
  write(c, head ? `${head} {` : '{')
  const [indent, depth] = [c.indent, c.depth]
  c.indent += '  '
  c.depth++
  c.scopes.push([])
  body()
  c.scopes.pop()
  c.indent = indent
  c.depth = depth
  write(c, tail)
}

/** Variables that are in scope and not hidden. */
export function visible(c: Context): Variable[] {
  const seen = new Set<string>()
  const found: Variable[] = []
  for (let i = c.scopes.length - 1; i >= 0; i--) {
    const here = c.scopes[i].filter((variable) => !seen.has(variable.name))
    found.push(...here)
    for (const { name } of here) seen.add(name)
  }
  return found
}

/** Its text where something that binds at least as tightly as `least` is needed. */
export const inside = (e: Expression, least: number) => (e.level >= least ? e.text : `(${e.text})`)
export const call = (name: string, ...parts: Expression[]): Expression => ({
  text: `${name}(${parts.map((part) => inside(part, level.shift)).join(', ')})`,
  level: level.primary,
  fixed: parts.every((part) => part.fixed),
})

const bodies = {
  // A multiple of 1/8 in [-32, 32) that depends on x; tiny, huge and NaN go to one value each.
  tame: (T: string, U: string) =>
    `{ let b = bitcast<${U}>(x) & ${U}(0x7fffffffu); let y = select(select(x, ${T}(0.0), b < ${U}(0x3a000000u)), ${T}(7.5), b > ${U}(0x4a800000u)); return floor((y - 64.0 * floor(y * 0.015625)) * 8.0) * 0.125 - 32.0; }`,
  // Nothing below 1e-19: products of two are no denormals either.
  keep: (T: string, U: string) => `{ return select(x, ${T}(0.0), (bitcast<${U}>(x) & ${U}(0x7fffffffu)) < ${U}(0x20000000u)); }`,
  // No NaN, told by its bits: comparisons with NaN differ among drivers.
  some: (T: string, U: string) => `{ return select(x, ${T}(1.5), (bitcast<${U}>(x) & ${U}(0x7fffffffu)) > ${U}(0x7f800000u)); }`,
  // Not 0, whose sign may be either.
  nonzero: (T: string) => `{ return select(x, ${T}(2.0), x == ${T}(0.0)); }`,
  // -x where an optimiser does not see it: it would take x - x for 0, which of infinities it is not.
  minus: (T: string, U: string) => `{ return bitcast<${T}>(bitcast<${U}>(x) ^ ${U}(0x80000000u)); }`,
  // A divisor: not 0, whose sign would decide between the infinities; nothing that an optimiser knows and makes a reciprocal of.
  divisor: (T: string, U: string) =>
    `{ return bitcast<${T}>(bitcast<${U}>(select(x, ${T}(2.0), x == ${T}(0.0))) | ${U}(arrayLength(&iu) >> 16u)); }`,
}

/** A helper of the shader applied to a scalar or vector of f32. */
export function helper(c: Context, name: keyof typeof bodies, type: Type, e: Expression): Expression {
  const size = type.kind === 'vector' ? type.size : 1
  const [T, U] = size === 1 ? ['f32', 'u32'] : [`vec${size}f`, `vec${size}u`]
  const own = size === 1 ? name : `${name}${size}`
  c.helpers.set(own, `fn ${own}(x: ${T}) -> ${T} ${bodies[name](T, U)}`)
  return { ...call(own, e), fixed: false, clean: name === 'tame' || name === 'keep' }
}

/** A float of any kind made such as may be stored, passed on and returned. */
export function clean(c: Context, type: Type, e: Expression): Expression {
  if (e.clean || scalarOf(type) !== f32) return e
  const name = c.floats === 'wild' ? 'keep' : 'tame'
  if (type.kind !== 'matrix') return helper(c, name, type, e)
  const column: Vector = { kind: 'vector', name: `vec${type.rows}f`, size: type.rows, element: f32 }
  const parts = Array.from({ length: type.columns }, (_, i) => helper(c, name, column, { text: `m[${i}]`, level: level.primary }).text)
  const own = `${name}${type.columns}x${type.rows}`
  c.helpers.set(own, `fn ${own}(m: ${type.name}) -> ${type.name} { return ${type.name}(${parts.join(', ')}); }`)
  return { ...call(own, e), fixed: false, clean: true }
}

/** Multiples of 1/8 in [-32, 32) also in wild programs: what needs exact sums takes these. */
export const tame = (c: Context, type: Type, e: Expression) => (c.floats === 'tame' && e.clean ? e : helper(c, 'tame', type, e))
/** Without NaN. */
export const some = (c: Context, type: Type, e: Expression) =>
  c.floats === 'wild' && scalarOf(type) === f32 ? helper(c, 'some', type, e) : e
