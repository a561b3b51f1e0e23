/** Declarations in functions, and assignments. */
import type { AssertSyntax, StatementSyntax, VariableSyntax } from '../parse/syntax.js'
import { type Context, declare } from './context.js'
import { checkInitial } from './declarations.js'
import { checkCondition, checkExpression, checkValue } from './expressions.js'
import { constant, convertedTo, expressionOf, load, type Operand } from './operand.js'
import { checkUpdate } from './operators.js'
import { addressSpaces } from './predeclared.js'
import { type Expression, type Statement, type Type, type Value, type Variable, WgslError } from './program.js'
import { isConstructible } from './traits.js'
import { checkStoreType, checkType, enumerant } from './type-expressions.js'
import { abstractInt, concreteType, converts, isScalar, typeName } from './types.js'

export function checkVariable(context: Context, syntax: VariableSyntax): Statement {
  const { name, template, position } = syntax
  if (template) {
    const space = enumerant(context, template[0], addressSpaces, 'an address space')
    if (space !== 'function')
      throw new WgslError(`a variable in a function is in the address space 'function', found '${space}'`, template[0].position)
    if (template.length > 1) throw new WgslError("only the address space 'storage' takes an access mode", template[1].position)
  }
  const written = syntax.type && checkType(context, syntax.type)
  if (written) checkStoreType(written, 'function', syntax.type!.position)
  const initial = checkInitial(context, syntax, written)
  if (!written && !initial) throw new WgslError(`the variable '${name.text}' needs a type or a value`, name.position)
  const type = (written ?? concreteType(initial!.type)) as Type
  checkStoreType(type, 'function', (syntax.type ?? initial!).position)
  const variable: Variable = { kind: 'variable', name: name.text, space: 'function', access: 'read_write', type, position: name.position }
  declare(context, name.text, { kind: 'variable', variable }, name.position)
  return { op: 'variable', variable, initial: initial && convertedTo(initial, type), position }
}

export function checkLet(context: Context, syntax: VariableSyntax): Statement {
  const { name, position } = syntax
  const written = syntax.type && checkType(context, syntax.type)
  const initial = checkInitial(context, syntax, written)!
  const type = (written ?? concreteType(initial.type)) as Type
  if (type.kind !== 'pointer' && !isConstructible(type))
    throw new WgslError(`a 'let' cannot be of type '${typeName(type)}'`, (syntax.type ?? initial).position)
  const value: Value = { kind: 'value', name: name.text, type, position: name.position }
  declare(context, name.text, { kind: 'value', value }, name.position)
  return { op: 'let', value, initial: convertedTo(initial, type), position }
}

/** `const_assert`, of a module or a function. */
export function checkAssert(context: Context, { condition, position }: AssertSyntax): void {
  const operand = checkCondition(context, condition, 'what const_assert asserts')
  if (operand.stage !== 'const') throw new WgslError("'const_assert' takes a const-expression", operand.position)
  if (!operand.constant) throw new WgslError('the assertion does not hold', position)
}

/** What is left of an assignment: a reference that can be written. */
function checkTarget(to: Operand): asserts to is Operand & { node: Expression; reference: object } {
  if (!to.reference) {
    if (to.stage === 'const') throw new WgslError('cannot assign to a constant', to.position)
    throw new WgslError(`cannot assign to a value of type '${typeName(to.type)}'${hint(to.node!)}`, to.position)
  }
  if (to.reference.access === 'read')
    throw new WgslError(
      to.reference.space === 'uniform'
        ? 'cannot assign to what is in a uniform buffer'
        : 'cannot assign to what is read-only: it would have to be var<storage, read_write>',
      to.position,
    )
  if (to.type.kind === 'atomic') throw new WgslError(`a value of type '${typeName(to.type)}' is written with atomicStore only`, to.position)
  if (!isConstructible(to.type)) throw new WgslError(`a value of type '${typeName(to.type)}' cannot be assigned as a whole`, to.position)
}

/** Why an expression is no reference. */
function hint(expression: Expression): string {
  if (expression.op === 'swizzle' && expression.components.length > 1) return ': components are assigned one at a time'
  let base = expression
  while (base.op === 'swizzle' || base.op === 'member' || base.op === 'index') base = base.base
  if (base.op !== 'value') return ''
  const { name, type } = base.value
  return type.kind === 'pointer' ? `: '${name}' is a pointer ('*${name}' is what it points to)` : `: '${name}' is no 'var'`
}

function show(to: Operand): string {
  const { node } = to
  return node?.op === 'variable' ? `'${node.variable.name}'` : 'what is'
}

export function checkAssignment(context: Context, syntax: Extract<StatementSyntax, { op: 'assign' }>): Statement {
  const { position, operator } = syntax
  if (!syntax.to) {
    const value = checkValue(context, syntax.value)
    if (value.type.kind !== 'pointer' && !isConstructible(value.type))
      throw new WgslError(`'_' takes no value of type '${typeName(value.type)}'`, value.position)
    return { op: 'assign', to: undefined, value: expressionOf(value), position }
  }
  const to = checkExpression(context, syntax.to)
  checkTarget(to)
  const value = checkValue(context, syntax.value)
  if (operator) return { op: 'update', to: to.node, operator, value: checkUpdate(context, operator, load(to), value, position), position }
  if (!converts(value.type, to.type))
    throw new WgslError(
      `cannot assign a value of type '${typeName(value.type)}' to ${show(to)} of type '${typeName(to.type)}'`,
      value.position,
    )
  return { op: 'assign', to: to.node, value: convertedTo(value, to.type as Type), position }
}

export function checkIncrement(context: Context, syntax: Extract<StatementSyntax, { op: 'increment' }>): Statement {
  const { position, operator } = syntax
  const to = checkExpression(context, syntax.to)
  checkTarget(to)
  if (!isScalar(to.type, 'i32', 'u32'))
    throw new WgslError(`'${operator}${operator}' is for i32 and u32, found '${typeName(to.type)}'`, to.position)
  const one = constant(1n, abstractInt, position)
  return { op: 'update', to: to.node, operator, value: convertedTo(one, to.type as Type), position }
}
