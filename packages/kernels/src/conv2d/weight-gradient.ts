import type { Attributes, Dispatch, Operation, Shader, Shape, Target, Tensor } from '../operation.js'
import { elements, workgroups1d } from '../operation.js'
import { convWeightGradientReference } from './conv2d.reference.js'
import { type ConvGeometry, convGeometry, convMacs, geometryParams, outputShape, shapeAttribute, weightShape } from './geometry.js'
import plainCode from './weight-gradient.wgsl'

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
  dispatches: (attributes, [x, dy], [dw], target) => plainWeightGradient(geometryOf(attributes, x!.shape, dy!.shape), x!, dy!, dw, target),
  reference: (attributes, [x, dy]) => [convWeightGradientReference(geometryOf(attributes, x!.shape, dy!.shape), x!, dy!)],
  macs: (attributes, [x, dy]) => convMacs(geometryOf(attributes, x, dy)),
}
