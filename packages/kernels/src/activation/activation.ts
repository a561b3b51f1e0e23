import { inputShape, numberAttribute } from '../checks.js'
import type { Attributes, Operation } from '../operation.js'
import { pending } from '../pending.js'

/** ONNX's element-wise activations. `saved`: what the gradient is computed from. */
interface Activation {
  readonly op: string
  readonly saved: 'x' | 'y'
  /** Attribute names and defaults of the shader's two parameters. */
  readonly parameters: readonly (readonly [name: string, fallback: number])[]
}

const activations: readonly Activation[] = [
  { op: 'Relu', saved: 'y', parameters: [] },
  {
    op: 'Clip',
    saved: 'x',
    parameters: [
      ['min', -Infinity],
      ['max', Infinity],
    ],
  },
  { op: 'LeakyRelu', saved: 'x', parameters: [['alpha', 0.01]] },
  { op: 'Elu', saved: 'x', parameters: [['alpha', 1]] },
  { op: 'Sigmoid', saved: 'y', parameters: [] },
  { op: 'Tanh', saved: 'y', parameters: [] },
  {
    op: 'HardSigmoid',
    saved: 'x',
    parameters: [
      ['alpha', 0.2],
      ['beta', 0.5],
    ],
  },
  { op: 'HardSwish', saved: 'x', parameters: [] },
]

function parametersOf(activation: Activation, attributes: Attributes): number[] {
  return activation.parameters.map(([name, fallback]) => numberAttribute(activation.op, attributes, name, fallback))
}

export const activationOperations: readonly Operation[] = activations.flatMap((activation) => {
  const { op, saved } = activation
  const forward: Operation = {
    op,
    infer(attributes, inputs) {
      parametersOf(activation, attributes)
      return [[...inputShape(op, inputs, 0, 'x')]]
    },
    ...pending(op),
    gradient: (call, [dy], emit) => emit(`${op}Gradient`, call.attributes, [saved === 'x' ? call.inputs[0] : call.outputs[0], dy]),
  }
  const gradient: Operation = {
    op: `${op}Gradient`,
    infer: (_, inputs) => [[...inputShape(`${op}Gradient`, inputs, 1, 'dy')]],
    ...pending(op),
  }
  return [forward, gradient]
})
