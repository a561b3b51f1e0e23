/** Calls: of functions of the module and of WGSL, and of types, which construct or convert. */
import type { CallSyntax } from '../parse/syntax.js'
import { checkBuiltin } from './builtins.js'
import { checkConstruction, checkInferredConstruction } from './constructors.js'
import { type Context, type FunctionState, lookUp } from './context.js'
import { checkValue } from './expressions.js'
import { convertedTo, nodeOperand, type Operand } from './operand.js'
import { generatorOf } from './predeclared.js'
import { type Expression, type Position, WgslError } from './program.js'
import { unresolved } from './suggestions.js'
import { kinds, namedType } from './type-expressions.js'
import { bool, converts, typeName } from './types.js'

/** What a call gives: `operand.node` is the call. */
export interface Called {
  readonly operand: Operand
  /** Nothing is returned: the type of the operand means nothing. */
  readonly nothing?: boolean
  /** The result may not be dropped. */
  readonly mustUse: boolean
  /** A value is made; nothing is called. */
  readonly constructs?: boolean
}

/** A call whose value is used. */
export function checkCall(context: Context, syntax: CallSyntax): Operand {
  const called = checkAnyCall(context, syntax)
  if (called.nothing) throw new WgslError(`'${syntax.callee.name}' returns no value`, syntax.position)
  return called.operand
}

export function checkAnyCall(context: Context, syntax: CallSyntax): Called {
  const { callee, position } = syntax
  const entry = lookUp(context, callee.name, callee.position)
  if (entry && entry.kind !== 'type') {
    if (entry.kind !== 'function') throw new WgslError(`'${callee.name}' is a ${kinds[entry.kind]} and cannot be called`, callee.position)
    if (callee.template) throw new WgslError(`the function '${callee.name}' takes no template list`, callee.position)
    return callFunction(context, entry.function, syntax)
  }
  const type = namedType(context, callee)
  if (type) {
    const operand = checkConstruction(context, type, argumentsOf(context, syntax), callee.position, position)
    return { operand, mustUse: true, constructs: true }
  }
  const generator = generatorOf(callee.name)
  if (generator) {
    const operand = checkInferredConstruction(context, generator, argumentsOf(context, syntax), callee, position)
    return { operand, mustUse: true, constructs: true }
  }
  const builtin = checkBuiltin(context, callee, () => argumentsOf(context, syntax), position)
  return builtin ?? unresolved(context, callee.name, callee.position, 'function')
}

function argumentsOf(context: Context, syntax: CallSyntax): Operand[] {
  return syntax.arguments.map((argument) => checkValue(context, argument))
}

function callFunction(context: Context, state: FunctionState, syntax: CallSyntax): Called {
  const { function: called, mustUse } = state
  const { position, callee } = syntax
  if (!context.function) throw new WgslError(`'${called.name}' cannot be called outside of functions`, callee.position)
  if (state.stage) throw new WgslError(`the entry point '${called.name}' cannot be called`, callee.position)
  const given = argumentsOf(context, syntax)
  if (given.length !== called.parameters.length)
    throw new WgslError(
      `'${called.name}' takes ${count(called.parameters.length, 'argument')}, found ${given.length}`,
      given.length > called.parameters.length ? given[called.parameters.length].position : position,
    )
  const values = given.map((operand, i): Expression => {
    const { name, type } = called.parameters[i]
    if (!converts(operand.type, type))
      throw new WgslError(
        `the parameter '${name}' of '${called.name}' is of type '${typeName(type)}', found '${typeName(operand.type)}'`,
        operand.position,
      )
    return convertedTo(operand, type)
  })
  noteCall(context, state, callee.position)
  const node: Expression = { op: 'call', function: called, arguments: values, type: called.result ?? bool, position }
  return { operand: nodeOperand(node, 'runtime'), nothing: !called.result, mustUse }
}

function noteCall(context: Context, state: FunctionState, position: Position): void {
  if (!context.uses.calls.has(state)) context.uses.calls.set(state, position)
}

/** "1 argument", "2 arguments" */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
