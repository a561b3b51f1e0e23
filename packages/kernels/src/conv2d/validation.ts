/** A small case for each fast kernel, by the name of its shader: what `validate` runs before the kernel is used on an adapter. */
import type { Attributes, Operation, Shape, Target, Tensor } from '../operation.js'
import type { KernelCase } from '../validate.js'
import { conv, fusedConv } from './conv2d.js'
import { convGeometry } from './geometry.js'
import { type TileVariant, tiledConv } from './tile.js'
import { forwardProblem } from './tile-problem.js'
import { convWeightGradient, narrowWeightGradient, tiledWeightGradient, workgroupWeightGradient } from './weight-gradient.js'

const pads = [1, 1, 1, 1]

/** With all that the epilogue does, and bare: two pipelines. */
function tiles(variant: TileVariant, x: Shape, w: Shape, group: number): KernelCase[] {
  const attributes: Attributes = { pads, group, activation: 'relu' }
  const problem = forwardProblem(convGeometry('Conv', attributes, x, w))
  const forced = (operation: Operation, epilogue: (inputs: readonly (Tensor | undefined)[]) => Parameters<typeof tiledConv>[4]) => ({
    ...operation,
    dispatches: (_: Attributes, inputs: readonly (Tensor | undefined)[], [y]: readonly Tensor[], target: Target) => [
      tiledConv(problem, inputs[0]!, inputs[1]!, y, epilogue(inputs), target, variant),
    ],
  })
  const y = conv.infer(attributes, [x, w])[0]
  return [
    { operation: forced(conv, () => ({ activation: 'none' })), attributes, inputs: [x, w] },
    {
      operation: forced(fusedConv, ([, , bias, residual, mask]) => ({ bias, residual, mask, activation: 'relu' })),
      attributes,
      inputs: [x, w, [w[0]], y, [1, w[0]]],
    },
  ]
}

function weightGradient(kernel: typeof tiledWeightGradient, x: Shape, w: Shape, group: number): KernelCase[] {
  const attributes: Attributes = { pads, group, weightShape: w }
  const g = convGeometry('Conv', attributes, x, w)
  const operation: Operation = { ...convWeightGradient, dispatches: (_, [a, dy], [dw], target) => kernel(g, a!, dy!, dw, target) }
  return [{ operation, attributes, inputs: [x, [g.n, g.m, g.oh, g.ow]] }]
}

export const convKernelCases: Readonly<Record<string, () => KernelCase[]>> = {
  'conv2d-tiled': () => tiles('tiled', [2, 5, 9, 7], [18, 5, 3, 3], 1),
  'conv2d-tiled-3x3': () => tiles('tiled-3x3', [2, 5, 9, 7], [11, 5, 3, 3], 1),
  'conv2d-narrow': () => tiles('narrow', [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-depthwise-3x3': () => tiles('depthwise-3x3', [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-workgroup': () => tiles('workgroup', [2, 18, 9, 11], [70, 18, 3, 3], 1),
  'conv2d-weight-gradient-tiled': () => weightGradient(tiledWeightGradient, [2, 5, 9, 7], [18, 5, 3, 3], 1),
  'conv2d-weight-gradient-narrow': () => weightGradient(narrowWeightGradient, [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-weight-gradient-workgroup': () => weightGradient(workgroupWeightGradient, [3, 18, 13, 11], [70, 18, 3, 3], 1),
}
