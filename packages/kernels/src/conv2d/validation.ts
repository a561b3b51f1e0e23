/** A small case for each fast kernel, by the name of its shader: what `validate` runs before the kernel is used on an adapter. */

import type { KernelCase } from '../kernel-case.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { conv, fusedConv } from './conv2d.js'
import { convGeometry } from './geometry.js'
import { type TileVariant, tiledConv } from './tile.js'
import { forwardProblem } from './tile-problem.js'
import { convWeightGradient, narrowWeightGradient, tiledWeightGradient, workgroupWeightGradient } from './weight-gradient.js'

const pads = [1, 1, 1, 1]

/** 1 .. n - 1, 0 */
const rotated = (n: number) => Array.from({ length: n }, (_, i) => (i + 1) % n)

type Constants = Readonly<Record<string, number>>

/** With the epilogue that `constants` stand for, so that the pipeline tried is the one that will be used. */
function tiles(variant: TileVariant, x: Shape, w: Shape, group: number, stride = 1) {
  return ({ fused, adds, masks, listed }: Constants): KernelCase => {
    const attributes: Attributes = { pads, group, strides: [stride, stride], activation: fused ? 'relu' : 'none' }
    const problem = forwardProblem(convGeometry('Conv', attributes, x, w))
    const operation: Operation = {
      ...fusedConv,
      dispatches: (_, [input, weights, bias, residual, mask, lists], [y], target) => [
        tiledConv(problem, input!, weights!, y, { bias, residual, mask, lists, activation: fused ? 'relu' : 'none' }, target, variant),
      ],
    }
    // All but the first of either side
    const lists = { shape: [1, 2 + x[1] + w[0]], data: Float64Array.of(x[1] - 1, w[0] - 1, ...rotated(x[1]), ...rotated(w[0])) }
    const y = conv.infer(attributes, [x, w])[0]
    const present = (given: number, shape: Shape) => (given ? shape : undefined)
    const inputs = [x, w, present(fused, [w[0]]), present(adds, y), present(masks, [1, w[0]]), listed ? lists : undefined]
    return { operation, attributes, inputs, integerInputs: [5] }
  }
}

function weightGradient(kernel: typeof tiledWeightGradient, x: Shape, w: Shape, group: number) {
  const attributes: Attributes = { pads, group, weightShape: w }
  const g = convGeometry('Conv', attributes, x, w)
  const operation: Operation = { ...convWeightGradient, dispatches: (_, [a, dy], [dw], target) => kernel(g, a!, dy!, dw, target) }
  return (): KernelCase => ({ operation, attributes, inputs: [x, [g.n, g.m, g.oh, g.ow]] })
}

export const convKernelCases: Readonly<Record<string, (constants: Constants) => KernelCase>> = {
  'conv2d-tiled': tiles('tiled', [2, 5, 9, 7], [18, 5, 3, 3], 1),
  'conv2d-tiled-3x3': tiles('tiled-3x3', [2, 5, 9, 7], [11, 5, 3, 3], 1),
  'conv2d-narrow': tiles('narrow', [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-depthwise-3x3': tiles('depthwise-3x3', [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-depthwise-3x3-stride2': tiles('depthwise-3x3-stride2', [2, 5, 19, 11], [5, 1, 3, 3], 5, 2),
  'conv2d-workgroup': tiles('workgroup', [2, 18, 9, 11], [70, 18, 3, 3], 1),
  'conv2d-weight-gradient-tiled': weightGradient(tiledWeightGradient, [2, 5, 9, 7], [18, 5, 3, 3], 1),
  'conv2d-weight-gradient-narrow': weightGradient(narrowWeightGradient, [2, 5, 9, 7], [5, 1, 3, 3], 5),
  'conv2d-weight-gradient-workgroup': weightGradient(workgroupWeightGradient, [3, 18, 13, 11], [70, 18, 3, 3], 1),
}
