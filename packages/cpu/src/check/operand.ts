/** Expressions while they are checked. */
import { attempt, type Constant, constantExpression, convertConstant, EvaluationError, zeroOf } from './constants.js'
import type { Context } from './context.js'
import { type AddressSpace, type Expression, type PointerType, type Position, type Type, WgslError } from './program.js'
import { isConstructible } from './traits.js'
import { type AnyType, concreteType, converts, sameType, typeName } from './types.js'

/** When the value is known: now, when the pipeline is made, or not before it runs. */
export type Stage = 'const' | 'override' | 'runtime'

export interface Operand {
  readonly position: Position
  /** Of a reference: what it refers to. */
  readonly type: AnyType
  readonly stage: Stage
  /** Of stage 'const' only. */
  readonly constant?: Constant
  /** Of the other stages. */
  readonly node?: Expression
  readonly reference?: {
    readonly space: AddressSpace
    readonly access: PointerType['access']
    /** A component of a vector: it has no address. */
    readonly component?: boolean
  }
}

export function constant(value: Constant, type: AnyType, position: Position): Operand {
  return { position, type, stage: 'const', constant: value }
}

export function nodeOperand(node: Expression, stage: Stage): Operand {
  return { position: node.position, type: node.type, stage, node }
}

/** The latest of the stages; at least `override`, for what is not constant. */
export function latest(operands: readonly Operand[]): Stage {
  return operands.some((operand) => operand.stage === 'runtime') ? 'runtime' : 'override'
}

/** The load rule: the value that a reference refers to; other operands as they are. */
export function load(operand: Operand): Operand {
  if (!operand.reference) return operand
  if (operand.type.kind === 'atomic')
    throw new WgslError(`a value of type '${typeName(operand.type)}' is read with atomicLoad only`, operand.position)
  if (!isConstructible(operand.type))
    throw new WgslError(`a value of type '${typeName(operand.type)}' cannot be read as a whole`, operand.position)
  if (operand.reference.access === 'write') throw new WgslError('this can be written only, not read', operand.position)
  const node: Expression = { op: 'load', from: operand.node!, type: operand.type as Type, position: operand.position }
  return nodeOperand(node, 'runtime')
}

/** The operand (a value) as an expression of the program, abstract values made concrete. */
export function expressionOf(operand: Operand): Expression {
  if (operand.stage !== 'const') return operand.node!
  return convertedTo(operand, concreteType(operand.type))
}

/** As an expression of a type that it `converts` to. */
export function convertedTo(operand: Operand, type: Type): Expression {
  if (operand.stage !== 'const') return operand.node!
  const value = attempt(() => convertConstant(operand.constant!, operand.type, type), operand.position)
  return constantExpression(value, type, operand.position)
}

/** The operand as a concrete one. */
export function concrete(operand: Operand): Operand {
  const type = concreteType(operand.type)
  return sameType(type, operand.type) ? operand : convert(operand, type)
}

/** To another type that it `converts` to, still a constant if it is one. */
export function convert(operand: Operand, type: AnyType): Operand {
  if (operand.stage !== 'const' || operand.type === type) return operand
  return constant(
    attempt(() => convertConstant(operand.constant!, operand.type, type), operand.position),
    type,
    operand.position,
  )
}

/** A value to be of a type, or an error that says so. @param what names what it is for, e.g. "the condition of 'if'" */
export function require(operand: Operand, type: AnyType, what: string): Operand {
  if (!converts(operand.type, type))
    throw new WgslError(`${what} must be of type '${typeName(type)}', found '${typeName(operand.type)}'`, operand.position)
  return convert(operand, type)
}

/** The constant that a calculation gives. In code that is not evaluated what fails is 0. */
export function evaluate(context: Context, type: AnyType, position: Position, calculate: () => Constant): Operand {
  try {
    return constant(calculate(), type, position)
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    if (context.unevaluated === 0) throw new WgslError(error.message, position)
    return constant(zeroOf(type), type, position)
  }
}
