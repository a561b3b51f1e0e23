import { type BinaryOperator, type Position, WgslError } from '../check/program.js'
import { parseAttributes } from './attributes.js'
import { type Cursor, expect, expectName, fail, nested, next, peek, sees, since, span, take } from './cursor.js'
import { parseExpression, parseTemplate, parseType, parseUnary } from './expressions.js'
import type { AttributeSyntax, BlockSyntax, CaseSyntax, ExpressionSyntax, StatementSyntax, VariableSyntax } from './syntax.js'

export function parseBlock(cursor: Cursor, where: string, given?: readonly AttributeSyntax[]): BlockSyntax {
  const attributes = given ?? parseAttributes(cursor)
  return nested(cursor, () => {
    const start = expect(cursor, '{', where)
    const body: StatementSyntax[] = []
    while (!sees(cursor, '}')) {
      if (peek(cursor).kind === 'end') fail(cursor, "expected a statement or '}'")
      if (sees(cursor, 'continuing')) fail(cursor, "expected a statement ('continuing' belongs at the end of a loop's body)")
      const statement = parseStatement(cursor)
      if (statement) body.push(statement)
    }
    const end = next(cursor)
    return { op: 'block', attributes, body, position: span(start, end), end }
  })
}

const attributed = new Set(['if', 'switch', 'loop', 'for', 'while', '{'])

/** undefined: an empty statement. */
function parseStatement(cursor: Cursor): StatementSyntax | undefined {
  const attributes = parseAttributes(cursor)
  if (attributes.length && !attributed.has(peek(cursor).text))
    fail(cursor, "expected 'if', 'switch', 'loop', 'for', 'while' or '{' after the attributes of a statement")
  const token = peek(cursor)
  if (take(cursor, ';')) return undefined
  if (sees(cursor, '{')) return parseBlock(cursor, '', attributes)
  if (token.kind === 'keyword') {
    switch (token.text) {
      case 'if':
        return { ...parseIf(cursor), attributes }
      case 'switch':
        return { ...parseSwitch(cursor), attributes }
      case 'loop':
        return { ...parseLoop(cursor), attributes }
      case 'for':
        return { ...parseFor(cursor), attributes }
      case 'while': {
        next(cursor)
        const condition = parseExpression(cursor)
        const body = parseBlock(cursor, "after the condition of 'while'")
        return { op: 'while', condition, body, position: since(cursor, token), attributes }
      }
      case 'break':
        next(cursor)
        if (sees(cursor, 'if')) throw new WgslError("'break if' belongs at the end of a loop's 'continuing'", token)
        return ended(cursor, { op: 'break', position: token }, "'break'")
      case 'continue':
      case 'discard':
        next(cursor)
        return ended(cursor, { op: token.text, position: token }, `'${token.text}'`)
      case 'return': {
        next(cursor)
        const value = sees(cursor, ';') ? undefined : parseExpression(cursor)
        return ended(cursor, { op: 'return', value, position: since(cursor, token) }, "'return'")
      }
      case 'const_assert': {
        next(cursor)
        const condition = parseExpression(cursor)
        return ended(cursor, { op: 'assert', condition, position: since(cursor, token) }, "'const_assert'")
      }
    }
  }
  return ended(cursor, parseSimple(cursor), 'the statement')
}

function ended<T>(cursor: Cursor, statement: T, what: string): T {
  expect(cursor, ';', `after ${what}`)
  return statement
}

/** Declarations, assignments and calls: what may also be in the head of a `for`. */
function parseSimple(cursor: Cursor): StatementSyntax {
  const token = peek(cursor)
  if (token.kind === 'keyword') {
    if (token.text === 'var' || token.text === 'let' || token.text === 'const') return parseVariable(cursor, [])
    fail(cursor, 'expected a statement')
  }
  if (take(cursor, '_')) {
    expect(cursor, '=', "after '_'")
    const value = parseExpression(cursor)
    return { op: 'assign', to: undefined, operator: undefined, value, position: span(token, value.position) }
  }
  if (token.kind !== 'name' && !sees(cursor, '(') && !sees(cursor, '*') && !sees(cursor, '&')) fail(cursor, 'expected a statement')
  const to = parseUnary(cursor)
  const mark = peek(cursor)
  if (take(cursor, '++') || take(cursor, '--'))
    return { op: 'increment', to, operator: mark.text[0] as '+' | '-', position: span(token, mark) }
  if (mark.kind === 'mark' && /^([-+*/%&|^]|<<|>>)?=$/.test(mark.text)) {
    next(cursor)
    const value = parseExpression(cursor)
    const operator = mark.text === '=' ? undefined : (mark.text.slice(0, -1) as BinaryOperator)
    return { op: 'assign', to, operator, value, position: span(token, value.position) }
  }
  if (to.op === 'call' && token.kind === 'name') return { op: 'call', call: to, position: to.position }
  fail(cursor, to.op === 'name' ? `expected '=', '(' or another operator after '${to.name}'` : "expected '=' or another assignment")
}

/** `var`, `let`, `const` and `override` without the `;`. */
export function parseVariable(cursor: Cursor, attributes: readonly AttributeSyntax[]): VariableSyntax {
  const token = next(cursor)
  const op = token.text as VariableSyntax['op']
  const template = op === 'var' ? parseTemplate(cursor, 'var') : undefined
  const name = expectName(cursor, `a name after '${op}'`)
  const type = take(cursor, ':') ? parseType(cursor, `after ':'`) : undefined
  const needed = op === 'let' || op === 'const'
  let initial: ExpressionSyntax | undefined
  if (take(cursor, '=')) initial = parseExpression(cursor)
  else if (needed) fail(cursor, `expected '=' and a value of '${name.text}'`)
  return { op, attributes, template, name, type, initial, position: since(cursor, token) }
}

function parseIf(cursor: Cursor): StatementSyntax {
  const start = peek(cursor)
  const branches: { condition: ExpressionSyntax; body: BlockSyntax; position: Position }[] = []
  for (;;) {
    const position = next(cursor)
    const condition = parseExpression(cursor)
    const body = parseBlock(cursor, "after the condition of 'if'")
    branches.push({ condition, body, position: since(cursor, position) })
    // The branches of `else if` are nested in the checked tree.
    if (branches.length > 256) throw new WgslError("too many 'else if' in a row: more than 256", position)
    if (!take(cursor, 'else')) return { op: 'if', branches, else: undefined, position: since(cursor, start) }
    if (!sees(cursor, 'if')) {
      const last = parseBlock(cursor, "or 'if' after 'else'")
      return { op: 'if', branches, else: last, position: since(cursor, start) }
    }
  }
}

function parseSwitch(cursor: Cursor): StatementSyntax {
  const start = next(cursor)
  const selector = parseExpression(cursor)
  const bodyAttributes = parseAttributes(cursor)
  expect(cursor, '{', "after the selector of 'switch'")
  const cases: CaseSyntax[] = []
  while (!take(cursor, '}')) {
    const position = peek(cursor)
    const selectors: (ExpressionSyntax | 'default')[] = []
    if (take(cursor, 'default')) {
      selectors.push('default')
    } else if (take(cursor, 'case')) {
      do {
        if (sees(cursor, ':') || sees(cursor, '{') || sees(cursor, '@')) break
        selectors.push(take(cursor, 'default') ? 'default' : parseExpression(cursor))
      } while (take(cursor, ','))
      if (!selectors.length) fail(cursor, "expected a value or 'default' after 'case'")
    } else {
      fail(cursor, "expected 'case', 'default' or '}' in the body of 'switch'")
    }
    take(cursor, ':')
    const body = parseBlock(cursor, 'before the statements of the case')
    cases.push({ selectors, body, position: since(cursor, position) })
  }
  return { op: 'switch', selector, bodyAttributes, cases, position: since(cursor, start) }
}

function parseLoop(cursor: Cursor): StatementSyntax {
  const start = next(cursor)
  const attributes = parseAttributes(cursor)
  return nested(cursor, () => {
    const open = expect(cursor, '{', "after 'loop'")
    const body: StatementSyntax[] = []
    let continuing: BlockSyntax | undefined
    let breakIf: ExpressionSyntax | undefined
    while (!sees(cursor, '}')) {
      if (peek(cursor).kind === 'end') fail(cursor, "expected a statement or '}'")
      if (take(cursor, 'continuing')) {
        ;({ block: continuing, breakIf } = parseContinuing(cursor))
        if (!sees(cursor, '}')) fail(cursor, "expected '}': 'continuing' is the last statement of a loop")
        break
      }
      const statement = parseStatement(cursor)
      if (statement) body.push(statement)
    }
    const end = next(cursor)
    const block: BlockSyntax = { op: 'block', attributes, body, position: span(open, end), end }
    return { op: 'loop', body: block, continuing, breakIf, position: span(start, end) }
  })
}

function parseContinuing(cursor: Cursor): { block: BlockSyntax; breakIf: ExpressionSyntax | undefined } {
  const attributes = parseAttributes(cursor)
  return nested(cursor, () => {
    const open = expect(cursor, '{', "after 'continuing'")
    const body: StatementSyntax[] = []
    let breakIf: ExpressionSyntax | undefined
    while (!sees(cursor, '}')) {
      if (peek(cursor).kind === 'end') fail(cursor, "expected a statement or '}'")
      if (sees(cursor, 'break') && peek(cursor, 1).text === 'if') {
        cursor.at += 2
        breakIf = parseExpression(cursor)
        expect(cursor, ';', "after 'break if'")
        if (!sees(cursor, '}')) fail(cursor, "expected '}': 'break if' is the last statement of 'continuing'")
        break
      }
      const statement = parseStatement(cursor)
      if (statement) body.push(statement)
    }
    const end = next(cursor)
    return { block: { op: 'block', attributes, body, position: span(open, end), end }, breakIf }
  })
}

function parseFor(cursor: Cursor): StatementSyntax {
  const start = next(cursor)
  expect(cursor, '(', "after 'for'")
  const initial = sees(cursor, ';') ? undefined : parseSimple(cursor)
  expect(cursor, ';', "after the initialiser of 'for'")
  const condition = sees(cursor, ';') ? undefined : parseExpression(cursor)
  expect(cursor, ';', "after the condition of 'for'")
  const update = sees(cursor, ')') ? undefined : parseSimple(cursor)
  if (update && (update.op === 'var' || update.op === 'let' || update.op === 'const'))
    throw new WgslError("expected an assignment or a call in the last part of 'for', found a declaration", update.position)
  expect(cursor, ')', "after the head of 'for'")
  const body = parseBlock(cursor, "after the head of 'for'")
  return { op: 'for', initial, condition, update, body, position: since(cursor, start) }
}
