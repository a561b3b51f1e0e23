import { expectShape, shapeAttribute } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

function random(op: string): Operation {
  return {
    op,
    infer(attributes, inputs) {
      expectShape(op, 'counter', inputs[0], [2])
      return [[...shapeAttribute(op, attributes, 'shape')]]
    },
    ...pending(op),
  }
}

/** RandomUniform(counter u32 [2]: seed, stream) {shape} -> f32 in [0, 1) */
export const randomUniform = random('RandomUniform')
/** RandomNormal(counter u32 [2]: seed, stream) {shape} -> f32, mean 0, variance 1 */
export const randomNormal = random('RandomNormal')
