/** Values of const-expressions: what they are, how they convert, and what they are in the program. */
import { type Expression, type Position, type Type, WgslError } from './program.js'
import { type AnyType, concreteType, matrixElement, vector } from './types.js'

/** A bigint of an abstract int, a number of all other numbers; of composites the parts in order (of a matrix: its columns). */
export type Scalar = number | bigint | boolean
export type Constant = Scalar | readonly Constant[]

/** A const-expression has no value; the caller knows where it is in the source. */
export class EvaluationError extends Error {}

/** Values with more scalars than this are not calculated with: they are made at run time. */
export const maxLeaves = 65536

export function zeroOf(type: AnyType): Constant {
  switch (type.kind) {
    case 'scalar':
      return type.name === 'bool' ? false : type.name === 'abstract-int' ? 0n : 0
    case 'vector':
      return new Array(type.size).fill(zeroOf(type.element))
    case 'matrix':
      return new Array(type.columns).fill(new Array(type.rows).fill(0))
    case 'array':
      return new Array(type.count as number).fill(zeroOf(type.element))
    case 'struct':
      return type.members.map((member) => zeroOf(member.type))
    default:
      return 0
  }
}

/** Types of the parts of a composite. */
export function partType(type: AnyType, index: number): AnyType {
  switch (type.kind) {
    case 'vector':
      return type.element
    case 'matrix':
      return vector(type.rows, matrixElement(type))
    case 'array':
      return type.element
    case 'struct':
      return type.members[index].type
    default:
      return type
  }
}

/** @throws EvaluationError where it does not fit */
export function convertConstant(value: Constant, from: AnyType, to: AnyType): Constant {
  if (Array.isArray(value)) {
    if (from === to) return value
    return value.map((part, i) => convertConstant(part, partType(from, i), partType(to, i)))
  }
  if (from.kind !== 'scalar' || to.kind !== 'scalar' || from.name === to.name) return value
  if (from.name === 'abstract-int') {
    const int = value as bigint
    if (to.name === 'i32' && (int < -0x80000000n || int > 0x7fffffffn)) throw new EvaluationError(`${int} is out of the range of 'i32'`)
    if (to.name === 'u32' && (int < 0n || int > 0xffffffffn)) throw new EvaluationError(`${int} is out of the range of 'u32'`)
  }
  return to.name === 'f32' ? roundToF32(Number(value)) : Number(value)
}

/** @throws EvaluationError where it is not finite */
export function roundToF32(value: number): number {
  const rounded = Math.fround(value)
  if (!Number.isFinite(rounded)) throw new EvaluationError(`${value} is out of the range of 'f32'`)
  return rounded
}

function isZero(value: Constant): boolean {
  if (Array.isArray(value)) return value.every(isZero)
  return value === false || value === 0n || Object.is(value, 0)
}

/** A value as an expression of the program. The type is concrete. */
export function constantExpression(value: Constant, type: Type, position: Position): Expression {
  if (!Array.isArray(value)) return { op: 'literal', value: value as number | boolean, type, position }
  if (isZero(value)) return { op: 'construct', arguments: [], type, position }
  const parts = (value as readonly Constant[]).map((part, i) => constantExpression(part, partType(type, i) as Type, position))
  return { op: 'construct', arguments: parts, type, position }
}

/** A value of an abstract type as i32 or f32 (or composites of them). */
export function concreteConstant(value: Constant, type: AnyType, position: Position): Constant {
  const to = concreteType(type)
  if (to === type) return value
  return attempt(() => convertConstant(value, type, to), position)
}

/** Runs a calculation; what is wrong with it becomes an error of the shader. */
export function attempt<T>(calculate: () => T, position: Position): T {
  try {
    return calculate()
  } catch (error) {
    if (error instanceof EvaluationError) throw new WgslError(error.message, position)
    throw error
  }
}

export function showConstant(value: Constant): string {
  return Array.isArray(value) ? `(${value.map(showConstant).join(', ')})` : String(value)
}
