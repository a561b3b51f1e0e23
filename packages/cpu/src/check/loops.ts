import type { StatementSyntax } from '../parse/syntax.js'
import { checkAttributes } from './attributes.js'
import * as behaviours from './behaviours.js'
import { type Around, type Context, inScope } from './context.js'
import { checkCondition } from './expressions.js'
import { expressionOf } from './operand.js'
import { type Expression, type Position, type Statement, WgslError } from './program.js'
import { type Checked, checkBlock, checkStatement, checkStatements } from './statements.js'

/** Runs `check` in a loop, a switch or a `continuing`. */
export function within<T>(context: Context, around: Around, check: () => T): T {
  context.around.push(around)
  const result = check()
  context.around.pop()
  return result
}

export function checkLoop(context: Context, syntax: Extract<StatementSyntax, { op: 'loop' }>): Checked {
  const { body, continuing, breakIf, position } = syntax
  checkAttributes(body.attributes, ['diagnostic'], 'blocks')
  return inScope(context, () => {
    const around: Around = { kind: 'loop', scope: context.scope }
    const checked = within(context, around, () => checkStatements(context, body.body))
    hideBypassed(around)
    let last: readonly Statement[] = []
    let ends: Expression | undefined
    if (continuing) {
      checkAttributes(continuing.attributes, ['diagnostic'], 'blocks')
      within(context, { kind: 'continuing' }, () =>
        inScope(context, () => {
          last = checkStatements(context, continuing.body).statements
          if (breakIf) ends = expressionOf(checkCondition(context, breakIf, "the condition of 'break if'"))
        }),
      )
    }
    const node: Statement = {
      op: 'loop',
      initial: [],
      condition: undefined,
      body: checked.statements,
      continuing: last,
      breakIf: ends,
      position,
    }
    return { statements: [node], behaviour: leaving(checked.behaviour, false, ends !== undefined, position) }
  })
}

/** Names that the body declares after its first `continue` have no value in `continuing`. */
function hideBypassed({ scope, declaredAtContinue }: Around): void {
  if (declaredAtContinue === undefined) return
  for (const [name, entry] of [...scope!.names].slice(declaredAtContinue)) {
    if (entry.kind === 'value') scope!.names.set(name, { kind: 'bypassed', position: entry.value.position })
    if (entry.kind === 'variable') scope!.names.set(name, { kind: 'bypassed', position: entry.variable.position })
  }
}

function leaving(body: number, conditional: boolean, breakIf: boolean, position: Position): number {
  const behaviour = behaviours.ofLoop(body, conditional, breakIf)
  if (behaviour === 0) throw new WgslError("the loop never ends: it has no 'break', 'return' or condition", position)
  return behaviour
}

export function checkFor(context: Context, syntax: Extract<StatementSyntax, { op: 'for' }>): Checked {
  const { position } = syntax
  return inScope(context, () => {
    const initial = syntax.initial ? checkStatement(context, syntax.initial).statements : []
    const condition = syntax.condition && expressionOf(checkCondition(context, syntax.condition, "the condition of 'for'"))
    const continuing = syntax.update ? checkStatement(context, syntax.update).statements : []
    const body = within(context, { kind: 'loop' }, () => checkBlock(context, syntax.body))
    const node: Statement = { op: 'loop', initial, condition, body: body.statements, continuing, breakIf: undefined, position }
    return { statements: [node], behaviour: leaving(body.behaviour, condition !== undefined, false, position) }
  })
}

export function checkWhile(context: Context, syntax: Extract<StatementSyntax, { op: 'while' }>): Checked {
  const { position } = syntax
  const condition = expressionOf(checkCondition(context, syntax.condition, "the condition of 'while'"))
  const body = within(context, { kind: 'loop' }, () => checkBlock(context, syntax.body))
  const node: Statement = { op: 'loop', initial: [], condition, body: body.statements, continuing: [], breakIf: undefined, position }
  return { statements: [node], behaviour: leaving(body.behaviour, true, false, position) }
}
