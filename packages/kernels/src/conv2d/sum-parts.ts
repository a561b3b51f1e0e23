import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { elements, workgroups1d } from '../operation.js'
import sumPartsCode from './sum-parts.wgsl'

const sumParts: Shader = { name: 'conv2d-weight-gradient-sum', code: sumPartsCode, access: ['read', 'write'] }

/** y = the sum of parts [count, ...] in a fixed order. */
export function sumOfParts(parts: Tensor, y: Tensor, target: Target): Dispatch {
  const length = elements(y.shape)
  return { shader: sumParts, operands: [parts, y], params: { u32: [parts.shape[0], length] }, workgroups: workgroups1d(length, 64, target) }
}
