/** Source text to syntax tree. */
import { WgslError } from '../check/program.js'
import { parseAttributes, parseRule } from './attributes.js'
import { type Cursor, expect, expectName, fail, next, peek, sees, since, take } from './cursor.js'
import { parseExpression, parseType } from './expressions.js'
import { tokenize } from './lexer.js'
import { parseBlock, parseVariable } from './statements.js'
import type { AttributeSyntax, DeclarationSyntax, DirectiveSyntax, MemberSyntax, ModuleSyntax, Name } from './syntax.js'

/** @throws WgslError for the first thing that does not fit the grammar */
export function parseModule(source: string): ModuleSyntax {
  const cursor: Cursor = { tokens: tokenize(source), at: 0, depth: 0 }
  const directives: DirectiveSyntax[] = []
  const declarations: DeclarationSyntax[] = []
  while (isDirective(cursor)) directives.push(parseDirective(cursor))
  while (peek(cursor).kind !== 'end') {
    if (take(cursor, ';')) continue
    if (isDirective(cursor)) fail(cursor, 'directives come before all declarations; expected a declaration')
    declarations.push(parseDeclaration(cursor))
  }
  return { directives, declarations }
}

function isDirective(cursor: Cursor): boolean {
  return sees(cursor, 'enable') || sees(cursor, 'requires') || sees(cursor, 'diagnostic')
}

function parseDirective(cursor: Cursor): DirectiveSyntax {
  const start = next(cursor)
  const op = start.text as DirectiveSyntax['op']
  const names: Name[] = []
  if (op === 'diagnostic') {
    expect(cursor, '(', "after 'diagnostic'")
    names.push(expectName(cursor, 'a severity'))
    expect(cursor, ',', 'after the severity')
    names.push(parseRule(cursor))
    take(cursor, ',')
    expect(cursor, ')', "after the rule of 'diagnostic'")
  } else {
    do {
      if (sees(cursor, ';') && names.length) break
      names.push(expectName(cursor, `the name of an extension after '${op}'`))
    } while (take(cursor, ','))
  }
  const position = since(cursor, start)
  expect(cursor, ';', `after '${op}'`)
  return { op, names, position }
}

function parseDeclaration(cursor: Cursor): DeclarationSyntax {
  const start = peek(cursor)
  const attributes = parseAttributes(cursor)
  const token = peek(cursor)
  if (attributes.length && !['fn', 'var', 'override'].includes(token.text)) {
    const plain = ['struct', 'alias', 'const', 'const_assert'].includes(token.text)
    if (plain) throw new WgslError(`'${token.text}' takes no attributes, found '@${attributes[0].name}'`, attributes[0].position)
    fail(cursor, "expected 'fn', 'var' or 'override' after the attributes")
  }
  switch (token.kind === 'keyword' ? token.text : '') {
    case 'fn':
      return parseFunction(cursor, attributes, start)
    case 'struct':
      return parseStruct(cursor)
    case 'var':
    case 'const':
    case 'override': {
      const variable = parseVariable(cursor, attributes)
      expect(cursor, ';', `after the declaration of '${variable.name.text}'`)
      return variable
    }
    case 'alias': {
      next(cursor)
      const name = expectName(cursor, "a name after 'alias'")
      expect(cursor, '=', "after the alias's name")
      const type = parseType(cursor, "after '='")
      expect(cursor, ';', `after the declaration of '${name.text}'`)
      return { op: 'alias', name, type, position: since(cursor, token) }
    }
    case 'const_assert': {
      next(cursor)
      const condition = parseExpression(cursor)
      expect(cursor, ';', "after 'const_assert'")
      return { op: 'assert', condition, position: since(cursor, token) }
    }
    case 'let':
      throw new WgslError("'let' is for functions: a module has 'const', 'override' and 'var'", token)
  }
  fail(cursor, "expected a declaration ('fn', 'struct', 'var', 'const', 'override', 'alias' or 'const_assert')")
}

function parseStruct(cursor: Cursor): DeclarationSyntax {
  const start = next(cursor)
  const name = expectName(cursor, "a name after 'struct'")
  expect(cursor, '{', "after the struct's name")
  const members: MemberSyntax[] = []
  while (!sees(cursor, '}')) {
    const attributes = parseAttributes(cursor)
    const member = expectName(cursor, `the name of a member of '${name.text}'`)
    expect(cursor, ':', `after the name of the member '${member.text}'`)
    members.push({ attributes, name: member, type: parseType(cursor, `of the member '${member.text}'`) })
    if (!take(cursor, ',')) break
  }
  if (!take(cursor, '}')) fail(cursor, `expected ',' or '}' after a member of '${name.text}'`)
  return { op: 'struct', name, members, position: since(cursor, start) }
}

function parseFunction(cursor: Cursor, attributes: readonly AttributeSyntax[], start: ReturnType<typeof peek>): DeclarationSyntax {
  next(cursor)
  const name = expectName(cursor, "a name after 'fn'")
  expect(cursor, '(', "after the function's name")
  const parameters: MemberSyntax[] = []
  while (!sees(cursor, ')')) {
    const own = parseAttributes(cursor)
    const parameter = expectName(cursor, `the name of a parameter of '${name.text}'`)
    expect(cursor, ':', `after the name of the parameter '${parameter.text}'`)
    parameters.push({ attributes: own, name: parameter, type: parseType(cursor, `of the parameter '${parameter.text}'`) })
    if (!take(cursor, ',')) break
  }
  if (!take(cursor, ')')) fail(cursor, `expected ',' or ')' after a parameter of '${name.text}'`)
  const arrow = take(cursor, '->')
  const resultAttributes = arrow ? parseAttributes(cursor) : []
  const result = arrow ? parseType(cursor, "after '->'") : undefined
  const position = since(cursor, start)
  const body = parseBlock(cursor, `before the body of '${name.text}'`)
  return { op: 'function', attributes, name, parameters, result, resultAttributes, body, position }
}
