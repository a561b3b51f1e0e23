import { axisIn, expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import { type Attributes, elements, type Operation, type Shape, type Target, workgroups1d } from '../operation.js'
import softmaxCode from './softmax.wgsl'
import { crossEntropy, softmaxGradientOf, softmaxOf } from './softmax-cross-entropy.reference.js'
import crossEntropyCode from './softmax-cross-entropy.wgsl'

const access = ['read', 'write', 'read'] as const
const softmaxShader = { name: 'Softmax', code: softmaxCode, access }
const softmaxGradientShader = { name: 'SoftmaxGradient', code: softmaxCode, access, entryPoint: 'gradient' }
const crossEntropyShader = { name: 'SoftmaxCrossEntropy', code: crossEntropyCode, access: ['read', 'read', 'write', 'write'] } as const

const axisOf = (op: string, attributes: Attributes, x: Shape) => axisIn(op, integerAttribute(op, attributes, 'axis', -1), x.length)

function rowsOf(op: string, attributes: Attributes, x: Shape, target: Target) {
  const axis = axisOf(op, attributes, x)
  const rows = elements(x) / x[axis]
  return { params: { u32: [rows, x[axis], elements(x.slice(axis + 1))] }, workgroups: workgroups1d(rows, 64, target) }
}

/** Softmax(x) {axis = -1} -> y; the semantics of opset 13 and later. */
export const softmax: Operation = {
  op: 'Softmax',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    axisOf(this.op, attributes, x)
    return [[...x]]
  },
  dispatches(attributes, [x], [y], target) {
    return [{ shader: softmaxShader, operands: [x, y, undefined], ...rowsOf(this.op, attributes, x!.shape, target) }]
  },
  reference: (attributes, [x]) => [softmaxOf(x!, axisOf('Softmax', attributes, x!.shape))],
  gradient: (call, [dy], emit) => emit('SoftmaxGradient', call.attributes, [call.outputs[0], dy]),
}

/** SoftmaxGradient(y, dy) {axis} -> dx */
export const softmaxGradient: Operation = {
  op: 'SoftmaxGradient',
  infer(attributes, inputs) {
    const y = inputShape(this.op, inputs, 0, 'y')
    expectShape(this.op, 'dy', inputs[1], y)
    axisOf(this.op, attributes, y)
    return [[...y]]
  },
  dispatches(attributes, [y, dy], [dx], target) {
    return [{ shader: softmaxGradientShader, operands: [y, dx, dy], ...rowsOf(this.op, attributes, y!.shape, target) }]
  },
  reference: (attributes, [y, dy]) => [softmaxGradientOf(y!, dy!, axisOf('SoftmaxGradient', attributes, y!.shape))],
}

/**
 * SoftmaxCrossEntropy(logits [N, K], labels u32 [N]) {labelSmoothing} -> loss [N] per image in nats, gradient [N, K] of the MEAN
 * loss by the logits. Label smoothing as in Szegedy et al., arXiv 1512.00567.
 */
export const softmaxCrossEntropy: Operation = {
  op: 'SoftmaxCrossEntropy',
  infer(attributes, inputs) {
    const logits = inputShape(this.op, inputs, 0, 'logits', 2)
    expectShape(this.op, 'labels', inputs[1], [logits[0]])
    const smoothing = numberAttribute(this.op, attributes, 'labelSmoothing', 0)
    if (smoothing < 0 || smoothing > 1) throw new Error(`${this.op}: labelSmoothing must be between 0 and 1, found ${smoothing}`)
    return [[logits[0]], [...logits]]
  },
  dispatches(attributes, [logits, labels], [loss, gradient], target) {
    const [images, classes] = logits!.shape
    return [
      {
        shader: crossEntropyShader,
        operands: [logits, labels, loss, gradient],
        params: { u32: [images, classes], f32: [numberAttribute(this.op, attributes, 'labelSmoothing', 0)] },
        workgroups: workgroups1d(images, 32, target),
      },
    ]
  },
  reference: (attributes, [logits, labels]) =>
    crossEntropy(logits!, labels!, numberAttribute('SoftmaxCrossEntropy', attributes, 'labelSmoothing', 0)),
}
