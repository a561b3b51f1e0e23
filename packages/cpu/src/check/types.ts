/** The types of expressions while they are checked: those of the program, and the abstract ones of constants, which have none in the end. */
import type { AtomicType, PointerType, ScalarName, ScalarType, StructType, Type } from './program.js'

export type AnyScalarName = ScalarName | 'abstract-int' | 'abstract-float'
export interface AnyScalar {
  readonly kind: 'scalar'
  readonly name: AnyScalarName
}
export interface AnyVector {
  readonly kind: 'vector'
  readonly size: 2 | 3 | 4
  readonly element: AnyScalar
}
export interface AnyMatrix {
  readonly kind: 'matrix'
  readonly columns: 2 | 3 | 4
  readonly rows: 2 | 3 | 4
  /** Of abstract floats. */
  readonly abstract?: true
}
export interface AnyArray {
  readonly kind: 'array'
  readonly element: AnyType
  readonly count: number | Extract<Type, { kind: 'array' }>['count']
  readonly stride: number
}
export interface AnyStruct extends Omit<StructType, 'members'> {
  readonly members: readonly { readonly name: string; readonly type: AnyType; readonly offset: number }[]
  /** What an abstract struct (a result of `modf` or `frexp`) becomes. */
  readonly concrete?: StructType
}
export type AnyType = AnyScalar | AnyVector | AnyMatrix | AnyArray | AnyStruct | AtomicType | PointerType

export const bool: ScalarType = { kind: 'scalar', name: 'bool' }
export const i32: ScalarType = { kind: 'scalar', name: 'i32' }
export const u32: ScalarType = { kind: 'scalar', name: 'u32' }
export const f32: ScalarType = { kind: 'scalar', name: 'f32' }
export const abstractInt: AnyScalar = { kind: 'scalar', name: 'abstract-int' }
export const abstractFloat: AnyScalar = { kind: 'scalar', name: 'abstract-float' }

const scalars = { bool, i32, u32, f32, 'abstract-int': abstractInt, 'abstract-float': abstractFloat }

export function scalar(name: AnyScalarName): AnyScalar {
  return scalars[name]
}

export function vector(size: 2 | 3 | 4, element: AnyScalar): AnyVector {
  return { kind: 'vector', size, element }
}

export function matrix(columns: 2 | 3 | 4, rows: 2 | 3 | 4, element: AnyScalar): AnyMatrix {
  return element.name === 'f32' ? { kind: 'matrix', columns, rows } : { kind: 'matrix', columns, rows, abstract: true }
}

export function matrixElement(type: AnyMatrix): AnyScalar {
  return type.abstract ? abstractFloat : f32
}

/** A scalar for shape 0, else a vector. */
export function shaped(shape: number, element: AnyScalar): AnyScalar | AnyVector {
  return shape === 0 ? element : vector(shape as 2 | 3 | 4, element)
}

/** 0 of a scalar, the size of a vector, -1 of all else. */
export function shapeOf(type: AnyType): number {
  return type.kind === 'scalar' ? 0 : type.kind === 'vector' ? type.size : -1
}

/** Of scalars, vectors and matrices. */
export function elementOf(type: AnyType): AnyScalar | undefined {
  if (type.kind === 'scalar') return type
  if (type.kind === 'vector') return type.element
  return type.kind === 'matrix' ? matrixElement(type) : undefined
}

export function isScalar(type: AnyType, ...names: AnyScalarName[]): type is AnyScalar {
  return type.kind === 'scalar' && (!names.length || names.includes(type.name))
}

export function sameType(a: AnyType, b: AnyType): boolean {
  if (a === b) return true
  switch (a.kind) {
    case 'scalar':
      return b.kind === 'scalar' && a.name === b.name
    case 'vector':
      return b.kind === 'vector' && a.size === b.size && a.element.name === b.element.name
    case 'matrix':
      return b.kind === 'matrix' && a.columns === b.columns && a.rows === b.rows && a.abstract === b.abstract
    case 'array':
      return b.kind === 'array' && sameCount(a.count, b.count) && sameType(a.element, b.element)
    case 'atomic':
      return b.kind === 'atomic' && a.element.name === b.element.name
    case 'pointer':
      return b.kind === 'pointer' && a.space === b.space && a.access === b.access && sameType(a.store, b.store)
    case 'struct':
      return false
  }
}

/** Sizes of overrides are the same only where they are the same override, named alone. */
function sameCount(a: AnyArray['count'], b: AnyArray['count']): boolean {
  if (a === b) return true
  return typeof a === 'object' && typeof b === 'object' && a.op === 'override' && b.op === 'override' && a.override === b.override
}

export function isAbstract(type: AnyType): boolean {
  if (type.kind === 'array') return isAbstract(type.element)
  if (type.kind === 'struct') return type.concrete !== undefined
  const element = elementOf(type)
  return element?.name === 'abstract-int' || element?.name === 'abstract-float'
}

/** The type that a value of an abstract type gets where nothing asks for another: i32 or f32. */
export function concreteType(type: AnyType): Type {
  if (!isAbstract(type)) return type as Type
  switch (type.kind) {
    case 'scalar':
      return type.name === 'abstract-int' ? i32 : f32
    case 'vector':
      return vector(type.size, concreteType(type.element) as ScalarType) as Type
    case 'matrix':
      return { kind: 'matrix', columns: type.columns, rows: type.rows }
    case 'array':
      return arrayOf(concreteType(type.element), type.count as number) as Type
    case 'struct':
      return type.concrete!
  }
  return type
}

/** Whether values of `from` convert to `to` by themselves: abstract to concrete. */
export function converts(from: AnyType, to: AnyType): boolean {
  if (sameType(from, to)) return true
  if (from.kind !== to.kind) return false
  switch (from.kind) {
    case 'scalar': {
      const target = (to as AnyScalar).name
      if (from.name === 'abstract-int') return target !== 'bool'
      return from.name === 'abstract-float' && target === 'f32'
    }
    case 'vector':
      return from.size === (to as AnyVector).size && converts(from.element, (to as AnyVector).element)
    case 'matrix':
      return from.columns === (to as AnyMatrix).columns && from.rows === (to as AnyMatrix).rows && from.abstract === true
    case 'array':
      return isAbstract(from) && from.count === (to as AnyArray).count && converts(from.element, (to as AnyArray).element)
    case 'struct':
      return from.concrete === to
  }
  return false
}

export function typeName(type: AnyType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name
    case 'vector':
      return `vec${type.size}<${type.element.name}>`
    case 'matrix':
      return `mat${type.columns}x${type.rows}<${matrixElement(type).name}>`
    case 'array': {
      const count = typeof type.count === 'object' ? (type.count.op === 'override' ? type.count.override.name : 'an override') : type.count
      return count === undefined ? `array<${typeName(type.element)}>` : `array<${typeName(type.element)}, ${count}>`
    }
    case 'struct':
      return type.name
    case 'atomic':
      return `atomic<${type.element.name}>`
    case 'pointer':
      return `ptr<${type.space}, ${typeName(type.store)}${type.space === 'storage' ? `, ${type.access}` : ''}>`
  }
}

const roundUp = (to: number, n: number) => Math.ceil(n / to) * to

/** Bytes to which a value is aligned. bool is as u32, though it never is in memory that is shared with the host. */
export function alignOf(type: AnyType): number {
  switch (type.kind) {
    case 'vector':
      return type.size === 2 ? 8 : 16
    case 'matrix':
      return type.rows === 2 ? 8 : 16
    case 'array':
      return alignOf(type.element)
    case 'struct':
      return type.align
    default:
      return 4
  }
}

/** Bytes of a value; of a runtime-sized or override-sized array: of one element. */
export function sizeOf(type: AnyType): number {
  switch (type.kind) {
    case 'vector':
      return 4 * type.size
    case 'matrix':
      return type.columns * (type.rows === 2 ? 8 : 16)
    case 'array':
      return type.stride * (typeof type.count === 'number' ? type.count : 1)
    case 'struct':
      return type.size
    default:
      return 4
  }
}

export function arrayOf(element: AnyType, count: AnyArray['count']): AnyArray {
  return { kind: 'array', element, count, stride: roundUp(alignOf(element), sizeOf(element)) }
}

/** @param members with the least alignment and size where `@align` and `@size` give them */
export function structOf(
  name: string,
  members: readonly { readonly name: string; readonly type: AnyType; readonly align?: number; readonly size?: number }[],
): AnyStruct {
  let end = 0
  let align = 1
  const placed = members.map((member) => {
    const own = member.align ?? alignOf(member.type)
    const offset = roundUp(own, end)
    end = offset + (member.size ?? sizeOf(member.type))
    align = Math.max(align, own)
    return { name: member.name, type: member.type, offset }
  })
  return { kind: 'struct', name, members: placed, size: roundUp(align, end), align }
}
