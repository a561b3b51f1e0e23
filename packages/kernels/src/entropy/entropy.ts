import { choiceAttribute, inputShape, integerAttribute } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

/** SpatialEntropy(x [N, C, H, W]) {levels, definition: 'aura'|'aura-matrix'} -> [N, C] */
export const spatialEntropy: Operation = {
  op: 'SpatialEntropy',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x', 4)
    choiceAttribute(this.op, attributes, 'definition', ['aura', 'aura-matrix'], 'aura')
    const levels = integerAttribute(this.op, attributes, 'levels', 16, 2)
    if (levels > 256) throw new Error(`${this.op}: at most 256 levels, found ${levels}`)
    return [[x[0], x[1]]]
  },
  ...pending('SpatialEntropy'),
}
