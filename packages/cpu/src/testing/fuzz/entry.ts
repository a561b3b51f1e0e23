/** The entry point of a generated program: phases between statements, then what variables hold is put out. */
import { affine } from './affine.js'
import { approximate } from './approximate.js'
import { hideZero } from './atoms.js'
import { block, type Context, declare, freshName, inside, level, type Variable, visible, write } from './context.js'
import { expression, live } from './expressions.js'
import type { Random } from './random.js'
import { statements } from './statements.js'
import { bool, f32, i32, partTypes, type Scalar, type Type, u32, vector } from './types.js'
import { type Group, phase } from './workgroup.js'

/** Storage that invocations have elements of, by the type of an element. */
export interface Elements {
  /** One element for each invocation, to read and write. */
  readonly own?: Type
  /** `lanes` elements for each, in an order in which neighbours' lie beside each other. */
  readonly lined?: Type
  /** Five elements, to read. */
  readonly few?: Type
  /** More than there are invocations, to read. */
  readonly many?: Type
  /** An array to write to anywhere, of which nothing is known. */
  readonly sink: boolean
  /** An atomic u32 for each. */
  readonly atomic: boolean
  /** Atomics for all, and a u32 for each that others of the workgroup read. */
  readonly atomics: boolean
  readonly exchange: boolean
}
export const lanes = 2

/** Writes the entry point; gives the classes of the words that each invocation puts out. `zeros` are private variables without a value of their own. */
export function entryPoint(
  c: Context,
  g: Group,
  size: readonly number[],
  sized: string,
  total: number,
  elements: Elements,
  zeros: readonly Variable[],
) {
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
  const grouped = struct ? builtins.filter(([, name]) => name !== 'wid' && name !== 'nw') : []
  const list = (of: typeof builtins) => of.map(([builtin, name, type]) => `@builtin(${builtin}) ${name}: ${type.name}`)
  if (struct) write(c, `struct Ids { ${list(grouped).join(', ')} }`)
  const parameters = [...(struct ? ['ids: Ids'] : []), ...list(builtins.filter((one) => !grouped.includes(one)))].join(', ')
  const shape = sized || (r.chance(0.5) && size[1] * size[2] === 1 ? size[0] : size.slice(0, size[2] > 1 ? 3 : 2).join(', '))
  write(c, r.chance(0.5) ? `@compute @workgroup_size(${shape})` : `@workgroup_size(${shape}) @compute`)
  const outputs = { integers: '', floats: '' }
  const value = (name: string, type: Type): Variable => ({ name, text: name, type, mutable: false, space: 'value', root: name })
  block(c, `fn main(${parameters})`, () => {
    for (const [, name] of grouped) write(c, `let ${name} = ids.${name};`)
    for (const [, name, type] of builtins) declare(c, value(name, type))
    write(c, `let gi = (wid.x + nw.x * (wid.y + nw.y * wid.z)) * ${sized || g.size}${sized ? '' : 'u'} + li;`)
    declare(c, value('gi', u32))
    // Conditions in which vectors of invocations part but not those of one.
    const row = r.pick([`li / ${size[0]}u`, ...(builtins.some(([, name]) => name === 'lid') ? ['lid.y', 'lid.z', 'lid.y + lid.z'] : [])])
    if (size[0] % 4 === 0 && size[1] * size[2] > 1)
      for (const [name, text, type] of [
        ['row', row, u32],
        ['odd', `(${row}) % 2u == 1u`, bool],
        ['top', `${row} == 0u`, bool],
      ] as const) {
        write(c, `let ${name} = ${text};`)
        declare(c, value(name, type))
      }
    declareElements(c, size, total, elements)
    for (const { text, type } of zeros) write(c, hideZero(c, text, type))
    for (let phases = r.index([3, 3, 2, 1]); ; phases--) {
      statements(c, 2 + r.below(5))
      if (phases === 0) break
      phase(c, g)
    }
    output(c, outputs)
    if ((elements.own || elements.lined) && r.chance(0.5)) {
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

/** As variables, whose text is another way to write an index of this invocation's each time. */
function declareElements(c: Context, size: readonly number[], total: number, { own, lined, few, many, atomic }: Elements): void {
  const element = (array: string, type: Type, mutable: boolean, index: () => string): void =>
    declare(c, {
      name: 'gi',
      get text() {
        return `${array}[${index()}]`
      },
      type,
      mutable,
      space: mutable ? 'storage' : 'value',
      root: array,
    })
  if (own) element('so', own, true, () => 'gi')
  if (few) element('si', few, false, () => 'gi % 5u')
  if (many) for (let i = 0; i < 3; i++) element('big', many, false, () => affine(c, size, total))
  const interleaved = c.random.chance(0.3)
  for (let k = 0; lined && k < lanes; k++)
    element('lo', lined, true, () => {
      if (interleaved) return c.random.pick([`gi * ${lanes}u + ${k}u`, `(gi << ${Math.log2(lanes)}u) + ${k}u`, `${k}u + ${lanes}u * gi`])
      const at = k * total
      if (k === 1) return c.random.pick([`${at + total - 1}u - gi`, `${at + total}u - (gi + 1u)`])
      return c.random.pick(['gi', `gi + ${at}u`, `gi - li + li`, `i32(gi)`, `(gi - li) + li`, `gi / 1u`])
    })
  if (atomic) c.extras.push(() => ownAtomic(c))
}

/** On an atomic that no other invocation touches: what it gives is known. */
function ownAtomic(c: Context): void {
  const r = c.random
  const e = () => inside(expression(c, u32, 2), level.shift)
  const name = freshName(c, 'v')
  const add = (type: Scalar, text: string) => {
    write(c, `let ${name} = ${text};`)
    declare(c, { name, text: name, type, mutable: false, space: 'value', root: name })
  }
  const kind = r.kind({ update: 4, compare: 2, load: 1, store: 1 })
  if (kind === 'store') write(c, `atomicStore(&ao[gi], ${e()});`)
  else if (kind === 'load') add(u32, 'atomicLoad(&ao[gi])')
  else if (kind === 'compare') {
    const known = r.chance(0.5) ? 'atomicLoad(&ao[gi])' : e()
    const wanted = r.pick([
      ['old_value', u32],
      ['exchanged', bool],
    ] as const)
    add(wanted[1], `atomicCompareExchangeWeak(&ao[gi], ${known}, ${e()}).${wanted[0]}`)
  } else
    add(
      u32,
      `${r.pick(['atomicExchange', 'atomicAdd', 'atomicSub', 'atomicMax', 'atomicMin', 'atomicAnd', 'atomicOr', 'atomicXor'])}(&ao[gi], ${e()})`,
    )
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
      v.space !== 'storage' &&
      !v.fixed &&
      c.scopes[1].includes(v) &&
      !['li', 'wid', 'nw', 'gid', 'lid', 'gi', 'row', 'odd', 'top', 'si', 'un'].includes(v.name),
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
