/**
 * Loops as kernels have them: nested, with counters in the indices of what they read, whose bounds a compiler tests once in front of them. Bounds and
 * indices may be anything, at the ends of their types too: what is read out of bounds is dropped.
 */
import { input, path } from './atoms.js'
import { block, type Context, clean, declare, type Expression, freshName, inside, level, visible, write } from './context.js'
import { leave } from './flow.js'
import { statements } from './statements.js'
import { contains, f32, i32, type Scalar, type Type, u32 } from './types.js'

export interface Target {
  /** A storage array, and the type of its elements. */
  readonly name: string
  readonly type: Type
  /** Whether its elements (u32) all have `tag` in their highest byte: then what is read out of bounds is looked at, too. */
  readonly tagged: boolean
  /** An array of u32 that is written to anywhere, and never read. */
  readonly sink?: string
}
export const tag = 0x5a

/** Sums up elements. */
export function nest(c: Context, target: Target): void {
  const r = c.random
  const scalars = target.tagged ? [u32] : [u32, i32, ...(c.floats === 'none' ? [] : [f32])]
  const scalar = r.pick(scalars.filter((each) => contains(target.type, each)))
  const sum = accumulator(c, scalar)
  const counters: string[] = []
  loops(c, counters, 1 + r.index([3, 3, 1]), () => {
    if (r.chance(0.25)) staying(c, () => statements(c, 1))
    add(c, sum, scalar, element(c, target, scalar, counters))
    if (target.sink && r.chance(0.5))
      write(c, `${target.sink}[${indexOf(c, counters).text}] = ${scalar === u32 ? sum : `bitcast<u32>(${sum})`};`)
    if (r.chance(0.15)) block(c, `if ${condition(c, counters)}`, () => leaveNest(c))
  })
}

/** A scalar of an element at any index; 0 where that is out of bounds. */
function element(c: Context, { name, type, tagged }: Target, scalar: Scalar, counters: readonly string[]): Expression {
  const index = indexOf(c, counters)
  const unsigned = index.signed ? `u32(${index.text})` : inside({ text: index.text, level: level.sum }, level.shift)
  const isInside = `${unsigned} < arrayLength(&${name})`
  if (!tagged) {
    const read = path(c, `${name}[${index.text}]`, type, scalar, 0)
    return { text: `select(${scalar.name}(0), ${read}, ${isInside})`, level: level.primary }
  }
  const read = freshName(c, 't')
  write(c, `let ${read} = ${name}[${index.text}];`)
  // Out of bounds any element may be read, or 0; nothing else.
  return { text: `select(u32(${read} != 0u && (${read} >> 24u) != ${tag}u), ${read}, ${isInside})`, level: level.primary }
}

/** Statements that do not leave the loop at the end: others follow. */
function staying(c: Context, make: () => void): void {
  const { staying: before } = c
  c.staying = c.depth
  make()
  c.staying = before
}

function leaveNest(c: Context): void {
  const { breakable, continuable, broke } = c
  Object.assign(c, { breakable: true, continuable: true })
  leave(c)
  Object.assign(c, { breakable, continuable, broke })
}

/** A new variable, of a name that nothing hides. */
function accumulator(c: Context, type: Scalar): string {
  const name = freshName(c, 'q')
  write(c, `var ${name} = ${type.name}(${c.random.below(3)});`)
  declare(c, { name, text: name, type, mutable: true, space: 'function', root: name })
  return name
}

/** What is read goes into the sum, so that the order shows. */
export function add(c: Context, sum: string, scalar: Scalar, read: Expression): void {
  if (scalar === f32) write(c, `${sum} = ${clean(c, f32, { text: `${sum} * 0.5 + ${read.text}`, level: level.sum }).text};`)
  else write(c, c.random.chance(0.5) ? `${sum} += ${read.text};` : `${sum} = (${sum} * 3) ^ ${read.text};`)
}

const condition = (c: Context, counters: readonly string[]) =>
  `${c.random.pick([...counters, ...unsigned(c)])} ${c.random.pick(['==', '>', '<'])} ${c.random.below(6)}u`

/** Values of u32 in scope. */
function unsigned(c: Context): string[] {
  const found = visible(c).filter(({ type, space }) => type === u32 && space !== 'storage')
  for (const { space, root } of found) if (space === 'private') c.privates.add(root)
  return found.length > 0 ? found.map(({ text }) => text) : ['iu[3]']
}

/** A value that does not change while a loop runs, or the loop might never end. Those of inputs are at the ends of the type sometimes. */
function anything(c: Context): string {
  const found = visible(c).filter(({ type, mutable }) => type === u32 && !mutable)
  return found.length > 0 && c.random.chance(0.6) ? c.random.pick(found).text : input(c, u32, 0).text
}

/** Loops around each other, at most seven turns each; their counters, as u32, are added to those given. */
function loops(c: Context, counters: string[], depth: number, body: () => void): void {
  const name = freshName(c, 'k')
  const { text, type } = head(c, name)
  counters.push(type === i32 ? `u32(${name})` : name)
  c.scopes.push([{ name, text: name, type, mutable: false, space: 'value', root: name }])
  c.loops++
  block(c, text, () => (depth > 1 ? loops(c, counters, depth - 1, body) : body()))
  c.loops--
  c.scopes.pop()
}

/** Of a loop, up or down, from small numbers or any; and the type of its counter. */
function head(c: Context, name: string): { text: string; type: Scalar } {
  const r = c.random
  const begin = r.kind({ zero: 5, small: 3, any: 2, own: 2 })
  const first = { zero: '0u', small: `${r.below(8)}u`, any: anything(c), own: `(${anything(c)} & 15u)` }[begin]
  const end = `${first} + ${r.chance(0.33) ? `(${anything(c)} & ${r.pick([3, 7])}u)` : `${1 + r.below(6)}u`}`
  const way = r.kind({ down: 3, turned: 2, plain: 11, signed: begin === 'any' ? 0 : 5 })
  if (way === 'down') return { text: `for (var ${name} = ${end}; ${name} > ${first}; ${name}--)`, type: u32 }
  // Beyond steps of one the counter could pass by an end that is the greatest there is.
  const step = begin === 'any' ? 1 : 1 + r.index([5, 2, 1, 1])
  const update = step === 1 && r.chance(0.7) ? `${name}++` : `${name} += ${step}${way === 'signed' ? '' : 'u'}`
  if (way === 'turned') return { text: `for (var ${name}: u32 = ${first}; ${end} > ${name}; ${update})`, type: u32 }
  const compare = begin === 'any' ? '<' : r.pick(['<', '<', '<='])
  const shift = r.chance(0.5) ? ` - ${r.below(6)}` : ''
  return way === 'signed'
    ? { text: `for (var ${name} = i32(${first})${shift}; ${name} ${compare} i32(${end})${shift}; ${update})`, type: i32 }
    : { text: `for (var ${name} = ${first}; ${name} ${compare} ${end}; ${update})`, type: u32 }
}

/** A sum of counters, own numbers and constants by small factors; of u32, or of i32 as a whole. */
function indexOf(c: Context, counters: readonly string[]): { text: string; signed: boolean } {
  const r = c.random
  const terms = counters.filter(() => r.chance(0.85)).map((counter) => factor(c, counter))
  const own = unsigned(c)
  if (r.chance(0.7)) terms.push(factor(c, own.includes('gi') && r.chance(0.6) ? 'gi' : r.pick(own)))
  if (r.chance(0.15)) terms.push(factor(c, anything(c)))
  if (r.chance(0.3) || terms.length === 0) terms.push(`${r.below(20)}u`)
  if (r.chance(0.15)) return { text: terms.map((term) => `i32(${term})`).join(' + '), signed: true }
  const [first, ...others] = terms
  if (r.chance(0.15) && others.length > 0) return { text: `${others.join(' + ')} - ${first}`, signed: false }
  const text = terms.join(' + ')
  return { text: r.chance(0.1) ? `(${text}) % ${1 + r.below(40)}u` : text, signed: false }
}

function factor(c: Context, text: string): string {
  const by = c.random.pick([1, 1, 1, 2, 3, 4, 8, 16])
  if (by === 1) return text
  // A constant may be too large for a shift, which is an error.
  const isConstant = visible(c).some((variable) => variable.fixed && variable.text === text)
  return c.random.pick([`${text} * ${by}u`, `${by}u * ${text}`, by === 3 || isConstant ? `${text} * 3u` : `(${text} << ${Math.log2(by)}u)`])
}
