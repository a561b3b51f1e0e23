/** Depthwise 3 x 3 convolutions and their gradients on the CPU device (depthwise-cpu.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { elements, scratch } from '../operation.js'
import { lanesFor } from '../vectors.js'
import code from './depthwise-cpu.wgsl'
import inputGradientCode from './depthwise-cpu-input-gradient.wgsl'
import weightGradientCode from './depthwise-cpu-weight-gradient.wgsl'
import type { ConvGeometry } from './geometry.js'
import { sumOfParts } from './sum-parts.js'
import { type Epilogue, epilogueConstants, epilogueParams } from './tile.js'

const forward: Shader = {
  name: 'conv2d-depthwise-cpu',
  code,
  access: ['read', 'read', 'read', 'read', 'read', 'write'],
  entryPoint: 'forward',
}
const weightGradient: Shader = {
  ...forward,
  name: 'conv2d-depthwise-cpu-weight-gradient',
  code: code + weightGradientCode,
  entryPoint: 'weightGradient',
}
const inputGradient: Shader = {
  ...forward,
  name: 'conv2d-depthwise-cpu-input-gradient',
  code: code + inputGradientCode,
  entryPoint: 'inputGradient',
}
const inputGradientInPairs: Shader = { ...inputGradient, entryPoint: 'inputGradientInPairs' }

/** Sizes of the copy, in elements: it should be in the nearest cache of a core, with what else is read. */
const tiles = [512, 2048, 8000]

/** A convolution as the shader reads it: a copy with padding of [height, width], for [madeHeight, madeWidth]. */
interface Problem {
  readonly images: number
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly madeHeight: number
  readonly madeWidth: number
  readonly top: number
  readonly left: number
  readonly strideY: number
  readonly strideX: number
}

function forwardProblem(g: ConvGeometry): Problem {
  const { n, c, h, w, oh, ow, padTop, padLeft, strideH, strideW } = g
  return {
    images: n,
    channels: c,
    height: h,
    width: w,
    madeHeight: oh,
    madeWidth: ow,
    top: padTop,
    left: padLeft,
    strideY: strideH,
    strideX: strideW,
  }
}

/** With strides of 1: a convolution of dy with the weights reversed. */
function reversedProblem(g: ConvGeometry): Problem {
  const { n, c, h, w, oh, ow, padTop, padLeft } = g
  return {
    images: n,
    channels: c,
    height: oh,
    width: ow,
    madeHeight: h,
    madeWidth: w,
    top: 2 - padTop,
    left: 2 - padLeft,
    strideY: 1,
    strideX: 1,
  }
}

/** How the copy lies, and how many rows are made of one; undefined where not even one row fits. */
function copyOf({ height, width, madeHeight, madeWidth, left, strideY, strideX }: Problem, most = tiles[tiles.length - 1]) {
  const vectors = 4 * Math.ceil(madeWidth / 4)
  const half = Math.max(vectors + 1, Math.ceil((left + width + 1) / 2))
  const pitch = strideX === 1 ? Math.max(vectors + 2, left + width) : 2 * half
  const rows = Math.min(madeHeight, Math.floor((most / pitch - 3) / strideY) + 1)
  const tile = tiles.find((size) => size >= ((rows - 1) * strideY + 3) * pitch)
  return rows < 1 || tile === undefined || height < 1 ? undefined : { pitch, half, rows, tile, strips: rows < madeHeight }
}

/** The same for gradients of the input with strides of 2. */
function scatteredCopyOf({ h, w, ow, oh, padTop, padLeft }: ConvGeometry) {
  const rows = 4 * Math.ceil((Math.floor((w - 1 + padLeft) / 2) + 1) / 4)
  const pitch = Math.max(rows, ow) + 1
  const half = Math.max(Math.floor((h - 1 + padTop) / 2) + 2, oh + 1) * pitch
  const tile = tiles.find((size) => size >= half + 2 * rows)
  return tile === undefined ? undefined : { pitch, half, rows, tile, strips: false }
}

const isDepthwise3x3 = (g: ConvGeometry) =>
  g.group === g.c && g.m === g.c && g.kh === 3 && g.kw === 3 && g.dilationH === 1 && g.dilationW === 1
/** What goes row by row in whole vectors must have one. */
const fits = ({ width, madeWidth, left, top, strideX, strideY }: Problem) =>
  madeWidth >= 4 && strideX === strideY && (strideX === 1 ? width >= 4 : strideX === 2) && left >= 0 && top >= 0
const able = (problem: Problem) => fits(problem) && copyOf(problem) !== undefined

/** Elements of what is made that are worth a workgroup, and workgroups that are enough for any number of cores. */
const worthwhile = 16384
const plenty = 32

/** Channels and images of a workgroup, and how many workgroups there are of each. */
function share({ images, channels, madeHeight, madeWidth }: Problem) {
  const area = madeHeight * madeWidth
  const each = Math.max(1, Math.min(Math.floor(worthwhile / (images * area)), Math.ceil(channels / plenty)))
  const columns = Math.ceil(channels / each)
  const imagesEach = lanesFor(images, Math.max(Math.ceil((images * columns) / plenty), Math.ceil(worthwhile / area)))
  return { each, imagesEach, workgroups: [columns, images / imagesEach, 1] as [number, number, number] }
}

type Copy = NonNullable<ReturnType<typeof copyOf>>

function dispatch(
  shader: Shader,
  problem: Problem,
  { pitch, half, rows, tile, strips }: Copy,
  operands: readonly (Tensor | undefined)[],
  constants: Readonly<Record<string, number>>,
  flags = 0,
  imagesPerCandidate = 1,
): Dispatch {
  const { images, channels, height, width, madeHeight, madeWidth, top, left, strideY, strideX } = problem
  const { each, imagesEach, workgroups } = share(problem)
  const sizes = [images, channels, height, width, madeHeight, madeWidth, top, left, strideY, pitch, half, rows, each, imagesEach]
  // About 2048 products in sequence.
  const imagesPerSum = lanesFor(imagesEach, (4 * 2048) / (madeHeight * madeWidth))
  return {
    shader,
    constants: { ...constants, STRIDE: strideX, TILE: tile, ...(strips && { STRIPS: 1 }) },
    operands,
    params: { u32: [...sizes, flags, imagesPerCandidate, imagesPerSum] },
    workgroups,
  }
}

/** Whether `depthwiseCpu` computes it. */
export const isDepthwiseCpu = (g: ConvGeometry, { lists }: Epilogue, target: Target): boolean =>
  target.kind === 'cpu' && isDepthwise3x3(g) && !lists && able(forwardProblem(g))

/** `most`: the greatest copy, in elements. */
export function depthwiseCpu(g: ConvGeometry, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, most?: number): Dispatch[] {
  const [flags, imagesPerCandidate] = epilogueParams(g.n, epilogue)
  const problem = forwardProblem(g)
  const operands = [x, w, epilogue.bias, epilogue.residual, epilogue.mask, y]
  return [dispatch(forward, problem, copyOf(problem, most)!, operands, epilogueConstants(epilogue), flags, imagesPerCandidate)]
}

/** Whether `depthwiseCpuInputGradient` computes it. */
export function isDepthwiseCpuInputGradient(g: ConvGeometry, target: Target, bias?: Tensor): boolean {
  if (target.kind !== 'cpu' || !isDepthwise3x3(g) || g.strideH !== g.strideW) return false
  return g.strideH === 1 ? able(reversedProblem(g)) : g.strideH === 2 && !bias && g.ow >= 4 && scatteredCopyOf(g) !== undefined
}

export function depthwiseCpuInputGradient(g: ConvGeometry, dy: Tensor, w: Tensor, dx: Tensor, bias?: Tensor): Dispatch[] {
  const problem = reversedProblem(g)
  const operands = [dy, w, bias, undefined, undefined, dx]
  if (g.strideH === 1)
    return [dispatch(forward, problem, copyOf(problem)!, operands, { fused: bias ? 1 : 0, adds: 0, masks: 0 }, 32 | (bias ? 1 : 0))]
  const padded = { ...problem, top: g.padTop, left: g.padLeft, strideX: 1 }
  const copy = scatteredCopyOf(g)!
  if (g.w >= 8 && g.w % 2 === 0) return [dispatch(inputGradientInPairs, padded, copy, operands, { ODD_LEFT: g.padLeft % 2 })]
  return [dispatch(inputGradient, padded, copy, operands, {})]
}

/** Whether `depthwiseCpuWeightGradient` computes it. */
export const isDepthwiseCpuWeightGradient = (g: ConvGeometry, target: Target): boolean =>
  target.kind === 'cpu' && isDepthwise3x3(g) && able(forwardProblem(g))

export function depthwiseCpuWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target, most?: number): Dispatch[] {
  const problem = forwardProblem(g)
  const parts = share(problem).workgroups[1]
  const partial = parts > 1 ? scratch('weight gradient parts', [parts, elements(dw.shape)]) : dw
  const main = dispatch(weightGradient, problem, copyOf(problem, most)!, [x, dy, undefined, undefined, undefined, partial], {})
  return parts > 1 ? [main, sumOfParts(partial, dw, target)] : [main]
}
