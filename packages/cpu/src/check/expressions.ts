/** Expressions: names, literals, members, indices and operators. Calls are in `calls.ts`. */
import type { ExpressionSyntax, NameSyntax } from '../parse/syntax.js'
import { checkCall } from './calls.js'
import { type Constant, partType } from './constants.js'
import { type Context, lookUp } from './context.js'
import { libraryFunction } from './library/index.js'
import { checkNumber } from './literals.js'
import { concrete, constant, expressionOf, latest, load, nodeOperand, type Operand, require, type Stage } from './operand.js'
import { checkBinary, checkUnary } from './operators.js'
import { generatorOf, lackingType, plainTypes } from './predeclared.js'
import { type BinaryOperator, type Expression, type PointerType, type Position, type Type, WgslError } from './program.js'
import { unresolved } from './suggestions.js'
import { kinds } from './type-expressions.js'
import { type AnyType, bool, isScalar, typeName, u32, vector } from './types.js'

/** May give a reference. */
export function checkExpression(context: Context, syntax: ExpressionSyntax): Operand {
  const { position } = syntax
  switch (syntax.op) {
    case 'number':
      return checkNumber(syntax.text, position)
    case 'boolean':
      return constant(syntax.value, bool, position)
    case 'name':
      return checkName(context, syntax)
    case 'call':
      return checkCall(context, syntax)
    case 'member':
      return checkMember(context, checkExpression(context, syntax.base), syntax.member.text, syntax.member.position, position)
    case 'index':
      return checkIndex(context, checkExpression(context, syntax.base), checkValue(context, syntax.index), position)
    case 'unary':
      if (syntax.operator === '&') return addressOf(checkExpression(context, syntax.operand), position)
      if (syntax.operator === '*') return dereferenced(checkValue(context, syntax.operand), position)
      return checkUnary(context, syntax.operator, checkValue(context, syntax.operand), position)
    case 'binary':
      if (syntax.operator === '&&' || syntax.operator === '||')
        return checkLogical(context, syntax.operator, syntax.left, syntax.right, position)
      return checkBinary(context, syntax.operator, checkValue(context, syntax.left), checkValue(context, syntax.right), position)
  }
}

/** A value: what a reference refers to is loaded. */
export function checkValue(context: Context, syntax: ExpressionSyntax): Operand {
  return load(checkExpression(context, syntax))
}

/** A condition. @param what names it in errors */
export function checkCondition(context: Context, syntax: ExpressionSyntax, what: string): Operand {
  return require(checkValue(context, syntax), bool, what)
}

function checkName(context: Context, { name, template, position }: NameSyntax): Operand {
  const entry = lookUp(context, name, position)
  if (!entry) {
    const lacking = lackingType(name)
    if (lacking) throw new WgslError(lacking, position)
    const what = generatorOf(name) || plainTypes.has(name) ? 'type' : libraryFunction(name) ? 'function' : undefined
    if (what) throw new WgslError(`expected a value, found the ${what} '${name}'`, position)
    unresolved(context, name, position, 'identifier')
  }
  if (template) throw new WgslError(`'${name}' is a ${kinds[entry.kind]} and takes no template list`, position)
  switch (entry.kind) {
    case 'const':
      return constant(entry.constant, entry.type, position)
    case 'value':
      return nodeOperand({ op: 'value', value: entry.value, type: entry.value.type, position }, 'runtime')
    case 'override':
      context.uses.overrides.add(entry.override)
      return nodeOperand({ op: 'override', override: entry.override, type: entry.override.type, position }, 'override')
    case 'variable': {
      const { variable } = entry
      if (!context.function) throw new WgslError(`'${name}' is a variable, which has no value outside of functions`, position)
      if (variable.space !== 'function') context.uses.variables.add(variable)
      return {
        position,
        type: variable.type,
        stage: 'runtime',
        node: { op: 'variable', variable, type: variable.type, position },
        reference: { space: variable.space, access: variable.access },
      }
    }
    default:
      throw new WgslError(`expected a value, found the ${kinds[entry.kind]} '${name}'`, position)
  }
}

/** Where the left side, a constant, decides, the right side is checked for types only. */
function checkLogical(
  context: Context,
  operator: BinaryOperator & ('&&' | '||'),
  leftSyntax: ExpressionSyntax,
  rightSyntax: ExpressionSyntax,
  position: Position,
): Operand {
  const left = checkValue(context, leftSyntax)
  const decided = left.stage === 'const' && left.constant === (operator === '||')
  if (decided) context.unevaluated++
  const right = checkValue(context, rightSyntax)
  if (decided) context.unevaluated--
  for (const side of [left, right]) {
    if (!isScalar(side.type, 'bool'))
      throw new WgslError(`operator '${operator}' takes values of type 'bool', found '${typeName(side.type)}'`, side.position)
  }
  if (left.stage === 'const' && right.stage === 'const') return constant(decided ? left.constant! : right.constant!, bool, position)
  const node: Expression = { op: 'binary', operator, left: expressionOf(left), right: expressionOf(right), type: bool, position }
  return nodeOperand(node, latest([left, right]))
}

function addressOf(operand: Operand, position: Position): Operand {
  const { reference, type, node } = operand
  if (!reference) throw new WgslError("'&' takes a variable or a part of one, found a value", operand.position)
  if (reference.component) throw new WgslError('a component of a vector has no address', operand.position)
  const pointer: PointerType = { kind: 'pointer', space: reference.space, store: type as Type, access: reference.access }
  return nodeOperand({ op: 'address-of', of: node!, type: pointer, position }, 'runtime')
}

export function dereferenced(operand: Operand, position: Position): Operand {
  const { type } = operand
  if (type.kind !== 'pointer') throw new WgslError(`'*' takes a pointer, found '${typeName(type)}'`, operand.position)
  return {
    position,
    type: type.store,
    stage: 'runtime',
    node: { op: 'dereference', pointer: operand.node!, type: type.store, position },
    reference: { space: type.space, access: type.access },
  }
}

/** `p.x` and `p[i]` of a pointer are of what it points to. */
function pointedTo(operand: Operand): Operand {
  return operand.type.kind === 'pointer' ? dereferenced(operand, operand.position) : operand
}

function checkMember(context: Context, given: Operand, name: string, at: Position, position: Position): Operand {
  const base = pointedTo(given)
  const { type } = base
  if (type.kind === 'vector') return checkSwizzle(context, base, type.size, name, at, position)
  if (type.kind !== 'struct') throw new WgslError(`a value of type '${typeName(type)}' has no members, found '.${name}'`, at)
  const index = type.members.findIndex((member) => member.name === name)
  if (index < 0) {
    const names = type.members.map((member) => member.name).join(', ')
    throw new WgslError(`the struct '${type.name}' has no member '${name}'; its members are ${names}`, at)
  }
  const memberType = type.members[index].type
  if (base.stage === 'const') return constant((base.constant as readonly Constant[])[index], memberType, position)
  const node: Expression = { op: 'member', base: base.node!, index, type: memberType as Type, position }
  return { position, type: memberType, stage: base.stage, node, reference: base.reference }
}

function checkSwizzle(context: Context, base: Operand, size: number, name: string, at: Position, position: Position): Operand {
  const set = /^[xyzw]{1,4}$/.test(name) ? 'xyzw' : /^[rgba]{1,4}$/.test(name) ? 'rgba' : ''
  const components = [...name].map((letter) => set.indexOf(letter))
  if (!set || components.some((component) => component >= size))
    throw new WgslError(
      `'.${name}' is no component of '${typeName(base.type)}'; its components are ${[...'xyzw'].slice(0, size).join(', ')} or ${[...'rgba'].slice(0, size).join(', ')}`,
      at,
    )
  if (components.length === 1 && base.reference) return checkIndex(context, base, constant(components[0], u32, at), position)
  const vectorValue = load(base)
  const element = partType(vectorValue.type, 0)
  const type = components.length === 1 ? element : vector(components.length as 2 | 3 | 4, element as ReturnType<typeof vector>['element'])
  if (vectorValue.stage === 'const') {
    const parts = components.map((component) => (vectorValue.constant as readonly Constant[])[component])
    return constant(parts.length === 1 ? parts[0] : parts, type, position)
  }
  return nodeOperand({ op: 'swizzle', base: vectorValue.node!, components, type: type as Type, position }, vectorValue.stage)
}

/** How many elements a type has; undefined where that is not known here. */
function countOf(type: AnyType): number | undefined {
  if (type.kind === 'vector') return type.size
  if (type.kind === 'matrix') return type.columns
  return type.kind === 'array' && typeof type.count === 'number' ? type.count : undefined
}

function checkIndex(context: Context, given: Operand, index: Operand, position: Position): Operand {
  let base = pointedTo(given)
  if (base.type.kind !== 'array' && base.type.kind !== 'vector' && base.type.kind !== 'matrix')
    throw new WgslError(`a value of type '${typeName(base.type)}' has no elements to index`, base.position)
  if (!isScalar(index.type, 'abstract-int', 'i32', 'u32'))
    throw new WgslError(`an index is an i32 or u32, found '${typeName(index.type)}'`, index.position)
  if (index.stage === 'const' && context.unevaluated === 0) {
    const count = countOf(base.type)
    const value = Number(index.constant)
    if (value < 0 || (count !== undefined && value >= count))
      throw new WgslError(
        `the index ${value} is out of bounds of '${typeName(base.type)}'${count === undefined ? '' : `: 0 to ${count - 1}`}`,
        index.position,
      )
  }
  if (base.stage === 'const' && index.stage === 'const') {
    const parts = base.constant as readonly Constant[]
    const value = parts[Number(index.constant)] ?? parts[0]
    return constant(value, partType(base.type, 0), position)
  }
  base = base.stage === 'const' ? concrete(base) : base
  const type = partType(base.type, 0) as Type
  const stage: Stage = base.reference ? 'runtime' : latest([base, index])
  const node: Expression = {
    op: 'index',
    base: base.reference ? base.node! : expressionOf(base),
    index: expressionOf(index),
    type,
    position,
  }
  const reference = base.reference && { ...base.reference, component: base.type.kind === 'vector' }
  return { position, type, stage, node, reference }
}
