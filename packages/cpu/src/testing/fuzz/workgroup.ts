/** Phases of a workgroup: places where invocations wait for each other and then see what others wrote. Each is free of races. */
import { hideZero } from './atoms.js'
import { block, type Context, declare, freshName, inside, level, type Variable, write } from './context.js'
import { expression, live, value } from './expressions.js'
import { add } from './nests.js'
import { someType, statements } from './statements.js'
import { f32, i32, type Scalar, strideOf, type Type, u32 } from './types.js'

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
  /** Bytes of workgroup memory that may still be declared. */
  left: number
  /** Declarations of workgroup variables, and functions of phases, as they come. */
  readonly module: string[]
  /** A storage array of u32 with an element for each invocation of all, if there is one. */
  readonly exchange?: string
  /** The atomic array of the workgroup that statements anywhere add to. */
  readonly atomics?: { readonly name: string; readonly type: Type; readonly count: number }
}

type Phase = (c: Context, g: Group, result: string, type: Type) => void

/** A variable and phases that give it a value. Lines marked `phase` belong together: to leave one of them out would make a race. */
export function phase(c: Context, g: Group): void {
  const [kind, of] = somePhase(c, g)
  const name = freshName(c, 'r')
  write(c, `var ${name}: ${of.name}; ${hideZero(c, name, of)}`)
  const result: Variable = { name, text: name, type: of, mutable: true, space: 'function', root: name }
  block(c, '/* phase */', () => {
    declare(c, result)
    if (c.random.chance(0.45)) flow(c, g, 2, () => kind(c, g, name, of))
    else kind(c, g, name, of)
  })
  declare(c, result)
}

function somePhase(c: Context, g: Group): [Phase, Type] {
  const r = c.random
  let type = someType(c)
  if (strideOf(type) * (g.size + 4) > g.left - 1024) type = u32
  g.left -= strideOf(type) * (g.size + 4)
  if (g.left < 1024) return [broadcast, u32]
  const integer = r.pick([u32, i32])
  return r.weighted<[Phase, Type]>([
    [4, [neighbour, type]],
    [1.5, [scan, integer]],
    [(g.size & (g.size - 1)) === 0 && g.size > 1 ? 2 : 0, [halving, integer]],
    [2, [tile, r.pick(c.floats === 'none' ? [u32, i32] : [u32, i32, f32, f32])]],
    [g.atomics ? 2 : 0, [histogram, g.atomics?.type ?? u32]],
    [1.5, [broadcast, type]],
    [g.exchange ? 1.5 : 0, [throughStorage, u32]],
    [2, [called, type]],
  ])
}

/** Control flow that is the same for all, around phases: the first of them given, others as they come. */
function flow(c: Context, g: Group, depth: number, first: () => void): void {
  const r = c.random
  const inner = () => {
    if (r.chance(0.4)) statements(c, 1 + r.below(2))
    if (depth > 1 && r.chance(0.35)) flow(c, g, depth - 1, first)
    else first()
    if (r.chance(0.25)) statements(c, 1)
  }
  const other = () => {
    if (r.chance(0.5)) phase(c, g)
    else statements(c, 1)
  }
  const kind = r.kind({ if: 2, for: 3, loop: 2, while: 1, switch: 1 })
  if (kind === 'if') {
    block(c, `if ${r.pick(g.conditions)}`, inner, '')
    c.lines.pop()
    if (r.chance(0.4)) block(c, '} else', other)
    else write(c, '}')
  } else if (kind === 'switch') {
    block(c, `switch ${r.pick(g.counts)}`, () => {
      block(c, `case ${1 + r.below(2)}u${r.chance(0.3) ? ', 3u' : ''}`, inner)
      block(c, 'default', () => (r.chance(0.5) ? other() : undefined))
    })
  } else turns(c, g, kind, inner)
}

function turns(c: Context, g: Group, kind: 'for' | 'loop' | 'while', inner: () => void): void {
  const r = c.random
  const i = freshName(c, 'j')
  const count = r.pick(g.counts)
  const body = () => {
    c.loops++
    inner()
    c.loops--
    if (r.chance(0.2)) write(c, `if ${r.pick(g.conditions)} { ${kind === 'while' ? 'break' : r.pick(['break', 'continue'])}; }`)
  }
  c.scopes.push([{ name: i, text: i, type: u32, mutable: false, space: 'value', root: i }])
  if (kind === 'for') block(c, `for (var ${i} = 0u; ${i} < ${count}; ${i}++)`, body)
  else {
    write(c, `var ${i} = 0u;`)
    if (kind === 'while')
      block(c, `while ${i} < ${count}`, () => {
        write(c, `${i}++; // counts`)
        body()
      })
    else
      block(c, 'loop', () => {
        body()
        // A barrier may be here, too.
        write(c, `continuing { ${i}++; ${r.chance(0.3) ? 'workgroupBarrier(); ' : ''}break if ${i} >= ${count}; } // counts`)
      })
  }
  // The counter stays in scope behind its loop, but for that of `for`.
  const [counter] = c.scopes.pop()!
  if (kind !== 'for') declare(c, counter)
}

const mark = (c: Context, line: string) => write(c, `${line} // phase`)
const barrier = (c: Context) => mark(c, c.random.chance(0.9) ? 'workgroupBarrier();' : 'workgroupBarrier(); storageBarrier();')
const sizeText = (g: Group) => (g.written === String(g.size) ? `${g.size}u` : g.written)

/** A workgroup array of its own, with elements more than there are invocations sometimes: they stay zero. */
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
  write(c, `${name}[${g.local}] = ${value(c, type, 2).text};`)
  barrier(c)
  write(c, `${result} = ${name}[${other(c, g, more ? `${g.size + more}u` : sizeText(g))}];`)
  barrier(c)
}

/** Sums of all before, in steps that double. */
function scan(c: Context, g: Group, result: string, type: Type): void {
  const name = shared(c, g, type)
  const step = freshName(c, 's')
  mark(c, `${name}[${g.local}] = ${expression(c, type, 2).text};`)
  barrier(c)
  block(c, `for (var ${step} = 1u; ${step} < ${sizeText(g)}; ${step} *= 2u)`, () => {
    const before = freshName(c, 'b')
    mark(c, `var ${before} = ${type.name}(0);`)
    mark(c, `if ${g.local} >= ${step} { ${before} = ${name}[${g.local} - ${step}]; }`)
    barrier(c)
    mark(c, `${name}[${g.local}] ${c.random.pick(['+=', '^='])} ${before};`)
    barrier(c)
  })
  write(c, `${result} = ${name}[${g.local}];`)
  barrier(c)
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

/** A loop over what all have put into the array, as products of matrices have. */
function tile(c: Context, g: Group, result: string, type: Type): void {
  const r = c.random
  const name = shared(c, g, type)
  write(c, `${name}[${g.local}] = ${value(c, type, 2).text};`)
  barrier(c)
  const k = freshName(c, 'k')
  const n = sizeText(g)
  const row = 1 + r.below(Math.min(8, g.size))
  const count = r.pick([n, `${row}u`, ...g.counts])
  const index = r.pick([
    `(${g.local} + ${k}) % ${n}`,
    `${k} % ${n}`,
    `min(${g.local} + ${k} * 2u, ${n} - 1u)`,
    `(${g.local} / ${row}u * ${row}u + ${k}) % ${n}`,
    `(${k} * ${row}u + ${g.local} % ${row}u) % ${n}`,
    ...(count === n || count === `${row}u` ? [k, k, `${n} - 1u - ${k}`] : []),
    ...(count === `${row}u` && g.size % row === 0 ? [`${g.local} / ${row}u * ${row}u + ${k}`] : []),
  ])
  block(c, `for (var ${k} = 0u; ${k} < ${count}; ${k}++)`, () =>
    add(c, result, type as Scalar, { text: `${name}[${index}]`, level: level.primary }),
  )
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

/** The phase in a function of its own, with the array by name or by pointer; it may end before, for all together. */
function called(c: Context, g: Group, result: string, type: Type): void {
  const r = c.random
  const array = shared(c, g, type)
  const name = freshName(c, 'share')
  const pointer = g.written === String(g.size) && r.chance(0.5)
  const a = pointer ? '(*a)' : array
  const early = r.chance(0.4)
  const exchange = (from: string) => `${a}[i] = ${from}; workgroupBarrier(); let r = ${a}[(i + 1u) % ${sizeText(g)}]; workgroupBarrier();`
  const body = r.chance(0.3)
    ? `var y = x; for (var k = 0u; k < 3u; k++) { ${early ? 'if k == n { return y; } ' : ''}${exchange('y')} y = r; } return y;`
    : `${early ? 'if n > 2u { return x; } ' : ''}${exchange('x')} return r;`
  const parameters = `${pointer ? `a: ptr<workgroup, array<${type.name}, ${g.size}>>, ` : ''}i: u32, x: ${type.name}${early ? ', n: u32' : ''}`
  g.module.push(`fn ${name}(${parameters}) -> ${type.name} { ${body} }`)
  const parts = [...(pointer ? [`&${array}`] : []), g.local, inside(value(c, type, 2), level.shift), ...(early ? [r.pick(g.counts)] : [])]
  write(c, `${result} = ${name}(${parts.join(', ')});`)
}
