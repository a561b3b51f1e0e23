/** Values of u32 as text and as what computes them, for programs that run twice. */
import type { Random } from '../fuzz/random.js'

/** One invocation of the reference. */
export interface Lane {
  readonly lane: number
  readonly group: number
  readonly lanes: number
  readonly parameters: Uint32Array
  /** By number: counters and accumulators, whose bits are those of u32. */
  readonly variables: number[]
}

export interface Expression {
  readonly text: string
  readonly constant?: boolean
  run(lane: Lane): number
}

export interface Variable {
  readonly name: string
  readonly number: number
  readonly signed: boolean
  /** Whether statements may move it. */
  readonly free: boolean
}

export const parameterNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const

export const literal = (value: number): Expression => ({ text: `${value >>> 0}u`, constant: true, run: () => value >>> 0 })
export const parameter = (i: number): Expression => ({
  text: `p.${parameterNames[i]}`,
  run: ({ parameters }) => parameters[i],
})
const lane: Expression = { text: 'l', run: (each) => each.lane }
const group: Expression = { text: 'w', run: (each) => each.group }
export const globalId: Expression = { text: 'gi', run: (each) => each.group * each.lanes + each.lane }
export const read = ({ name, number, signed }: Variable): Expression => ({
  text: signed ? `u32(${name})` : name,
  run: ({ variables }) => variables[number] >>> 0,
})

export type Operator = '+' | '-' | '*' | '%' | '&' | '<<' | '>>'
const operators: Record<Operator, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': Math.imul,
  '%': (a, b) => (b === 0 ? 0 : a % b),
  '&': (a, b) => a & b,
  '<<': (a, b) => a << (b & 31),
  '>>': (a, b) => a >>> (b & 31),
}
export const binary = (name: Operator, a: Expression, b: Expression): Expression => ({
  text: `(${a.text} ${name} ${b.text})`,
  run: (each) => operators[name](a.run(each), b.run(each)) >>> 0,
})

/** Sums as i32 wrap the same. */
const asSigned = (name: '+' | '-' | '*', a: Expression, b: Expression): Expression => ({
  text: `u32(i32(${a.text}) ${name} i32(${b.text}))`,
  run: binary(name, a, b).run,
})

export interface Condition {
  readonly text: string
  run(lane: Lane): boolean
}

const comparisons = {
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
}
export type Comparison = keyof typeof comparisons
export function compare(name: Comparison, a: Expression, b: Expression, signed = false): Condition {
  const of = (x: number) => (signed ? x | 0 : x >>> 0)
  return {
    text: signed ? `i32(${a.text}) ${name} i32(${b.text})` : `${a.text} ${name} ${b.text}`,
    run: (each) => comparisons[name](of(a.run(each)), of(b.run(each))),
  }
}

/** A value that is at hand. */
export function atom(r: Random, variables: readonly Variable[]): Expression {
  const kind = r.kind({ variable: variables.length ? 6 : 0, parameter: 3, literal: 3, lane: 1, group: 0.5, id: 1 })
  if (kind === 'variable') return read(r.pick(variables))
  if (kind === 'parameter') return parameter(r.below(8))
  if (kind === 'literal') return literal(r.pick([0, 1, 2, 3, 4, 5, 7, 12]))
  return { lane, group, id: globalId }[kind]
}

/** Compilers refuse constants that are out of bounds. */
const unknown = (r: Random, value: Expression) => (value.constant ? parameter(r.below(8)) : value)

function term(r: Random, variables: readonly Variable[]): Expression {
  const own = unknown(r, atom(r, variables))
  const kind = r.kind({ plain: 8, scaled: 4, parameter: 2, shifted: 1, rest: 0.7, masked: 0.7, chosen: 0.5, huge: 0.3, half: 0.4 })
  switch (kind) {
    case 'scaled':
      return binary('*', own, literal(r.pick([2, 3, 4, 8])))
    case 'parameter':
      return binary('*', own, parameter(r.below(8)))
    case 'shifted':
      return binary('<<', own, literal(r.pick([1, 2, 31])))
    case 'rest':
      return binary('%', own, literal(r.pick([2, 3, 5, 8, 0x7fffffff])))
    case 'masked':
      return binary('&', own, literal(r.pick([1, 3, 6, 7])))
    case 'chosen': {
      const [condition, other] = [compare('<', atom(r, variables), atom(r, variables)), atom(r, variables)]
      return {
        text: `select(${own.text}, ${other.text}, ${condition.text})`,
        run: (each) => (condition.run(each) ? other.run(each) : own.run(each)),
      }
    }
    case 'huge':
      return binary('*', own, literal(r.pick([0x40000000, 0x20000000, 0x7fffffff, 0xffffffff, 0x10001])))
    case 'half':
      return binary('>>', own, literal(1))
    default:
      return own
  }
}

/** As kernels have them: what is likely to lie inside, though not by much. */
function tameIndex(r: Random, variables: readonly Variable[]): Expression {
  const free = variables.filter((each) => each.free)
  let sum = read(r.pick(r.chance(0.5) ? free : variables))
  if (r.chance(0.15)) sum = binary('*', sum, literal(r.pick([2, 3])))
  if (r.chance(0.3)) sum = binary('+', sum, r.chance(0.3) ? parameter(r.below(8)) : read(r.pick(variables)))
  if (r.chance(0.3)) sum = binary('+', globalId, sum)
  if (r.chance(0.25)) sum = binary(r.pick(['+', '-']), sum, literal(r.pick([1, 1, 2, 3])))
  return sum
}

/** Mostly a sum of counters, and such. */
export function index(r: Random, variables: readonly Variable[], tame = false): Expression {
  if (tame && r.chance(0.93)) return tameIndex(r, variables)
  let sum = term(r, variables)
  for (let i = r.index([3, 4, 2]); i > 0; i--) {
    const name = r.weighted([
      [6, '+'],
      [2, '-'],
      [0.3, '*'],
    ] as const)
    sum = r.chance(0.12) ? asSigned(name, sum, term(r, variables)) : binary(name, sum, term(r, variables))
  }
  if (r.chance(0.3)) sum = binary('+', globalId, sum)
  if (r.chance(0.2)) sum = binary(r.pick(['+', '-']), sum, literal(r.pick([1, 2, 3, 9, 0x3fffffff, 0x40000000, 0x7fffffff])))
  return sum
}

/** What a parameter may be: small, at the sizes of what is bound, or at the ends of u32 and of what doubles hold. */
export function parameterValue(r: Random, sizes: readonly number[], tame: boolean): number {
  const kind = r.kind({ small: tame ? 12 : 6, size: tame ? 1.5 : 3, huge: tame ? 0.5 : 1.2, minus: tame ? 0.2 : 0.8 })
  if (kind === 'small') return r.below(r.pick([3, 6, 12]))
  if (kind === 'size') return (r.pick(sizes) + r.pick([-2, -1, 0, 0, 0, 1, 2])) >>> 0
  if (kind === 'minus') return -(1 + r.below(20)) >>> 0
  return r.pick([
    0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe, 0x40000000, 0x40000001, 0x3fffffff, 0x10000, 0x10001, 0x55555556,
    0x20000000, 0x5a82799a, 0xaaaaaaab, 0x1000000, 0x3ffffffe,
  ])
}
