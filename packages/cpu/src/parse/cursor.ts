/** The parser's place in the tokens, and what all its parts expect. */
import { type Position, WgslError } from '../check/program.js'
import type { Name } from './syntax.js'
import type { Token } from './token.js'
import { reserved } from './words.js'

export interface Cursor {
  readonly tokens: Token[]
  at: number
  /** How deep statements and expressions are nested here. */
  depth: number
}

/** Statements and expressions may be nested this deep: what comes after the parser goes through the tree by recursion. */
const maxDepth = 256

export function peek(cursor: Cursor, ahead = 0): Token {
  return cursor.tokens[Math.min(cursor.at + ahead, cursor.tokens.length - 1)]
}

export function next(cursor: Cursor): Token {
  const token = peek(cursor)
  if (token.kind !== 'end') cursor.at++
  return token
}

/** Whether the next token is this mark or keyword. */
export function sees(cursor: Cursor, text: string): boolean {
  const token = peek(cursor)
  return token.text === text && (token.kind === 'mark' || token.kind === 'keyword') && !token.template
}

/** Takes the next token if it is this mark or keyword. */
export function take(cursor: Cursor, text: string): Token | undefined {
  return sees(cursor, text) ? next(cursor) : undefined
}

/** @param where what the error says after "expected '…'" */
export function expect(cursor: Cursor, text: string, where: string): Token {
  return take(cursor, text) ?? fail(cursor, `expected '${text}' ${where}`)
}

/** Throws that something was expected and the next token was found. */
export function fail(cursor: Cursor, expected: string): never {
  const token = peek(cursor)
  throw new WgslError(`${expected}, found ${token.kind === 'end' ? 'the end of the file' : `'${shorten(token.text)}'`}`, token)
}

function shorten(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text
}

/** A name that is declared or referred to. */
export function expectName(cursor: Cursor, what: string): Name {
  const token = peek(cursor)
  if (token.kind !== 'name') {
    fail(cursor, `expected ${what}`)
  }
  checkName(token)
  cursor.at++
  return { text: token.text, position: token }
}

export function checkName(token: Token): void {
  if (reserved.has(token.text)) throw new WgslError(`'${token.text}' is a reserved word of WGSL and can be no name`, token)
  if (token.text.startsWith('__')) throw new WgslError(`names do not begin with two underscores, found '${token.text}'`, token)
}

/** Runs `parse` one level deeper. */
export function nested<T>(cursor: Cursor, parse: () => T): T {
  if (++cursor.depth > maxDepth) throw new WgslError(`nested too deeply: more than ${maxDepth} levels`, peek(cursor))
  const result = parse()
  cursor.depth--
  return result
}

/** From the start of one to the end of the other. */
export function span(from: Position, to: Position): Position {
  return { line: from.line, column: from.column, offset: from.offset, length: to.offset + to.length - from.offset }
}

/** To the end of the token before the next. */
export function since(cursor: Cursor, from: Position): Position {
  return span(from, cursor.tokens[Math.max(0, cursor.at - 1)])
}
