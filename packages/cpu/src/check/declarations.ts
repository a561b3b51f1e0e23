/** Declarations of a module, but for functions: structs, aliases, constants, overrides and variables. */
import type { StructSyntax, VariableSyntax } from '../parse/syntax.js'
import { checkAttributes, integerAttribute } from './attributes.js'
import type { Context, Entry } from './context.js'
import { checkValue } from './expressions.js'
import { convert, convertedTo, type Operand } from './operand.js'
import { addressSpaces } from './predeclared.js'
import { type AddressSpace, type Override, type ScalarType, type Type, type Variable, WgslError } from './program.js'
import { hasFixedFootprint, isConstructible, traitsOf, uniformFault } from './traits.js'
import { checkAccess, checkNesting, checkStoreType, checkType, enumerant } from './type-expressions.js'
import { type AnyType, alignOf, concreteType, converts, isScalar, sizeOf, structOf, typeName } from './types.js'

/** The value of a declaration, converted to the type that is written, if one is. */
export function checkInitial(context: Context, syntax: VariableSyntax, type: AnyType | undefined): Operand | undefined {
  if (!syntax.initial) return undefined
  const initial = checkValue(context, syntax.initial)
  if (type && !converts(initial.type, type))
    throw new WgslError(
      `'${syntax.name.text}' is of type '${typeName(type)}' and cannot begin with a value of type '${typeName(initial.type)}'`,
      initial.position,
    )
  return initial
}

/** A `const`, of a module or a function. */
export function checkConst(context: Context, syntax: VariableSyntax): Entry {
  checkAttributes(syntax.attributes, [], "'const'")
  const type = syntax.type && checkType(context, syntax.type)
  if (type && !isConstructible(type)) throw new WgslError(`a 'const' cannot be of type '${typeName(type)}'`, syntax.type!.position)
  const initial = checkInitial(context, syntax, type)!
  if (initial.stage !== 'const')
    throw new WgslError(
      `'${syntax.name.text}' is a 'const': its value must be a const-expression, found one that is known ${initial.stage === 'override' ? 'when the pipeline is made' : 'at run time'} only`,
      initial.position,
    )
  const value = type ? convert(initial, type) : initial
  return { kind: 'const', type: value.type, constant: value.constant! }
}

export function checkOverride(context: Context, syntax: VariableSyntax): Entry {
  checkAttributes(syntax.attributes, ['id'], "'override'")
  const { name } = syntax
  const id = integerAttribute(context, syntax.attributes, 'id')
  if (id !== undefined && id > 65535) throw new WgslError(`'@id' is at most 65535, found ${id}`, syntax.position)
  const other = context.module.overrides.find((override) => id !== undefined && override.id === id)
  if (other) throw new WgslError(`'@id(${id})' is that of '${other.name}' already`, syntax.position)
  const written = syntax.type && checkType(context, syntax.type)
  const initial = checkInitial(context, syntax, written)
  if (!written && !initial) throw new WgslError(`the override '${name.text}' needs a type or a value`, name.position)
  if (initial?.stage === 'runtime')
    throw new WgslError(`the value of the override '${name.text}' must be an expression of constants and overrides`, initial.position)
  const type = written ?? concreteType(initial!.type)
  if (!isScalar(type)) throw new WgslError(`an override is of bool, i32, u32 or f32, found '${typeName(type)}'`, name.position)
  const override: Override = {
    kind: 'override',
    name: name.text,
    type: type as ScalarType,
    ...(id === undefined ? {} : { id }),
    ...(initial ? { initial: convertedTo(initial, type as ScalarType) } : {}),
    position: name.position,
  }
  context.module.overrides.push(override)
  return { kind: 'override', override }
}

/** A `var` of a module. */
export function checkModuleVariable(context: Context, syntax: VariableSyntax): Entry {
  const { name, template, attributes } = syntax
  checkAttributes(attributes, ['group', 'binding'], 'variables')
  const written = syntax.type && checkType(context, syntax.type)
  if (!template) throw new WgslError(`the variable '${name.text}' needs an address space, as in 'var<private>'`, name.position)
  if (template.length > 2)
    throw new WgslError(`'var' takes an address space and an access mode, found ${template.length} arguments`, syntax.position)
  const space = enumerant(context, template[0], addressSpaces, 'an address space')
  if (space === 'function') throw new WgslError("variables in the address space 'function' are declared in functions", template[0].position)
  const access = checkAccess(context, space, template[1])
  const binding = checkBinding(context, syntax, space)
  const initial = checkInitial(context, syntax, written)
  if (initial && space !== 'private')
    throw new WgslError(`a variable in the address space '${space}' takes no value to begin with`, initial.position)
  if (initial?.stage === 'runtime')
    throw new WgslError("the value of a module's variable must be an expression of constants and overrides", initial.position)
  if (!written && !initial) throw new WgslError(`the variable '${name.text}' needs a type`, name.position)
  const type = written ?? concreteType(initial!.type)
  checkStoreType(type, space, (syntax.type ?? initial!).position)
  if (space === 'storage' && access === 'read' && traitsOf(type).atomic)
    throw new WgslError(`atomics need var<storage, read_write>: '${name.text}' could only be read`, syntax.type!.position)
  const fault = space === 'uniform' ? uniformFault(type) : undefined
  if (fault) throw new WgslError(fault, syntax.type!.position)
  const variable: Variable = {
    kind: 'variable',
    name: name.text,
    space,
    access,
    type: type as Type,
    ...binding,
    ...(initial ? { initial: convertedTo(initial, type as Type) } : {}),
    position: name.position,
  }
  context.module.variables.push(variable)
  return { kind: 'variable', variable }
}

function checkBinding(context: Context, { attributes, name }: VariableSyntax, space: AddressSpace): { group?: number; binding?: number } {
  const group = integerAttribute(context, attributes, 'group')
  const binding = integerAttribute(context, attributes, 'binding')
  if (space === 'uniform' || space === 'storage') {
    if (group === undefined || binding === undefined)
      throw new WgslError(`the variable '${name.text}' in '${space}' needs '@${group === undefined ? 'group' : 'binding'}'`, name.position)
    return { group, binding }
  }
  if (attributes.length)
    throw new WgslError(`'@${attributes[0].name}' is for variables in 'uniform' and 'storage' only`, attributes[0].position)
  return {}
}

const memberAttributes = ['align', 'size', 'builtin', 'location', 'interpolate', 'invariant', 'blend_src']

export function checkStruct(context: Context, syntax: StructSyntax): Entry {
  const { name } = syntax
  if (!syntax.members.length) throw new WgslError(`the struct '${name.text}' has no members: at least one is needed`, name.position)
  const names = new Set<string>()
  const members = syntax.members.map((member, i) => {
    checkAttributes(member.attributes, memberAttributes, 'members of structs')
    const { text, position } = member.name
    if (names.has(text)) throw new WgslError(`the struct '${name.text}' has a member '${text}' already`, position)
    names.add(text)
    const type = checkType(context, member.type)
    checkMemberType(type, text, i === syntax.members.length - 1, member.type.position)
    const align = integerAttribute(context, member.attributes, 'align', 1)
    const size = integerAttribute(context, member.attributes, 'size', 1)
    if (align !== undefined && (Math.log2(align) % 1 !== 0 || align % alignOf(type) !== 0))
      throw new WgslError(
        `'@align' is a power of 2 and a multiple of ${alignOf(type)}, that of '${typeName(type)}', found ${align}`,
        position,
      )
    if (size !== undefined && traitsOf(type).runtimeSized) throw new WgslError("'@size' is not for runtime-sized arrays", position)
    if (size !== undefined && size < sizeOf(type))
      throw new WgslError(`'@size' is at least ${sizeOf(type)}, that of '${typeName(type)}', found ${size}`, position)
    return { name: text, type, align, size }
  })
  const type = structOf(name.text, members)
  checkNesting(type, name.position)
  return { kind: 'type', type }
}

function checkMemberType(type: AnyType, name: string, last: boolean, position: WgslError['position']): void {
  const traits = traitsOf(type)
  const refuse = (why: string) => {
    throw new WgslError(`the member '${name}' cannot be of type '${typeName(type)}': ${why}`, position)
  }
  if (traits.pointer) refuse('pointers are not stored')
  if (traits.overrideSized) refuse('its size is not a const-expression')
  if (hasFixedFootprint(type)) return
  if (type.kind !== 'array') refuse('it ends in a runtime-sized array')
  if (!last) refuse('a runtime-sized array can be the last member only')
}
