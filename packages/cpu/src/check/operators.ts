/** Unary and binary operators: which types they take, and their values where both sides are constants. */
import { calculate, checkShift, complement, negate } from './arithmetic.js'
import { type Constant, EvaluationError, type Scalar } from './constants.js'
import type { Context } from './context.js'
import { matrixOperation } from './matrices.js'
import { convert, evaluate, expressionOf, latest, nodeOperand, type Operand } from './operand.js'
import { type BinaryOperator, type Expression, type Position, type Type, type UnaryOperator, WgslError } from './program.js'
import { type Match, matchAny, type Signature, signature } from './signatures.js'
import { type AnyType, elementOf, typeName } from './types.js'

const arithmetic = [signature('*T *T -> *T', 'number'), signature('vT T -> vT', 'number'), signature('T vT -> vT', 'number')]
const bits = [signature('*T *T -> *T', 'integer')]
const logical = [signature('*T *T -> *T', 'logical')]
const shift = [signature('*T *u32 -> *T', 'integer')]
const equality = [signature('*T *T -> *bool', 'any')]
const order = [signature('*T *T -> *bool', 'number')]
const boolean = [signature('bool bool -> bool')]

const binary: Record<BinaryOperator, readonly Signature[]> = {
  '+': arithmetic,
  '-': arithmetic,
  '*': arithmetic,
  '/': arithmetic,
  '%': arithmetic,
  '&': logical,
  '|': logical,
  '^': bits,
  '<<': shift,
  '>>': shift,
  '&&': boolean,
  '||': boolean,
  '==': equality,
  '!=': equality,
  '<': order,
  '<=': order,
  '>': order,
  '>=': order,
}

const unary: Record<UnaryOperator, readonly Signature[]> = {
  '-': [signature('*T -> *T', 'signed')],
  '~': [signature('*T -> *T', 'integer')],
  '!': [signature('*bool -> *bool')],
}

const ofUnary: Record<UnaryOperator, string> = {
  '-': 'i32, f32 or vectors of them',
  '~': 'i32, u32 or vectors of them',
  '!': 'bool or vectors of it',
}

/** Applies a function of scalars to each component; scalars among the values go with every component. */
export function eachComponent(values: readonly Constant[], apply: (...scalars: Scalar[]) => Scalar): Constant {
  const size = Math.max(...values.map((value) => (Array.isArray(value) ? value.length : 0)))
  const component = (i: number) => values.map((value) => (Array.isArray(value) ? value[i] : value) as Scalar)
  return size === 0 ? apply(...component(0)) : Array.from({ length: size }, (_, i) => apply(...component(i)))
}

export function checkUnary(context: Context, operator: UnaryOperator, operand: Operand, position: Position): Operand {
  const constant = operand.stage === 'const'
  const found = matchAny(unary[operator], [operand.type], constant)
  if (!found)
    throw new WgslError(`operator '${operator}' does not take '${typeName(operand.type)}'; it takes ${ofUnary[operator]}`, operand.position)
  const element = found.element.name
  if (constant) {
    const of = (value: Scalar) => (operator === '-' ? negate(value, element) : operator === '~' ? complement(value, element) : !value)
    return evaluate(context, found.result!, position, () => eachComponent([convert(operand, found.parameters[0]).constant!], of))
  }
  const node: Expression = { op: 'unary', operator, operand: expressionOf(operand), type: found.result as Type, position }
  return nodeOperand(node, operand.stage)
}

/** Of both values, already loaded. `&&` and `||` of constants are the caller's, who knows whether the right side counts. */
export function checkBinary(context: Context, operator: BinaryOperator, left: Operand, right: Operand, position: Position): Operand {
  const constant = left.stage === 'const' && right.stage === 'const'
  if (left.type.kind === 'matrix' || right.type.kind === 'matrix') {
    const operation = matrixOperation(operator, left.type, right.type, constant)
    if (!operation) refuse(operator, left, right, position)
    const a = convert(left, operation.left)
    const b = convert(right, operation.right)
    if (constant) return evaluate(context, operation.result, position, () => operation.calculate(a.constant!, b.constant!))
    return binaryNode(operator, a, b, operation.result, position)
  }
  const found = matchAny(binary[operator], [left.type, right.type], constant)
  if (!found) refuse(operator, left, right, position)
  const a = convert(left, found.parameters[0])
  const b = convert(right, found.parameters[1])
  const element = elementOf(found.parameters[0])!.name
  if (constant)
    return evaluate(context, found.result!, position, () =>
      eachComponent([a.constant!, b.constant!], (x, y) => calculate(operator, element, x, y)),
    )
  if (b.stage === 'const') checkRight(context, operator, found, b, position)
  return binaryNode(operator, a, b, found.result!, position)
}

function binaryNode(operator: BinaryOperator, left: Operand, right: Operand, result: AnyType, position: Position): Operand {
  const node: Expression = { op: 'binary', operator, left: expressionOf(left), right: expressionOf(right), type: result as Type, position }
  return nodeOperand(node, latest([left, right]))
}

/** What is wrong whatever is on the left: a division of integers by zero, a shift by too much. */
function checkRight(context: Context, operator: BinaryOperator, found: Match, right: Operand, position: Position): void {
  const element = found.element.name
  const check = (value: Scalar): Scalar => {
    if ((operator === '/' || operator === '%') && element !== 'f32' && value === 0) throw new EvaluationError('division by zero')
    if (operator === '<<' || operator === '>>') checkShift(element, BigInt(value))
    return value
  }
  evaluate(context, right.type, position, () => eachComponent([right.constant!], check))
}

const ofNumbers = 'i32, u32, f32 or vectors of them'
const twoNumbers = `two values of one type (${ofNumbers})`
const numbers = `${twoNumbers}, or a vector and a scalar of one type`
const bitwise = 'two values of one type (bool, i32, u32 or vectors of them)'
const shifts = 'an i32, u32 or vector of them, and a u32 or vector of as many on the right'
const equal = `two values of one type (bool, ${ofNumbers})`

/** What each takes, for errors. */
const takes: Record<Exclude<BinaryOperator, '&&' | '||'>, string> = {
  '+': `${numbers}, or two matrices of one type`,
  '-': `${numbers}, or two matrices of one type`,
  '*': `${numbers}, or a matrix and an f32, vector or matrix that fits`,
  '/': numbers,
  '%': numbers,
  '&': bitwise,
  '|': bitwise,
  '^': 'two values of one type (i32, u32 or vectors of them)',
  '<<': shifts,
  '>>': shifts,
  '==': equal,
  '!=': equal,
  '<': twoNumbers,
  '<=': twoNumbers,
  '>': twoNumbers,
  '>=': twoNumbers,
}

function refuse(operator: BinaryOperator, left: Operand, right: Operand, position: Position): never {
  throw new WgslError(
    `operator '${operator}' does not take '${typeName(left.type)}' and '${typeName(right.type)}'; it takes ${takes[operator as keyof typeof takes]}`,
    position,
  )
}

/**
 * The right side of `to operator= value`, converted, for an `update`.
 * @param to the value before, loaded
 */
export function checkUpdate(context: Context, operator: BinaryOperator, to: Operand, value: Operand, position: Position): Expression {
  const result = checkBinary(context, operator, to, value, position)
  const { node } = result
  if (node?.op !== 'binary' || typeName(result.type) !== typeName(to.type))
    throw new WgslError(
      `'${operator}=' cannot assign its result of type '${typeName(result.type)}' to what is of type '${typeName(to.type)}'`,
      position,
    )
  return node.right
}
