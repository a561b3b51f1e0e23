import type { BlockSyntax, StatementSyntax } from '../parse/syntax.js'
import { checkAttributes } from './attributes.js'
import * as behaviours from './behaviours.js'
import { checkAnyCall } from './calls.js'
import { type Context, declare, inScope } from './context.js'
import { checkConst } from './declarations.js'
import { checkCondition, checkValue } from './expressions.js'
import { checkFor, checkLoop, checkWhile } from './loops.js'
import { convertedTo, expressionOf } from './operand.js'
import { type Position, type Statement, type Type, WgslError } from './program.js'
import { checkAssert, checkAssignment, checkIncrement, checkLet, checkVariable } from './simple-statements.js'
import { checkSwitch } from './switches.js'
import { converts, typeName } from './types.js'

/** Statements, and how control leaves them (see behaviours.ts). */
export interface Checked {
  readonly statements: readonly Statement[]
  readonly behaviour: number
}

/** A block in a scope of its own. */
export function checkBlock(context: Context, syntax: BlockSyntax): Checked {
  checkAttributes(syntax.attributes, ['diagnostic'], 'blocks')
  return inScope(context, () => checkStatements(context, syntax.body))
}

/** In the present scope. */
export function checkStatements(context: Context, syntax: readonly StatementSyntax[]): Checked {
  const checked = syntax.map((statement) => checkStatement(context, statement))
  return {
    statements: checked.flatMap(({ statements }) => statements),
    behaviour: behaviours.inSequence(checked.map(({ behaviour }) => behaviour)),
  }
}

function simple(statement: Statement | undefined): Checked {
  return { statements: statement ? [statement] : [], behaviour: behaviours.next }
}

export function checkStatement(context: Context, syntax: StatementSyntax): Checked {
  const { position } = syntax
  if (syntax.op !== 'block' && syntax.attributes?.length && !('name' in syntax))
    checkAttributes(syntax.attributes, ['diagnostic'], 'statements')
  switch (syntax.op) {
    case 'var':
      return simple(checkVariable(context, syntax))
    case 'let':
      return simple(checkLet(context, syntax))
    case 'const':
      declare(context, syntax.name.text, checkConst(context, syntax), syntax.name.position)
      return simple(undefined)
    case 'override':
      throw new WgslError("'override' is for modules, not functions", position)
    case 'assert':
      checkAssert(context, syntax)
      return simple(undefined)
    case 'assign':
      return simple(checkAssignment(context, syntax))
    case 'increment':
      return simple(checkIncrement(context, syntax))
    case 'call': {
      const { operand, mustUse, constructs } = checkAnyCall(context, syntax.call)
      const { name } = syntax.call.callee
      if (constructs) throw new WgslError(`expected a statement, found a value: '${name}' makes a value and does nothing`, position)
      if (mustUse) throw new WgslError(`the result of '${name}' is not used, but must be ('_ = ${name}(…)' drops it)`, position)
      return simple({ op: 'call', call: expressionOf(operand), position })
    }
    case 'block': {
      const { statements, behaviour } = checkBlock(context, syntax)
      return { statements: [{ op: 'block', body: statements, position }], behaviour }
    }
    case 'if':
      return checkIf(context, syntax)
    case 'switch':
      return checkSwitch(context, syntax)
    case 'loop':
      return checkLoop(context, syntax)
    case 'for':
      return checkFor(context, syntax)
    case 'while':
      return checkWhile(context, syntax)
    case 'break':
      return checkBreak(context, position)
    case 'continue':
      return checkContinue(context, position)
    case 'discard':
      context.uses.forFragments ??= { text: 'discard', position }
      return simple(undefined)
    case 'return':
      return checkReturn(context, syntax)
  }
}

function checkIf(context: Context, { branches, else: last }: Extract<StatementSyntax, { op: 'if' }>): Checked {
  const checked = branches.map(({ condition, body, position }) => ({
    condition: expressionOf(checkCondition(context, condition, "the condition of 'if'")),
    body: checkBlock(context, body),
    position,
  }))
  let otherwise: Checked = last ? checkBlock(context, last) : { statements: [], behaviour: behaviours.next }
  for (const { condition, body, position } of checked.toReversed()) {
    otherwise = {
      // biome-ignore lint/suspicious/noThenProperty: the name of a branch, never awaited
      statements: [{ op: 'if', condition, then: body.statements, else: otherwise.statements, position }],
      behaviour: body.behaviour | otherwise.behaviour,
    }
  }
  return otherwise
}

function checkBreak(context: Context, position: Position): Checked {
  const around = context.around.at(-1)
  if (around?.kind === 'continuing') throw new WgslError("'break' cannot leave 'continuing': only 'break if' at its end can", position)
  if (!around) throw new WgslError("'break' is for loops and 'switch'", position)
  return { statements: [{ op: 'break', position }], behaviour: behaviours.breaks }
}

function checkContinue(context: Context, position: Position): Checked {
  const around = context.around.findLast(({ kind }) => kind !== 'switch')
  if (around?.kind === 'continuing') throw new WgslError("'continue' cannot leave 'continuing'", position)
  if (!around) throw new WgslError("'continue' is for loops", position)
  around.declaredAtContinue ??= around.scope?.names.size
  return { statements: [{ op: 'continue', position }], behaviour: behaviours.continues }
}

function checkReturn(context: Context, syntax: Extract<StatementSyntax, { op: 'return' }>): Checked {
  const { position } = syntax
  const { function: of } = context.function!
  if (context.around.some(({ kind }) => kind === 'continuing')) throw new WgslError("'return' cannot leave 'continuing'", position)
  const value = syntax.value && checkValue(context, syntax.value)
  if (value && !of.result)
    throw new WgslError(`the function '${of.name}' returns no value, found one of type '${typeName(value.type)}'`, value.position)
  if (!value && of.result)
    throw new WgslError(`the function '${of.name}' returns a value of type '${typeName(of.result)}', found none`, position)
  if (value && !converts(value.type, of.result as Type))
    throw new WgslError(
      `the function '${of.name}' returns a value of type '${typeName(of.result as Type)}', found one of type '${typeName(value.type)}'`,
      value.position,
    )
  const node: Statement = { op: 'return', value: value && convertedTo(value, of.result as Type), position }
  return { statements: [node], behaviour: behaviours.returns }
}
