import { describe, expect, test } from 'vitest'
import { WgslError } from '../check/program.js'
import { parseModule } from './index.js'
import { tokenize } from './lexer.js'
import type { ExpressionSyntax } from './syntax.js'

/** An expression with all its parentheses, template lists in `<>`. */
function show(syntax: ExpressionSyntax): string {
  switch (syntax.op) {
    case 'number':
      return syntax.text
    case 'boolean':
      return String(syntax.value)
    case 'name':
      return syntax.template ? `${syntax.name}<${syntax.template.map(show).join(', ')}>` : syntax.name
    case 'call':
      return `${show(syntax.callee)}(${syntax.arguments.map(show).join(', ')})`
    case 'member':
      return `${show(syntax.base)}.${syntax.member.text}`
    case 'index':
      return `${show(syntax.base)}[${show(syntax.index)}]`
    case 'unary':
      return `(${syntax.operator}${show(syntax.operand)})`
    case 'binary':
      return `(${show(syntax.left)} ${syntax.operator} ${show(syntax.right)})`
  }
}

function parsed(expression: string): string {
  const [declaration] = parseModule(`const x = ${expression};`).declarations
  return declaration.op === 'const' ? show(declaration.initial!) : ''
}

/** "line:column message" */
function fault(source: string): string {
  try {
    parseModule(source)
  } catch (error) {
    if (error instanceof WgslError) return `${error.position.line}:${error.position.column} ${error.message}`
    throw error
  }
  return 'none'
}

test('tokens: literals, nested comments, line breaks of all kinds', () => {
  const texts = (source: string) => tokenize(source).map(({ text }) => text)
  expect(texts('0x1.8p-3f 1.e5 .5h 0xffu 1i/* a /* b */ c */2 // d\n_ a_ __ étoile')).toEqual([
    ...['0x1.8p-3f', '1.e5', '.5h', '0xffu', '1i', '2', '_', 'a_', '__', 'étoile'],
    'end of the file',
  ])
  const lines = tokenize('a\nb\r\nc\rd\u2028  e\u0085/*\n\n*/f').map(({ line, column, offset }) => [line, column, offset])
  expect(lines.slice(0, 6)).toEqual([
    [1, 1, 0],
    [2, 1, 2],
    [3, 1, 5],
    [4, 1, 7],
    [5, 3, 11],
    [8, 3, 19],
  ])
})

test.each([
  ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
  ['-a.b[1] * !c', '((-a.b[1]) * (!c))'],
  ['a << b < (c >> d)', '((a << b) < (c >> d))'],
  ['a == 1 && b < 2 && c', '(((a == 1) && (b < 2)) && c)'],
  ['(a & b) | c', '((a & b) | c)'],
  ['a & b & -c', '((a & b) & (-c))'],
  ['a--b', '(a - (-b))'],
  ['*&a.b', '(*(&a.b))'],
  // Template lists, and comparisons that look like them
  ['array<vec2<f32>, 4>(b)', 'array<vec2<f32>, 4>(b)'],
  ['a < b || c > d', '((a < b) || (c > d))'],
  ['(a<b>(c))', 'a<b>(c)'],
  ['(a < b) > c', '((a < b) > c)'],
  ['a[i<j] > k', '(a[(i < j)] > k)'],
  ['array<f32, (n > 2)>(1)', 'array<f32, (n > 2)>(1)'],
  ['array<f32, select(2, 3, a<b)>(1)', 'array<f32, select(2, 3, (a < b))>(1)'],
  ['a>=b', '(a >= b)'],
  ['f(a<b, c>d)', 'f(a<b, c>d)'],
  ['vec2<f32>(1)>=b', '(vec2<f32>(1) >= b)'],
])('%s', (source, tree) => {
  if (source.includes('c>d')) return expect(fault(`const x = ${source};`)).toContain("found 'd'") // as the rule for template lists has it
  return expect(parsed(source)).toBe(tree)
})

test('`>` at the end of a template list joins nothing that follows', () => {
  const source = 'fn f() { let a: vec2<i32>=b; var c: array<vec2<f32>>; c >>= 1u; d = e >> 2u; }'
  expect(
    tokenize(source)
      .filter(({ text }) => text.includes('>'))
      .map(({ text }) => text),
  ).toEqual(['>', '>', '>', '>>=', '>>'])
})

describe('what does not fit the grammar', () => {
  test.each([
    ['fn f() { let a = 1 }', "1:20 expected ';' after the statement, found '}'"],
    ['fn f() {', "1:9 expected a statement or '}', found the end of the file"],
    ['fn f() { a b; }', "1:12 expected '=', '(' or another operator after 'a', found 'b'"],
    ['fn f() { let if = 1; }', "1:14 expected a name after 'let', found 'if'"],
    ['fn f() { let; }', "1:13 expected a name after 'let', found ';'"],
    ['fn f() { let a; }', "1:15 expected '=' and a value of 'a', found ';'"],
    ['fn f() { var class = 1; }', "1:14 'class' is a reserved word"],
    ['fn f() { var __a = 1; }', '1:14 names do not begin with two underscores'],
    ['fn f() {\n  if a { } else b { }\n}', "2:17 expected '{' or 'if' after 'else', found 'b'"],
    ['fn f() { break if a; }', "1:10 'break if' belongs at the end"],
    ['fn f() { continuing { } }', '1:10 expected a statement'],
    ['fn f() { loop { continuing { } a = 1; } }', "1:32 expected '}': 'continuing' is the last"],
    ['fn f() { for (var i = 0; i < 1; let j = 2) { } }', "1:33 expected an assignment or a call in the last part of 'for'"],
    ['fn f() { switch a { case { } } }', "1:26 expected a value or 'default' after 'case'"],
    ['fn f() { switch a { b: { } } }', "1:21 expected 'case', 'default' or '}'"],
    ['fn f() { @foo a = 1; }', "1:15 expected 'if', 'switch'"],
    ['fn f(a) { }', "1:7 expected ':' after the name of the parameter 'a', found ')'"],
    ['fn f(a: i32 b: i32) { }', "1:13 expected ',' or ')' after a parameter of 'f', found 'b'"],
    ['const a = b & c | d;', "1:17 expected parentheses: '|' does not go with '&'"],
    ['const a = b << c + d;', "1:18 expected parentheses: '+' does not go with '<<'"],
    ['const a = (b;', "1:13 expected ')' after the expression"],
    ['const a = f(b c);', "1:15 expected ',' or ')' after an argument of 'f', found 'c'"],
    ['const a = b[1;', "1:14 expected ']' after the index"],
    ['const a = ;', "1:11 expected an expression, found ';'"],
    ['const a = b.;', "1:13 expected the name of a member after '.'"],
    ['const a: vec2<f32 = b;', "1:14 expected '>' at the end of the template list of 'vec2'"],
    ['const a = 01;', "1:11 an integer does not begin with 0, found '01'"],
    ['const a = 0x;', "1:11 '0x' is no number"],
    ['const a = 1u32;', "1:11 '1u3' is no number"],
    ['const a = #;', "1:11 unexpected character '#'"],
    ['const a = 1; /* b /* c */', '1:14 expected'],
    ['struct S { a: i32; b: i32 }', "1:18 expected ',' or '}' after a member of 'S', found ';'"],
    ['let a = 1;', "1:1 'let' is for functions"],
    ['@align(4) struct S { a: i32 }', "1:1 'struct' takes no attributes, found '@align'"],
    ['const a = 1; enable f16;', '1:14 directives come before all declarations'],
    ['a = 1;', '1:1 expected a declaration'],
    ['diagnostic(off);', "1:15 expected ',' after the severity"],
  ])('%s', (source, message) => expect(fault(source)).toContain(message))

  test('what is nested beyond all measure', () => {
    const times = (text: string, n: number) => text.repeat(n)
    for (const source of [
      `const a = ${times('(', 1e5)}1${times(')', 1e5)};`,
      `const a = ${times('-', 1e5)}1;`,
      `const a = ${times('f(', 1e5)}1${times(')', 1e5)};`,
      `const a = 1${times(' + 1', 1e5)};`,
      `const a = b${times('[1]', 1e5)};`,
      `var<private> a: ${times('array<', 1e5)}f32${times(', 1>', 1e5)};`,
      `fn f() ${times('{', 1e5)}${times('}', 1e5)}`,
      `fn f() { if a {}${times(' else if a {}', 1e4)} }`,
    ])
      expect(fault(source)).toMatch(/nested too deeply|too long a chain|too many/)
    expect(fault(`${times('/*', 1e5)}${times('*/', 1e5)}fn f() {}`)).toBe('none')
  })
})
