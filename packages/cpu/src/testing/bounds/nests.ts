/**
 * Programs that go through memory in nests of loops as wrongly as they can, and what they must do: each is text and a plain interpreter of the same,
 * one invocation after the other.
 */
import { type Random, random } from '../fuzz/random.js'
import {
  atom,
  binary,
  type Comparison,
  type Condition,
  compare,
  type Expression,
  globalId,
  index,
  type Lane,
  literal,
  parameter,
  parameterNames,
  parameterValue,
  read,
  type Variable,
} from './expressions.js'

/** What may be in a word afterwards. */
class Word {
  /** By invocation: its last value. */
  readonly last = new Map<number, number>()
  /** What stores out of bounds may have brought. */
  readonly others = new Set<number>()
}

interface Run extends Lane {
  readonly memories: Readonly<Record<string, Word[]>>
  readonly source: Uint32Array
  readonly table: Uint32Array
  readonly invocation: number
  readonly privates: Uint32Array
  /** What is in private memory, and what was loaded, is no longer known: something was out of bounds. */
  privatesUnknown: boolean
  sumUnknown: boolean
  readonly counted: { steps: number }
}

type Signal = 'next' | 'break' | 'continue' | 'return'
interface Statement {
  readonly lines: readonly string[]
  run(lane: Run): Signal
}

export interface Case {
  readonly parameters: Uint32Array
  /** By name. */
  readonly bindings: Readonly<Record<string, Uint32Array>>
  readonly groups: number
}
export interface Nest {
  readonly code: string
  /** In the order of their declarations. */
  readonly names: readonly string[]
  createCase(seed: number): Case
  /** Undefined: too many steps. Else says what is wrong with what the bindings became, or gives ''. */
  expect(of: Case): ((after: Readonly<Record<string, Uint32Array>>) => string) | undefined
}

/** Greater numbers were never put anywhere. */
const greatest = 1 << 20
/** Turns of loops of all invocations together. */
const mostSteps = 1500
const privateSize = 5
const tableSize = 3

interface Element {
  readonly type: string
  readonly words: number
  readonly stride: number
  readonly floats: boolean
}
const elements: readonly Element[] = [
  ...(['u32', 'f32'] as const).map((type) => ({ type, words: 1, stride: 1, floats: type === 'f32' })),
  { type: 'vec2<u32>', words: 2, stride: 2, floats: false },
  { type: 'vec3<u32>', words: 3, stride: 4, floats: false },
  { type: 'vec4<u32>', words: 4, stride: 4, floats: false },
  { type: 'vec4<f32>', words: 4, stride: 4, floats: true },
]

interface Context {
  readonly r: Random
  readonly source: Element
  readonly target: Element
  readonly workgroupSize: number
  /** As kernels are. */
  readonly tame: boolean
  variables: Variable[]
  count: number
  depth: number
  /** Statements so far. */
  made: number
}

const next = (): Signal => 'next'
const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`)

function sequence(list: readonly Statement[]): Statement {
  return {
    lines: list.flatMap(({ lines }) => lines),
    run(lane) {
      for (const each of list) {
        const signal = each.run(lane)
        if (signal !== 'next') return signal
      }
      return 'next'
    },
  }
}

function newVariable(c: Context, signed: boolean, free: boolean): Variable {
  const number = c.count++
  return { name: `${free ? 'at' : 'i'}${number}`, number, signed, free }
}

/** The value loaded; `inside` whether it is one that is known. */
function keep(lane: Run, value: number, inside: boolean, gated: boolean): void {
  if (!inside && !gated) lane.sumUnknown = true
  if (inside) lane.variables[0] = (Math.imul(lane.variables[0], 3) + value) >>> 0
  else if (gated) lane.variables[0] = Math.imul(lane.variables[0], 3) >>> 0
}
const keeping = (value: string, inside: string | undefined) => [
  `v = ${value};`,
  inside === undefined ? 'sum = sum * 3u + v;' : `sum = sum * 3u + select(0u, v, ${inside});`,
]

function load(c: Context): Statement {
  const { r, source } = c
  const at = index(r, c.variables, c.tame)
  const component = source.words > 1 && r.chance(0.3) ? r.below(source.words) : undefined
  const gated = r.chance(0.5)
  const name = `x${c.count++}`
  const part = (i: number) => `${name}.${'xyzw'[i]}`
  const element = `src[${at.text}]${component === undefined ? '' : `.${'xyzw'[component]}`}`
  const single = source.words === 1 || component !== undefined
  const type = single ? 'u32' : source.type.replace('f32', 'u32')
  const worst = single ? name : Array.from({ length: source.words }, (_, i) => part(i)).reduce((a, b) => `max(${a}, ${b})`)
  const sum = single ? name : Array.from({ length: source.words }, (_, i) => part(i)).join(' + ')
  return {
    lines: [
      `let ${name} = ${source.floats ? `bitcast<${type}>(${element})` : element};`,
      `worst = max(worst, ${worst});`,
      ...keeping(sum, gated ? `${at.text} < arrayLength(&src)` : undefined),
    ],
    run(lane) {
      const i = at.run(lane)
      const inside = i < Math.floor(lane.source.length / source.stride)
      const first = i * source.stride + (component ?? 0)
      const words = Array.from(lane.source.subarray(first, first + (component === undefined ? source.words : 1)))
      keep(lane, inside ? words.reduce((a, b) => a + b, 0) : 0, inside, gated)
      return 'next'
    },
  }
}

function loadTable(c: Context): Statement {
  const at = index(c.r, c.variables, c.tame)
  const gated = c.r.chance(0.5)
  const name = `x${c.count++}`
  return {
    lines: [
      `let ${name} = t[${at.text}];`,
      `worst = max(worst, max(${name}.x, ${name}.w));`,
      ...keeping(`${name}.x + ${name}.w`, gated ? `${at.text} < ${tableSize}u` : undefined),
    ],
    run(lane) {
      const i = at.run(lane)
      keep(lane, lane.table[4 * i] + lane.table[4 * i + 3], i < tableSize, gated)
      return 'next'
    },
  }
}

/** Words at an offset of words, of which `inside` says whether they must change. */
function write(lane: Run, memory: Word[], at: number, values: readonly number[], inside: boolean): void {
  values.forEach((value, i) => {
    const word = memory[(at + i) % 2 ** 30]
    if (inside) word.last.set(lane.invocation, value)
    else word?.others.add(value)
  })
}

/** A small number that says something of where it comes from. */
const small = (c: Context) => binary('&', index(c.r, c.variables, c.tame), literal(0xffff))

function store(c: Context): Statement {
  const { r, target } = c
  const at = index(r, c.variables, c.tame)
  const value = small(c)
  const component = target.words > 1 && r.chance(0.25) ? r.below(target.words) : undefined
  const count = component === undefined ? target.words : 1
  const values = Array.from({ length: count }, (_, i) => (i === 0 ? 'y' : `y + ${i}u`))
  const text = count === 1 ? 'y' : `vec${count}<u32>(${values.join(', ')})`
  const place = `dst[${at.text}]${component === undefined ? '' : `.${'xyzw'[component]}`}`
  const type = count === 1 ? 'f32' : `vec${count}<f32>`
  return {
    lines: [`{`, `  let y = ${value.text};`, `  ${place} = ${target.floats ? `bitcast<${type}>(${text})` : text};`, `}`],
    run(lane) {
      const i = at.run(lane)
      const memory = lane.memories.dst
      const first = value.run(lane)
      const words = Array.from({ length: count }, (_, each) => first + each)
      write(lane, memory, i * target.stride + (component ?? 0), words, i < Math.floor(memory.length / target.stride))
      return 'next'
    },
  }
}

/** Two stores side by side. */
function storePair(c: Context): Statement {
  const at = index(c.r, c.variables, c.tame)
  return {
    lines: [`pairs[${at.text}] = 11u;`, `pairs[${at.text} + 1u] = 12u;`],
    run(lane) {
      const memory = lane.memories.pairs
      const first = at.run(lane)
      for (const [i, value] of [
        [first, 11],
        [(first + 1) >>> 0, 12],
      ])
        write(lane, memory, i, [value], i < memory.length)
      return 'next'
    },
  }
}

function atomic(c: Context): Statement {
  const at = index(c.r, c.variables, c.tame)
  return {
    lines: [`atomicAdd(&cnt[${at.text}], 1u);`],
    run(lane) {
      const memory = lane.memories.cnt
      const i = at.run(lane)
      if (i < memory.length) memory[i].last.set(-1, (memory[i].last.get(-1) ?? 0) + 1)
      // By some of these it may have grown.
      else memory[i % 2 ** 30]?.others.add(1)
      return 'next'
    },
  }
}

/** Workgroup memory: nothing of what it holds is known, but nobody else has it. */
function shared(c: Context): Statement {
  const at = index(c.r, c.variables, c.tame)
  const name = `x${c.count++}`
  const lines = c.r.chance(0.5)
    ? [`shared_words[${at.text}] = ${small(c).text};`]
    : [`let ${name} = shared_words[${at.text}];`, `worst = max(worst, ${name});`]
  return { lines, run: next }
}

function ofPrivate(c: Context): Statement {
  const at = index(c.r, c.variables, c.tame)
  if (c.r.chance(0.5)) {
    const value = small(c)
    return {
      lines: [`q[${at.text}] = ${value.text};`],
      run(lane) {
        const i = at.run(lane)
        if (i < privateSize) lane.privates[i] = value.run(lane)
        else lane.privatesUnknown = true
        return 'next'
      },
    }
  }
  const name = `x${c.count++}`
  return {
    lines: [`let ${name} = q[${at.text}];`, `worst = max(worst, ${name});`, ...keeping(name, undefined)],
    run(lane) {
      const i = at.run(lane)
      keep(lane, lane.privates[i], i < privateSize && !lane.privatesUnknown, false)
      return 'next'
    },
  }
}

const step = (c: Context) =>
  c.r.weighted<Expression>([
    [5, literal(1)],
    [4, literal(c.r.pick([2, 3, 4, 5, 16]))],
    [3, parameter(c.r.below(8))],
    [0.7, literal(c.r.pick([0xffffffff, 0xfffffffe, 0x40000000, 0x20000001, 0x7fffffff]))],
    [0.3, atom(c.r, c.variables)],
  ])

const set = (variable: Variable, value: Expression): Statement['run'] => {
  return (lane) => {
    lane.variables[variable.number] = value.run(lane)
    return 'next'
  }
}

function move(c: Context, own?: Variable): Statement {
  const free = c.variables.filter((each) => each.free)
  const variable = own ?? c.r.pick(free)
  const by = step(c)
  if (c.r.chance(0.15)) {
    const unless = atom(c.r, c.variables)
    return {
      lines: [`bump(&${variable.name}, ${by.text}, ${unless.text});`],
      run(lane) {
        if ((by.run(lane) & 3) === unless.run(lane)) return 'next'
        return set(variable, binary('+', read(variable), by))(lane)
      },
    }
  }
  const name = c.r.chance(0.12) ? '-' : '+'
  return { lines: [`${variable.name} ${name}= ${by.text};`], run: set(variable, binary(name, read(variable), by)) }
}

const huge = [0xffffffff, 0x7fffffff, 0x80000000, 0xfffffffe]
const far = [0x40000000, 0x20000000, 0x20000001, 0x7fffffff]
const comparisonNames: readonly Comparison[] = ['<', '<=', '>', '>=', '==', '!=']
const condition = (c: Context): Condition =>
  c.r.chance(0.3)
    ? compare(c.r.pick(comparisonNames), atom(c.r, c.variables), atom(c.r, c.variables))
    : compare(
        c.r.pick(['<', '>', '==']),
        read(c.r.pick(c.variables)),
        c.r.chance(0.4) ? parameter(c.r.below(8)) : literal(c.r.pick([1, 2, 5, 9, 40])),
      )

function branch(c: Context): Statement {
  const when = condition(c)
  const kind = c.r.kind({ break: c.depth ? 4 : 0, continue: c.depth ? 3 : 0, return: 0.4, move: 4, store: 3, many: 2 })
  if (kind === 'break' || kind === 'continue' || kind === 'return')
    return { lines: [`if (${when.text}) { ${kind}; }`], run: (lane) => (when.run(lane) ? kind : 'next') }
  const then = kind === 'move' ? move(c) : kind === 'store' ? access(c) : block(c, 2)
  return { lines: [`if (${when.text}) {`, ...indent(then.lines), '}'], run: (lane) => (when.run(lane) ? then.run(lane) : 'next') }
}

/** While, or as soon as, the first accumulator is above or below a number. */
function leave(c: Context, by: 'break' | 'continue'): Statement {
  const limit = c.r.chance(0.3) ? parameter(c.r.below(8)) : literal(c.r.pick([3, 5, 9, 40]))
  const when = compare(by === 'break' ? '>' : '<', read(c.variables[0]), limit)
  return { lines: [`if (${when.text}) { ${by}; }`], run: (lane) => (when.run(lane) ? by : 'next') }
}

function choice(c: Context): Statement {
  const by = atom(c.r, c.variables)
  const one = c.r.pick([0, 1, 2])
  const [first, rest] = [block(c, 1), block(c, 2)]
  const leaves = c.r.chance(0.4)
  return {
    lines: [
      `switch (${by.text}) {`,
      `  case ${one}u: {`,
      ...indent(indent([...first.lines, ...(leaves ? ['if (p.h == 1u) { break; }', `${moved}`] : [])])),
      '  }',
      '  default: {',
      ...indent(indent(rest.lines)),
      '  }',
      '}',
    ],
    run(lane) {
      let signal: Signal
      if (by.run(lane) === one) {
        signal = first.run(lane)
        if (signal === 'next' && leaves && lane.parameters[7] !== 1) lane.variables[1] = (lane.variables[1] + 1) >>> 0
      } else signal = rest.run(lane)
      // Within a switch it ends that.
      return signal === 'break' ? 'next' : signal
    },
  }
}
const moved = 'at1 += 1u;'

function access(c: Context): Statement {
  const kind = c.r.kind({ load: 5, store: 5, pair: 1, table: 1, atomic: 1, shared: 1, private: 1.5 })
  return { load, store, pair: storePair, table: loadTable, atomic, shared, private: ofPrivate }[kind](c)
}

function block(c: Context, most: number): Statement {
  const before = c.variables
  const list: Statement[] = []
  for (let i = 1 + c.r.below(most); i > 0 && c.made < (c.tame ? 10 : 16); i--) list.push(statement(c))
  c.variables = before
  return sequence(list)
}

function statement(c: Context): Statement {
  c.made++
  const kind = c.r.kind({ access: 7, move: 3, branch: 2, switch: 0.3, loop: c.depth < 3 ? (c.depth === 0 ? 8 : 3) : 0, declare: 0.7 })
  if (kind === 'declare') {
    const value = c.r.chance(0.5) ? literal(0) : atom(c.r, c.variables)
    const variable = newVariable(c, false, true)
    c.variables = [...c.variables, variable]
    return { lines: [`var ${variable.name} = ${value.text};`], run: set(variable, value) }
  }
  return { access, move: (own: Context) => move(own), branch, switch: choice, loop }[kind](c)
}

function loop(c: Context): Statement {
  const { r } = c
  const before = c.variables
  const signed = r.chance(0.25)
  const counter = newVariable(c, signed, false)
  const begin = r.weighted<Expression>([
    [7, literal(0)],
    [2, atom(r, c.variables)],
    [1, literal(signed ? -r.below(6) : r.below(4))],
    [0.5, binary('+', globalId, literal(r.below(3)))],
    [0.3, binary('<<', { text: 'l', run: ({ lane }) => lane }, literal(r.pick([1, 2, 30, 31])))],
  ])
  const wraps = r.chance(0.06)
  const end = r.weighted<Expression>([
    [wraps ? 90 : 0, literal(r.pick(huge))],
    [c.tame ? 9 : 5, parameter(r.below(8))],
    [c.tame ? 6 : 2, literal(1 + r.below(9))],
    [1, atom(r, c.variables)],
    [2, read(r.pick(c.variables))],
    [1, index(r, c.variables, c.tame)],
    [0.4, literal(r.pick(huge))],
  ])
  const name = r.weighted<Comparison>([
    [6, '<'],
    [2, '<='],
    [0.4, '!='],
    [0.7, '>'],
  ])
  const by = wraps ? literal(r.pick(far)) : step(c)
  const to = (value: Expression) => (signed ? `i32(${value.text})` : value.text)
  const stays: Condition = {
    text: `${counter.name} ${name} ${to(end)}`,
    run: compare(name, read(counter), end, signed).run,
  }
  const down = name === '>'
  const update: Statement = {
    lines: [`${counter.name} ${down ? '-' : '+'}= ${to(by)};`],
    run: set(counter, binary(down ? '-' : '+', read(counter), by)),
  }
  c.variables = [...c.variables, counter]
  c.depth++
  const made = form(c, counter, to(begin), stays, update)
  c.depth--
  c.variables = before
  return sequence([{ lines: [], run: set(counter, begin) }, made])
}

function form(c: Context, counter: Variable, begin: string, stays: Condition, update: Statement): Statement {
  const { r } = c
  const kind = r.kind({ for: 8, loop: 4, while: 1 })
  const type = counter.signed ? 'i32' : 'u32'
  const early = sequence(kind === 'loop' && r.chance(0.5) ? [r.chance(0.5) ? load(c) : move(c)] : [])
  // The update stands behind everything, or somewhere in the body, or in what ends each turn.
  const inBody = kind === 'while' || (kind === 'loop' && r.chance(0.5))
  const parts: Statement[] = []
  // So that there is an end, whatever the counter does; and what passes over the update of the counter for a while.
  if (stays.text.includes('4294967') || r.chance(0.1)) parts.push(move(c, c.variables[0]), leave(c, 'break'))
  if (inBody && r.chance(0.4)) parts.push(...(r.chance(0.5) ? [access(c)] : []), move(c, c.variables[0]), leave(c, 'continue'))
  parts.push(block(c, 4))
  if (inBody) parts.push(update, ...(r.chance(0.5) ? [block(c, 2)] : []))
  const body = sequence(parts)
  const last = sequence(
    inBody ? (kind === 'loop' && r.chance(0.4) ? [access(c)] : []) : kind === 'loop' && r.chance(0.5) ? [access(c), update] : [update],
  )
  const declaration = `var ${counter.name}: ${type} = ${begin};`
  const lines =
    kind === 'for'
      ? [`for (${declaration} ${stays.text}; ${last.lines[0].replace(/;$/, '')}) {`, ...indent(body.lines), '}']
      : [
          declaration,
          ...(kind === 'while' ? [`while (${stays.text}) {`] : ['loop {', ...indent(early.lines), `  if (!(${stays.text})) { break; }`]),
          ...indent(body.lines),
          ...(kind === 'loop' && last.lines.length ? ['  continuing {', ...indent(indent(last.lines)), '  }'] : []),
          '}',
        ]
  return {
    lines,
    run(lane) {
      for (;;) {
        if (++lane.counted.steps > mostSteps) throw new Endless()
        early.run(lane)
        if (!stays.run(lane)) return 'next'
        const signal = body.run(lane)
        if (signal === 'break') return 'next'
        if (signal === 'return') return signal
        last.run(lane)
      }
    },
  }
}
class Endless extends Error {}

export function createNest(seed: number): Nest {
  const r = random(seed)
  const workgroupSize = r.pick([1, 1, 2, 3, 4, 4, 6, 8, 16])
  const c: Context = {
    r,
    source: r.pick(elements),
    target: r.pick(elements),
    workgroupSize,
    tame: r.chance(0.7),
    variables: [],
    count: 0,
    depth: 0,
    made: 0,
  }
  // The sum is variable 0; those of 1 and 2 always are there.
  c.count = 1
  const first = [newVariable(c, false, true), newVariable(c, false, true)]
  c.variables = first
  const start = [literal(0), atom(r, [])]
  const body = sequence([block(c, 3), loop(c), ...(r.chance(0.5) ? [block(c, 2)] : [])])
  const declarations = {
    p: `var<uniform> p: P;`,
    t: `var<uniform> t: array<vec4<u32>, ${tableSize}>;`,
    src: `var<storage> src: array<${c.source.type}>;`,
    dst: `var<storage, read_write> dst: array<${c.target.type}>;`,
    pairs: `var<storage, read_write> pairs: array<u32>;`,
    cnt: `var<storage, read_write> cnt: array<atomic<u32>>;`,
    out: `var<storage, read_write> out: array<u32>;`,
  }
  const names = Object.keys(declarations) as (keyof typeof declarations)[]
  for (let i = names.length - 1; i > 0; i--) {
    const j = r.below(i + 1)
    ;[names[i], names[j]] = [names[j], names[i]]
  }
  const code = [
    `struct P { ${parameterNames.map((name) => `${name}: u32`).join(', ')} }`,
    ...names.map((name, i) => `@group(0) @binding(${i}) ${declarations[name]}`),
    'var<workgroup> shared_before: array<u32, 3>;',
    `var<workgroup> shared_words: array<u32, ${r.pick([4, 7, 16])}>;`,
    'var<workgroup> shared_after: array<u32, 3>;',
    'fn bump(x: ptr<function, u32>, by: u32, idle: u32) {',
    '  if ((by & 3u) == idle) { return; }',
    '  *x += by;',
    '}',
    `@compute @workgroup_size(${workgroupSize})`,
    'fn main(@builtin(local_invocation_index) l: u32, @builtin(workgroup_id) wid: vec3<u32>, @builtin(global_invocation_id) gid: vec3<u32>) {',
    '  let w = wid.x;',
    '  let gi = gid.x;',
    '  var sum = 0u;',
    '  var worst = 0u;',
    '  var v = 0u;',
    '  var q_before: array<u32, 2>;',
    `  var q: array<u32, ${privateSize}>;`,
    '  var q_after: array<u32, 2>;',
    '  q_before[p.h & 1u] = 3u;',
    '  q_after[p.h & 1u] = 5u;',
    // They are in memory only if something is where it is indexed so.
    '  q[p.h & 1u] = 0u;',
    ...first.map(({ name }, i) => `  var ${name} = ${start[i].text};`),
    ...indent(body.lines),
    `  if (q_before[p.h & 1u] != 3u || q_before[~p.h & 1u] != 0u || q_after[p.h & 1u] != 5u || q_after[~p.h & 1u] != 0u) { worst = ${greatest + 1}u; }`,
    `  if (shared_before[l % 3u] + shared_after[l % 3u] != 0u || t[0].x + cnt_of(p.h) + src_of() > ${greatest}u) { worst = ${greatest + 2}u; }`,
    '  pairs[arrayLength(&pairs)] = dst_of();',
    '  out[2u * gi] = sum;',
    '  out[2u * gi + 1u] = worst;',
    '}',
    // So that all are used, whatever is made.
    'fn cnt_of(i: u32) -> u32 { return min(atomicLoad(&cnt[0]), 1u); }',
    'fn src_of() -> u32 { return min(arrayLength(&src), 1u); }',
    'fn dst_of() -> u32 { return arrayLength(&dst); }',
  ].join('\n')

  const createCase = (caseSeed: number): Case => {
    const own = random(caseSeed)
    const groups = 1 + own.below(2)
    const words = (length: number) => Uint32Array.from({ length }, () => own.below(greatest / 8))
    const sizes = [own.below(c.tame ? 120 : 40), own.below(c.tame ? 120 : 40)]
    const sourceWords = Math.max(c.source.stride, sizes[0])
    const targetWords = Math.max(c.target.stride, sizes[1])
    const limits = [
      sourceWords,
      targetWords,
      Math.floor(sourceWords / c.source.stride),
      Math.floor(targetWords / c.target.stride),
      privateSize,
    ]
    const parameters = Uint32Array.from(parameterNames, () => parameterValue(own, limits, c.tame))
    return {
      parameters,
      groups,
      bindings: {
        p: parameters,
        t: words(4 * tableSize),
        src: words(sourceWords),
        dst: words(targetWords),
        pairs: words(1 + own.below(20)),
        cnt: new Uint32Array(1 + own.below(20)),
        out: new Uint32Array(2 * workgroupSize * groups),
      },
    }
  }

  const expect = ({ parameters, bindings, groups }: Case) => {
    const memoryOf = (data: Uint32Array) => Array.from(data, () => new Word())
    const memories = Object.fromEntries((['dst', 'pairs', 'cnt'] as const).map((name) => [name, memoryOf(bindings[name])]))
    const before = Object.fromEntries(Object.entries(bindings).map(([name, data]) => [name, data.slice()]))
    const counted = { steps: 0 }
    const sums: (number | undefined)[] = []
    const returned: boolean[] = []
    try {
      for (let invocation = 0; invocation < groups * workgroupSize; invocation++) {
        const lane: Run = {
          ...{ lane: invocation % workgroupSize, group: Math.floor(invocation / workgroupSize), lanes: workgroupSize },
          ...{ parameters, variables: [0], memories, source: before.src, table: before.t, invocation },
          ...{ privates: new Uint32Array(privateSize), privatesUnknown: false, sumUnknown: false, counted },
        }
        first.forEach((variable, i) => set(variable, start[i])(lane))
        returned.push(body.run(lane) === 'return')
        sums.push(lane.sumUnknown ? undefined : lane.variables[0])
      }
    } catch (error) {
      if (error instanceof Endless) return undefined
      throw error
    }
    return (after: Readonly<Record<string, Uint32Array>>): string => {
      for (const name of ['dst', 'pairs'] as const)
        for (const [i, { last, others }] of memories[name].entries()) {
          const value = after[name][i]
          const allowed = new Set([...last.values(), ...others, ...(last.size ? [] : [before[name][i]])])
          if (!allowed.has(value)) return `${name}[${i}] is ${value}, not one of ${[...allowed]}`
        }
      for (const [i, { last, others }] of memories.cnt.entries())
        if (others.size === 0 && after.cnt[i] !== (last.get(-1) ?? 0)) return `cnt[${i}] is ${after.cnt[i]}, not ${last.get(-1) ?? 0}`
      for (const [i, sum] of sums.entries()) {
        if (returned[i]) continue
        const [value, worst] = after.out.subarray(2 * i, 2 * i + 2)
        if (worst > greatest) return `invocation ${i} read ${worst}, which is nowhere`
        if (sum !== undefined && value !== sum) return `the sum of invocation ${i} is ${value}, not ${sum}`
      }
      return ''
    }
  }
  return { code, names, createCase, expect }
}
