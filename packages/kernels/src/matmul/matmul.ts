import noQuadCode from '../conv2d/no-quad.wgsl'
import quadCode from '../conv2d/quad.wgsl'
import {
  type Attributes,
  type Dispatch,
  type Emit,
  elements,
  type Operation,
  type Params,
  type Shader,
  type Shape,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { gemmReference } from './matmul.reference.js'
import plainCode from './matmul.wgsl'
import tiledCode from './matmul-tiled.wgsl'

/** Y [m, n] = alpha * A' [m, k] B' [k, n] + beta * C, everything by strides: transposes and broadcasting are strides too. */
export interface GemmGeometry {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly aRow: number
  readonly aColumn: number
  readonly bRow: number
  readonly bColumn: number
  readonly cRow: number
  readonly cColumn: number
  readonly alpha: number
  readonly beta: number
  /** Products side by side; strides from one to the next, 0 where all share one matrix. C is not batched. */
  readonly batches: number
  readonly aBatch: number
  readonly bBatch: number
}

const show = (shape: Shape | undefined) => (shape ? `[${shape.join(', ')}]` : 'nothing')

export function gemmGeometry(op: string, attributes: Attributes, a: Shape | undefined, b: Shape | undefined, c?: Shape): GemmGeometry {
  if (a?.length !== 2) throw new Error(`${op}: the first input must have 2 dimensions, found ${show(a)}`)
  if (b?.length !== 2) throw new Error(`${op}: the second input must have 2 dimensions, found ${show(b)}`)
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes as Record<string, number | undefined>
  const [m, k] = transA ? [a[1], a[0]] : a
  const [kb, n] = transB ? [b[1], b[0]] : b
  if (k !== kb) {
    throw new Error(
      `${op}: ${show(a)}${transA ? ' transposed' : ''} times ${show(b)}${transB ? ' transposed' : ''}: inner dimensions ${k} and ${kb} differ`,
    )
  }
  const [cm, cn] = c ? [...Array(2 - Math.min(2, c.length)).fill(1), ...c] : [1, 1]
  if (c && (c.length > 2 || (cm !== m && cm !== 1) || (cn !== n && cn !== 1))) {
    throw new Error(`${op}: the third input must broadcast to [${m}, ${n}], found ${show(c)}`)
  }
  return {
    m,
    n,
    k,
    alpha,
    beta,
    aRow: transA ? 1 : a[1],
    aColumn: transA ? a[1] : 1,
    bRow: transB ? 1 : b[1],
    bColumn: transB ? b[1] : 1,
    cRow: cm === 1 ? 0 : cn,
    cColumn: cn === 1 ? 0 : 1,
    batches: 1,
    aBatch: 0,
    bBatch: 0,
  } // prettier-ignore
}

const plain: Shader = { name: 'matmul', code: plainCode, access: ['read', 'read', 'read', 'write'] }

const [tiled, tiledQuad] = [noQuadCode, quadCode].map(
  (lanes): Shader => ({ name: 'matmul-tiled', code: lanes + tiledCode, access: ['read', 'read', 'read', 'write'] }),
)

function gemmParams(g: GemmGeometry, c: Tensor | undefined): Params {
  return { u32: [g.m, g.n, g.k, g.aRow, g.aColumn, g.bRow, g.bColumn, g.cRow, g.cColumn, c ? 1 : 0], f32: [g.alpha, g.beta] }
}

/** The plain kernel: one invocation per output. */
export function plainGemm(g: GemmGeometry, a: Tensor, b: Tensor, c: Tensor | undefined, y: Tensor, target: Target): Dispatch {
  const { u32, f32 } = gemmParams(g, c)
  const params = { u32: [...u32!, g.batches, g.aBatch, g.bBatch], f32 }
  return { shader: plain, operands: [a, b, c, y], params, workgroups: workgroups1d(g.batches * g.m * g.n, 64, target) }
}

/** 8 x 16 outputs per invocation; one batch. */
export function tiledGemm(g: GemmGeometry, a: Tensor, b: Tensor, c: Tensor | undefined, y: Tensor, target: Target): Dispatch {
  return {
    shader: target.subgroups ? tiledQuad : tiled,
    operands: [a, b, c, y],
    params: gemmParams(g, c),
    workgroups: [Math.ceil(g.m / 8 / 32), Math.ceil(g.n / 16), 1],
  }
}

/**
 * Tiles where they are mostly full: on software adapters from 4 rows (of 8) on, unless there is next to nothing to do (one pipeline
 * fewer); on hardware from 4096 tiles on, below which one invocation per output keeps more of it busy.
 */
export function chooseGemm(g: GemmGeometry, target: Target): typeof plainGemm {
  if (g.batches > 1) return plainGemm
  if (target.kind === 'hardware') return (g.m / 8) * (g.n / 16) >= 4096 ? tiledGemm : plainGemm
  return g.m >= 4 && g.m * g.n * g.k >= 2 ** 16 ? tiledGemm : plainGemm
}

function gemmDispatches(g: GemmGeometry, a: Tensor, b: Tensor, c: Tensor | undefined, y: Tensor, target: Target): Dispatch[] {
  return [chooseGemm(g, target)(g, a, b, c, y, target)]
}

/** Gradients of A and B: products again, whichever way they were transposed. */
function productGradients(
  alpha: number,
  transA: number,
  transB: number,
  [a, b]: readonly (string | undefined)[],
  dy: string | undefined,
  wanted: readonly boolean[],
  emit: Emit,
) {
  const da = () =>
    (transA
      ? emit('Gemm', { alpha, transA: transB, transB: 1 }, [b, dy])
      : emit('Gemm', { alpha, transA: 0, transB: 1 - transB }, [dy, b]))[0]
  const db = () =>
    (transB
      ? emit('Gemm', { alpha, transA: 1, transB: transA }, [dy, a])
      : emit('Gemm', { alpha, transA: 1 - transA, transB: 0 }, [a, dy]))[0]
  return [wanted[0] ? da() : undefined, wanted[1] ? db() : undefined]
}

/** Gradient of a broadcast C: the sum over what was broadcast, as a ChannelSum over a suitable view [N, C, ...] of dy [m, n]. */
function broadcastGradient([m, n]: Shape, c: Shape, beta: number, dy: string | undefined, emit: Emit): string | undefined {
  const [cm, cn] = [...Array(2 - c.length).fill(1), ...c] as number[]
  if (cm === m && cn === n && beta === 1 && c.length === 2) return dy
  const view = cm === m && cn === n ? [1, m * n] : cn === n ? [m, n] : cm === m ? [1, m, n] : [1, 1, m * n]
  const viewed = view.length === 2 && view[0] === m ? dy : emit('Reshape', { shape: view }, [dy])[0]
  const [sum] = emit('ChannelSum', { scale: beta }, [viewed])
  return c.length === 1 ? sum : emit('Reshape', { shape: c }, [sum])[0]
}

/** Gemm(a, b, c?) {alpha, beta, transA, transB} -> alpha * A' B' + beta * C [M, N], C broadcast; as ONNX's. */
export const gemm: Operation = {
  op: 'Gemm',
  infer(attributes, [a, b, c]) {
    const g = gemmGeometry('Gemm', attributes, a, b, c)
    return [[g.m, g.n]]
  },
  dispatches: (attributes, [a, b, c], [y], target) =>
    gemmDispatches(gemmGeometry('Gemm', attributes, a!.shape, b!.shape, c?.shape), a!, b!, c, y, target),
  reference: (attributes, [a, b, c]) => [gemmReference(gemmGeometry('Gemm', attributes, a!.shape, b!.shape, c?.shape), a!, b!, c)],
  gradient({ attributes, inputs, inputShapes, outputShapes, wanted }, [dy], emit) {
    const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes as Record<string, number | undefined>
    const gradients = productGradients(alpha, transA, transB, inputs, dy, wanted, emit)
    return [...gradients, wanted[2] ? broadcastGradient(outputShapes[0], inputShapes[2]!, beta, dy, emit) : undefined]
  },
  macs: (attributes, [a], [y]) => elements(y) * a![attributes.transA ? 0 : 1],
}

/**
 * The product of the last two dimensions for each of those before them, which must be the same, or all 1 or absent on one side. Rows
 * that share one B are the rows of one product.
 */
function matMulGeometry(a: Shape | undefined, b: Shape | undefined): GemmGeometry & { readonly shape: Shape } {
  if (!a || a.length < 2) throw new Error(`MatMul: the first input must have at least 2 dimensions, found ${show(a)}`)
  if (!b || b.length < 2) throw new Error(`MatMul: the second input must have at least 2 dimensions, found ${show(b)}`)
  const g = gemmGeometry('MatMul', {}, a.slice(-2), b.slice(-2))
  const [aOuter, bOuter] = [a.slice(0, -2), b.slice(0, -2)]
  const [aBatches, bBatches] = [elements(aOuter), elements(bOuter)]
  const rank = Math.max(a.length, b.length) - 2
  const [wideA, wideB] = [aOuter, bOuter].map((outer) => [...Array<number>(rank - outer.length).fill(1), ...outer])
  if (aBatches > 1 && bBatches > 1 && wideA.join() !== wideB.join())
    throw new Error(`MatMul: ${show(a)} times ${show(b)}: dimensions before the last two must be equal, or all 1 in one input`)
  const shape = [...(aBatches > 1 ? wideA : wideB), g.m, g.n]
  if (bBatches === 1) return { ...g, m: g.m * aBatches, shape }
  return { ...g, batches: bBatches, aBatch: aBatches > 1 ? g.m * g.k : 0, bBatch: g.k * g.n, shape }
}

/** MatMul(a [..., M, K], b [..., K, N]) -> [..., M, N] */
export const matMul: Operation = {
  op: 'MatMul',
  infer: (_, [a, b]) => [[...matMulGeometry(a, b).shape]],
  dispatches: (_, [a, b], [y], target) => gemmDispatches(matMulGeometry(a!.shape, b!.shape), a!, b!, undefined, y, target),
  reference(_, [a, b]) {
    const g = matMulGeometry(a!.shape, b!.shape)
    return [{ shape: g.shape, data: gemmReference(g, a!, b!).data }]
  },
  gradient({ inputs: [a, b], inputShapes, wanted }, [dy], emit) {
    const [aShape, bShape] = inputShapes as readonly Shape[]
    if (aShape.length === 2 && bShape.length === 2) return productGradients(1, 0, 0, [a, b], dy, wanted, emit)
    const transposed = (x: string | undefined, { length }: Shape) =>
      emit('Transpose', { perm: [...Array.from({ length: length - 2 }, (_, axis) => axis), length - 1, length - 2] }, [x])[0]
    // What was shared gets the sum over all that it served.
    const product = (left: string | undefined, right: string | undefined, shape: Shape) =>
      emit('SumTo', { shape }, emit('MatMul', {}, [left, right]))[0]
    return [
      wanted[0] ? product(dy, transposed(b, bShape), aShape) : undefined,
      wanted[1] ? product(transposed(a, aShape), dy, bShape) : undefined,
    ]
  },
  macs: (_, [a], [y]) => elements(y) * a![a!.length - 1],
}
