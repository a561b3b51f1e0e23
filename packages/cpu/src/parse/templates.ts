/** Which `<` and `>` enclose template lists (WGSL, section 3.9), before anything is parsed. */
import type { Token } from './token.js'

/**
 * Marks the brackets of template lists, and joins the other `>` to `>>`, `>=` and `>>=` where they touch.
 * A `<` after a name opens a list where a `>` follows with nothing between them that a list cannot have: `;`, `{`, `:`, an assignment, `&&`, `||` outside of parentheses.
 */
export function markTemplates(tokens: Token[]): Token[] {
  const pending: { token: Token; depth: number }[] = []
  let depth = 0
  const drop = () => {
    while (pending.length && pending[pending.length - 1].depth >= depth) pending.pop()
  }
  const joined: Token[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    joined.push(token)
    if (token.kind === 'name' || token.kind === 'keyword') {
      const next = tokens[i + 1]
      if (next.text === '<' && next.kind === 'mark') pending.push({ token: next, depth })
      continue
    }
    if (token.kind !== 'mark') continue
    switch (token.text) {
      case '>': {
        const top = pending[pending.length - 1]
        if (top && top.depth === depth) {
          pending.pop()
          top.token.template = true
          token.template = true
        }
        break
      }
      case '(':
      case '[':
        depth++
        break
      case ')':
      case ']':
        drop()
        depth = Math.max(0, depth - 1)
        break
      case '&&':
      case '||':
        drop()
        break
      case '=':
        // The end of a `>=`, which is no assignment
        if (touches(tokens[i - 1], token) && !tokens[i - 1].template) break
        pending.length = 0
        depth = 0
        break
      case ';':
      case '{':
      case ':':
      case '<<=':
      case '+=':
      case '-=':
      case '*=':
      case '/=':
      case '%=':
      case '&=':
      case '|=':
      case '^=':
        pending.length = 0
        depth = 0
        break
    }
  }
  return joinGreater(joined)
}

function touches(left: Token | undefined, right: Token): boolean {
  return left?.text === '>' && left.offset + left.length === right.offset
}

function joinGreater(tokens: Token[]): Token[] {
  const joined: Token[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    joined.push(token)
    if (token.text !== '>' || token.kind !== 'mark' || token.template) continue
    let last = token
    while (
      !last.template &&
      touches(last, tokens[i + 1]) &&
      /^[>=]$/.test(tokens[i + 1].text) &&
      !tokens[i + 1].template &&
      !/=/.test(token.text)
    ) {
      last = tokens[++i]
      token.text += last.text
      token.length++
      if (token.text === '>>' && tokens[i + 1].text !== '=') break
    }
  }
  return joined
}
