/** Makes a program that fails smaller, line by line and operand by operand, while it still fails. */
import type { Program } from './program.js'

/** Whether the (valid) program still shows what is looked for; invalid ones give false. */
export type Fails = (program: Program) => Promise<boolean>

/** At most `tries` programs are run. */
export async function shrink(program: Program, fails: Fails, tries = 600): Promise<Program> {
  let best = program
  const attempt = async (source: string): Promise<boolean> => {
    if (source === best.source || tries-- <= 0) return false
    const candidate = { ...best, source }
    if (!(await fails(candidate).catch(() => false))) return false
    best = candidate
    return true
  }
  for (let before = ''; before !== best.source && tries > 0; ) {
    before = best.source
    await dropLines(() => best.source.split('\n'), attempt)
    await simplify(() => best.source, attempt)
  }
  return best
}

/**
 * Counters of loops and what keeps invocations of a workgroup from racing must stay while what needs them does: such lines are marked, and go only
 * with the block around them. So must the invocation's number.
 */
const stays = (line: string) => (/\/\/ (counts|phase)$|Barrier\(\)/.test(line) && !/^fn /.test(line)) || number.test(line)
const number = /^ *let gi = [^\n]*$/

/** The lines that belong together from line i on: to the closing brace where it opens a block. */
function extent(lines: readonly string[], i: number): number {
  let depth = 0
  for (let j = i; j < lines.length; j++) {
    for (const letter of lines[j]) depth += letter === '{' ? 1 : letter === '}' ? -1 : 0
    if (depth <= 0) return j
  }
  return i
}

type Attempt = (source: string) => Promise<boolean>

async function dropLines(current: () => string[], attempt: Attempt): Promise<void> {
  for (let i = current().length - 1; i >= 0; i--) {
    const lines = current()
    if (i >= lines.length || stays(lines[i]) || /^\s*\}/.test(lines[i]) || lines[i] === '') continue
    const end = extent(lines, i)
    if (await attempt([...lines.slice(0, i), ...lines.slice(end + 1)].join('\n'))) continue
    // The block without its head, or the first branch alone.
    if (end > i && /\{$/.test(lines[i]) && /^\s*\}$/.test(lines[end]) && !/^(fn|struct)/.test(lines[i]))
      await attempt([...lines.slice(0, i), ...lines.slice(i + 1, end), ...lines.slice(end + 1)].join('\n'))
    const branch = lines.findIndex((line, j) => j > i && j <= end && line.startsWith(lines[i].match(/^\s*/)![0] + '} else'))
    if (branch >= 0) await attempt([...lines.slice(0, branch), lines[end], ...lines.slice(end + 1)].join('\n'))
  }
}

/** Parts of expressions: an operand for the whole, an argument for the call, a literal for anything. */
async function simplify(current: () => string, attempt: Attempt): Promise<void> {
  for (let at = current().length - 1; at >= 0; at--) {
    const source = current()
    if (
      source[at] !== '(' ||
      number.test(source.slice(source.lastIndexOf('\n', at) + 1, at)) ||
      /(fn \w+|atomic\w+|arrayLength|Barrier|workgroup_size|builtin|binding|group|id)$/.test(source.slice(Math.max(0, at - 40), at))
    )
      continue
    const close = matching(source, at)
    const start = at - (source.slice(0, at).match(/[\w<>]+$/)?.[0].length ?? 0)
    const inner = source.slice(at + 1, close)
    const parts = [...split(inner, ','), ...(split(inner, ',').length === 1 ? split(inner, ' ') : [])].map((part) => part.trim())
    const whole = [...new Set([...parts.filter((part) => /[\w)\]]$/.test(part) && part.length > 1), '1u', '1', '1.0', 'true'])]
    for (const part of whole) if (await attempt(source.slice(0, start) + part + source.slice(close + 1))) break
  }
  // `a + b` outside of parentheses: the left or right side of an assignment's operator.
  for (const [i] of current().split('\n').entries()) {
    const lines = current().split('\n')
    const found = lines[i]?.match(/^(.* [-+*/%&|^<>]?[-+*/%&|^<>]?=|\s*return|\s*if|\s*while) (.*?)(;| \{)( .*)?$/)
    if (!found || stays(lines[i])) continue
    const parts = split(found[2], ' ').filter((part) => /[\w)\]]$/.test(part))
    if (parts.length < 2) continue
    for (const part of [...parts, '1u', '1', '1.0', 'true'])
      if (await attempt(lines.map((line, j) => (j === i ? `${found[1]} ${part}${found[3]}${found[4] ?? ''}` : line)).join('\n'))) break
  }
}

function matching(source: string, open: number): number {
  let depth = 0
  for (let i = open; i < source.length; i++) {
    if ('([{'.includes(source[i])) depth++
    if (')]}'.includes(source[i]) && --depth === 0) return i
  }
  return source.length
}

/** Splits at a letter, outside of brackets. */
function split(text: string, by: string): string[] {
  const parts = ['']
  let depth = 0
  for (const letter of text) {
    if ('([{'.includes(letter)) depth++
    if (')]}'.includes(letter)) depth--
    if (letter === by && depth === 0) parts.push('')
    else parts[parts.length - 1] += letter
  }
  return parts
}
