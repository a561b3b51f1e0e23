/** A whole random program from a seed. */

import { approximate } from './approximate.js'
import { inputLength } from './atoms.js'
import { type Buffer, classesOf, contents } from './buffers.js'
import { block, type Context, declare, type Floats, freshName, inside, level, type Variable, visible, write } from './context.js'
import { expression, live } from './expressions.js'
import { helperFunction } from './functions.js'
import { type Random, random } from './random.js'
import { constant, someType, statements } from './statements.js'
import {
  array,
  bool,
  declareStruct,
  eachScalar,
  f32,
  i32,
  isInteger,
  matrix,
  partTypes,
  type Scalar,
  type Struct,
  type Type,
  u32,
  vector,
} from './types.js' // prettier-ignore
import { type Group, phase } from './workgroup.js'

export interface Program {
  readonly seed: number
  readonly source: string
  readonly workgroups: readonly [number, number, number]
  /** Values of overrides. */
  readonly constants: Record<string, number>
  readonly buffers: readonly Buffer[]
}

const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [2, 1, 1],
  [3, 1, 1],
  [4, 1, 1],
  [7, 1, 1],
  [8, 1, 1],
  [32, 1, 1],
  [64, 1, 1],
  [2, 2, 1],
  [3, 5, 1],
  [8, 8, 1],
  [4, 2, 2],
  [1, 1, 4],
  [1, 7, 1],
  [16, 4, 1],
  [2, 3, 3],
] // prettier-ignore

export function generate(seed: number): Program {
  const r = random(seed)
  const floats = r.kind({ none: 2, tame: 5, wild: 3 })
  const c = newContext(r, floats)
  const size = r.pick(sizes)
  const invocations = size[0] * size[1] * size[2]
  const grid = (['x', 'y', 'z'] as const).map((_, i) => 1 + r.index([6 - i, 2, 1])) as [number, number, number]
  const total = invocations * grid[0] * grid[1] * grid[2]

  const module: string[] = []
  const buffers: Buffer[] = []
  const constants: Record<string, number> = {}
  const buffer = (
    name: string,
    type: Type,
    kind: Buffer['kind'],
    words: Uint32Array<ArrayBuffer>,
    classes = '',
    declared = `array<${type.name}>`,
    group = 0,
  ) => {
    const binding = buffers.length
    buffers.push({ name, group, binding, kind, words, classes })
    const space = kind === 'uniform' ? 'uniform' : kind === 'storage' ? 'storage, read_write' : 'storage, read'
    module.push(`@group(${group}) @binding(${binding}) var<${space}> ${name}: ${declared};`)
  }
  for (const [name, type] of [['iu', u32], ['ii', i32], ...(floats === 'none' ? [] : [['fi', f32] as const])] as const)
    buffer(name, type, 'read-only-storage', contents(r, type, inputLength, floats))

  chooseTypes(c)
  const scope = c.scopes[0]
  const sized = overrides(c, module, constants, size)
  const uniform = r.chance(0.6) ? uniformStruct(c) : undefined
  if (uniform) {
    const words = contents(r, uniform, 1, floats)
    words[0] = 1 + r.below(4)
    buffer('un', uniform, 'uniform', words, '', uniform.name, r.below(2))
    scope.push({ name: 'un', text: 'un', type: uniform, mutable: false, space: 'value', root: 'un' })
  }
  const structs = c.structs.filter(hostShareable)
  const read = r.chance(0.4) ? r.pick([...structs, vector(3, r.pick([u32, i32])), vector(2, u32)]) : undefined
  if (read) {
    buffer('si', read, 'read-only-storage', contents(r, read, 5, floats))
    scope.push({ name: 'si', text: `si[${r.below(5)}]`, type: read, mutable: false, space: 'value', root: 'si' })
  }
  privates(c, module)
  const group = groupOf(c, module, size, sized, uniform !== undefined)
  atomics(c, buffer)
  if (r.chance(0.3)) {
    buffer('xs', u32, 'storage', contents(r, u32, total, floats), 'i')
    Object.assign(group, { exchange: 'xs' })
  }
  const own = r.chance(0.35) ? r.pick([...structs, ...structs, vector(3, u32), vector(4, i32), array(u32, 3)]) : undefined
  if (own) buffer('so', own, 'storage', contents(r, own, total, floats), classesOf(own))

  const functions: string[] = []
  for (let i = r.index([1, 3, 3, 1]); i > 0; i--) {
    helperFunction(c)
    functions.push(...c.lines)
    c.lines = []
  }
  const outputs = entryPoint(c, group, size, sized, own, read)
  for (const [name, classes] of [
    ['ou', outputs.integers],
    ['fo', outputs.floats],
  ] as const)
    if (classes) buffer(name, name === 'ou' ? u32 : f32, 'storage', new Uint32Array(classes.length * total), classes)
  const head = [...c.structs, ...(uniform ? partsOf(uniform) : [])].map(declareStruct)
  const source = [...new Set(head), ...module, ...group.module, ...c.helpers.values(), ...functions, ...c.lines].join('\n')
  return { seed, source: `${source}\n`, workgroups: grid, constants, buffers }
}

const newContext = (r: Random, floats: Floats): Context => ({
  random: r,
  floats,
  types: [],
  structs: [],
  functions: [],
  scopes: [[]],
  lines: [],
  indent: '',
  helpers: new Map(),
  names: 0,
  budget: 8 + r.below(14),
  depth: 0,
  loops: 0,
  breakable: false,
  continuable: false,
  returns: 'no',
  broke: false,
  staying: 0,
  privates: new Set(),
  calls: true,
  extras: [],
}) // prettier-ignore

/** Types for variables: scalars more than once, vectors, and some composites of this program's own. */
function chooseTypes(c: Context): void {
  const r = c.random
  const scalars: Scalar[] = c.floats === 'none' ? [u32, i32, bool] : [u32, i32, f32, f32, bool]
  const someVector = () => vector(2 + r.below(3), r.chance(0.1) ? bool : r.pick(scalars.filter((scalar) => scalar !== bool)))
  c.types.push(...scalars, u32, i32)
  for (let i = 1 + r.below(3); i > 0; i--) c.types.push(someVector())
  if (c.floats !== 'none' && r.chance(0.4)) c.types.push(matrix(2 + r.below(3), 2 + r.below(3)))
  const plain = () => r.pick([...c.types, someVector()])
  for (let i = r.index([3, 3, 1]); i > 0; i--) {
    const members = Array.from({ length: 1 + r.below(4) }, (_, k) => ({
      name: `m${k}`,
      type: plain(),
      ...(r.chance(0.08) ? { align: 16 } : {}),
    }))
    const struct: Struct = { kind: 'struct', name: freshName(c, 'S'), members }
    c.structs.push(struct)
    c.types.push(struct)
  }
  for (let i = r.index([2, 3, 1]); i > 0; i--) c.types.push(array(plain(), 2 + r.below(4)))
}

function hostShareable(type: Type): boolean {
  let shareable = true
  eachScalar(type, (_, scalar) => void (shareable &&= scalar !== bool))
  return shareable
}

/** Overrides, with values of the pipeline or not; one may be the size of the workgroup, whose text is given back. */
function overrides(c: Context, module: string[], constants: Record<string, number>, size: readonly number[]): string {
  const r = c.random
  for (let i = r.index([4, 2, 1]); i > 0; i--) {
    const type = r.pick([u32, i32, bool, ...(c.floats === 'none' ? [] : [f32])])
    const name = freshName(c, 'o')
    const id = r.chance(0.3) ? c.names + 100 : undefined
    const initial = r.chance(0.8)
    const value = type === bool ? r.below(2) : 1 + r.below(7)
    if (!initial || r.chance(0.5)) constants[id === undefined ? name : String(id)] = value
    const first = type === bool ? 'true' : `${1 + r.below(9)}${type === f32 ? '.0' : ''}`
    module.push(`${id === undefined ? '' : `@id(${id}) `}override ${name}: ${type.name}${initial ? ` = ${first}` : ''};`)
    c.scopes[0].push({ name, text: name, type, mutable: false, fixed: true, space: 'value', root: name })
    if (isInteger(type) && r.chance(0.4)) {
      const more = freshName(c, 'o')
      module.push(`override ${more} = ${name} * ${1 + r.below(5)} + ${r.below(9)};`)
      c.scopes[0].push({ name: more, text: more, type, mutable: false, fixed: true, space: 'value', root: more })
    }
  }
  if (size[1] * size[2] > 1 || r.chance(0.8)) return ''
  module.push(`override wn: u32 = ${r.chance(0.5) ? size[0] : 5};`)
  constants.wn = size[0]
  return 'wn'
}

/** A uniform struct: a count of 1 to 4 first, then what the layout rules of uniforms allow. */
function uniformStruct(c: Context): Struct {
  const r = c.random
  const scalars: Scalar[] = c.floats === 'none' ? [u32, i32] : [u32, i32, f32]
  const types = (): Type[] => [
    r.pick(scalars),
    vector(2 + r.below(3), r.pick(scalars)),
    vector(3, r.pick(scalars)),
    array(vector(r.pick([3, 4]), r.pick(scalars)), 2 + r.below(2)),
    ...(c.floats === 'none' ? [] : [matrix(2 + r.below(3), 2 + r.below(3))]),
  ] // prettier-ignore
  const members = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `u${i}`, type: r.pick(types()), ...(r.chance(0.1) ? { size: 64 } : {}) }))
  const inner: Struct = {
    kind: 'struct',
    name: 'Inner',
    members: [...members(1 + r.below(2)), { name: 'v', type: vector(4, r.pick(scalars)) }],
  }
  const nested = r.chance(0.6) ? [{ name: 'inner', type: r.chance(0.5) ? inner : array(inner, 2), align: 16 }] : []
  return {
    kind: 'struct',
    name: 'Uniforms',
    members: [{ name: 'n', type: u32 }, ...members(r.below(3)), ...nested, ...members(nested.length ? 1 : r.below(2))].map((m, i) => ({
      ...m,
      name: m.name.startsWith('u') ? `u${i}` : m.name,
    })),
  } // prettier-ignore
}

const partsOf = (struct: Struct): Struct[] => [
  ...struct.members.flatMap(({ type }) =>
    type.kind === 'struct' ? partsOf(type) : type.kind === 'array' && type.element.kind === 'struct' ? partsOf(type.element) : [],
  ),
  struct,
]

function privates(c: Context, module: string[]): void {
  const r = c.random
  for (let i = r.index([2, 2, 1]); i > 0; i--) {
    const type = someType(c)
    const name = freshName(c, 'g')
    module.push(`var<private> ${name}${r.chance(0.4) ? `: ${type.name}` : `: ${type.name} = ${constant(c, type).text}`};`)
    c.scopes[0].push({ name, text: name, type, mutable: true, space: 'private', root: name })
  }
  if (r.chance(0.4)) {
    const type = r.chance(0.5) ? array(r.pick(c.types.filter((t) => t.kind === 'scalar')), 3 + r.below(4)) : someType(c)
    const name = freshName(c, 'k')
    module.push(`const ${name}: ${type.name} = ${constant(c, type).text};`)
    c.scopes[0].push({ name, text: name, type, mutable: false, fixed: true, space: 'value', root: name })
  }
}

function groupOf(c: Context, module: string[], size: readonly number[], sized: string, uniform: boolean): Group {
  const invocations = size[0] * size[1] * size[2]
  const conditions = ['(wid.x & 1u) == 0u', 'nw.x > 1u', 'wid.x + wid.y < 2u', ...(uniform ? ['un.n > 2u', '(un.n ^ wid.x) != 2u'] : [])]
  const counts = ['2u', '3u', 'nw.x', '(wid.x & 1u) + 1u', ...(uniform ? ['un.n', 'un.n', 'un.n'] : [])]
  const group: Group = {
    size: invocations,
    written: sized || String(invocations),
    local: 'li',
    linear: 'gi',
    conditions,
    counts,
    module: [],
  }
  if (c.random.chance(0.3)) {
    const [type, count] = [c.random.pick([u32, i32]), 1 + c.random.below(8)]
    module.push(`var<workgroup> wa: array<atomic<${type.name}>, ${count}>;`)
    addAtomics(c, 'wa', type, count)
    return { ...group, atomics: { name: 'wa', type, count } }
  }
  return group
}

/** Statements on an atomic array, all of one kind: in whatever order they happen, the sum is the same. */
function addAtomics(c: Context, name: string, type: Scalar, count: number): void {
  const operations = c.random.pick([
    ['atomicAdd', 'atomicSub', 'atomicAdd'],
    ['atomicMax'],
    ['atomicMin'],
    ['atomicOr'],
    ['atomicAnd'],
    ['atomicXor'],
  ])
  c.extras.push(() => {
    const index = c.random.chance(0.3) ? String(c.random.below(count)) : `${inside(live(c, u32, 1), level.product)} % ${count}u`
    write(c, `${c.random.pick(operations)}(&${name}[${index}], ${expression(c, type, 2).text});`)
  })
}

type AddBuffer = (
  name: string,
  type: Type,
  kind: Buffer['kind'],
  words: Uint32Array<ArrayBuffer>,
  classes?: string,
  declared?: string,
  group?: number,
) => void

function atomics(c: Context, buffer: AddBuffer): void {
  if (!c.random.chance(0.3)) return
  const [type, count] = [c.random.pick([u32, i32]), 1 + c.random.below(8)]
  buffer(
    'at',
    type,
    'storage',
    contents(c.random, type, count, c.floats),
    'i',
    `array<atomic<${type.name}>${c.random.chance(0.5) ? `, ${count}` : ''}>`,
  )
  addAtomics(c, 'at', type, count)
}

/** The entry point; gives the classes of the words that each invocation puts out. */
function entryPoint(c: Context, g: Group, size: readonly number[], sized: string, own: Type | undefined, read: Type | undefined) {
  const r = c.random
  const builtins: [string, string, Type][] = [
    ['local_invocation_index', 'li', u32],
    ['workgroup_id', 'wid', vector(3, u32)],
    ['num_workgroups', 'nw', vector(3, u32)],
    ...(r.chance(0.6) ? [['global_invocation_id', 'gid', vector(3, u32)] as [string, string, Type]] : []),
    ...(r.chance(0.6) ? [['local_invocation_id', 'lid', vector(3, u32)] as [string, string, Type]] : []),
  ]
  const struct = r.chance(0.3)
  // A struct as a whole is not uniform: what must be stays a parameter.
  const inside = struct ? builtins.filter(([, name]) => name !== 'wid' && name !== 'nw') : []
  const list = (of: typeof builtins) => of.map(([builtin, name, type]) => `@builtin(${builtin}) ${name}: ${type.name}`)
  if (struct) write(c, `struct Ids { ${list(inside).join(', ')} }`)
  const parameters = [...(struct ? ['ids: Ids'] : []), ...list(builtins.filter((one) => !inside.includes(one)))].join(', ')
  const shape = sized || (r.chance(0.5) && size[1] * size[2] === 1 ? size[0] : size.slice(0, size[2] > 1 ? 3 : 2).join(', '))
  write(c, r.chance(0.5) ? `@compute @workgroup_size(${shape})` : `@workgroup_size(${shape}) @compute`)
  const outputs = { integers: '', floats: '' }
  const value = (name: string, type: Type): Variable => ({ name, text: name, type, mutable: false, space: 'value', root: name })
  block(c, `fn main(${parameters})`, () => {
    for (const [, name] of inside) write(c, `let ${name} = ids.${name};`)
    for (const [, name, type] of builtins) declare(c, value(name, type))
    write(c, `let gi = (wid.x + nw.x * (wid.y + nw.y * wid.z)) * ${sized || g.size}${sized ? '' : 'u'} + li;`)
    declare(c, value('gi', u32))
    if (own) declare(c, { name: 'gi', text: 'so[gi]', type: own, mutable: true, space: 'storage', root: 'so' })
    if (read) declare(c, { name: 'gi', text: 'si[gi % 5u]', type: read, mutable: false, space: 'value', root: 'si' })
    for (let phases = r.index([3, 3, 2, 1]); ; phases--) {
      statements(c, 2 + r.below(4))
      if (phases === 0) break
      phase(c, g)
    }
    output(c, outputs)
    if (own && r.chance(0.5)) {
      c.returns = 'nothing'
      statements(c, 3)
      c.returns = 'no'
    }
  })
  // Slots were numbered while they were written; how many there are is known now.
  c.lines = c.lines.map((line) =>
    line.replace('INTEGERS', String(outputs.integers.length)).replace('FLOATS', String(outputs.floats.length)),
  )
  return outputs
}

/** Writes what variables hold to the invocation's slots. */
function output(c: Context, outputs: { integers: string; floats: string }): void {
  const r = c.random
  const store = (type: Scalar, text: string, kind: 'i' | 'f' | 'a') => {
    const integers = kind === 'i'
    const slot = integers ? outputs.integers.length : outputs.floats.length
    const bits = type === u32 || !integers ? text : type === i32 ? `bitcast<u32>(${text})` : `select(0u, 1u, ${text})`
    write(c, `${integers ? 'ou' : 'fo'}[gi * ${integers ? 'INTEGERS' : 'FLOATS'}u + ${slot}u] = ${bits};`)
    outputs[integers ? 'integers' : 'floats'] += kind
  }
  const all = visible(c).filter(
    (v) =>
      v.space !== 'storage' && !v.fixed && c.scopes[1].includes(v) && !['li', 'wid', 'nw', 'gid', 'lid', 'gi', 'si', 'un'].includes(v.name),
  )
  const privateOnes = c.scopes[0].filter((v) => v.space === 'private')
  for (const variable of [...all, ...privateOnes].slice(-8))
    eachPath(variable.text, variable.type, r, (text, type) => store(type, text, type === f32 ? 'f' : 'i'))
  for (let i = 0; i < 2; i++) {
    const type = r.pick(c.floats === 'none' ? [u32, i32, bool] : [u32, i32, bool, f32])
    store(type, inside(live(c, type, 3), level.shift), type === f32 ? 'f' : 'i')
  }
  if (c.floats === 'tame' && r.chance(0.5))
    for (let i = 1 + r.below(2); i > 0; i--) {
      const type = r.chance(0.5) ? f32 : vector(2 + r.below(3), f32)
      const text = approximate(c, type)
      if (type === f32) store(f32, text, 'a')
      else store(f32, `(${text}).${'xyzw'[r.below((type as { size: number }).size)]}`, 'a')
    }
  if (outputs.integers === '' && outputs.floats === '') store(u32, 'gi', 'i')
}

/** Up to eight scalars of something: all of it, mostly. */
function eachPath(text: string, type: Type, r: Random, visit: (text: string, scalar: Scalar) => void): void {
  if (type.kind === 'scalar') visit(text, type)
  else if (type.kind === 'struct') for (const member of type.members) eachPath(`${text}.${member.name}`, member.type, r, visit)
  else {
    const [part] = partTypes(type)
    const count = type.kind === 'array' ? type.count : type.kind === 'matrix' ? type.columns : (type as { size: number }).size
    for (let i = 0; i < count; i++) if (count < 4 || r.chance(0.6)) eachPath(`${text}[${i}]`, part, r, visit)
  }
}
