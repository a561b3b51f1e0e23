/** Operators on matrices: their types, and their values where both sides are constants. */
import { round } from './arithmetic.js'
import type { Constant } from './constants.js'
import type { BinaryOperator } from './program.js'
import { type AnyMatrix, type AnyScalar, type AnyType, abstractFloat, elementOf, f32, matrix, shapeOf, vector } from './types.js'

export interface MatrixOperation {
  readonly left: AnyType
  readonly right: AnyType
  readonly result: AnyType
  readonly calculate: (left: Constant, right: Constant) => Constant
}

type Columns = readonly (readonly number[])[]

/** undefined: there is no such operator. @param constant whether both sides are const-expressions */
export function matrixOperation(operator: BinaryOperator, left: AnyType, right: AnyType, constant: boolean): MatrixOperation | undefined {
  const element = commonElement(left, right, constant)
  if (!element) return undefined
  const name = element.name
  if (left.kind === 'matrix' && right.kind === 'matrix') {
    if (operator === '+' || operator === '-') {
      if (left.columns !== right.columns || left.rows !== right.rows) return undefined
      const type = matrix(left.columns, left.rows, element)
      const sign = operator === '+' ? 1 : -1
      const calculate = (a: Constant, b: Constant) =>
        (a as Columns).map((column, c) => column.map((x, r) => round(x + sign * (b as Columns)[c][r], name)))
      return { left: type, right: type, result: type, calculate }
    }
    if (operator !== '*' || left.columns !== right.rows) return undefined
    return {
      left: matrix(left.columns, left.rows, element),
      right: matrix(right.columns, right.rows, element),
      result: matrix(right.columns, left.rows, element),
      calculate: (a, b) => (b as Columns).map((column) => times(a as Columns, column, name)),
    }
  }
  if (operator !== '*') return undefined
  return left.kind === 'matrix' ? withMatrix(left, right, element, false) : withMatrix(right as AnyMatrix, left, element, true)
}

/** A matrix with a scalar or vector, which is left of it where `swapped`. */
function withMatrix(type: AnyMatrix, other: AnyType, element: AnyScalar, swapped: boolean): MatrixOperation | undefined {
  const name = element.name
  const own = matrix(type.columns, type.rows, element)
  const shape = shapeOf(other)
  const size = swapped ? type.rows : type.columns
  if (shape !== 0 && shape !== size) return undefined
  const partner = shape === 0 ? element : vector(size, element)
  const result = shape === 0 ? own : vector(swapped ? type.columns : type.rows, element)
  const apply = (m: Columns, v: Constant): Constant => {
    if (shape === 0) return m.map((column) => column.map((x) => round(x * (v as number), name)))
    return swapped ? times(transposed(m), v as readonly number[], name) : times(m, v as readonly number[], name)
  }
  return swapped
    ? { left: partner, right: own, result, calculate: (a, b) => apply(b as Columns, a) }
    : { left: own, right: partner, result, calculate: (a, b) => apply(a as Columns, b) }
}

/** f32 where one of them is. */
function commonElement(left: AnyType, right: AnyType, constant: boolean): AnyScalar | undefined {
  const elements = [elementOf(left), elementOf(right)]
  if (elements.some((element) => !element || element.name === 'bool' || element.name === 'i32' || element.name === 'u32')) return undefined
  return constant && elements.every((element) => element!.name !== 'f32') ? abstractFloat : f32
}

export function transposed(m: Columns): number[][] {
  return m[0].map((_, row) => m.map((column) => column[row]))
}

function times(m: Columns, v: readonly number[], type: AnyScalar['name']): number[] {
  return m[0].map((_, row) =>
    round(
      v.reduce((sum, x, column) => sum + m[column][row] * x, 0),
      type,
    ),
  )
}

export function determinant(m: Columns): number {
  if (m.length === 1) return m[0][0]
  return m[0].reduce((sum, x, row) => {
    const minor = m.slice(1).map((column) => column.filter((_, r) => r !== row))
    return sum + (row % 2 ? -x : x) * determinant(minor)
  }, 0)
}
