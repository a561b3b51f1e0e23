/** Values made of parts, zero values, and conversions: `vec3f(a, b)`, `array(1, 2)`, `S(a)`, `u32(x)`. */
import type { NameSyntax } from '../parse/syntax.js'
import { type Constant, maxLeaves, type Scalar, zeroOf } from './constants.js'
import type { Context } from './context.js'
import { convertScalar } from './conversions.js'
import { constant, convert, convertedTo, evaluate, expressionOf, latest, nodeOperand, type Operand } from './operand.js'
import { eachComponent } from './operators.js'
import type { Generator } from './predeclared.js'
import { type Expression, type Position, type Type, WgslError } from './program.js'
import { isConstructible, traitsOf } from './traits.js'
import {
  type AnyMatrix,
  type AnyScalar,
  type AnyType,
  type AnyVector,
  abstractFloat,
  abstractInt,
  arrayOf,
  converts,
  elementOf,
  f32,
  matrix,
  scalar,
  shapeOf,
  typeName,
  vector,
} from './types.js'

/** Of a type that is named in full. @param at the type's name */
export function checkConstruction(context: Context, type: AnyType, given: readonly Operand[], at: Position, position: Position): Operand {
  if (!isConstructible(type)) throw new WgslError(`values of type '${typeName(type)}' cannot be made`, at)
  if (!given.length) return zero(type, position)
  switch (type.kind) {
    case 'scalar':
      if (given.length !== 1) throw new WgslError(`'${type.name}' takes 1 value, found ${given.length}`, given[1].position)
      return conversion(context, type, given[0], position)
    case 'vector':
      return vectorOf(context, type, given, position, true)
    case 'matrix':
      return matrixOf(type, given, position)
    case 'array':
      return composite(
        type,
        given,
        new Array(Math.min(type.count as number, given.length + 1)).fill(type.element),
        type.count as number,
        position,
      )
    case 'struct':
      return composite(
        type,
        given,
        type.members.map((member) => member.type),
        type.members.length,
        position,
      )
    default:
      throw new WgslError(`values of type '${typeName(type)}' cannot be made`, at)
  }
}

/** Of a vector, matrix or array whose components tell its type. */
export function checkInferredConstruction(
  context: Context,
  generator: Generator,
  given: readonly Operand[],
  callee: NameSyntax,
  position: Position,
): Operand {
  switch (generator.kind) {
    case 'vector': {
      if (!given.length) return zero(vector(generator.size, abstractInt), position)
      const element = commonScalar(given, position, callee.name)
      return vectorOf(context, vector(generator.size, element), given, position, false)
    }
    case 'matrix': {
      if (!given.length) throw new WgslError(`'${callee.name}' without values needs a type, as in '${callee.name}f()'`, position)
      const constantOnly = given.every((operand) => operand.stage === 'const' && elementOf(operand.type)?.name !== 'f32')
      return matrixOf(matrix(generator.columns, generator.rows, constantOnly ? abstractFloat : f32), given, position)
    }
    case 'array': {
      if (!given.length) throw new WgslError("'array' without values needs a type, as in 'array<f32, 4>()'", position)
      let element = given[0].type
      for (const operand of given) if (!converts(operand.type, element)) element = operand.type
      const other = given.find((operand) => !converts(operand.type, element))
      if (other)
        throw new WgslError(
          `the values of an array are of one type, found '${typeName(element)}' and '${typeName(other.type)}'`,
          other.position,
        )
      if (!isConstructible(element)) throw new WgslError(`an array cannot hold values of type '${typeName(element)}'`, given[0].position)
      const concretes = given.some((operand) => operand.stage !== 'const') ? concreteElement(given, element) : element
      return composite(arrayOf(concretes, given.length), given, new Array(given.length).fill(concretes), given.length, position)
    }
    default:
      throw new WgslError(`values of type '${callee.name}' cannot be made`, callee.position)
  }
}

/** A type that all convert to, where some are known at run time only: those have a concrete type. */
function concreteElement(given: readonly Operand[], element: AnyType): AnyType {
  return given.find((operand) => operand.stage !== 'const')?.type ?? element
}

function zero(type: AnyType, position: Position): Operand {
  if (traitsOf(type).leaves <= maxLeaves) return constant(zeroOf(type), type, position)
  return nodeOperand({ op: 'construct', arguments: [], type: type as Type, position }, 'runtime')
}

function conversion(context: Context, type: AnyScalar | AnyVector, given: Operand, position: Position): Operand {
  if (shapeOf(given.type) !== shapeOf(type))
    throw new WgslError(`'${typeName(type)}' cannot be made of a value of type '${typeName(given.type)}'`, given.position)
  const to = elementOf(type)!
  const from = elementOf(given.type)!
  if (from.name === to.name) return { ...given, position }
  if (given.stage === 'const') {
    const one = (value: Scalar) => convertScalar(value, from.name, to.name)
    return evaluate(context, type, position, () => eachComponent([given.constant!], one))
  }
  const node: Expression = { op: 'convert', argument: expressionOf(given), type: type as Type, position }
  return nodeOperand(node, given.stage)
}

/** The element type that all components convert to. */
function commonScalar(given: readonly Operand[], position: Position, name: string): AnyScalar {
  const elements = given.map((operand) => {
    const element = shapeOf(operand.type) < 0 ? undefined : elementOf(operand.type)
    if (!element) throw new WgslError(`'${name}' is made of scalars and vectors, found '${typeName(operand.type)}'`, operand.position)
    return element
  })
  const runtime = given.some((operand) => operand.stage !== 'const')
  const range = (['bool', 'abstract-int', 'i32', 'u32', 'abstract-float', 'f32'] as const).filter(
    (type) => !runtime || !type.startsWith('abstract'),
  )
  const found = range.map(scalar).find((type) => elements.every((element) => converts(element, type)))
  if (!found)
    throw new WgslError(
      `the components of '${name}' are of one type, found ${[...new Set(elements.map((one) => `'${one.name}'`))].join(' and ')}`,
      position,
    )
  return found
}

function vectorOf(context: Context, type: AnyVector, given: readonly Operand[], position: Position, explicit: boolean): Operand {
  if (given.length === 1 && given[0].type.kind === 'vector') {
    if (given[0].type.size !== type.size)
      throw new WgslError(`'${typeName(type)}' has ${type.size} components, found ${given[0].type.size}`, given[0].position)
    return explicit ? conversion(context, type, given[0], position) : { ...given[0], position }
  }
  for (const operand of given) {
    const element = shapeOf(operand.type) < 0 ? undefined : elementOf(operand.type)
    if (!element || !converts(element, type.element))
      throw new WgslError(
        `a component of '${typeName(type)}' cannot be of type '${typeName(operand.type)}'; '${type.element.name}(…)' converts a scalar`,
        operand.position,
      )
  }
  const components = given.reduce((sum, operand) => sum + Math.max(1, shapeOf(operand.type)), 0)
  const splat = given.length === 1 && given[0].type.kind === 'scalar'
  if (components !== type.size && !splat)
    throw new WgslError(`'${typeName(type)}' has ${type.size} components, found ${components}`, position)
  const parts = given.map((operand) => (operand.type.kind === 'vector' ? vector(operand.type.size, type.element) : type.element))
  return joined(type, given, parts, position, (values) => (splat ? new Array(type.size).fill(values[0]) : values.flat()))
}

function matrixOf(type: AnyMatrix, given: readonly Operand[], position: Position): Operand {
  const { columns, rows } = type
  const element = type.abstract ? abstractFloat : f32
  const name = typeName(type)
  if (given.length === 1 && given[0].type.kind === 'matrix') {
    if (!converts(given[0].type, type)) throw new WgslError(`'${name}' cannot be made of a '${typeName(given[0].type)}'`, given[0].position)
    return { ...convert(given[0], type), position }
  }
  const ofColumns = given[0].type.kind === 'vector'
  const wanted = ofColumns ? columns : columns * rows
  const part = ofColumns ? vector(rows, element) : element
  for (const operand of given) {
    if (!converts(operand.type, part))
      throw new WgslError(
        `'${name}' is made of ${columns} columns of ${rows} components or of ${columns * rows} scalars, found a '${typeName(operand.type)}'`,
        operand.position,
      )
  }
  if (given.length !== wanted)
    throw new WgslError(`'${name}' takes ${wanted} ${ofColumns ? 'columns' : 'scalars'}, found ${given.length}`, position)
  const parts = given.map(() => part)
  const inColumns = (values: readonly Constant[]) => Array.from({ length: columns }, (_, c) => values.slice(c * rows, (c + 1) * rows))
  return joined(type, given, parts, position, (values) => (ofColumns ? values : inColumns(values)))
}

/** An array or struct. */
function composite(type: AnyType, given: readonly Operand[], parts: readonly AnyType[], wanted: number, position: Position): Operand {
  const members = type.kind === 'struct' ? 'members' : 'elements'
  if (given.length !== wanted) throw new WgslError(`'${typeName(type)}' has ${wanted} ${members}, found ${given.length} values`, position)
  for (const [i, operand] of given.entries()) {
    if (converts(operand.type, parts[i])) continue
    const which = type.kind === 'struct' ? `the member '${type.members[i].name}' of '${type.name}'` : `an element of '${typeName(type)}'`
    throw new WgslError(`${which} is of type '${typeName(parts[i])}', found '${typeName(operand.type)}'`, operand.position)
  }
  return joined(type, given, parts, position, (values) => values)
}

/** @param parts types that the operands convert to */
function joined(
  type: AnyType,
  given: readonly Operand[],
  parts: readonly AnyType[],
  position: Position,
  join: (values: readonly Constant[]) => Constant,
): Operand {
  if (given.every((operand) => operand.stage === 'const') && traitsOf(type).leaves <= maxLeaves)
    return constant(join(given.map((operand, i) => convert(operand, parts[i]).constant!)), type, position)
  const list = given.map((operand, i) => convertedTo(operand, parts[i] as Type))
  const stage = given.every((operand) => operand.stage === 'const') ? 'runtime' : latest(given)
  return nodeOperand({ op: 'construct', arguments: list, type: type as Type, position }, stage)
}
