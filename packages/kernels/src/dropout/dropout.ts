import { expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import { type Attributes, elements, type Operation, workgroups1d } from '../operation.js'
import philoxCode from '../random/philox.wgsl'
import { dropped } from './dropout.reference.js'
import code from './dropout.wgsl'

const shader = { name: 'DropoutTraining', code: philoxCode + code, access: ['read', 'read', 'write'] } as const

function settings(attributes: Attributes) {
  const ratio = numberAttribute('DropoutTraining', attributes, 'ratio', 0.5)
  if (!(ratio >= 0 && ratio < 1)) throw new Error(`DropoutTraining: ratio must be at least 0 and below 1, found ${ratio}`)
  return { ratio, stream: integerAttribute('DropoutTraining', attributes, 'stream', 0, 0) }
}

/**
 * DropoutTraining(x, counter u32 [2]: seed, step) {ratio = 0.5, stream = 0} -> y of x's shape: 0 with probability `ratio`, else x / (1 - ratio)
 * (Srivastava et al. 2014, inverted). `stream` tells the layers of a network apart. No mask is stored: the gradient is the same call on dy.
 */
export const dropoutTraining: Operation = {
  op: 'DropoutTraining',
  infer(attributes, inputs) {
    settings(attributes)
    expectShape(this.op, 'counter', inputs[1], [2])
    return [[...inputShape(this.op, inputs, 0, 'x')]]
  },
  dispatches(attributes, [x, counter], [y], target) {
    const { ratio, stream } = settings(attributes)
    const count = elements(y.shape)
    return [
      {
        shader,
        operands: [x, counter, y],
        params: { u32: [count, Math.round(ratio * 2 ** 24), stream], f32: [1 / (1 - ratio)] },
        workgroups: workgroups1d(Math.ceil(count / 4), 64, target),
      },
    ]
  },
  reference(attributes, [x, counter]) {
    const { ratio, stream } = settings(attributes)
    return [dropped(x!, counter!, ratio, stream)]
  },
  gradient: (call, [dy], emit) => [emit('DropoutTraining', call.attributes, [dy, call.inputs[1]])[0], undefined],
}
