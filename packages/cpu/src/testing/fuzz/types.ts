/** The types that generated programs use, and where their parts lie in memory. */
export type ScalarName = 'i32' | 'u32' | 'f32' | 'bool'
export interface Scalar {
  readonly kind: 'scalar'
  readonly name: ScalarName
}
export interface Vector {
  readonly kind: 'vector'
  readonly name: string
  readonly size: number
  readonly element: Scalar
}
export interface Matrix {
  readonly kind: 'matrix'
  readonly name: string
  readonly columns: number
  readonly rows: number
}
export interface Arrayed {
  readonly kind: 'array'
  readonly name: string
  readonly element: Type
  readonly count: number
}
export interface Struct {
  readonly kind: 'struct'
  readonly name: string
  readonly members: readonly Member[]
}
export interface Member {
  readonly name: string
  readonly type: Type
  /** `@align(n)`, where it is greater than the type's own. */
  readonly align?: number
  /** `@size(n)`. */
  readonly size?: number
}
/** Types are equal where their names are. */
export type Type = Scalar | Vector | Matrix | Arrayed | Struct

export const i32: Scalar = { kind: 'scalar', name: 'i32' }
export const u32: Scalar = { kind: 'scalar', name: 'u32' }
export const f32: Scalar = { kind: 'scalar', name: 'f32' }
export const bool: Scalar = { kind: 'scalar', name: 'bool' }

export const vector = (size: number, element: Scalar): Vector => ({
  kind: 'vector',
  name: element === bool ? `vec${size}<bool>` : `vec${size}${element.name[0]}`,
  size,
  element,
})
export const matrix = (columns: number, rows: number): Matrix => ({ kind: 'matrix', name: `mat${columns}x${rows}f`, columns, rows })
export const array = (element: Type, count: number): Arrayed => ({
  kind: 'array',
  name: `array<${element.name}, ${count}>`,
  element,
  count,
})

export const isInteger = (type: Type) => type === i32 || type === u32
/** The scalar that all parts are, of scalars, vectors and matrices. */
export const scalarOf = (type: Type): Scalar | undefined =>
  type.kind === 'scalar' ? type : type.kind === 'vector' ? type.element : type.kind === 'matrix' ? f32 : undefined

/** Parts one step in. */
export function partTypes(type: Type): readonly Type[] {
  if (type.kind === 'vector') return [type.element]
  if (type.kind === 'matrix') return [vector(type.rows, f32)]
  if (type.kind === 'array') return [type.element]
  return type.kind === 'struct' ? type.members.map((member) => member.type) : []
}
export const contains = (type: Type, part: Type): boolean =>
  type.name === part.name || partTypes(type).some((inner) => contains(inner, part))

const roundUp = (n: number, k: number) => Math.ceil(n / k) * k

export function alignOf(type: Type): number {
  if (type.kind === 'scalar') return 4
  if (type.kind === 'vector') return type.size === 2 ? 8 : 16
  if (type.kind === 'matrix') return type.rows === 2 ? 8 : 16
  if (type.kind === 'array') return alignOf(type.element)
  return Math.max(...type.members.map((member) => member.align ?? alignOf(member.type)))
}

export function sizeOf(type: Type): number {
  if (type.kind === 'scalar') return 4
  if (type.kind === 'vector') return 4 * type.size
  if (type.kind === 'matrix') return type.columns * alignOf(type)
  if (type.kind === 'array') return type.count * strideOf(type.element)
  const last = type.members.length - 1
  return roundUp(offsetOf(type, last) + (type.members[last].size ?? sizeOf(type.members[last].type)), alignOf(type))
}

export const strideOf = (element: Type) => roundUp(sizeOf(element), alignOf(element))

function offsetOf(struct: Struct, index: number): number {
  let end = 0
  for (const [i, { type, align, size }] of struct.members.entries()) {
    const offset = roundUp(end, align ?? alignOf(type))
    if (i === index) return offset
    end = offset + (size ?? sizeOf(type))
  }
  return end
}

/** Calls back with the byte offset and the type of every scalar. */
export function eachScalar(type: Type, visit: (offset: number, scalar: Scalar) => void, at = 0): void {
  if (type.kind === 'scalar') visit(at, type)
  else if (type.kind === 'vector') for (let i = 0; i < type.size; i++) visit(at + 4 * i, type.element)
  else if (type.kind === 'matrix') for (let c = 0; c < type.columns; c++) eachScalar(vector(type.rows, f32), visit, at + c * alignOf(type))
  else if (type.kind === 'array') for (let i = 0; i < type.count; i++) eachScalar(type.element, visit, at + i * strideOf(type.element))
  else for (const [i, member] of type.members.entries()) eachScalar(member.type, visit, at + offsetOf(type, i))
}

export const declareStruct = ({ name, members }: Struct) =>
  `struct ${name} { ${members
    .map((m) => `${m.align ? `@align(${m.align}) ` : ''}${m.size ? `@size(${m.size}) ` : ''}${m.name}: ${m.type.name}`)
    .join(', ')} }`

/** Of what must not be used: it has no part of any type. */
export const nothing: Type = { kind: 'struct', name: '', members: [] }
