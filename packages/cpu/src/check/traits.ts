/** What a type may be used for: the predicates of WGSL's type rules. */
import type { AnyType } from './types.js'
import { alignOf, sizeOf, typeName } from './types.js'

/** What a type has somewhere in it. */
export interface Traits {
  readonly atomic: boolean
  readonly bool: boolean
  readonly pointer: boolean
  /** Ends in a runtime-sized array. */
  readonly runtimeSized: boolean
  readonly overrideSized: boolean
  /** Scalars in it, all together; infinite where the number is not known. */
  readonly leaves: number
  readonly depth: number
}

const ofStructs = new WeakMap<object, Traits>()

export function traitsOf(type: AnyType): Traits {
  const none = { atomic: false, bool: false, pointer: false, runtimeSized: false, overrideSized: false, leaves: 1, depth: 1 }
  switch (type.kind) {
    case 'scalar':
      return { ...none, bool: type.name === 'bool' }
    case 'vector':
      return { ...none, bool: type.element.name === 'bool', leaves: type.size, depth: 2 }
    case 'matrix':
      return { ...none, leaves: type.columns * type.rows, depth: 3 }
    case 'atomic':
      return { ...none, atomic: true }
    case 'pointer':
      return { ...none, pointer: true }
    case 'array': {
      const inner = traitsOf(type.element)
      const fixed = typeof type.count === 'number'
      return {
        ...inner,
        runtimeSized: type.count === undefined,
        overrideSized: inner.overrideSized || typeof type.count === 'object',
        leaves: fixed ? inner.leaves * (type.count as number) : Number.POSITIVE_INFINITY,
        depth: inner.depth + 1,
      }
    }
    case 'struct': {
      const known = ofStructs.get(type)
      if (known) return known
      const inner = type.members.map((member) => traitsOf(member.type))
      const any = (test: (traits: Traits) => boolean) => inner.some(test)
      const traits: Traits = {
        atomic: any((member) => member.atomic),
        bool: any((member) => member.bool),
        pointer: any((member) => member.pointer),
        runtimeSized: any((member) => member.runtimeSized),
        overrideSized: any((member) => member.overrideSized),
        leaves: inner.reduce((sum, member) => sum + member.leaves, 0),
        depth: 1 + Math.max(0, ...inner.map((member) => member.depth)),
      }
      ofStructs.set(type, traits)
      return traits
    }
  }
}

/** Can be made from parts: the type of values of `let`, `const` and parameters, results, and variables of `function` and `private`. */
export function isConstructible(type: AnyType): boolean {
  const traits = traitsOf(type)
  return !traits.atomic && !traits.pointer && !traits.runtimeSized && !traits.overrideSized
}

/** A constructible type, or a fixed or override-sized one with atomics. */
export function hasFixedFootprint(type: AnyType): boolean {
  const traits = traitsOf(type)
  return !traits.pointer && !traits.runtimeSized
}

/** May be in a buffer. */
export function isHostShareable(type: AnyType): boolean {
  const traits = traitsOf(type)
  return !traits.bool && !traits.pointer && !traits.overrideSized
}

const roundUp = (to: number, n: number) => Math.ceil(n / to) * to

function uniformAlign(type: AnyType): number {
  return type.kind === 'array' || type.kind === 'struct' ? roundUp(16, alignOf(type)) : alignOf(type)
}

/** What is wrong with the layout of a type in a uniform buffer (WGSL, section 14.4.5), if anything. */
export function uniformFault(type: AnyType): string | undefined {
  if (type.kind === 'array') {
    if (type.stride % 16 !== 0)
      return `the elements of '${typeName(type)}' are ${type.stride} bytes apart; in a uniform buffer that must be a multiple of 16`
    return uniformFault(type.element)
  }
  if (type.kind !== 'struct') return undefined
  for (const [i, member] of type.members.entries()) {
    const required = uniformAlign(member.type)
    if (member.offset % required !== 0)
      return `the member '${member.name}' of '${type.name}' is at byte ${member.offset}; in a uniform buffer that must be a multiple of ${required} (@align(${required}) makes it one)`
    const following = type.members[i + 1]
    if (following && member.type.kind === 'struct' && following.offset - member.offset < roundUp(16, sizeOf(member.type)))
      return `the member '${following.name}' of '${type.name}' begins ${following.offset - member.offset} bytes after the struct '${member.name}'; in a uniform buffer at least ${roundUp(16, sizeOf(member.type))} are needed`
    const inner = uniformFault(member.type)
    if (inner) return inner
  }
  return undefined
}
