/** Shaders over `vec4f` elements and their twins over `f32`, for tensors whose rows are not a multiple of 4. */
import flatCpu from './flat-cpu.wgsl'
import { type Access, type Shader, type Target, workgroups1d } from './operation.js'

export interface Widths {
  readonly 1: Shader
  readonly 4: Shader
}

/**
 * The shader as written (four elements at a time: twice to four times as fast on lavapipe and SwiftShader) and the same over
 * single elements. The code uses `vec4f` and `vec4u` for runs of elements only, never their components (other vectors are spelt `vec4<u32>`).
 */
export function bothWidths(name: string, code: string, access: readonly Access[], entryPoint?: string): Widths {
  const scalar = code.replaceAll('vec4f', 'f32').replaceAll('vec4u', 'u32').replaceAll('vec4<bool>', 'bool')
  return { 1: { name, code: scalar, access, entryPoint }, 4: { name, code, access, entryPoint } }
}

/** 4 where every given length is a multiple of 4, else 1. */
export function widthOf(...lengths: readonly number[]): 1 | 4 {
  return lengths.every((length) => length % 4 === 0) ? 4 : 1
}

/** The greatest divisor of `count` that is at most `most`: lanes that share a row evenly. */
export function lanesFor(count: number, most: number): number {
  let lanes = Math.max(1, Math.min(count, Math.floor(most)))
  while (count % lanes) lanes--
  return lanes
}

export interface Flat extends Widths {
  /** For the CPU device: entry point `wide`, over single elements. */
  readonly wide: Shader
}

/** A kernel that goes over elements one by one: `bothWidths`, and joined to flat-cpu.wgsl or with a `wide` of its own. */
export function flat(name: string, code: string, access: readonly Access[]): Flat {
  const widths = bothWidths(name, code.includes('fn wide(') ? code : code + flatCpu, access)
  return { ...widths, wide: { ...widths[1], entryPoint: 'wide' } }
}

/** How a workgroup of the CPU device's kernels by rows shares `rows` of `inner` elements: some rows, or a piece of one, about 8192 elements. */
export function rowWork(
  rows: number,
  inner: number,
  target: Target,
): { rowsEach: number; pieces: number; length: number; workgroups: [number, number, number] } {
  const most = 8192
  const length = Math.min(most, 4 * Math.ceil(inner / 4))
  const pieces = Math.ceil(inner / length)
  const rowsEach = pieces > 1 ? 1 : Math.max(1, Math.floor(most / inner))
  return { rowsEach, pieces, length, workgroups: workgroups1d(Math.ceil(rows / rowsEach) * pieces, 1, target) }
}

/** How a flat kernel goes over `count` elements: every workgroup takes a run of 64 x `each` vectors, neighbours reading neighbours; `wide` 4 x `each` elements. */
export function flatWork(
  count: number,
  target: Target,
): { width: keyof Flat; vectors: number; each: number; workgroups: [number, number, number] } {
  if (target.kind === 'cpu')
    return { width: 'wide', vectors: count, each: 2048, workgroups: workgroups1d(Math.ceil(count / 2048), 4, target) }
  const width = widthOf(count)
  const vectors = count / width
  const each = target.kind === 'hardware' ? 4 : 16
  return { width, vectors, each, workgroups: workgroups1d(Math.ceil(vectors / each), 64, target) }
}
