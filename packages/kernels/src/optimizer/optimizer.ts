import { expectShape, inputShape } from '../checks.js'
import { elements, type Operation } from '../operation.js'
import { bothWidths, flatWork } from '../vectors.js'
import adam from './adam.wgsl'
import { adamStep, sgdStep } from './optimizer.reference.js'
import sgd from './sgd.wgsl'

const sgdShader = bothWidths('SgdUpdate', sgd, ['read_write', 'read', 'read_write', 'read'])
const adamShader = bothWidths('AdamUpdate', adam, ['read_write', 'read', 'read_write', 'read_write', 'read'])

/**
 * SgdUpdate(param, gradient, velocity, hyper [4]: rate, momentum, weight decay, nesterov) -> nothing; updates param and velocity.
 * The hyper-parameters are a tensor, so that a schedule writes 16 bytes a step and nothing is compiled again.
 */
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
  dispatches(_, inputs, __, target) {
    const { width, vectors, each, workgroups } = flatWork(elements(inputs[0]!.shape), target)
    return [{ shader: sgdShader[width], operands: inputs, params: { u32: [vectors, each] }, workgroups }]
  },
  reference: (_, [theta, gradient, velocity, hyper]) => sgdStep(theta!, gradient!, velocity!, hyper!),
}

/** AdamUpdate(param, gradient, m, v, hyper [8]: rate, beta1, beta2, epsilon, weight decay, step from 1) -> nothing; updates param, m and v. */
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
  dispatches(_, inputs, __, target) {
    const { width, vectors, each, workgroups } = flatWork(elements(inputs[0]!.shape), target)
    return [{ shader: adamShader[width], operands: inputs, params: { u32: [vectors, each] }, workgroups }]
  },
  reference: (_, [theta, gradient, m, v, hyper]) => adamStep(theta!, gradient!, m!, v!, hyper!),
}
