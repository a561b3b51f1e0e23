import { expectShape, inputShape } from '../checks.js'
import { type Dispatch, elements, type Operation, type Target, type Tensor } from '../operation.js'
import { type Flat, flat, flatWork } from '../vectors.js'
import adam from './adam.wgsl'
import { adamStep, sgdStep } from './optimizer.reference.js'
import sgd from './sgd.wgsl'

const sgdShader = flat('SgdUpdate', sgd, ['read_write', 'read', 'read_write', 'read', 'read'])
const adamShader = flat('AdamUpdate', adam, ['read_write', 'read', 'read_write', 'read_write', 'read', 'read'])

/** `keep` is the input at that index, and may be absent. */
function updateDispatch(shader: Flat, inputs: readonly (Tensor | undefined)[], keep: number, target: Target): Dispatch {
  const { width, vectors, each, workgroups } = flatWork(elements(inputs[0]!.shape), target)
  const operands = [...inputs.slice(0, keep), inputs[keep]]
  return { shader: shader[width], operands, params: { u32: [vectors, each, inputs[keep] ? 1 : 0] }, workgroups }
}

/**
 * SgdUpdate(param, gradient, velocity, hyper [4]: rate, momentum, weight decay, nesterov; keep?) -> nothing; updates param and velocity.
 * Parameters where `keep` is 0 become 0: sparse networks stay sparse.
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
    if (inputs[4]) expectShape(this.op, 'keep', inputs[4], param)
    return []
  },
  dispatches(_, inputs, __, target) {
    return [updateDispatch(sgdShader, inputs, 4, target)]
  },
  reference: (_, [theta, gradient, velocity, hyper, keep]) => sgdStep(theta!, gradient!, velocity!, hyper!, keep),
}

/**
 * AdamUpdate(param, gradient, m, v, hyper [8]: rate, beta1, beta2, epsilon, weight decay, step from 1; keep?) -> nothing; updates param, m and v.
 * Parameters where `keep` is 0 become 0.
 */
export const adamUpdate: Operation = {
  op: 'AdamUpdate',
  updates: [0, 2, 3],
  infer(_, inputs) {
    const param = inputShape(this.op, inputs, 0, 'param')
    expectShape(this.op, 'gradient', inputs[1], param)
    expectShape(this.op, 'm', inputs[2], param)
    expectShape(this.op, 'v', inputs[3], param)
    expectShape(this.op, 'hyper', inputs[4], [8])
    if (inputs[5]) expectShape(this.op, 'keep', inputs[5], param)
    return []
  },
  dispatches(_, inputs, __, target) {
    return [updateDispatch(adamShader, inputs, 5, target)]
  },
  reference: (_, [theta, gradient, m, v, hyper, keep]) => adamStep(theta!, gradient!, m!, v!, hyper!, keep),
}
