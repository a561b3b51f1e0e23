import { axisIn, expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import type { Operation } from '../operation.js'
import { pending } from '../pending.js'

/** Softmax(x) {axis} -> y */
export const softmax: Operation = {
  op: 'Softmax',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    axisIn(this.op, integerAttribute(this.op, attributes, 'axis', -1), x.length)
    return [[...x]]
  },
  ...pending('Softmax'),
  gradient: (call, [dy], emit) => emit('SoftmaxGradient', call.attributes, [call.outputs[0], dy]),
}

/** SoftmaxGradient(y, dy) {axis} -> dx */
export const softmaxGradient: Operation = {
  op: 'SoftmaxGradient',
  infer(attributes, inputs) {
    const y = inputShape(this.op, inputs, 0, 'y')
    expectShape(this.op, 'dy', inputs[1], y)
    axisIn(this.op, integerAttribute(this.op, attributes, 'axis', -1), y.length)
    return [[...y]]
  },
  ...pending('SoftmaxGradient'),
}

/** SoftmaxCrossEntropy(logits [N, K], labels u32 [N]) {labelSmoothing} -> loss [N] per image, gradient [N, K] of the mean loss */
export const softmaxCrossEntropy: Operation = {
  op: 'SoftmaxCrossEntropy',
  infer(attributes, inputs) {
    const logits = inputShape(this.op, inputs, 0, 'logits', 2)
    expectShape(this.op, 'labels', inputs[1], [logits[0]])
    const smoothing = numberAttribute(this.op, attributes, 'labelSmoothing', 0)
    if (smoothing < 0 || smoothing > 1) throw new Error(`${this.op}: labelSmoothing must be between 0 and 1, found ${smoothing}`)
    return [[logits[0]], [...logits]]
  },
  ...pending('SoftmaxCrossEntropy'),
}
