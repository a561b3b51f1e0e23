import { type BinaryOperator, type UnaryOperator, WgslError } from '../check/program.js'
import { type Cursor, checkName, expect, expectName, fail, nested, next, peek, sees, since, span, take } from './cursor.js'
import type { CallSyntax, ExpressionSyntax, NameSyntax } from './syntax.js'
import type { Token } from './token.js'

const multiplicative = new Set(['*', '/', '%'])
const additive = new Set(['+', '-'])
const relational = new Set(['<', '>', '<=', '>=', '==', '!='])
const bitwise = new Set(['&', '|', '^'])
const shifts = new Set(['<<', '>>'])

/** A chain of operators is a tree as deep as it is long. */
const maxChain = 512

export function parseExpression(cursor: Cursor): ExpressionSyntax {
  return nested(cursor, () => {
    const first = parseUnary(cursor)
    const operator = binaryAt(cursor, bitwise)
    if (operator) {
      const chain = parseChain(cursor, first, new Set([operator]), parseUnary)
      refuseMixed(cursor, operator)
      return chain
    }
    const left = parseRelational(cursor, first)
    const logical = binaryAt(cursor, new Set(['&&', '||']))
    if (!logical) {
      refuseMixed(cursor, left.op === 'binary' ? left.operator : undefined)
      return left
    }
    const chain = parseChain(cursor, left, new Set([logical]), (inner) => parseRelational(inner, parseUnary(inner)))
    refuseMixed(cursor, logical)
    return chain
  })
}

function binaryAt(cursor: Cursor, operators: ReadonlySet<string>): BinaryOperator | undefined {
  const token = peek(cursor)
  return token.kind === 'mark' && !token.template && operators.has(token.text) ? (token.text as BinaryOperator) : undefined
}

/** Operators that do not go together without parentheses: `a & b | c`, `a << b + c`, `a < b < c`, `a && b || c`. */
function refuseMixed(cursor: Cursor, before: string | undefined): void {
  const token = peek(cursor)
  if (token.kind !== 'mark' || token.template) return
  if (
    [multiplicative, additive, relational, bitwise, shifts].some((set) => set.has(token.text)) ||
    token.text === '&&' ||
    token.text === '||'
  )
    throw new WgslError(`expected parentheses: '${token.text}' does not go with '${before ?? token.text}' without them`, token)
}

function parseChain(
  cursor: Cursor,
  first: ExpressionSyntax,
  operators: ReadonlySet<string>,
  parseOperand: (cursor: Cursor) => ExpressionSyntax,
): ExpressionSyntax {
  let left = first
  let length = 0
  for (let operator = binaryAt(cursor, operators); operator; operator = binaryAt(cursor, operators)) {
    if (++length > maxChain) throw new WgslError(`too long a chain of operators: more than ${maxChain}`, peek(cursor))
    next(cursor)
    const right = parseOperand(cursor)
    splitMinus(cursor)
    left = { op: 'binary', operator, left, right, position: span(left.position, right.position) }
  }
  return left
}

function parseRelational(cursor: Cursor, first: ExpressionSyntax): ExpressionSyntax {
  const left = parseShift(cursor, first)
  const operator = binaryAt(cursor, relational)
  if (!operator) return left
  next(cursor)
  const right = parseShift(cursor, parseUnary(cursor))
  return { op: 'binary', operator, left, right, position: span(left.position, right.position) }
}

function parseShift(cursor: Cursor, first: ExpressionSyntax): ExpressionSyntax {
  const operator = binaryAt(cursor, shifts)
  if (operator) {
    next(cursor)
    const right = parseUnary(cursor)
    return { op: 'binary', operator, left: first, right, position: span(first.position, right.position) }
  }
  splitMinus(cursor)
  const product = (inner: Cursor) => parseChain(inner, parseUnary(inner), multiplicative, parseUnary)
  return parseChain(cursor, parseChain(cursor, first, multiplicative, parseUnary), additive, product)
}

/** `a--b` is `a - -b`. */
function splitMinus(cursor: Cursor): void {
  if (!sees(cursor, '--')) return
  const { line, column, offset } = peek(cursor)
  const minus = (by: number): Token => ({ kind: 'mark', text: '-', line, column: column + by, offset: offset + by, length: 1 })
  cursor.tokens.splice(cursor.at, 1, minus(0), minus(1))
}

/** Also what is left of an assignment. */
export function parseUnary(cursor: Cursor): ExpressionSyntax {
  const token = peek(cursor)
  if (token.kind === 'mark' && /^(--?|[!~&*])$/.test(token.text)) {
    return nested(cursor, () => {
      next(cursor)
      const operand = parseUnary(cursor)
      const negated = { op: 'unary', operator: '-', operand, position: span(token, operand.position) } as const
      if (token.text === '--') return { ...negated, operand: negated }
      return { op: 'unary', operator: token.text as UnaryOperator | '&' | '*', operand, position: span(token, operand.position) }
    })
  }
  return parsePostfix(cursor, parsePrimary(cursor))
}

function parsePostfix(cursor: Cursor, primary: ExpressionSyntax): ExpressionSyntax {
  let base = primary
  for (let length = 0; ; length++) {
    if (length > maxChain) throw new WgslError(`too long a chain of members: more than ${maxChain}`, peek(cursor))
    if (take(cursor, '.')) {
      const member = expectName(cursor, "the name of a member after '.'")
      base = { op: 'member', base, member, position: span(base.position, member.position) }
    } else if (take(cursor, '[')) {
      const index = parseExpression(cursor)
      const end = expect(cursor, ']', 'after the index')
      base = { op: 'index', base, index, position: span(base.position, end) }
    } else {
      return base
    }
  }
}

function parsePrimary(cursor: Cursor): ExpressionSyntax {
  const token = peek(cursor)
  if (token.kind === 'number') {
    next(cursor)
    return { op: 'number', text: token.text, position: token }
  }
  if (sees(cursor, 'true') || sees(cursor, 'false')) {
    next(cursor)
    return { op: 'boolean', value: token.text === 'true', position: token }
  }
  if (take(cursor, '(')) {
    const inner = parseExpression(cursor)
    const end = expect(cursor, ')', `after the expression that '(' begins`)
    return { ...inner, position: span(token, end) }
  }
  if (token.kind !== 'name') fail(cursor, 'expected an expression')
  const name = parseTemplatedName(cursor, 'an expression')
  return sees(cursor, '(') ? parseCall(cursor, name) : name
}

export function parseCall(cursor: Cursor, callee: NameSyntax): CallSyntax {
  const list = parseArguments(cursor, `of '${callee.name}'`)
  return { op: 'call', callee, arguments: list, position: since(cursor, callee.position) }
}

/** `(a, b, …)`, a comma after the last allowed. */
export function parseArguments(cursor: Cursor, of: string): ExpressionSyntax[] {
  expect(cursor, '(', `before the arguments ${of}`)
  const list: ExpressionSyntax[] = []
  while (!sees(cursor, ')')) {
    list.push(parseExpression(cursor))
    if (!take(cursor, ',')) break
  }
  if (!take(cursor, ')')) fail(cursor, `expected ',' or ')' after an argument ${of}`)
  return list
}

/** A name and its template list, if there is one. */
export function parseTemplatedName(cursor: Cursor, what: string): NameSyntax {
  const token = peek(cursor)
  if (token.kind !== 'name') fail(cursor, `expected ${what}`)
  checkName(token)
  next(cursor)
  const template = parseTemplate(cursor, token.text)
  return { op: 'name', name: token.text, template, position: template ? since(cursor, token) : token }
}

export function parseTemplate(cursor: Cursor, of: string): ExpressionSyntax[] | undefined {
  if (!peek(cursor).template || peek(cursor).text !== '<') return undefined
  next(cursor)
  const list: ExpressionSyntax[] = []
  const ends = () => peek(cursor).template === true && peek(cursor).text === '>'
  while (!ends()) {
    list.push(parseExpression(cursor))
    if (!take(cursor, ',')) break
  }
  if (!ends()) fail(cursor, `expected ',' or '>' after a template argument of '${of}'`)
  if (!list.length) fail(cursor, `expected a template argument of '${of}'`)
  next(cursor)
  return list
}

/** What stands for a type: a name with its template list. */
export function parseType(cursor: Cursor, where: string): ExpressionSyntax {
  const type = nested(cursor, () => parseTemplatedName(cursor, `a type ${where}`))
  if (sees(cursor, '<'))
    throw new WgslError(`expected '>' at the end of the template list of '${type.name}' that begins here`, peek(cursor))
  return type
}
