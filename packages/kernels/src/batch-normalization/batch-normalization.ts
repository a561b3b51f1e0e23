import { choiceAttribute, expectShape, inputShape, numberAttribute } from '../checks.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { pending } from '../pending.js'

const fusedActivations = ['none', 'relu', 'relu6'] as const

function channelsOf(
  op: string,
  attributes: Attributes,
  inputs: readonly (Shape | undefined)[],
  vectors: readonly string[],
  from: number,
): Shape {
  const x = inputShape(op, inputs, 0, 'x')
  if (x.length < 2) throw new Error(`${op}: x must have at least 2 dimensions [N, C, ...], found [${x.join(', ')}]`)
  choiceAttribute(op, attributes, 'activation', fusedActivations, 'none')
  vectors.forEach((name, i) => inputs[from + i] && expectShape(op, name, inputs[from + i], [x[1]]))
  return x
}

/**
 * BatchNormalization(x [N, C, ...], scale?, bias?, mean?, var) {epsilon, activation?} -> y: inference, with running statistics.
 * Absent scale, bias and mean count as 1, 0 and 0.
 */
export const batchNormalization: Operation = {
  op: 'BatchNormalization',
  infer(attributes, inputs) {
    const x = channelsOf(this.op, attributes, inputs, ['scale', 'bias', 'mean', 'var'], 1)
    numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    inputShape(this.op, inputs, 4, 'var', 1)
    return [[...x]]
  },
  ...pending('BatchNormalization'),
}

/**
 * BatchNormalizationTraining(x [N, C, ...], scale, bias, runningMean, runningVar) {epsilon, momentum, activation?} -> y, mean [C], invStd [C].
 */
export const batchNormalizationTraining: Operation = {
  op: 'BatchNormalizationTraining',
  updates: [3, 4],
  infer(attributes, inputs) {
    const names = ['scale', 'bias', 'runningMean', 'runningVar']
    const x = channelsOf(this.op, attributes, inputs, names, 1)
    names.forEach((name, i) => inputShape(this.op, inputs, i + 1, name, 1))
    numberAttribute(this.op, attributes, 'epsilon', 1e-5)
    numberAttribute(this.op, attributes, 'momentum', 0.9)
    return [[...x], [x[1]], [x[1]]]
  },
  ...pending('BatchNormalizationTraining'),
  gradient({ attributes, inputs: [x, scale, bias], outputs: [, mean, invStd] }, [dy], emit) {
    const [dx, dscale, dbias] = emit('BatchNormalizationGradient', { activation: attributes.activation ?? 'none' }, [
      x,
      dy,
      scale,
      bias,
      mean,
      invStd,
    ])
    return [dx, dscale, dbias, undefined, undefined]
  },
}

export const batchNormalizationGradient: Operation = {
  op: 'BatchNormalizationGradient',
  infer(attributes, inputs) {
    const names = ['scale', 'bias', 'mean', 'invStd']
    const x = channelsOf(this.op, attributes, inputs, names, 2)
    expectShape(this.op, 'dy', inputs[1], x)
    names.forEach((name, i) => inputShape(this.op, inputs, i + 2, name, 1))
    return [[...x], [x[1]], [x[1]]]
  },
  ...pending('BatchNormalizationGradient'),
}
