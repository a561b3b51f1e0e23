/** Expressions to scalars: one `Value` for each scalar of what an expression gives. */
import type { BinaryOperator, Expression, Type } from '../check/program.js'
import { lowerBuiltin } from './builtins.js'
import { add, and, binary, bits, constant, convert, isComparison, mul, not, or, read, sub, unary, zero } from './fold.js'
import { callFunction } from './functions.js'
import { type Binary, frame, type Local, type Value } from './ir.js'
import { indexValue, loadReference, lowerReference } from './references.js'
import { atom, bind, collect, emit, fail, newLocal, type Parts, type State } from './state.js'

export function lowerScalar(state: State, expression: Expression): Value {
  return lowerExpression(state, expression)[0]
}

export function lowerExpression(state: State, expression: Expression): Parts {
  const { type } = expression
  switch (expression.op) {
    case 'literal':
      return [constant((type as Type & { kind: 'scalar' }).name, expression.value)]
    case 'value':
      return state.values.get(expression.value) ?? fail(`'${expression.value.name}' is not known here`, expression.position)
    case 'override':
      return [
        state.overrides.get(expression.override) ?? fail(`the override '${expression.override.name}' has no value`, expression.position),
      ]
    case 'load':
      return loadReference(state, lowerReference(state, expression.from))
    case 'member': {
      const base = expression.base.type as Type & { kind: 'struct' }
      const parts = lowerExpression(state, expression.base)
      const first = base.members.slice(0, expression.index).reduce((sum, member) => sum + state.layout.leaves(member.type), 0)
      return parts.slice(first, first + state.layout.leaves(type))
    }
    case 'index':
      return indexValue(state, expression)
    case 'swizzle': {
      const parts = lowerExpression(state, expression.base).map((part, i) =>
        expression.components.filter((component) => component === i).length > 1 ? atom(state, part) : part,
      )
      return expression.components.map((component) => parts[component])
    }
    case 'unary': {
      const name = expression.operator === '-' ? 'neg' : 'not'
      return lowerExpression(state, expression.operand).map((part) => unary(name, part))
    }
    case 'binary':
      return lowerBinary(state, expression)
    case 'call':
      return callFunction(state, expression.function, expression.arguments)
    case 'builtin':
      return lowerBuiltin(state, expression)
    case 'construct':
      return construct(state, type, expression.arguments)
    case 'convert': {
      const kinds = state.layout.kinds(type)
      return lowerExpression(state, expression.argument).map((part, i) => convert(kinds[i], part))
    }
    case 'bitcast': {
      const kinds = state.layout.kinds(type)
      return lowerExpression(state, expression.argument).map((part, i) => bits(kinds[i], part))
    }
    default:
      return fail(`'${expression.op}' has no value`, expression.position)
  }
}

/** Several expressions in their order: where a later one calls a function, which may change variables, earlier ones are kept as they were. */
export function lowerAll(state: State, expressions: readonly Expression[]): Parts[] {
  const called = expressions.map(hasCall)
  return expressions.map((expression, i) => {
    const parts = lowerExpression(state, expression)
    return called.slice(i + 1).some(Boolean) ? parts.map((part) => bind(state, part)) : parts
  })
}

const calls = new WeakMap<Expression, boolean>()
export function hasCall(expression: Expression): boolean {
  const known = calls.get(expression)
  if (known !== undefined) return known
  const children = childrenOf(expression)
  const found = expression.op === 'call' || children.some(hasCall)
  calls.set(expression, found)
  return found
}

function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case 'load':
      return [expression.from]
    case 'member':
      return [expression.base]
    case 'index':
      return [expression.base, expression.index]
    case 'swizzle':
      return [expression.base]
    case 'address-of':
      return [expression.of]
    case 'dereference':
      return [expression.pointer]
    case 'unary':
      return [expression.operand]
    case 'binary':
      return [expression.left, expression.right]
    case 'call':
    case 'builtin':
    case 'construct':
      return expression.arguments
    case 'convert':
    case 'bitcast':
      return [expression.argument]
    default:
      return []
  }
}

export function zeros(state: State, type: Type): Parts {
  return state.layout.kinds(type).map(zero)
}

function construct(state: State, type: Type, args: readonly Expression[]): Parts {
  if (args.length === 0) return zeros(state, type)
  const parts = lowerAll(state, args).flat()
  if (args.length === 1 && type.kind === 'vector' && parts.length === 1) {
    const value = atom(state, parts[0])
    return Array(type.size).fill(value)
  }
  return parts
}

const names: Partial<Record<BinaryOperator, Binary>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'rem',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'shl',
  '>>': 'shr',
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
}

function lowerBinary(state: State, expression: Expression & { op: 'binary' }): Parts {
  const { operator, left, right } = expression
  if (operator === '&&' || operator === '||') return [shortCircuit(state, operator, left, right)]
  const [a, b] = lowerAll(state, [left, right])
  if (isFixed(right)) for (const value of b) checkOperand(operator, left.type, value, right)
  return operate(state, operator, left.type, a, right.type, b)
}

/** Whether an expression is of constants and overrides alone: then what is wrong with its value is an error of the pipeline. */
export function isFixed(expression: Expression): boolean {
  if (['variable', 'value', 'load', 'call', 'address-of', 'dereference'].includes(expression.op)) return false
  return childrenOf(expression).every(isFixed)
}

/** The checker has seen to literals; overrides have values only now. */
function checkOperand(operator: BinaryOperator, left: Type, value: Value, { position }: Expression): void {
  const element = left.kind === 'vector' ? left.element : left
  const isInteger = element.kind === 'scalar' && (element.name === 'i32' || element.name === 'u32')
  if (value.op !== 'const' || !isInteger) return
  if ((operator === '/' || operator === '%') && value.value === 0) fail(`expected a divisor other than 0, found 0`, position)
  if ((operator === '<<' || operator === '>>') && value.value >>> 0 > 31)
    fail(`expected a shift by less than 32, found ${value.value >>> 0}`, position)
}

/** a (operator) b of WGSL's types, vector with scalar and matrix products among them. */
export function operate(state: State, operator: BinaryOperator, aType: Type, a: Parts, bType: Type, b: Parts): Parts {
  if (operator === '*' && (aType.kind === 'matrix' || bType.kind === 'matrix')) return product(state, aType, a, bType, b)
  const name = names[operator]!
  if (a.length === b.length) return a.map((part, i) => apply(state, name, part, b[i]))
  const [left, right] = a.length === 1 ? [[atom(state, a[0])], b] : [a, [atom(state, b[0])]]
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    apply(state, name, left[left.length === 1 ? 0 : i], right[right.length === 1 ? 0 : i]),
  )
}

function apply(state: State, name: Binary, a: Value, b: Value): Value {
  if (name === 'rem' && a.kind === 'f32') {
    const [p, q] = [atom(state, a), atom(state, b)]
    return sub(p, mul(q, unary('trunc', binary('div', p, q))))
  }
  // The amount of a shift is taken modulo 32, and is of another type.
  if (name === 'shl' || name === 'shr') return binary(name, a, and(bits(a.kind, b), { op: 'const', kind: a.kind, value: 31 }))
  if (isComparison(name) && a.kind === 'bool') return name === 'eq' ? not(binary('xor', a, b)) : binary('xor', a, b)
  return binary(name, a, b)
}

function product(state: State, aType: Type, a: Parts, bType: Type, b: Parts): Parts {
  const [p, q] = [a.map((part) => atom(state, part)), b.map((part) => atom(state, part))]
  if (aType.kind === 'scalar') return q.map((part) => mul(p[0], part))
  if (bType.kind === 'scalar') return p.map((part) => mul(part, q[0]))
  // Sums of products of column k of a and row k of b; vectors are a row on the left, a column on the right.
  const inner = aType.kind === 'matrix' ? aType.columns : (aType as Type & { kind: 'vector' }).size
  const rows = aType.kind === 'matrix' ? aType.rows : 1
  const columns = bType.kind === 'matrix' ? bType.columns : 1
  const result: Value[] = []
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < rows; row++) {
      let sum = mul(p[row], q[column * inner])
      for (let k = 1; k < inner; k++) sum = add(sum, mul(p[k * rows + row], q[column * inner + k]))
      result.push(sum)
    }
  return result
}

/** The right side runs for lanes only that need it, unless nothing it does could be noticed. */
function shortCircuit(state: State, operator: '&&' | '||', left: Expression, right: Expression): Value {
  const a = hasCall(right) ? bind(state, lowerScalar(state, left)) : lowerScalar(state, left)
  if (a.op === 'const') return Boolean(a.value) === (operator === '&&') ? lowerScalar(state, right) : a
  let b: Value | undefined
  const { statements } = collect(state, () => {
    b = lowerScalar(state, right)
  })
  if (statements.every((statement) => statement.op === 'load' || (statement.op === 'assign' && statement.to.constant))) {
    for (const statement of statements) state.statements.push(statement)
    return operator === '&&' ? and(a, b!) : or(a, b!)
  }
  const result = newLocal(state, 'bool', '', false)
  emit(state, { op: 'assign', to: result, value: a, declares: true })
  const then = [...statements, assign(result, b!)]
  emit(state, { op: 'if', condition: operator === '&&' ? read(result) : not(read(result)), frame: frame('if'), yes: then, no: [] })
  return read(result)
}

const assign = (to: Local, value: Value) => ({ op: 'assign', to, value, declares: false }) as const

/** Values of a vector or scalar type with both operands brought to as many scalars. */
export function spread(state: State, parts: Parts, length: number): Parts {
  return parts.length === length ? parts : Array(length).fill(atom(state, parts[0]))
}
