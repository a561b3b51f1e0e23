/** Types as they are written, to types. */
import type { ExpressionSyntax, NameSyntax } from '../parse/syntax.js'
import { type Context, lookUp } from './context.js'
import { checkExpression } from './expressions.js'
import { libraryFunction } from './library/index.js'
import { expressionOf, load } from './operand.js'
import { accessModes, addressSpaces, type Generator, generatorOf, lackingType, plainTypes } from './predeclared.js'
import { type AddressSpace, type Expression, type PointerType, type Position, type ScalarType, WgslError } from './program.js'
import { unresolved } from './suggestions.js'
import { hasFixedFootprint, isConstructible, isHostShareable, traitsOf } from './traits.js'
import { type AnyType, arrayOf, isScalar, matrix, sizeOf, typeName, vector } from './types.js'

/** The type that an expression stands for. @throws WgslError where it is none */
export function checkType(context: Context, syntax: ExpressionSyntax): AnyType {
  if (syntax.op !== 'name') throw new WgslError('expected a type, found a value', syntax.position)
  const type = namedType(context, syntax)
  if (type) return type
  if (generatorOf(syntax.name)) throw new WgslError(`'${syntax.name}' needs a template list: ${examples[syntax.name[0]]}`, syntax.position)
  if (libraryFunction(syntax.name)) throw new WgslError(`expected a type, found the function '${syntax.name}'`, syntax.position)
  unresolved(context, syntax.name, syntax.position, 'type')
}

const examples: Record<string, string> = {
  v: "as in 'vec3<f32>'",
  m: "as in 'mat4x4<f32>'",
  a: "as in 'array<f32, 4>' or 'atomic<u32>'",
  p: "as in 'ptr<function, f32>'",
}

/** undefined: the name is not declared, or needs a template list that it does not have. @throws WgslError where it is declared and no type */
export function namedType(context: Context, { name, template, position }: NameSyntax): AnyType | undefined {
  const entry = lookUp(context, name, position)
  if (entry) {
    if (entry.kind !== 'type') throw new WgslError(`expected a type, found '${name}', which is a ${kinds[entry.kind]}`, position)
    if (template) throw new WgslError(`the type '${name}' takes no template list`, position)
    return entry.type
  }
  const lacking = lackingType(name)
  if (lacking) throw new WgslError(lacking, position)
  const plain = plainTypes.get(name)
  if (plain) {
    if (template) throw new WgslError(`the type '${name}' takes no template list`, position)
    return plain
  }
  const generator = generatorOf(name)
  return generator && template ? generatedType(context, generator, name, template, position) : undefined
}

export const kinds = {
  const: 'constant',
  value: 'value',
  variable: 'variable',
  override: 'constant',
  function: 'function',
  type: 'type',
  bypassed: 'variable',
} as const

function generatedType(
  context: Context,
  generator: Generator,
  name: string,
  template: readonly ExpressionSyntax[],
  position: Position,
): AnyType {
  const expectArguments = (least: number, most: number) => {
    if (template.length < least || template.length > most)
      throw new WgslError(
        `'${name}' takes ${least === most ? least : `${least} or ${most}`} template argument${most === 1 ? '' : 's'}, found ${template.length}`,
        position,
      )
  }
  switch (generator.kind) {
    case 'vector': {
      expectArguments(1, 1)
      const element = checkType(context, template[0])
      if (!isScalar(element))
        throw new WgslError(`the components of a vector are of bool, i32, u32 or f32, found '${typeName(element)}'`, template[0].position)
      return vector(generator.size, element)
    }
    case 'matrix': {
      expectArguments(1, 1)
      const element = checkType(context, template[0])
      if (!isScalar(element, 'f32'))
        throw new WgslError(`the components of a matrix are of f32, found '${typeName(element)}'`, template[0].position)
      return matrix(generator.columns, generator.rows, element)
    }
    case 'atomic': {
      expectArguments(1, 1)
      const element = checkType(context, template[0])
      if (!isScalar(element, 'i32', 'u32'))
        throw new WgslError(`an atomic is of i32 or u32, found '${typeName(element)}'`, template[0].position)
      return { kind: 'atomic', element: element as ScalarType }
    }
    case 'array':
      expectArguments(1, 2)
      return arrayType(context, template, position)
    case 'ptr':
      expectArguments(2, 3)
      return pointerType(context, template)
  }
}

function arrayType(context: Context, [elementSyntax, countSyntax]: readonly ExpressionSyntax[], position: Position): AnyType {
  const element = checkType(context, elementSyntax)
  const traits = traitsOf(element)
  if (!hasFixedFootprint(element) || traits.overrideSized)
    throw new WgslError(`the elements of an array have a fixed size, which '${typeName(element)}' has not`, elementSyntax.position)
  const array = arrayOf(element, countSyntax && checkCount(context, countSyntax))
  checkNesting(array, position)
  return array
}

/** Types may be nested this deep. */
const maxNesting = 255

export function checkNesting(type: AnyType, position: Position): void {
  if (traitsOf(type).depth > maxNesting)
    throw new WgslError(`the type is nested ${traitsOf(type).depth} levels deep: at most ${maxNesting} are allowed`, position)
  if (sizeOf(type) > 0xffffffff) throw new WgslError(`the type '${typeName(type)}' has ${sizeOf(type)} bytes: too many`, position)
}

/** The number of elements of an array: a positive constant, or an expression of overrides. */
function checkCount(context: Context, syntax: ExpressionSyntax): number | Expression {
  const count = load(checkExpression(context, syntax))
  if (!isScalar(count.type, 'abstract-int', 'i32', 'u32'))
    throw new WgslError(`the size of an array is an i32 or u32, found '${typeName(count.type)}'`, count.position)
  if (count.stage === 'const') {
    const value = Number(count.constant)
    if (value < 1) throw new WgslError(`the size of an array is at least 1, found ${value}`, count.position)
    return value
  }
  if (count.stage === 'runtime')
    throw new WgslError(
      'the size of an array is a const-expression or an expression of overrides, found a value known at run time only',
      count.position,
    )
  return expressionOf(count)
}

/** The name of an address space or access mode. @param names that are expected */
export function enumerant<T extends string>(context: Context, syntax: ExpressionSyntax, names: readonly T[], what: string): T {
  const name = syntax.op === 'name' && !syntax.template ? syntax.name : undefined
  const entry = name === undefined ? undefined : lookUp(context, name, syntax.position)
  if (name !== undefined && !entry && (names as readonly string[]).includes(name)) return name as T
  const found = name === undefined ? '' : `, found '${name}'${entry ? `, which is a ${kinds[entry.kind]} here` : ''}`
  throw new WgslError(`expected ${what} (${names.join(', ')})${found}`, syntax.position)
}

function pointerType(context: Context, [spaceSyntax, storeSyntax, accessSyntax]: readonly ExpressionSyntax[]): PointerType {
  const space = enumerant(context, spaceSyntax, addressSpaces, 'an address space')
  const store = checkType(context, storeSyntax)
  checkStoreType(store, space, storeSyntax.position)
  return { kind: 'pointer', space, store: store as PointerType['store'], access: checkAccess(context, space, accessSyntax) }
}

/** @returns the access mode of a variable or pointer: that which is written (in `storage` only), or the address space's own */
export function checkAccess(context: Context, space: AddressSpace, syntax: ExpressionSyntax | undefined): PointerType['access'] {
  if (!syntax) return space === 'uniform' || space === 'storage' ? 'read' : 'read_write'
  const access = enumerant(context, syntax, accessModes, 'an access mode')
  if (space !== 'storage') throw new WgslError(`only the address space 'storage' takes an access mode, found '${space}'`, syntax.position)
  if (access === 'write') throw new WgslError("the access mode in 'storage' is read or read_write, found 'write'", syntax.position)
  return access
}

/** Of arrays outside of buffers. */
const maxElements = 65535

/** What may be in a variable of an address space. */
export function checkStoreType(type: AnyType, space: AddressSpace, position: Position): void {
  const traits = traitsOf(type)
  const name = typeName(type)
  const refuse = (why: string) => {
    throw new WgslError(`a variable in the address space '${space}' cannot be of type '${name}': ${why}`, position)
  }
  if (traits.pointer) refuse('pointers are not stored')
  const buffer = space === 'uniform' || space === 'storage'
  if (!buffer && type.kind === 'array' && typeof type.count === 'number' && type.count > maxElements)
    refuse(`an array outside of buffers has at most ${maxElements} elements`)
  switch (space) {
    case 'function':
    case 'private':
      if (!isConstructible(type))
        refuse(
          traits.atomic
            ? 'atomics are in workgroup or storage only'
            : traits.runtimeSized
              ? 'it has no fixed size'
              : 'its size is not a const-expression',
        )
      break
    case 'workgroup':
      if (!hasFixedFootprint(type)) refuse('it has no fixed size')
      break
    case 'uniform':
      if (traits.runtimeSized) refuse('it has no fixed size')
      if (traits.atomic) refuse('atomics are in workgroup or storage only')
      if (!isHostShareable(type)) refuse(traits.bool ? 'bool is not shared with the host' : 'its size is not a const-expression')
      break
    case 'storage':
      if (!isHostShareable(type)) refuse(traits.bool ? 'bool is not shared with the host' : 'its size is not a const-expression')
      break
  }
}
