import { axisIn, expectShape, inputShape, integerAttribute, integersAttribute, shapeAttribute } from '../checks.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { pending } from '../pending.js'

/** A pooling window over NCHW, everything explicit. */
export interface Window {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number]
  readonly ceil: boolean
  readonly countPad: boolean
  readonly output: readonly [number, number]
}

/** ONNX's output size; in ceil mode the last window must begin inside of the input or its leading padding. */
function windowCount(
  op: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  begin: number,
  end: number,
  ceil: boolean,
): number {
  const span = (kernel - 1) * dilation + 1
  const free = size + begin + end - span
  if (free < 0) throw new Error(`${op}: a window of ${span} does not fit into ${size} with padding ${begin} + ${end}`)
  const count = (ceil ? Math.ceil(free / stride) : Math.floor(free / stride)) + 1
  return ceil && (count - 1) * stride >= size + begin ? count - 1 : count
}

export function windowOf(op: string, attributes: Attributes, x: Shape): Window {
  const pair = (name: string, fallback?: readonly number[]) => {
    const value = integersAttribute(op, attributes, name, fallback, 2)
    if (value.some((item) => item < 1)) throw new Error(`${op}: attribute '${name}' must be positive, found [${value.join(', ')}]`)
    return value as unknown as readonly [number, number]
  }
  const kernel = pair('kernel_shape')
  const strides = pair('strides', [1, 1])
  const dilations = pair('dilations', [1, 1])
  const pads = integersAttribute(op, attributes, 'pads', [0, 0, 0, 0], 4) as unknown as Window['pads']
  for (const axis of [0, 1]) {
    const span = (kernel[axis] - 1) * dilations[axis] + 1
    const most = Math.max(pads[axis], pads[axis + 2])
    if (Math.min(pads[axis], pads[axis + 2]) < 0 || most >= span) {
      throw new Error(`${op}: pads [${pads.join(', ')}] must be at least 0 and less than the window [${kernel.join(', ')}]`)
    }
  }
  const ceil = integerAttribute(op, attributes, 'ceil_mode', 0) !== 0
  const output = [0, 1].map((axis) =>
    windowCount(op, x[2 + axis], kernel[axis], strides[axis], dilations[axis], pads[axis], pads[axis + 2], ceil),
  )
  return {
    kernel,
    strides,
    dilations,
    pads,
    ceil,
    countPad: integerAttribute(op, attributes, 'count_include_pad', 0) !== 0,
    output: [output[0], output[1]],
  }
}

function pooled(op: string, attributes: Attributes, x: Shape): number[] {
  return [x[0], x[1], ...windowOf(op, attributes, x).output]
}

export const maxPool: Operation = {
  op: 'MaxPool',
  infer(attributes, inputs) {
    return [pooled(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  ...pending('MaxPool'),
  gradient: (call, [dy], emit) => emit('MaxPoolGradient', call.attributes, [call.inputs[0], dy]),
}

/** MaxPoolGradient(x, dy) {MaxPool's} -> dx */
export const maxPoolGradient: Operation = {
  op: 'MaxPoolGradient',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x', 4)
    expectShape(this.op, 'dy', inputs[1], pooled(this.op, attributes, x))
    return [[...x]]
  },
  ...pending('MaxPoolGradient'),
}

export const averagePool: Operation = {
  op: 'AveragePool',
  infer(attributes, inputs) {
    return [pooled(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  ...pending('AveragePool'),
  gradient: (call, [dy], emit) => emit('AveragePoolGradient', { ...call.attributes, inputShape: call.inputShapes[0]! }, [dy]),
}

/** AveragePoolGradient(dy) {AveragePool's, inputShape} -> dx */
export const averagePoolGradient: Operation = {
  op: 'AveragePoolGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    expectShape(this.op, 'dy', inputs[0], pooled(this.op, attributes, x))
    return [[...x]]
  },
  ...pending('AveragePoolGradient'),
}

function globallyPooled(op: string, inputs: readonly (Shape | undefined)[]): number[] {
  const x = inputShape(op, inputs, 0, 'x')
  axisIn(op, 2, x.length)
  return x.map((dimension, axis) => (axis < 2 ? dimension : 1))
}

export const globalAveragePool: Operation = {
  op: 'GlobalAveragePool',
  infer(_, inputs) {
    return [globallyPooled(this.op, inputs)]
  },
  ...pending('GlobalAveragePool'),
  gradient: (call, [dy], emit) => emit('GlobalAveragePoolGradient', { inputShape: call.inputShapes[0]! }, [dy]),
}

/** GlobalAveragePoolGradient(dy [N, C, 1, 1]) {inputShape} -> dx */
export const globalAveragePoolGradient: Operation = {
  op: 'GlobalAveragePoolGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    expectShape(this.op, 'dy', inputs[0], globallyPooled(this.op, [x]))
    return [[...x]]
  },
  ...pending('GlobalAveragePoolGradient'),
}

export const globalMaxPool: Operation = {
  op: 'GlobalMaxPool',
  infer(_, inputs) {
    inputShape(this.op, inputs, 0, 'x', 4)
    return [globallyPooled(this.op, inputs)]
  },
  ...pending('GlobalMaxPool'),
  gradient: (call, [dy], emit) => emit('MaxPoolGradient', { kernel_shape: call.inputShapes[0]!.slice(2) }, [call.inputs[0], dy]),
}
