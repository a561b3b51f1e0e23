/** Source text to tokens. Comments and blanks are left out; which `<` and `>` are brackets of template lists is found out in `templates.ts`. */
import { WgslError } from '../check/program.js'
import { markTemplates } from './templates.js'
import type { Token } from './token.js'
import { keywords } from './words.js'

const blanks = /[\t-\r \u0085\u200e\u200f\u2028\u2029]+/y
const lineBreaks = /\r\n|[\n-\r\u0085\u2028\u2029]/g
const lineEnd = /[\n-\r\u0085\u2028\u2029]/g
const asciiName = /[A-Za-z_][A-Za-z0-9_]*/y
const name = /(?:[_\p{XID_Start}]\p{XID_Continue}*)/uy
const nameFollows = /[\p{XID_Continue}]/uy
const commentMarks = /\/\*|\*\//g
/** The longest first. `>` is always alone here: `markTemplates` joins those that end no template list. */
const marks = /->|<<=|<<|<=|>|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|[-+*/%&|^~!<=@(){}[\]:;,.]/y
const number = new RegExp(
  [
    '0[xX][0-9a-fA-F]*\\.[0-9a-fA-F]+(?:[pP][+-]?[0-9]+[fh]?)?',
    '0[xX][0-9a-fA-F]+\\.[0-9a-fA-F]*(?:[pP][+-]?[0-9]+[fh]?)?',
    '0[xX][0-9a-fA-F]+[pP][+-]?[0-9]+[fh]?',
    '0[xX][0-9a-fA-F]+[iu]?',
    '[0-9]*\\.[0-9]+(?:[eE][+-]?[0-9]+)?[fh]?',
    '[0-9]+\\.[0-9]*(?:[eE][+-]?[0-9]+)?[fh]?',
    '[0-9]+[eE][+-]?[0-9]+[fh]?',
    '[0-9]+[iufh]?',
  ].join('|'),
  'y',
)

function at(pattern: RegExp, source: string, offset: number): string | undefined {
  pattern.lastIndex = offset
  return pattern.exec(source)?.[0]
}

/** @returns the tokens, an 'end' last. @throws WgslError for what is no token */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  const { length } = source
  let offset = 0
  let line = 1
  let lineStart = 0
  const position = (size: number) => ({ line, column: offset - lineStart + 1, offset, length: size })
  /** Goes on to `end`, counting lines. */
  const skipTo = (end: number) => {
    for (const found of source.slice(offset, end).matchAll(lineBreaks)) {
      line++
      lineStart = offset + found.index + found[0].length
    }
    offset = end
  }
  const add = (kind: Token['kind'], text: string) => {
    tokens.push({ kind, text, ...position(text.length) })
    offset += text.length
  }
  while (offset < length) {
    const code = source.charCodeAt(offset)
    const blank = code <= 32 || code >= 0x85 ? at(blanks, source, offset) : undefined
    if (blank) {
      skipTo(offset + blank.length)
    } else if (code === 47 && source.charCodeAt(offset + 1) === 47) {
      lineEnd.lastIndex = offset
      skipTo(lineEnd.exec(source)?.index ?? length)
    } else if (code === 47 && source.charCodeAt(offset + 1) === 42) {
      const end = commentEnd(source, offset)
      if (end === undefined)
        throw new WgslError("expected '*/' at the end of the comment that begins here, found the end of the file", position(2))
      skipTo(end)
    } else if ((code >= 48 && code <= 57) || (code === 46 && isDigit(source.charCodeAt(offset + 1)))) {
      const text = at(number, source, offset)!
      const next = source.charCodeAt(offset + text.length)
      const wrong = /^0[0-9]+[iu]?$/.test(text)
        ? `an integer does not begin with 0, found '${text}'`
        : next === 95 || at(nameFollows, source, offset + text.length)
          ? `'${source.slice(offset, offset + text.length + 1)}' is no number`
          : undefined
      if (wrong) throw new WgslError(wrong, position(text.length))
      add('number', text)
    } else {
      let word = at(asciiName, source, offset)
      if (!word || source.charCodeAt(offset + word.length) > 127) word = at(name, source, offset)
      if (word) {
        add(word === '_' ? 'mark' : keywords.has(word) ? 'keyword' : 'name', word)
      } else {
        const mark = at(marks, source, offset)
        if (!mark) throw new WgslError(`unexpected character ${shown(source, offset)}`, position(1))
        add('mark', mark)
      }
    }
  }
  tokens.push({ kind: 'end', text: 'end of the file', ...position(0) })
  return markTemplates(tokens)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function shown(source: string, offset: number): string {
  const point = source.codePointAt(offset)!
  const hex = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`
  return point > 32 && point < 127 ? `'${String.fromCodePoint(point)}'` : hex
}

/** Where the block comment (they nest) that begins at `start` ends. */
function commentEnd(source: string, start: number): number | undefined {
  commentMarks.lastIndex = start
  let depth = 0
  for (let found = commentMarks.exec(source); found; found = commentMarks.exec(source)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return commentMarks.lastIndex
  }
  return undefined
}
