import { choiceAttribute, expectShape, inputShape, numberAttribute } from '../checks.js'
import nan from '../nan.wgsl'
import { type Attributes, elements, type Operation } from '../operation.js'
import { flat, flatWork } from '../vectors.js'
import { functions } from './activation.reference.js'
import activation from './activation.wgsl'
import activationGradient from './activation-gradient.wgsl'
import lacking from './functions.wgsl'

const shader = flat('activation', activation + nan + lacking, ['read', 'write'])
const gradientShader = flat('activation.gradient', activationGradient + nan + lacking, ['read', 'read', 'write'])

/** Attributes of each operator that fill the shader's parameters a and b, with ONNX's defaults; choices go by number, the first is the default. */
const parameters: Readonly<Record<string, readonly (readonly [name: string, fallback: number | readonly string[]])[]>> = {
  Clip: [
    ['min', -Infinity],
    ['max', Infinity],
  ],
  LeakyRelu: [['alpha', 0.01]],
  Elu: [['alpha', 1]],
  HardSigmoid: [
    ['alpha', 0.2],
    ['beta', 0.5],
  ],
  Gelu: [['approximate', ['none', 'tanh']]],
  Selu: [
    ['alpha', 1.6732632423543772],
    ['gamma', 1.0507009873554805],
  ],
  Celu: [['alpha', 1]],
  ThresholdedRelu: [['alpha', 1]],
  Shrink: [
    ['lambd', 0.5],
    ['bias', 0],
  ],
}

function parametersOf(op: string, attributes: Attributes): [number, number] {
  const [a = 0, b = 0] = (parameters[op] ?? []).map(([name, fallback]) =>
    typeof fallback === 'number'
      ? numberAttribute(op, attributes, name, fallback)
      : fallback.indexOf(choiceAttribute(op, attributes, name, fallback, fallback[0])),
  )
  return [a, b]
}

/**
 * Functions of one element, x -> y of the same shape: Relu, Clip {min, max}, LeakyRelu {alpha}, Elu {alpha}, Sigmoid, Tanh,
 * HardSigmoid {alpha, beta}, HardSwish, Silu (x sigmoid(x)), Gelu {approximate: 'none' | 'tanh'}, Selu {alpha, gamma}, Celu {alpha}, Softplus,
 * Softsign, ThresholdedRelu {alpha}, Mish, Shrink {lambd, bias}; Exp, Log, Sqrt, Reciprocal, Neg, Abs, Sign, Floor, Ceil, Round, Erf, Sin, Cos.
 * And of each that is no step the gradient, ReluGradient(y, dy) and so on: the saved tensor is y or x as activation.reference.ts says.
 */
export const activationOperations: readonly Operation[] = functions.flatMap(({ op, saved, value, derivative }, selector) => {
  const forward: Operation = {
    op,
    infer(attributes, inputs) {
      parametersOf(op, attributes)
      return [[...inputShape(op, inputs, 0, 'x')]]
    },
    dispatches(attributes, [x], [y], target) {
      const { width, vectors, each, workgroups } = flatWork(elements(y.shape), target)
      const params = { u32: [vectors, each], f32: parametersOf(op, attributes) }
      return [{ shader: shader[width], constants: { FUNCTION: selector }, operands: [x, y], params, workgroups }]
    },
    reference(attributes, [x]) {
      const [a, b] = parametersOf(op, attributes)
      return [{ shape: x!.shape, data: x!.data.map((element) => value(element, a, b)) }]
    },
    gradient: (call, [dy], emit) =>
      derivative ? emit(`${op}Gradient`, call.attributes, [saved === 'x' ? call.inputs[0] : call.outputs[0], dy]) : [undefined],
  }
  if (!derivative) return [forward]
  const gradient: Operation = {
    op: `${op}Gradient`,
    infer(attributes, inputs) {
      parametersOf(op, attributes)
      const shape = inputShape(`${op}Gradient`, inputs, 0, saved)
      expectShape(`${op}Gradient`, 'dy', inputs[1], shape)
      return [[...shape]]
    },
    dispatches(attributes, [kept, dy], [dx], target) {
      const { width, vectors, each, workgroups } = flatWork(elements(dx.shape), target)
      const params = { u32: [vectors, each], f32: parametersOf(op, attributes) }
      return [{ shader: gradientShader[width], constants: { FUNCTION: selector }, operands: [kept, dy, dx], params, workgroups }]
    },
    reference(attributes, [kept, dy]) {
      const [a, b] = parametersOf(op, attributes)
      return [{ shape: dy!.shape, data: dy!.data.map((d, i) => d * derivative(kept!.data[i], a, b)) }]
    },
  }
  return [forward, gradient]
})
