import type { Attributes, Dispatch, Operation, Shader, Shape, Target, Tensor } from '../operation.js'
import { workgroups1d } from '../operation.js'
import { convInputGradientReference } from './conv2d.reference.js'
import { depthwiseCpuInputGradient, isDepthwiseCpuInputGradient } from './depthwise-cpu.js'
import { type ConvGeometry, convGeometry, convMacs, geometryParams, inputShape, outputShape, shapeAttribute } from './geometry.js'
import gatherCode from './input-gradient.wgsl'
import { cpuConv } from './rows.js'
import { tiledConv, usefulTileVariant } from './tile.js'
import { inputGradientProblems } from './tile-problem.js'

const gather: Shader = { name: 'conv2d-input-gradient', code: gatherCode, access: ['read', 'read', 'read', 'write'] }

/** The plain kernel: one invocation per element of dx; every attribute. */
export function gatherInputGradient(g: ConvGeometry, dy: Tensor, w: Tensor, dx: Tensor, target: Target, bias?: Tensor): Dispatch[] {
  return [
    {
      shader: gather,
      operands: [dy, w, bias, dx],
      params: { u32: [...geometryParams(g), bias ? 1 : 0] },
      workgroups: workgroups1d(g.n * g.c * g.h * g.w, 64, target),
    },
  ]
}

/** As tiled convolutions of dy, one per phase of the stride; the plain kernel where tiles would leave hardware idle. `bias` [C] is added to dx. */
export function inputGradientDispatches(g: ConvGeometry, dy: Tensor, w: Tensor, dx: Tensor, target: Target, bias?: Tensor): Dispatch[] {
  if (isDepthwiseCpuInputGradient(g, target, bias)) return depthwiseCpuInputGradient(g, dy, w, dx, bias)
  const problems = inputGradientProblems(g)
  const onCpu = problems.map((p) => cpuConv(p, dy, w, dx, { bias, activation: 'none' }, target))
  if (onCpu.every((dispatches) => dispatches !== undefined)) return onCpu.flat()
  const variants = problems.map((problem) => usefulTileVariant(problem, target))
  if (variants.includes(undefined)) return gatherInputGradient(g, dy, w, dx, target, bias)
  return problems.map((problem, i) => tiledConv(problem, dy, w, dx, { bias, activation: 'none' }, target, variants[i]!))
}

function geometryOf(attributes: Attributes, dy: Shape | undefined, w: Shape | undefined): ConvGeometry {
  const g = convGeometry('ConvInputGradient', attributes, shapeAttribute('ConvInputGradient', attributes, 'inputShape'), w)
  const expected = outputShape(g)
  if (dy?.length !== 4 || dy.some((d, i) => d !== expected[i])) {
    throw new Error(
      `ConvInputGradient: the output gradient must be [${expected.join(', ')}], found ${dy ? `[${dy.join(', ')}]` : 'nothing'}`,
    )
  }
  return g
}

/** ConvInputGradient(dy [N, M, OH, OW], w) {Conv's, inputShape} -> dx [N, C, H, W]. */
export const convInputGradient: Operation = {
  op: 'ConvInputGradient',
  infer: (attributes, [dy, w]) => [inputShape(geometryOf(attributes, dy, w))],
  dispatches: (attributes, [dy, w], [dx], target) =>
    inputGradientDispatches(geometryOf(attributes, dy!.shape, w!.shape), dy!, w!, dx, target),
  reference: (attributes, [dy, w]) => [convInputGradientReference(geometryOf(attributes, dy!.shape, w!.shape), dy!, w!)],
  macs: (attributes, [dy, w]) => convMacs(geometryOf(attributes, dy, w)),
}
