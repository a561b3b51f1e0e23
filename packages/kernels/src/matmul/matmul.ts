import { broadcastShapes } from '../checks.js'
import noQuadCode from '../conv2d/no-quad.wgsl'
import quadCode from '../conv2d/quad.wgsl'
import { broadcastStrides } from '../layout/layout.js'
import { collapse, outerArray } from '../layout/strides.js'
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
import type { GemmGeometry, ProductGeometry } from './geometry.js'
import { gemmReference, productReference } from './matmul.reference.js'
import plainCode from './matmul.wgsl'
import batchedCode from './matmul-batched.wgsl'
import tiledCode from './matmul-tiled.wgsl'

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
  } // prettier-ignore
}

const plain: Shader = { name: 'matmul', code: plainCode, access: ['read', 'read', 'read', 'write'] }

const batched: Shader = { name: 'matmul-batched', code: batchedCode, access: ['read', 'read', 'write'] }

const [tiled, tiledQuad] = [noQuadCode, quadCode].map(
  (lanes): Shader => ({ name: 'matmul-tiled', code: lanes + tiledCode, access: ['read', 'read', 'read', 'write'] }),
)

function gemmParams(g: GemmGeometry, c: Tensor | undefined): Params {
  return { u32: [g.m, g.n, g.k, g.aRow, g.aColumn, g.bRow, g.bColumn, g.cRow, g.cColumn, c ? 1 : 0], f32: [g.alpha, g.beta] }
}

/** The plain kernel: one invocation per output. */
export function plainGemm(g: GemmGeometry, a: Tensor, b: Tensor, c: Tensor | undefined, y: Tensor, target: Target): Dispatch {
  return { shader: plain, operands: [a, b, c, y], params: gemmParams(g, c), workgroups: workgroups1d(g.m * g.n, 64, target) }
}

/** 8 x 16 outputs per invocation. */
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

function productGeometry(a: Shape | undefined, b: Shape | undefined): ProductGeometry {
  if (!a?.length || !b?.length) throw new Error(`MatMul: two inputs of one dimension or more are needed, found ${show(a)} and ${show(b)}`)
  const [left, right] = [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b]
  const [m, k] = left.slice(-2)
  const [kb, n] = right.slice(-2)
  if (k !== kb) throw new Error(`MatMul: ${show(a)} times ${show(b)}: inner dimensions ${k} and ${kb} differ`)
  const batch = broadcastShapes('MatMul', left.slice(0, -2), right.slice(0, -2))
  const y = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])]
  return { m, n, k, batch, a: left, b: right, y: y.length ? y : [1] }
}

/** One product of two matrices where B has no leading dimensions: those of A are rows like others. */
function flatGeometry(g: ProductGeometry): GemmGeometry | undefined {
  return elements(g.b.slice(0, -2)) === 1 ? gemmGeometry('MatMul', {}, [elements(g.batch) * g.m, g.k], [g.k, g.n]) : undefined
}

function batchedDispatch(g: ProductGeometry, a: Tensor, b: Tensor, y: Tensor, target: Target): Dispatch {
  const scaled = (shape: Shape, matrix: number) => broadcastStrides(shape.slice(0, -2), g.batch).map((stride) => stride * matrix)
  const walk = collapse('MatMul', g.batch, [scaled(g.a, g.m * g.k), scaled(g.b, g.k * g.n)])
  const count = elements(g.y)
  return {
    shader: batched,
    operands: [a, b, y],
    params: { u32: [count, g.m, g.n, g.k, ...outerArray(walk.shape, 1), ...outerArray(walk.strides[0]), ...outerArray(walk.strides[1])] },
    workgroups: workgroups1d(count, 64, target),
  }
}

/** The last two dimensions exchanged. */
function transposed(name: string, shape: Shape, emit: Emit): string {
  const rank = shape.length
  return emit('Transpose', { perm: shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)) }, [name])[0]
}

/** MatMul(a [..., M, K], b [..., K, N]) -> [..., M, N]: numpy's, with leading dimensions broadcast and vectors as row or column. */
export const matMul: Operation = {
  op: 'MatMul',
  infer: (_, [a, b]) => [[...productGeometry(a, b).y]],
  dispatches(_, [a, b], [y], target) {
    const g = productGeometry(a!.shape, b!.shape)
    const flat = flatGeometry(g)
    return flat ? gemmDispatches(flat, a!, b!, undefined, y, target) : [batchedDispatch(g, a!, b!, y, target)]
  },
  reference(_, [a, b]) {
    const g = productGeometry(a!.shape, b!.shape)
    return [productReference(g, { shape: g.a, data: a!.data }, { shape: g.b, data: b!.data })]
  },
  gradient({ inputs, inputShapes: [aShape, bShape], wanted }, [dy], emit) {
    if (aShape!.length === 2 && bShape!.length === 2) return productGradients(1, 0, 0, inputs, dy, wanted, emit)
    const g = productGeometry(aShape, bShape)
    const view = (name: string, shape: Shape) => emit('Reshape', { shape }, [name])[0]
    const summed = (product: string, to: Shape) => emit('SumTo', { shape: to }, [product])[0]
    const flat = flatGeometry(g)
    if (flat) {
      const [a, b, d] = [view(inputs[0]!, [flat.m, g.k]), view(inputs[1]!, [g.k, g.n]), view(dy!, [flat.m, g.n])]
      const gradients = productGradients(1, 0, 0, [a, b], d, wanted, emit)
      return gradients.map((name, i) => name && view(name, [aShape!, bShape!][i]))
    }
    const [a, b, d] = [view(inputs[0]!, g.a), view(inputs[1]!, g.b), view(dy!, [...g.batch, g.m, g.n])]
    const da = () => summed(emit('MatMul', {}, [d, transposed(b, g.b, emit)])[0], g.a)
    const db = () => summed(emit('MatMul', {}, [transposed(a, g.a, emit), d])[0], g.b)
    return [wanted[0] ? view(da(), aShape!) : undefined, wanted[1] ? view(db(), bShape!) : undefined]
  },
  macs: (_, [a], [y]) => elements(y) * a!.at(-1)!,
}
