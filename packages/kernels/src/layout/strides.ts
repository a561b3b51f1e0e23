/** Walking over a tensor by dimensions and strides, as the strided shaders do it. */
import { type Dispatch, elements, type Shader, type Shape, type Target, type Tensor, workgroups1d } from '../operation.js'
import { bothWidths, rowWork } from '../vectors.js'
import spread from './spread.wgsl'
import strided from './strided.wgsl'
import stridedCpu from './strided-cpu.wgsl'

const shader = bothWidths('strided', strided, ['read', 'write'])
const spreadShader: Shader = { name: 'spread', code: spread, access: ['read', 'write'] }

const cpuShader: Shader = { name: 'strided.cpu', code: stridedCpu, access: ['read', 'write'] }

/** How many outer dimensions a strided shader takes, after collapsing. */
export const maxOuterRank = 8

/** Row-major strides. */
export function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => elements(shape.slice(axis + 1)))
}

export interface Walk {
  readonly shape: number[]
  /** One list per operand. */
  readonly strides: number[][]
}

/** The same walk with the fewest dimensions (at least one): those of size 1 dropped, those contiguous for every operand merged. */
export function collapse(op: string, shape: Shape, strides: readonly (readonly number[])[]): Walk {
  const walk: Walk = { shape: [], strides: strides.map(() => []) }
  shape.forEach((dimension, axis) => {
    if (dimension === 1) return
    const last = walk.shape.length - 1
    if (last >= 0 && strides.every((list, i) => walk.strides[i][last] === list[axis] * dimension)) {
      walk.shape[last] *= dimension
      strides.forEach((list, i) => (walk.strides[i][last] = list[axis]))
    } else {
      walk.shape.push(dimension)
      strides.forEach((list, i) => walk.strides[i].push(list[axis]))
    }
  })
  if (!walk.shape.length) {
    walk.shape.push(1)
    for (const list of walk.strides) list.push(1)
  }
  if (walk.shape.length > maxOuterRank + 1)
    throw new Error(`${op}: [${shape.join(', ')}] has more than ${maxOuterRank + 1} dimensions that cannot be merged`)
  return walk
}

/** Eight u32 for a shader's `array<vec4u, 2>`, innermost outer dimension first. */
export function outerArray(values: readonly number[], fill = 0): number[] {
  const reversed = [...values].reverse()
  return Array.from({ length: maxOuterRank }, (_, i) => reversed[i] ?? fill)
}

export interface Strided {
  readonly op: string
  /** What is written of y, and x's stride along each of its dimensions. */
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset?: number
  readonly factor?: number
  /** Where it goes when it is only part of y: first element and distance of outermost rows of `shape` (then of two dimensions). */
  readonly into?: { readonly offset: number; readonly stride: number }
}

/** y = factor x along a strided walk. */
export function stridedDispatch(
  x: Tensor,
  y: Tensor,
  { op, shape, strides, offset = 0, factor = 1, into }: Strided,
  target: Target,
): Dispatch {
  const walk = into ? { shape: [...shape], strides: [[...strides]] } : collapse(op, shape, [strides])
  const inner = walk.shape[walk.shape.length - 1]
  const innerStride = walk.strides[0][walk.shape.length - 1]
  const outer = walk.shape.slice(0, -1)
  const outerStrides = walk.strides[0].slice(0, -1)
  const out = into ?? { offset: 0, stride: inner }
  if (target.kind === 'cpu' && (innerStride === 0 || innerStride === 1)) {
    const { rowsEach, pieces, length, workgroups } = rowWork(elements(outer), inner, target)
    const sizes = [elements(outer), inner, rowsEach, pieces, length, offset, out.offset, out.stride]
    return {
      shader: cpuShader,
      constants: { REPEATED: innerStride === 0 ? 1 : 0, SCALED: factor === 1 ? 0 : 1 },
      operands: [x, y],
      params: { u32: [...sizes, ...outerArray(outer, 1), ...outerArray(outerStrides), outer.length], f32: [factor] },
      workgroups,
    }
  }
  const aligned = [inner, offset, out.offset, out.stride, ...outerStrides, ...[x, y].map((tensor) => elements(tensor.shape))]
  // A value repeated along the rows: 3.8 GB/s on lavapipe, against 0.3 for strided.wgsl with a stride of 0.
  const repeated = innerStride === 0 && inner % 4 === 0 && !into
  const width = repeated || (innerStride === 1 && aligned.every((value) => value % 4 === 0)) ? 4 : 1
  const lanes = Math.ceil(inner / width / (repeated ? 16 : 4))
  const rows = elements(outer)
  const scaled = (value: number) => value / width
  const inX = (value: number) => (repeated ? value : scaled(value))
  return {
    shader: repeated ? spreadShader : shader[width],
    operands: [x, y],
    params: {
      u32: [
        ...[rows, scaled(inner), lanes, innerStride, inX(offset), scaled(out.offset), scaled(out.stride), outer.length],
        ...outerArray(outer, 1),
        ...outerArray(outerStrides.map(inX)),
      ],
      f32: [factor],
    },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
}
