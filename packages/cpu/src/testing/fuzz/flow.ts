/** Random control flow, mostly such that invocations part: conditions and trip counts that depend on what they hold. */
import { block, type Context, declare, freshName, inside, level, write } from './context.js'
import { expression, live, value } from './expressions.js'
import { statements } from './statements.js'
import { bool, i32, nothing, type Type, u32 } from './types.js'

const few = (c: Context) => 1 + c.random.below(3)
const condition = (c: Context) => live(c, bool, 1 + c.random.below(2)).text

/** As all that write statements: gives whether control never comes to what follows (the compiler would warn of it). */
export function branch(c: Context): boolean {
  const r = c.random
  let ends = true
  const part = (head: string, last = false) => {
    block(c, head, () => {
      ends = (last ? lastOf(c, few(c)) : statements(c, few(c))) && ends
    })
    c.lines.pop()
  }
  part(`if ${r.chance(0.2) ? `(${condition(c)})` : condition(c)}`)
  while (r.chance(0.25)) part(`} else if ${condition(c)}`)
  if (r.chance(0.4)) part('} else', true)
  else ends = false
  write(c, '}')
  return ends
}

/** A statement that leaves the block, where one can. */
export function leave(c: Context): boolean {
  const ways = [c.breakable ? 'break' : '', c.continuable ? 'continue' : '', c.returns === 'no' ? '' : 'return'].filter((way) => way !== '')
  if (ways.length === 0) return false
  const way = c.random.pick(ways)
  if (way === 'break') c.broke = true
  write(c, way === 'return' && typeof c.returns === 'object' ? `return ${value(c, c.returns, 2).text};` : `${way};`)
  return true
}

/** Some leave, the others go on. */
export function leaveIf(c: Context): void {
  block(c, `if ${condition(c)}`, () => {
    if (c.random.chance(0.3) && statements(c, 1)) return
    leave(c)
  })
}

export function switching(c: Context): boolean {
  const r = c.random
  const type = r.pick([i32, u32])
  const suffix = type === u32 ? 'u' : ''
  const selector = live(c, type, 2)
  const head = r.pick([
    `${inside(selector, level.unary)} & 7${suffix}`,
    `${inside(selector, level.product)} % 5${suffix}`,
    `${selector.text}`,
  ])
  const used = new Set<number>()
  const selectors = (count: number) =>
    Array.from({ length: count }, () => {
      let n = r.below(8) - (type === i32 && r.chance(0.2) ? 5 : 0)
      while (used.has(n)) n++
      used.add(n)
      return `${n}${suffix}`
    })
  const cases = 1 + r.below(4)
  let ends = true
  const defaultAt = r.below(cases + 1)
  block(c, `switch ${r.chance(0.5) ? `(${head})` : head}`, () => {
    const { breakable, broke } = c
    Object.assign(c, { breakable: true, broke: false })
    for (let i = 0; i <= cases; i++) {
      const names = selectors(1 + r.index([4, 1, 0.5]))
      const start = i !== defaultAt ? `case ${names.join(', ')}` : r.chance(0.8) ? 'default' : `case ${names[0]}, default`
      block(c, `${start}${r.chance(0.7) ? ':' : ''}`, () => {
        const left = r.chance(0.9) && (i === defaultAt ? lastOf(c, few(c)) : statements(c, few(c)))
        ends = left && ends
      })
    }
    ends &&= !c.broke
    Object.assign(c, { breakable, broke })
  })
  return ends
}

/** Statements of the part of another that must not leave where the other must not. */
export function lastOf(c: Context, count: number): boolean {
  const { staying } = c
  if (staying === c.depth - 1) c.staying = c.depth
  const ends = statements(c, count)
  c.staying = staying
  return ends
}

/** The statements of a loop's body, the last of which does not leave it. */
function body(c: Context): void {
  const { breakable, continuable, broke, staying } = c
  Object.assign(c, { breakable: true, continuable: true, staying: c.depth })
  c.loops++
  statements(c, few(c) + 1)
  c.loops--
  Object.assign(c, { breakable, continuable, broke, staying })
}

/** A trip count of at most 6, by invocation or not. */
function trips(c: Context, type: Type): string {
  const suffix = type === u32 ? 'u' : ''
  if (c.random.chance(0.4)) return `${1 + c.random.below(5)}${suffix}`
  const e = live(c, type, 1)
  const few = c.random.pick([3, 4, 6])
  if (type === i32 || c.random.chance(0.4)) return `(${inside(e, level.unary)} & ${few === 6 ? 5 : 3}${suffix})`
  return `${inside(e, level.product)} % ${few}u`
}

export function loop(c: Context): void {
  c.random.weighted<(c: Context) => void>([
    [4, forLoop],
    [1.5, whileLoop],
    [2.5, plainLoop],
  ])(c)
}

function forLoop(c: Context): void {
  const r = c.random
  const type = r.pick([i32, u32])
  const suffix = type === u32 ? 'u' : ''
  const name = freshName(c, 'j')
  const start = `var ${name}${r.chance(0.3) ? `: ${type.name}` : ''} = 0${suffix || r.pick(['', 'i'])}`
  const down = r.chance(0.15)
  const head = down
    ? `for (var ${name} = ${trips(c, i32)}; ${name} > 0; ${r.pick([`${name}--`, `${name} -= ${1 + r.below(2)}`])})`
    : `for (${start}; ${name} < ${trips(c, type)}; ${r.pick([`${name}++`, `${name} += ${1 + r.below(2)}${suffix}`, `${name} = ${name} + 1${suffix}`])})`
  const real = down ? i32 : type
  c.scopes.push([{ name, text: name, type: real, mutable: false, space: 'value', root: name }])
  block(c, head, () => body(c))
  c.scopes.pop()
}

/** The counter goes up before anything can continue. */
function whileLoop(c: Context): void {
  const name = freshName(c, 'n')
  write(c, `var ${name} = 0u;`)
  declare(c, { name, text: name, type: u32, mutable: false, space: 'value', root: name })
  const also = c.random.chance(0.4) ? ` && ${inside(live(c, bool, 1), level.relation)}` : ''
  block(c, `while ${name} < ${1 + c.random.below(6)}u${also}`, () => {
    write(c, `${name}++; // counts`)
    body(c)
  })
}

function plainLoop(c: Context): void {
  const r = c.random
  const name = freshName(c, 'n')
  write(c, `var ${name} = 0u;`)
  declare(c, { name, text: name, type: u32, mutable: false, space: 'value', root: name })
  const bound = `${1 + r.below(5)}u`
  const atEnd = r.chance(0.5)
  block(c, 'loop', () => {
    if (!atEnd) write(c, `if ${name} >= ${bound} { break; } // counts`)
    // Declared before anything can continue, so that `continuing` may use it.
    const inner = freshName(c, 'v')
    write(c, `let ${inner} = ${value(c, u32, 1).text};`)
    declare(c, { name: inner, text: inner, type: u32, mutable: false, space: 'value', root: inner })
    body(c)
    // A block that ends in `break` or so still may be followed by `continuing`. What the body declared later is not for it.
    const here = c.scopes[c.scopes.length - 1]
    const known = here.findIndex((variable) => variable.name === inner)
    c.scopes[c.scopes.length - 1] = here.map((variable, i) => (i <= known ? variable : { ...variable, type: nothing, mutable: false }))
    block(c, 'continuing', () => {
      write(c, `${name}++; // counts`)
      const { breakable, continuable, returns } = c
      Object.assign(c, { breakable: false, continuable: false, returns: 'no' })
      if (r.chance(0.6)) statements(c, 1)
      const also = r.chance(0.4) ? ` || ${inside(expression(c, bool, 1), level.relation)}` : ''
      if (atEnd) write(c, `break if ${name} >= ${bound}${also}; // counts`)
      else if (r.chance(0.3)) write(c, `break if ${inside(live(c, bool, 2), level.short)};`)
      Object.assign(c, { breakable, continuable, returns })
    })
  })
}
