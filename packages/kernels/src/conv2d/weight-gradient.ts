import type { Attributes, Dispatch, Operation, Shader, Shape, Target, Tensor } from '../operation.js'
import { elements, scratch, workgroups1d } from '../operation.js'
import { convWeightGradientReference } from './conv2d.reference.js'
import { depthwiseCpuWeightGradient, isDepthwiseCpuWeightGradient } from './depthwise-cpu.js'
import { type ConvGeometry, convGeometry, convMacs, geometryParams, outputShape, shapeAttribute, weightShape } from './geometry.js'
import noQuadCode from './no-quad.wgsl'
import quadCode from './quad.wgsl'
import { sumOfParts } from './sum-parts.js'
import plainCode from './weight-gradient.wgsl'
import narrowCode from './weight-gradient-narrow.wgsl'
import { isForQuads, quadsWeightGradient } from './weight-gradient-quads.js'
import tiledCode from './weight-gradient-tiled.wgsl'
import { winogradGradientSize, winogradWeightGradient } from './weight-gradient-winograd.js'
import workgroupCode from './weight-gradient-workgroup.wgsl'
import workgroupTileCode from './workgroup-tile.wgsl'

const plain: Shader = { name: 'conv2d-weight-gradient', code: plainCode, access: ['read', 'read', 'write'] }

/** The plain kernel: one invocation per weight; every attribute. */
export function plainWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] {
  return [
    {
      shader: plain,
      operands: [x, dy, dw],
      params: { u32: geometryParams(g) },
      workgroups: workgroups1d(elements(weightShape(g)), 64, target),
    },
  ]
}

const [tiled, tiledQuad] = [noQuadCode, quadCode].map(
  (lanes): Shader => ({ name: 'conv2d-weight-gradient-tiled', code: lanes + tiledCode, access: ['read', 'read', 'write'] }),
)
const narrow: Shader = { name: 'conv2d-weight-gradient-narrow', code: narrowCode, access: ['read', 'read', 'write'] }
const workgroup: Shader = {
  name: 'conv2d-weight-gradient-workgroup',
  code: workgroupTileCode + workgroupCode,
  access: ['read', 'read', 'write'],
}

/**
 * Into how many parts the sum over images and pixels is cut, for `lanes` invocations per part. Never more than 2048 pixels
 * in sequence (precision, and work for two cores); hardware wants some 32768 invocations. At most 16 MiB of parts.
 */
export function partsOf(g: ConvGeometry, lanes: number, target: Target): { parts: number; rowsPerPart: number } {
  const rows = g.n * g.oh
  const wanted = Math.max((rows * g.ow) / 2048, target.kind === 'hardware' ? 32768 / lanes : 1)
  const most = Math.max(1, Math.floor(2 ** 22 / elements(weightShape(g))))
  const rowsPerPart = Math.ceil(rows / Math.max(1, Math.min(rows, most, Math.ceil(wanted))))
  return { parts: Math.ceil(rows / rowsPerPart), rowsPerPart }
}

/** The fast kernel: tiles of 16 outputs x 8 columns per invocation, the sum cut into parts. */
export function tiledWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] {
  const tiles = Math.ceil(((g.c / g.group) * g.kh * g.kw) / 8)
  const chunks = Math.ceil(g.m / g.group / 16)
  // Software adapters run a workgroup lane by lane: small ones waste least.
  const size = target.kind === 'hardware' ? 32 : 8
  const { parts, rowsPerPart } = partsOf(g, tiles * chunks * g.group, target)
  const partial = parts > 1 ? scratch('weight gradient parts', [parts, elements(dw.shape)]) : dw
  const main: Dispatch = {
    shader: target.subgroups ? tiledQuad : tiled,
    constants: { size },
    operands: [x, dy, partial],
    params: { u32: [...geometryParams(g), chunks, rowsPerPart] },
    workgroups: [Math.ceil(tiles / size), g.group * chunks, parts],
  }
  return parts > 1 ? [main, sumOfParts(partial, dw, target)] : [main]
}

/** Workgroups that keep a large GPU busy (a guess until measured), and the fewest pixels that a part is worth. */
const wantedWorkgroups = 1024
const fewestPixels = 256

/** For hardware: tiles of 64 outputs x 128 columns in workgroup memory, the sum cut into parts (split-K). */
export function workgroupWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] {
  const pixels = g.n * g.oh * g.ow
  const tiles = Math.ceil(((g.c / g.group) * g.kh * g.kw) / 128)
  const chunks = Math.ceil(g.m / g.group / 64)
  const most = Math.max(1, Math.min(Math.floor(2 ** 22 / elements(weightShape(g))), Math.floor(pixels / fewestPixels)))
  const wanted = Math.ceil(wantedWorkgroups / (tiles * chunks * g.group))
  const pixelsPerPart = Math.ceil(pixels / Math.max(1, Math.min(wanted, most)) / 16) * 16
  const parts = Math.ceil(pixels / pixelsPerPart)
  const partial = parts > 1 ? scratch('weight gradient parts', [parts, elements(dw.shape)]) : dw
  const main: Dispatch = {
    shader: workgroup,
    operands: [x, dy, partial],
    params: { u32: [...geometryParams(g), chunks, pixelsPerPart] },
    workgroups: [tiles, g.group * chunks, parts],
  }
  return parts > 1 ? [main, sumOfParts(partial, dw, target)] : [main]
}

export const isNarrow = (g: ConvGeometry): boolean => g.c === g.group && g.kh === 3 && g.kw === 3 && g.dilationH === 1 && g.dilationW === 1

/** Depthwise 3 x 3: all weights of an output per invocation, the sum cut into parts. */
export function narrowWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] {
  const { parts, rowsPerPart } = partsOf(g, g.m, target)
  const partial = parts > 1 ? scratch('weight gradient parts', [parts, elements(dw.shape)]) : dw
  const main: Dispatch = {
    shader: narrow,
    operands: [x, dy, partial],
    params: { u32: [...geometryParams(g), rowsPerPart, parts] },
    workgroups: [Math.ceil((g.m * parts) / 64), 1, 1],
  }
  return parts > 1 ? [main, sumOfParts(partial, dw, target)] : [main]
}

function weightGradientDispatches(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] {
  if (isDepthwiseCpuWeightGradient(g, target)) return depthwiseCpuWeightGradient(g, x, dy, dw, target)
  const size = winogradGradientSize(g, target)
  const transformed = size && winogradWeightGradient(g, x, dy, dw, target, size)
  if (transformed) return transformed
  const inQuads = isForQuads(g, target) ? quadsWeightGradient(g, x, dy, dw, target) : undefined
  if (inQuads) return inQuads
  const refused = (shader: Shader) => target.refused?.has(shader.name) ?? false
  if (isNarrow(g) && !refused(narrow)) return narrowWeightGradient(g, x, dy, dw, target)
  const wide = target.kind === 'hardware' && g.m / g.group >= 16
  if (wide && !refused(workgroup)) return workgroupWeightGradient(g, x, dy, dw, target)
  return refused(tiled) ? plainWeightGradient(g, x, dy, dw, target) : tiledWeightGradient(g, x, dy, dw, target)
}

function geometryOf(attributes: Attributes, x: Shape | undefined, dy: Shape | undefined): ConvGeometry {
  const g = convGeometry('ConvWeightGradient', attributes, x, shapeAttribute('ConvWeightGradient', attributes, 'weightShape'))
  const expected = outputShape(g)
  if (dy?.length !== 4 || dy.some((d, i) => d !== expected[i])) {
    throw new Error(
      `ConvWeightGradient: the output gradient must be [${expected.join(', ')}], found ${dy ? `[${dy.join(', ')}]` : 'nothing'}`,
    )
  }
  return g
}

/** ConvWeightGradient(x [N, C, H, W], dy [N, M, OH, OW]) {Conv's, weightShape} -> dw [M, C/group, KH, KW]. */
export const convWeightGradient: Operation = {
  op: 'ConvWeightGradient',
  infer: (attributes, [x, dy]) => [weightShape(geometryOf(attributes, x, dy))],
  dispatches: (attributes, [x, dy], [dw], target) =>
    weightGradientDispatches(geometryOf(attributes, x!.shape, dy!.shape), x!, dy!, dw, target),
  reference: (attributes, [x, dy]) => [convWeightGradientReference(geometryOf(attributes, x!.shape, dy!.shape), x!, dy!)],
  macs: (attributes, [x, dy]) => convMacs(geometryOf(attributes, x, dy)),
}
