import { expectShape, inputShape, numberAttribute } from '../checks.js'
import { type Attributes, elements, type Operation } from '../operation.js'
import { bothWidths, flatWork } from '../vectors.js'
import { functions } from './activation.reference.js'
import activation from './activation.wgsl'
import activationGradient from './activation-gradient.wgsl'

const shader = bothWidths('activation', activation, ['read', 'write'])
const gradientShader = bothWidths('activation.gradient', activationGradient, ['read', 'read', 'write'])

/** Attributes of each operator that fill the shader's parameters a and b, with ONNX's defaults. */
const parameters: Readonly<Record<string, readonly (readonly [name: string, fallback: number])[]>> = {
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
}

function parametersOf(op: string, attributes: Attributes): [number, number] {
  const [a = 0, b = 0] = (parameters[op] ?? []).map(([name, fallback]) => numberAttribute(op, attributes, name, fallback))
  return [a, b]
}

/**
 * Relu, Clip {min, max}, LeakyRelu {alpha}, Elu {alpha}, Sigmoid, Tanh, HardSigmoid {alpha, beta}, HardSwish: x -> y of the same shape;
 * and of each the gradient, ReluGradient(y, dy) and so on: the saved tensor is y for Relu, Sigmoid and Tanh, and x for the others.
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
    gradient: (call, [dy], emit) => emit(`${op}Gradient`, call.attributes, [saved === 'x' ? call.inputs[0] : call.outputs[0], dy]),
  }
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
