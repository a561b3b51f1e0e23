import { expectShape, inputShape } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

/** SgdUpdate(param, gradient, velocity, hyper f32 [4]) -> nothing; updates param and velocity */
export const sgdUpdate: Operation = {
  op: 'SgdUpdate',
  updates: [0, 2],
  infer(_, inputs) {
    const param = inputShape(this.op, inputs, 0, 'param')
    expectShape(this.op, 'gradient', inputs[1], param)
    expectShape(this.op, 'velocity', inputs[2], param)
    expectShape(this.op, 'hyper', inputs[3], [4])
    return []
  },
  ...pending('SgdUpdate'),
}

/** AdamUpdate(param, gradient, m, v, hyper f32 [8]) -> nothing; updates param, m and v */
export const adamUpdate: Operation = {
  op: 'AdamUpdate',
  updates: [0, 2, 3],
  infer(_, inputs) {
    const param = inputShape(this.op, inputs, 0, 'param')
    expectShape(this.op, 'gradient', inputs[1], param)
    expectShape(this.op, 'm', inputs[2], param)
    expectShape(this.op, 'v', inputs[3], param)
    expectShape(this.op, 'hyper', inputs[4], [8])
    return []
  },
  ...pending('AdamUpdate'),
}
