import { axisIn, expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import { type Attributes, elements, type Operation, type Shader, type Shape, type Target, workgroups1d } from '../operation.js'
import distillationCode from './distillation.wgsl'
import exponentialCode from './exponential.wgsl'
import softmaxCode from './softmax.wgsl'
import {
  crossEntropy,
  distillation,
  logSoftmaxGradientOf,
  logSoftmaxOf,
  softmaxGradientOf,
  softmaxOf,
} from './softmax-cross-entropy.reference.js'
import crossEntropyCode from './softmax-cross-entropy.wgsl'

const access = ['read', 'write', 'read'] as const
const crossEntropyShader = {
  name: 'SoftmaxCrossEntropy',
  code: exponentialCode + crossEntropyCode,
  access: ['read', 'read', 'write', 'write'],
} as const
const distillationShader = {
  name: 'DistillationLoss',
  code: exponentialCode + distillationCode,
  access: ['read', 'read', 'write', 'write'],
} as const

const axisOf = (op: string, attributes: Attributes, x: Shape) => axisIn(op, integerAttribute(op, attributes, 'axis', -1), x.length)

function rowsOf(op: string, attributes: Attributes, x: Shape, target: Target) {
  const axis = axisOf(op, attributes, x)
  const rows = elements(x) / x[axis]
  return { params: { u32: [rows, x[axis], elements(x.slice(axis + 1))] }, workgroups: workgroups1d(rows, 64, target) }
}

/** y = f(x) along {axis = -1}, and dx of (y, dy); the semantics of opset 13 and later. */
function alongAxis(
  op: string,
  entryPoints: readonly [string, string],
  value: typeof softmaxOf,
  slope: typeof softmaxGradientOf,
): Operation[] {
  const [shader, gradientShader] = [op, `${op}Gradient`].map(
    (name, i): Shader => ({ name, code: exponentialCode + softmaxCode, access, entryPoint: entryPoints[i] }),
  )
  const forward: Operation = {
    op,
    infer(attributes, inputs) {
      const x = inputShape(op, inputs, 0, 'x')
      axisOf(op, attributes, x)
      return [[...x]]
    },
    dispatches(attributes, [x], [y], target) {
      return [{ shader, operands: [x, y, undefined], ...rowsOf(op, attributes, x!.shape, target) }]
    },
    reference: (attributes, [x]) => [value(x!, axisOf(op, attributes, x!.shape))],
    gradient: (call, [dy], emit) => emit(`${op}Gradient`, call.attributes, [call.outputs[0], dy]),
  }
  const gradient: Operation = {
    op: `${op}Gradient`,
    infer(attributes, inputs) {
      const y = inputShape(this.op, inputs, 0, 'y')
      expectShape(this.op, 'dy', inputs[1], y)
      axisOf(this.op, attributes, y)
      return [[...y]]
    },
    dispatches(attributes, [y, dy], [dx], target) {
      return [{ shader: gradientShader, operands: [y, dx, dy], ...rowsOf(this.op, attributes, y!.shape, target) }]
    },
    reference: (attributes, [y, dy]) => [slope(y!, dy!, axisOf(`${op}Gradient`, attributes, y!.shape))],
  }
  return [forward, gradient]
}

/** Softmax(x) and LogSoftmax(x) {axis = -1} -> y; SoftmaxGradient and LogSoftmaxGradient(y, dy) {axis} -> dx */
export const softmaxOperations: readonly Operation[] = [
  ...alongAxis('Softmax', ['main', 'gradient'], softmaxOf, softmaxGradientOf),
  ...alongAxis('LogSoftmax', ['logarithm', 'logarithmGradient'], logSoftmaxOf, logSoftmaxGradientOf),
]

/**
 * DistillationLoss(student [N, K], teacher [N, K]: logits) {temperature T = 1} -> loss [N] = T^2 KL(softmax(teacher / T) || softmax(student / T))
 * per image in nats, gradient [N, K] of the MEAN loss by the student's logits. Hinton, Vinyals and Dean, arXiv 1503.02531.
 */
export const distillationLoss: Operation = {
  op: 'DistillationLoss',
  infer(attributes, inputs) {
    const student = inputShape(this.op, inputs, 0, 'student', 2)
    expectShape(this.op, 'teacher', inputs[1], student)
    if (!(numberAttribute(this.op, attributes, 'temperature', 1) > 0))
      throw new Error(`${this.op}: temperature must be above 0, found ${attributes.temperature}`)
    return [[student[0]], [...student]]
  },
  dispatches(attributes, [student, teacher], [loss, gradient], target) {
    const [images, classes] = student!.shape
    return [
      {
        shader: distillationShader,
        operands: [student, teacher, loss, gradient],
        params: { u32: [images, classes], f32: [numberAttribute(this.op, attributes, 'temperature', 1)] },
        workgroups: workgroups1d(images, 32, target),
      },
    ]
  },
  reference: (attributes, [student, teacher]) =>
    distillation(student!, teacher!, numberAttribute('DistillationLoss', attributes, 'temperature', 1)),
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
