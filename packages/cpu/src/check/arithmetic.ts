/** Operators on scalars that are constants: exact for integers, float64 for abstract floats, rounded to float32 for f32. */
import { EvaluationError, roundToF32, type Scalar } from './constants.js'
import type { AnyScalarName } from './types.js'

/** A number of an integer type from any integer: wraps for i32 and u32. @throws EvaluationError where an abstract int overflows */
export function wrap(value: bigint, type: AnyScalarName): Scalar {
  if (type === 'i32') return Number(BigInt.asIntN(32, value))
  if (type === 'u32') return Number(BigInt.asUintN(32, value))
  if (BigInt.asIntN(64, value) !== value) throw new EvaluationError(`${value} is out of the range of an integer (64 bits)`)
  return value
}

/** @throws EvaluationError where it is not finite */
export function round(value: number, type: AnyScalarName): number {
  if (type === 'f32') return roundToF32(value)
  if (!Number.isFinite(value)) throw new EvaluationError(`the result is ${value}, which no constant can be`)
  return value
}

function isFloat(type: AnyScalarName): boolean {
  return type === 'f32' || type === 'abstract-float'
}

function bitsOf(type: AnyScalarName): bigint {
  return type === 'abstract-int' ? 64n : 32n
}

/** @param type of the left side (and of the right, but for shifts: u32) */
export function calculate(operator: string, type: AnyScalarName, left: Scalar, right: Scalar): Scalar {
  switch (operator) {
    case '==':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
  }
  if (type === 'bool') return operator === '&' ? Boolean(left) && Boolean(right) : Boolean(left) || Boolean(right)
  return isFloat(type) ? floating(operator, type, left as number, right as number) : integer(operator, type, BigInt(left), BigInt(right))
}

function floating(operator: string, type: AnyScalarName, a: number, b: number): number {
  switch (operator) {
    case '+':
      return round(a + b, type)
    case '-':
      return round(a - b, type)
    case '*':
      return round(a * b, type)
    case '/':
      if (b === 0) throw new EvaluationError(`division by zero: ${a} / ${b}`)
      return round(a / b, type)
    default:
      if (b === 0) throw new EvaluationError(`division by zero: ${a} % ${b}`)
      return round(a % b, type)
  }
}

function integer(operator: string, type: AnyScalarName, a: bigint, b: bigint): Scalar {
  const least = -(1n << (bitsOf(type) - 1n))
  switch (operator) {
    case '+':
      return wrap(a + b, type)
    case '-':
      return wrap(a - b, type)
    case '*':
      return wrap(a * b, type)
    case '/':
    case '%':
      if (b === 0n) throw new EvaluationError(`division by zero: ${a} ${operator} 0`)
      if (type !== 'u32' && a === least && b === -1n) throw new EvaluationError(`${a} ${operator} ${b} overflows`)
      return wrap(operator === '/' ? a / b : a % b, type)
    case '&':
      return wrap(a & b, type)
    case '|':
      return wrap(a | b, type)
    case '^':
      return wrap(a ^ b, type)
    case '<<':
      return shiftLeft(type, a, b)
    default:
      checkShift(type, b)
      return wrap(a >> b, type)
  }
}

/** @throws EvaluationError where a shift is by as many bits as there are, or more */
export function checkShift(type: AnyScalarName, by: bigint): void {
  if (by >= bitsOf(type) && type !== 'abstract-int') throw new EvaluationError(`a shift by ${by}: an ${type} has 32 bits only`)
}

function shiftLeft(type: AnyScalarName, a: bigint, by: bigint): Scalar {
  checkShift(type, by)
  const overflows = () => new EvaluationError(`${a} << ${by} overflows`)
  if (type === 'abstract-int' && by >= 64n) {
    if (a !== 0n) throw overflows()
    return 0n
  }
  const shifted = a << by
  const bits = Number(bitsOf(type))
  const kept = type === 'u32' ? BigInt.asUintN(bits, shifted) : BigInt.asIntN(bits, shifted)
  if (kept !== shifted) throw overflows()
  return wrap(shifted, type)
}

export function negate(value: Scalar, type: AnyScalarName): Scalar {
  return isFloat(type) ? -(value as number) : wrap(-BigInt(value), type)
}

export function complement(value: Scalar, type: AnyScalarName): Scalar {
  return wrap(~BigInt(value), type)
}
