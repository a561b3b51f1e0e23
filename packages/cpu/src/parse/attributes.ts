import { type Cursor, expectName, fail, next, peek, sees, since, take } from './cursor.js'
import { parseArguments } from './expressions.js'
import type { AttributeSyntax } from './syntax.js'

export function parseAttributes(cursor: Cursor): AttributeSyntax[] {
  const attributes: AttributeSyntax[] = []
  for (let at = take(cursor, '@'); at; at = take(cursor, '@')) {
    const token = peek(cursor)
    if (token.kind !== 'name' && token.text !== 'diagnostic' && token.text !== 'const')
      fail(cursor, "expected the name of an attribute after '@'")
    next(cursor)
    const list = sees(cursor, '(') ? parseArguments(cursor, `of '@${token.text}'`) : undefined
    attributes.push({ name: token.text, arguments: list, position: since(cursor, at) })
  }
  return attributes
}

/** The name of a diagnostic rule: `a` or `a.b`. */
export function parseRule(cursor: Cursor): { text: string; position: ReturnType<typeof since> } {
  const first = expectName(cursor, 'the name of a diagnostic rule')
  if (!take(cursor, '.')) return first
  const second = expectName(cursor, "the rest of the rule's name after '.'")
  return { text: `${first.text}.${second.text}`, position: since(cursor, first.position) }
}
