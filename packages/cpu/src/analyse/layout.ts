/** How composite types fall into scalars (leaves), in order, and where those lie in memory. */
import type { Expression, Type } from '../check/program.js'
import type { Kind } from './ir.js'

/** Resolves the length of an array that depends on overrides. */
export type CountOf = (count: Expression) => number

export interface Layout {
  /** Kinds of the scalars of a type. */
  kinds(type: Type): Kind[]
  /** Of how many scalars it consists. */
  leaves(type: Type): number
  /** Byte offsets of the scalars as hosts see them. */
  offsets(type: Type): number[]
  /** Elements of a fixed-size array. */
  count(type: Type & { kind: 'array' }): number
  /** Bytes as hosts see them, a runtime-sized array counting as one element. */
  size(type: Type): number
}

const columnStride = (rows: number) => (rows === 2 ? 8 : 16)

export function createLayout(countOf: CountOf): Layout {
  const kindsOf = new Map<Type, Kind[]>()
  const offsetsOf = new Map<Type, number[]>()
  const count: Layout['count'] = (type) => (typeof type.count === 'number' ? type.count : type.count ? countOf(type.count) : 1)
  const repeat = <T>(times: number, make: (i: number) => T[]): T[] => {
    const all: T[] = []
    for (let i = 0; i < times; i++) for (const each of make(i)) all.push(each)
    return all
  }
  const computeKinds = (type: Type): Kind[] => {
    switch (type.kind) {
      case 'scalar':
        return [type.name]
      case 'atomic':
        return [type.element.name]
      case 'vector':
        return Array(type.size).fill(type.element.name)
      case 'matrix':
        return Array(type.columns * type.rows).fill('f32')
      case 'array': {
        const element = kinds(type.element)
        return repeat(count(type), () => element)
      }
      case 'struct':
        return type.members.flatMap((member) => kinds(member.type))
      default:
        return []
    }
  }
  const computeOffsets = (type: Type): number[] => {
    switch (type.kind) {
      case 'scalar':
      case 'atomic':
        return [0]
      case 'vector':
        return Array.from({ length: type.size }, (_, i) => 4 * i)
      case 'matrix':
        return repeat(type.columns, (column) => Array.from({ length: type.rows }, (_, i) => column * columnStride(type.rows) + 4 * i))
      case 'array': {
        const element = offsets(type.element)
        return repeat(count(type), (i) => element.map((offset) => i * type.stride + offset))
      }
      case 'struct':
        return type.members.flatMap((member) => offsets(member.type).map((offset) => member.offset + offset))
      default:
        return []
    }
  }
  const kinds = (type: Type) => cached(kindsOf, type, computeKinds)
  const offsets = (type: Type) => cached(offsetsOf, type, computeOffsets)
  const size = (type: Type): number => {
    switch (type.kind) {
      case 'scalar':
      case 'atomic':
        return 4
      case 'vector':
        return 4 * type.size
      case 'matrix':
        return type.columns * columnStride(type.rows)
      case 'array':
        return count(type) * type.stride
      case 'struct': {
        const last = type.members.at(-1)!
        return Math.ceil((last.offset + size(last.type)) / type.align) * type.align
      }
      default:
        return 0
    }
  }
  return { kinds, leaves: (type) => kinds(type).length, offsets, count, size }
}

function cached<T>(known: Map<Type, T>, type: Type, compute: (type: Type) => T): T {
  let found = known.get(type)
  if (!found) known.set(type, (found = compute(type)))
  return found
}

/** Bytes from a column of a matrix to the next. */
export const strideOfColumns = (type: Type & { kind: 'matrix' }): number => columnStride(type.rows)
