/** Calls of the functions that WGSL has itself. */
import type { NameSyntax } from '../parse/syntax.js'
import { checkAtomic, isAtomicFunction } from './atomics.js'
import { type Called, count } from './calls.js'
import { type Constant, EvaluationError } from './constants.js'
import type { Context } from './context.js'
import { bitcastScalar } from './conversions.js'
import { frexp, modf } from './library/floats.js'
import { libraryFunction } from './library/index.js'
import { determinant, transposed } from './matrices.js'
import { constant, convert, convertedTo, evaluate, expressionOf, latest, nodeOperand, type Operand } from './operand.js'
import { eachComponent } from './operators.js'
import { type Expression, type PointerType, type Position, type Type, WgslError } from './program.js'
import { frexpResult, modfResult } from './results.js'
import { describe, matchAny, signature } from './signatures.js'
import { isConstructible } from './traits.js'
import { checkType } from './type-expressions.js'
import { type AnyType, bool, converts, elementOf, i32, isScalar, matrix, matrixElement, shaped, shapeOf, typeName, u32 } from './types.js'

/** undefined: there is no such function. @param given checks the arguments */
export function checkBuiltin(context: Context, callee: NameSyntax, given: () => Operand[], position: Position): Called | undefined {
  const { name, template } = callee
  if (name === 'bitcast') return { operand: checkBitcast(context, callee, given(), position), mustUse: true }
  const found = libraryFunction(name)
  const special = specials.get(name)
  if (!found && !special && !isAtomicFunction(name)) {
    const lacking = lackingFunction(name)
    if (lacking) throw new WgslError(lacking, callee.position)
    return undefined
  }
  if (template) throw new WgslError(`the function '${name}' takes no template list`, callee.position)
  if (found && derivative.test(name)) {
    if (!context.function) throw new WgslError(`'${name}' cannot be called outside of functions`, callee.position)
    context.uses.forFragments ??= { text: name, position: callee.position }
  }
  if (found) return { operand: checkLibrary(context, name, given(), position), mustUse: true }
  if (!context.function && !['modf', 'frexp', 'transpose', 'determinant'].includes(name))
    throw new WgslError(`'${name}' cannot be called outside of functions`, callee.position)
  if (special) return special(context, name, given(), position)
  return checkAtomic(name, given(), position)
}

const derivative = /^(dpdx|dpdy|fwidth)(Coarse|Fine)?$/

function lackingFunction(name: string): string | undefined {
  if (/^texture[A-Z]/.test(name)) return `'${name}': textures and samplers are not supported by this device`
  if (/^(subgroup|quad)[A-Z]/.test(name)) return `'${name}' needs the feature 'subgroups', which this device does not have`
  return undefined
}

function refuse(name: string, given: readonly Operand[], takes: string, position: Position): never {
  const types = given.map((operand) => `'${typeName(operand.type)}'`).join(', ')
  throw new WgslError(`no overload of '${name}' takes (${types}); it takes ${takes}`, position)
}

function checkLibrary(context: Context, name: string, given: readonly Operand[], position: Position): Operand {
  const { signatures, evaluate: value, check } = libraryFunction(name)!
  const wanted = signatures[0].parameters.length
  if (given.length !== wanted) throw new WgslError(`'${name}' takes ${count(wanted, 'argument')}, found ${given.length}`, position)
  const constantOnly = given.every((operand) => operand.stage === 'const') && value !== undefined
  const found = matchAny(
    signatures,
    given.map((operand) => operand.type),
    constantOnly,
  )
  if (!found) refuse(name, given, describe(signatures), position)
  const operands = given.map((operand, i) => convert(operand, found.parameters[i]))
  const element = found.element.name
  if (constantOnly)
    return evaluate(context, found.result!, position, () => {
      const values = operands.map((operand) => operand.constant!)
      return named(name, () => {
        check?.(values, element)
        return value!(values, element)
      })
    })
  if (check)
    evaluate(context, bool, position, () => {
      const known = operands.map((operand) => operand.constant)
      named(name, () => check(known, element))
      return true
    })
  return nodeOperand(call(name, operands.map(expressionOf), found.result as Type, position), value ? latest(operands) : 'runtime')
}

/** With the function's name in what is wrong. */
function named<T>(name: string, calculate: () => T): T {
  try {
    return calculate()
  } catch (error) {
    if (error instanceof EvaluationError && !error.message.includes(name)) throw new EvaluationError(`'${name}': ${error.message}`)
    throw error
  }
}

function call(name: string, values: readonly Expression[], type: Type, position: Position): Expression {
  return { op: 'builtin', name, arguments: values, type, position }
}

type Special = (context: Context, name: string, given: readonly Operand[], position: Position) => Called

const used = (operand: Operand): Called => ({ operand, mustUse: true })

const specials: ReadonlyMap<string, Special> = new Map(
  Object.entries({
    workgroupBarrier: barrier,
    storageBarrier: barrier,
    textureBarrier: barrier,
    arrayLength: (_, name, given, position) => {
      const pointer = onlyPointer(name, given, 'a pointer to a runtime-sized array', position)
      if (pointer.store.kind !== 'array' || pointer.store.count !== undefined)
        refuse(name, given, 'a pointer to a runtime-sized array', position)
      return used(nodeOperand(call(name, [given[0].node!], u32, position), 'runtime'))
    },
    workgroupUniformLoad: ({ module }, name, given, position) => {
      module.hasBarriers = true
      const takes = 'a pointer to a workgroup variable that can be read as a whole, or to an atomic'
      const { store, space } = onlyPointer(name, given, takes, position)
      if (space !== 'workgroup' || !(isConstructible(store) || store.kind === 'atomic')) refuse(name, given, takes, position)
      const type = store.kind === 'atomic' ? store.element : store
      return used(nodeOperand(call(name, [given[0].node!], type, position), 'runtime'))
    },
    transpose: (context, name, given, position) => {
      const type = onlyMatrix(name, given, position)
      const result = matrix(type.rows, type.columns, matrixElement(type))
      if (given[0].stage === 'const')
        return used(evaluate(context, result, position, () => transposed(given[0].constant as readonly number[][])))
      return used(nodeOperand(call(name, [expressionOf(given[0])], result as Type, position), given[0].stage))
    },
    determinant: (context, name, given, position) => {
      const type = onlyMatrix(name, given, position)
      if (type.columns !== type.rows) refuse(name, given, 'a square matrix', position)
      const element = matrixElement(type)
      if (given[0].stage === 'const') {
        const value = () => determinant(given[0].constant as readonly number[][])
        return used(evaluate(context, element, position, () => (element.name === 'f32' ? Math.fround(value()) : value())))
      }
      return used(nodeOperand(call(name, [expressionOf(given[0])], element as Type, position), given[0].stage))
    },
    modf: (_, name, given, position) => parts(name, given, position, modfResult, (x) => Object.values(modf(x))),
    frexp: (_, name, given, position) => parts(name, given, position, frexpResult, (x) => Object.values(frexp(x))),
  } satisfies Record<string, Special>),
)

function barrier({ module }: Context, name: string, given: readonly Operand[], position: Position): Called {
  if (given.length) throw new WgslError(`'${name}' takes no arguments, found ${given.length}`, given[0].position)
  module.hasBarriers = true
  return { operand: nodeOperand(call(name, [], bool, position), 'runtime'), nothing: true, mustUse: false }
}

function onlyPointer(name: string, given: readonly Operand[], takes: string, position: Position): PointerType {
  const type = given[0]?.type
  if (given.length !== 1 || type?.kind !== 'pointer') refuse(name, given, takes, position)
  return type
}

function onlyMatrix(name: string, given: readonly Operand[], position: Position): Extract<AnyType, { kind: 'matrix' }> {
  const type = given[0]?.type
  if (given.length !== 1 || type?.kind !== 'matrix') refuse(name, given, 'a matrix', position)
  return type
}

/** `modf` and `frexp`: a struct of two parts of a float or of a vector. */
function parts(
  name: string,
  given: readonly Operand[],
  position: Position,
  result: typeof modfResult,
  split: (x: number) => number[],
): Called {
  const signatures = [signature('*T -> *T', 'float')]
  const constantOnly = given.every((operand) => operand.stage === 'const')
  const found = matchAny(
    signatures,
    given.map((operand) => operand.type),
    constantOnly,
  )
  if (!found) refuse(name, given, describe(signatures), position)
  const operand = convert(given[0], found.parameters[0])
  const type = result(found.shape, found.element.name === 'abstract-float')
  if (!constantOnly) return used(nodeOperand(call(name, [expressionOf(operand)], type as Type, position), operand.stage))
  const member = (i: number): Constant =>
    eachComponent([operand.constant!], (x) => {
      const value = split(x as number)[i]
      return elementOf(type.members[i].type)!.name === 'abstract-int' ? BigInt(value) : value
    })
  return used(constant([member(0), member(1)], type, position))
}

function checkBitcast(context: Context, callee: NameSyntax, given: readonly Operand[], position: Position): Operand {
  if (callee.template?.length !== 1) throw new WgslError("'bitcast' needs one type, as in 'bitcast<u32>(x)'", callee.position)
  const type = checkType(context, callee.template[0])
  const takes = 'a number or vector with as many components as the type'
  const to = elementOf(type)
  if (given.length !== 1 || type.kind === 'matrix' || !to || to.name === 'bool')
    refuse(`bitcast<${typeName(type)}>`, given, takes, position)
  const shape = shapeOf(type)
  if (shapeOf(given[0].type) !== shape || isScalar(elementOf(given[0].type)!, 'bool'))
    refuse(`bitcast<${typeName(type)}>`, given, takes, position)
  const from = elementOf(given[0].type)!
  // Integers without a type are u32 where that is asked for and they are in its range.
  const negative = given[0].stage === 'const' && [given[0].constant!].flat().some((value) => Number(value) < 0)
  const asInt = shaped(shape, to.name === 'u32' && !negative ? u32 : i32)
  const concreteFrom =
    from.name === 'abstract-int' ? asInt : from.name === 'abstract-float' ? shaped(shape, { kind: 'scalar', name: 'f32' }) : given[0].type
  const operand = convert(given[0], concreteFrom)
  const fromName = elementOf(concreteFrom)!.name
  if (operand.stage === 'const')
    return evaluate(context, type, position, () =>
      eachComponent([operand.constant!], (value) => bitcastScalar(value as number, fromName, to.name)),
    )
  if (fromName === to.name && converts(operand.type, type)) return { ...operand, position }
  const node: Expression = { op: 'bitcast', argument: convertedTo(operand, concreteFrom as Type), type: type as Type, position }
  return nodeOperand(node, operand.stage)
}
