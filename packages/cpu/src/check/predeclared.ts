/** Names that WGSL declares itself: types, address spaces and access modes. */
import { type AnyType, bool, f32, i32, matrix, scalar, u32, vector } from './types.js'

const sizes = [2, 3, 4] as const

function predeclaredTypes(): Map<string, AnyType> {
  const types = new Map<string, AnyType>([
    ['bool', bool],
    ['i32', i32],
    ['u32', u32],
    ['f32', f32],
  ])
  for (const size of sizes) {
    for (const element of ['i32', 'u32', 'f32'] as const) types.set(`vec${size}${element[0]}`, vector(size, scalar(element)))
    for (const rows of sizes) types.set(`mat${size}x${rows}f`, matrix(size, rows, f32))
  }
  return types
}

/** Types by a name without template: `u32`, `vec2f`, `mat4x4f`. */
export const plainTypes: ReadonlyMap<string, AnyType> = predeclaredTypes()

export type Generator =
  | { readonly kind: 'vector'; readonly size: 2 | 3 | 4 }
  | { readonly kind: 'matrix'; readonly columns: 2 | 3 | 4; readonly rows: 2 | 3 | 4 }
  | { readonly kind: 'array' | 'atomic' | 'ptr' }

/** Names that make types with a template list. */
export function generatorOf(name: string): Generator | undefined {
  if (name === 'array' || name === 'atomic' || name === 'ptr') return { kind: name }
  const vec = /^vec([234])$/.exec(name)
  if (vec) return { kind: 'vector', size: Number(vec[1]) as 2 | 3 | 4 }
  const mat = /^mat([234])x([234])$/.exec(name)
  return mat ? { kind: 'matrix', columns: Number(mat[1]) as 2 | 3 | 4, rows: Number(mat[2]) as 2 | 3 | 4 } : undefined
}

/** Why a type of WGSL is not to be had here; undefined: it is no such type. */
export function lackingType(name: string): string | undefined {
  if (name === 'f16' || /^vec[234]h$/.test(name) || /^mat[234]x[234]h$/.test(name))
    return `'${name}' needs the feature 'shader-f16', which this device does not have`
  if (/^(texture_|sampler$|sampler_comparison$)/.test(name)) return `'${name}': textures and samplers are not supported by this device`
  return undefined
}

export const addressSpaces = ['function', 'private', 'workgroup', 'uniform', 'storage'] as const
export const accessModes = ['read', 'write', 'read_write'] as const
