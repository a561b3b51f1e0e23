/** Phases of a workgroup: places where invocations wait for each other and then see what others wrote. Each is free of races. */
import { block, type Context, declare, freshName, inside, level, type Variable, write } from './context.js'
import { expression, live, value } from './expressions.js'
import { someType, statements } from './statements.js'
import { i32, type Type, u32 } from './types.js'

export interface Group {
  /** Invocations of a workgroup, as a number and as it is written. */
  readonly size: number
  readonly written: string
  /** Names of values in `main`. */
  readonly local: string
  readonly linear: string
  /** Conditions and counts (u32, 1 to 4) that are the same in the whole workgroup. */
  readonly conditions: readonly string[]
  readonly counts: readonly string[]
  /** Declarations of workgroup variables, and functions of phases, as they come. */
  readonly module: string[]
  /** A storage array of u32 with an element for each invocation of all, if there is one. */
  readonly exchange?: string
  /** The atomic array of the workgroup that statements anywhere add to. */
  readonly atomics?: { readonly name: string; readonly type: Type; readonly count: number }
}

type Phase = (c: Context, g: Group, result: string, type: Type) => void

/** A variable and a phase that gives it a value. Lines marked `phase` belong together: to leave one of them out would make a race. */
export function phase(c: Context, g: Group): void {
  const r = c.random
  const type = someType(c)
  const name = freshName(c, 'r')
  const integer = r.pick([u32, i32])
  const [kind, of] = r.weighted<[Phase, Type]>([
    [4, [neighbour, type]],
    [1.5, [scan, integer]],
    [(g.size & (g.size - 1)) === 0 && g.size > 1 ? 2 : 0, [halving, integer]],
    [g.atomics ? 2 : 0, [histogram, g.atomics?.type ?? u32]],
    [1.5, [broadcast, type]],
    [g.exchange ? 1.5 : 0, [throughStorage, u32]],
    [1.5, [called, type]],
    [2, [repeated, type]],
    [1, [conditional, type]],
  ])
  write(c, `var ${name}: ${of.name};`)
  block(c, '/* phase */', () => kind(c, g, name, of))
  declare(c, { name, text: name, type: of, mutable: true, space: 'function', root: name })
}

const mark = (c: Context, line: string) => write(c, `${line} // phase`)
const barrier = (c: Context) => mark(c, c.random.chance(0.9) ? 'workgroupBarrier();' : 'workgroupBarrier(); storageBarrier();')

/** A workgroup array of its own, with one element more than there are invocations sometimes: it stays zero. */
function shared(c: Context, g: Group, type: Type, more = 0): string {
  const name = freshName(c, 'w')
  g.module.push(`var<workgroup> ${name}: array<${type.name}, ${more ? `${g.size + more}` : g.written}>;`)
  return name
}

/** Another invocation's index, below the size of the array. */
const other = (c: Context, g: Group, size: string) =>
  c.random.chance(0.7) ? `(${g.local} + ${1 + c.random.below(5)}u) % ${size}` : `${inside(live(c, u32, 1), level.product)} % ${size}`

function neighbour(c: Context, g: Group, result: string, type: Type): void {
  const more = g.written === String(g.size) && c.random.chance(0.3) ? 1 + c.random.below(3) : 0
  const name = shared(c, g, type, more)
  const size = g.written === String(g.size) ? `${g.size + more}u` : g.written
  write(c, `${name}[${g.local}] = ${value(c, type, 2).text};`)
  barrier(c)
  write(c, `${result} = ${name}[${other(c, g, size)}];`)
  barrier(c)
}

/** Sums of all before, in steps that double. */
function scan(c: Context, g: Group, result: string, type: Type): void {
  const name = shared(c, g, type)
  const step = freshName(c, 's')
  mark(c, `${name}[${g.local}] = ${expression(c, type, 2).text};`)
  barrier(c)
  block(c, `for (var ${step} = 1u; ${step} < ${g.written === String(g.size) ? `${g.size}u` : g.written}; ${step} *= 2u)`, () => {
    const before = freshName(c, 'b')
    mark(c, `var ${before} = ${type.name}(0);`)
    mark(c, `if ${g.local} >= ${step} { ${before} = ${name}[${g.local} - ${step}]; }`)
    barrier(c)
    mark(c, `${name}[${g.local}] ${c.random.pick(['+=', '^='])} ${before};`)
    barrier(c)
  })
  write(c, `${result} = ${name}[${g.local}];`)
}

function halving(c: Context, g: Group, result: string, type: Type): void {
  const name = shared(c, g, type)
  const step = freshName(c, 's')
  mark(c, `${name}[${g.local}] = ${expression(c, type, 2).text};`)
  barrier(c)
  const head = c.random.chance(0.5)
    ? `for (var ${step} = ${g.size / 2}u; ${step} > 0u; ${step} ${c.random.pick(['/= 2u', '>>= 1u'])})`
    : `for (var ${step} = ${g.size}u >> 1u; ${step} >= 1u; ${step} = ${step} / 2u)`
  block(c, head, () => {
    const combine = c.random.pick([
      `${name}[${g.local}] += ${name}[${g.local} + ${step}];`,
      `${name}[${g.local}] = max(${name}[${g.local}], ${name}[${g.local} + ${step}]);`,
      `${name}[${g.local}] = (${name}[${g.local}] * 3) ^ ${name}[${g.local} + ${step}];`,
    ])
    mark(c, `if ${g.local} < ${step} { ${combine} }`)
    barrier(c)
  })
  write(c, `${result} = ${name}[0];`)
  barrier(c)
}

function histogram(c: Context, g: Group, result: string): void {
  const { name, count } = g.atomics!
  barrier(c)
  write(c, `${result} = atomicLoad(&${name}[${other(c, g, `${count}u`)}]);`)
  barrier(c)
}

/** One invocation's value for all. */
function broadcast(c: Context, g: Group, result: string, type: Type): void {
  const name = freshName(c, 'w')
  g.module.push(`var<workgroup> ${name}: ${type.name};`)
  mark(c, `if ${g.local} == ${c.random.below(g.size)}u { ${name} = ${value(c, type, 1).text}; }`)
  if (c.random.chance(0.6)) write(c, `${result} = workgroupUniformLoad(&${name});`)
  else {
    barrier(c)
    write(c, `${result} = ${name};`)
    barrier(c)
  }
}

function throughStorage(c: Context, g: Group, result: string): void {
  write(c, `${g.exchange}[${g.linear}] = ${expression(c, u32, 2).text};`)
  mark(c, 'storageBarrier();')
  write(c, `${result} = ${g.exchange}[${g.linear} - ${g.local} + (${g.local} + ${1 + c.random.below(3)}u) % ${g.size}u];`)
  mark(c, 'storageBarrier();')
}

/** The phase in a function of its own, with the array by name or by pointer. */
function called(c: Context, g: Group, result: string, type: Type): void {
  const array = shared(c, g, type)
  const name = freshName(c, 'share')
  const pointer = g.written === String(g.size) && c.random.chance(0.5)
  const a = pointer ? '(*a)' : array
  const size = g.written === String(g.size) ? `${g.size}u` : g.written
  const parameters = `${pointer ? `a: ptr<workgroup, array<${type.name}, ${g.size}>>, ` : ''}i: u32, x: ${type.name}`
  g.module.push(
    `fn ${name}(${parameters}) -> ${type.name} { ${a}[i] = x; workgroupBarrier(); let r = ${a}[(i + 1u) % ${size}]; workgroupBarrier(); return r; }`,
  )
  write(c, `${result} = ${name}(${pointer ? `&${array}, ` : ''}${g.local}, ${inside(value(c, type, 2), level.shift)});`)
}

/** Phases in a loop that all invocations go through as often. */
function repeated(c: Context, g: Group, result: string, type: Type): void {
  const name = shared(c, g, type)
  const r = c.random
  const i = freshName(c, 'i')
  const counter: Variable = { name: i, text: i, type: u32, mutable: false, space: 'value', root: i }
  const target: Variable = { name: result, text: result, type, mutable: true, space: 'function', root: result }
  const size = g.written === String(g.size) ? `${g.size}u` : g.written
  c.scopes.push([counter, target])
  const body = () => {
    c.loops++
    if (r.chance(0.6)) statements(c, 1 + r.below(2))
    c.loops--
    mark(c, `${name}[${g.local}] = ${value(c, type, 1).text};`)
    barrier(c)
    write(c, `${result} = ${name}[(${g.local} + ${i}) % ${size}];`)
    barrier(c)
    if (r.chance(0.2)) write(c, `if ${r.pick(g.conditions)} { ${r.pick(['break', 'continue'])}; }`)
  }
  if (r.chance(0.7)) block(c, `for (var ${i} = 0u; ${i} < ${r.pick(g.counts)}; ${i}++)`, body)
  else {
    write(c, `var ${i} = 0u;`)
    block(c, 'loop', () => {
      body()
      write(c, `continuing { ${i}++; break if ${i} >= ${r.pick(g.counts)}; } // counts`)
    })
  }
  c.scopes.pop()
}

function conditional(c: Context, g: Group, result: string, type: Type): void {
  const inner = c.random.pick([neighbour, broadcast, called])
  block(c, `if ${c.random.pick(g.conditions)}`, () => inner(c, g, result, type), '')
  c.lines.pop()
  if (c.random.chance(0.4)) block(c, '} else', () => void (c.random.chance(0.5) ? neighbour(c, g, result, type) : statements(c, 1)))
  else write(c, '}')
}
