/** A whole random program from a seed. */
import { inputLength } from './atoms.js'
import { type Buffer, classesOf, contents } from './buffers.js'
import type { Context, Floats } from './context.js'
import { type Elements, entryPoint, lanes } from './entry.js'
import { helperFunction } from './functions.js'
import { type AddBuffer, atomics, chooseTypes, groupOf, hostShareable, overrides, partsOf, privates, uniformStruct } from './module.js'
import { nest, tag } from './nests.js'
import { type Random, random } from './random.js'
import { array, declareStruct, f32, i32, type Type, u32, vector } from './types.js'

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
  [8, 3, 1],
  [4, 4, 1],
  [4, 1, 3],
  [4, 2, 2],
  [1, 1, 4],
  [1, 7, 1],
  [16, 4, 1],
  [2, 3, 3],
]

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
  const buffer: AddBuffer = (name, type, kind, words, classes = '', declared = `array<${type.name}>`, group = 0) => {
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
  const elements = chooseElements(c)
  if (elements.few) {
    buffer('si', elements.few, 'read-only-storage', contents(r, elements.few, 5, floats))
    scope.push({ name: 'si', text: `si[${r.below(5)}]`, type: elements.few, mutable: false, space: 'value', root: 'si' })
  }
  const { many, sink } = elements
  if (many) {
    const tagged = many === u32 && r.chance(0.5)
    const words = contents(r, many, 4 * total + 64, floats)
    buffer('big', many, 'read-only-storage', tagged ? words.map((_, i) => tag * 2 ** 24 + i) : words)
    if (sink) buffer('sink', u32, 'storage', new Uint32Array(total + 5), '-')
    for (let i = 0; i < 2; i++) c.extras.push(() => nest(c, { name: 'big', type: many, tagged, sink: sink ? 'sink' : undefined }))
  }
  const zeros = privates(c, module)
  const group = groupOf(c, module, size, sized, uniform !== undefined)
  if (elements.atomics) atomics(c, buffer)
  if (elements.exchange) {
    buffer('xs', u32, 'storage', contents(r, u32, total, floats), 'i')
    Object.assign(group, { exchange: 'xs' })
  }
  for (const [name, type, count] of [
    ['so', elements.own, total],
    ['lo', elements.lined, lanes * total],
  ] as const)
    if (type) buffer(name, type, 'storage', contents(r, type, count, floats), classesOf(type))
  if (elements.atomic) buffer('ao', u32, 'storage', contents(r, u32, total, floats), 'i', 'array<atomic<u32>>')

  const functions: string[] = []
  for (let i = r.index([1, 3, 3, 1]); i > 0; i--) {
    helperFunction(c)
    functions.push(...c.lines)
    c.lines = []
  }
  const outputs = entryPoint(c, group, size, sized, total, elements, zeros)
  for (const [name, classes] of [
    ['ou', outputs.integers],
    ['fo', outputs.floats],
  ] as const)
    if (classes) buffer(name, name === 'ou' ? u32 : f32, 'storage', new Uint32Array(classes.length * total), classes)
  const head = [...c.structs, ...(uniform ? partsOf(uniform) : [])].map(declareStruct)
  const source = [...new Set(head), ...module, ...group.module, ...c.helpers.values(), ...functions, ...c.lines].join('\n')
  return { seed, source: `${source}\n`, workgroups: grid, constants, buffers }
}

/** Which kinds of arrays there are besides those that every program has. Not more than the bindings that a device has at least. */
function chooseElements(c: Context): Elements {
  const r = c.random
  const structs = c.structs.filter(hostShareable)
  const scalars = c.floats === 'none' ? [u32, i32] : [u32, i32, f32]
  const some = (): Type =>
    r.pick([
      ...structs,
      ...structs,
      r.pick(scalars),
      vector(3, r.pick(scalars)),
      vector(4, r.pick(scalars)),
      vector(2, r.pick(scalars)),
      array(u32, 3),
    ])
  // Of the ten bindings of storage that are asked for, five are always there.
  let left = 5
  const chosen = <T>(p: number, make: () => T): T | undefined => (r.chance(p) && left-- > 0 ? make() : undefined)
  return {
    many: chosen(0.5, () => (r.chance(0.6) ? r.pick(scalars) : some())),
    sink: chosen(0.3, () => true) ?? false,
    lined: chosen(0.4, () => (r.chance(0.6) ? r.pick(scalars) : some())),
    own: chosen(0.3, some),
    exchange: chosen(0.3, () => true) ?? false,
    atomics: chosen(0.3, () => true) ?? false,
    few: chosen(0.25, some),
    atomic: chosen(0.15, () => true) ?? false,
  }
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
  budget: r.chance(0.1) ? 40 : 8 + r.below(14),
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
})
