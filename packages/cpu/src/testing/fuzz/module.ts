/** What a generated program declares at module scope: types, overrides, uniforms, private variables, constants, atomics. */

import { mustLive } from './atoms.js'
import { type Buffer, contents } from './buffers.js'
import { type Context, freshName, inside, level, type Variable, write } from './context.js'
import { expression, live } from './expressions.js'
import { constant, someType } from './statements.js'
import { array, bool, eachScalar, f32, i32, isInteger, matrix, type Scalar, type Struct, type Type, u32, vector } from './types.js'
import type { Group } from './workgroup.js'

/** Types for variables: scalars more than once, vectors, and some composites of this program's own. */
export function chooseTypes(c: Context): void {
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

export function hostShareable(type: Type): boolean {
  let shareable = true
  eachScalar(type, (_, scalar) => void (shareable &&= scalar !== bool))
  return shareable
}

/** Overrides, with values of the pipeline or not; one may be the size of the workgroup, whose text is given back. */
export function overrides(c: Context, module: string[], constants: Record<string, number>, size: readonly number[]): string {
  const r = c.random
  for (let i = r.index([4, 2, 1]); i > 0; i--) {
    const type = r.pick([u32, i32, bool, ...(c.floats === 'tame' ? [f32] : [])])
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
export function uniformStruct(c: Context): Struct {
  const r = c.random
  const scalars: Scalar[] = c.floats === 'none' ? [u32, i32] : [u32, i32, f32]
  const types = (): Type[] => [
    r.pick(scalars),
    vector(2 + r.below(3), r.pick(scalars)),
    vector(3, r.pick(scalars)),
    array(vector(r.pick([3, 4]), r.pick(scalars)), 2 + r.below(2)),
    ...(c.floats === 'none' ? [] : [matrix(2 + r.below(3), 2 + r.below(3))]),
  ]
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
  }
}

/** A struct and those in it, the inner ones first. */
export const partsOf = (struct: Struct): Struct[] => [
  ...struct.members.flatMap(({ type }) =>
    type.kind === 'struct' ? partsOf(type) : type.kind === 'array' && type.element.kind === 'struct' ? partsOf(type.element) : [],
  ),
  struct,
]

/** Private variables, and a constant; gives those variables that have no value of their own. */
export function privates(c: Context, module: string[]): Variable[] {
  const r = c.random
  const zeros: Variable[] = []
  for (let i = r.index([2, 2, 1]); i > 0; i--) {
    const type = someType(c)
    const name = freshName(c, 'g')
    const variable: Variable = { name, text: name, type, mutable: true, space: 'private', root: name }
    const zero = r.chance(0.4) || mustLive(c, type)
    if (zero) zeros.push(variable)
    module.push(`var<private> ${name}: ${type.name}${zero ? '' : ` = ${constant(c, type).text}`};`)
    c.scopes[0].push(variable)
  }
  if (r.chance(0.4)) {
    const wanted = r.chance(0.5) ? array(r.pick(c.types.filter((t) => t.kind === 'scalar')), 3 + r.below(4)) : someType(c)
    const type = mustLive(c, wanted) ? u32 : wanted
    const name = freshName(c, 'k')
    module.push(`const ${name}: ${type.name} = ${constant(c, type).text};`)
    c.scopes[0].push({ name, text: name, type, mutable: false, fixed: true, space: 'value', root: name })
  }
  return zeros
}

export function groupOf(c: Context, module: string[], size: readonly number[], sized: string, uniform: boolean): Group {
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
    left: 16000,
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

export type AddBuffer = (
  name: string,
  type: Type,
  kind: Buffer['kind'],
  words: Uint32Array<ArrayBuffer>,
  classes?: string,
  declared?: string,
  group?: number,
) => void

export function atomics(c: Context, buffer: AddBuffer): void {
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
