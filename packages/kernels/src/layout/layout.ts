import {
  axisIn,
  broadcastShapes,
  choiceAttribute,
  expectShape,
  inputShape,
  integerAttribute,
  integersAttribute,
  numberAttribute,
  shapeAttribute,
  show,
} from '../checks.js'
import { type Attributes, elements, type Operation, type Shape } from '../operation.js'
import { pending } from '../pending.js'

/** The same elements under another shape. */
function copying(op: string, shapeOf: (attributes: Attributes, x: Shape) => Shape): Operation {
  return {
    op,
    infer: (attributes, inputs) => [[...shapeOf(attributes, inputShape(op, inputs, 0, 'x'))]],
    ...pending(op),
    gradient: (call, [dy], emit) => emit('Reshape', { shape: call.inputShapes[0]! }, [dy]),
  }
}

function flattened(attributes: Attributes, x: Shape): Shape {
  const axis = integerAttribute('Flatten', attributes, 'axis', 1)
  const at = axis === x.length ? axis : axisIn('Flatten', axis, x.length)
  return [elements(x.slice(0, at)), elements(x.slice(at))]
}

/** ONNX Reshape: 0 keeps the input's dimension, one -1 takes what is left. */
function reshaped(attributes: Attributes, x: Shape): Shape {
  const wanted = integersAttribute('Reshape', attributes, 'shape')
  const allowZero = integerAttribute('Reshape', attributes, 'allowzero', 0) !== 0
  const shape = wanted.map((dimension, i) => (dimension === 0 && !allowZero ? (x[i] ?? 0) : dimension))
  const free = shape.indexOf(-1)
  if (free >= 0) shape[free] = elements(x) / elements(shape.filter((_, i) => i !== free))
  if (shape.some((dimension) => !Number.isInteger(dimension) || dimension < 1) || elements(shape) !== elements(x)) {
    throw new Error(`Reshape: ${show(x)} (${elements(x)} elements) cannot become ${show(wanted)}`)
  }
  return shape.length ? shape : [1]
}

export const copyOperations: readonly Operation[] = [
  copying('Identity', (_, x) => x),
  copying('Dropout', (_, x) => x),
  copying('Copy', (_, x) => x),
  copying('Flatten', flattened),
  copying('Reshape', reshaped),
]

/** ONNX Slice along one axis after clamping: `count` elements from `start` in steps of `step` (which may be negative). */
export interface Range {
  readonly start: number
  readonly step: number
  readonly count: number
}

/** One range per dimension of x. */
export function rangesOf(op: string, attributes: Attributes, x: Shape): Range[] {
  const starts = integersAttribute(op, attributes, 'starts')
  const ends = integersAttribute(op, attributes, 'ends', undefined, starts.length)
  const axes = integersAttribute(
    op,
    attributes,
    'axes',
    starts.map((_, i) => i),
    starts.length,
  )
  const steps = integersAttribute(
    op,
    attributes,
    'steps',
    starts.map(() => 1),
    starts.length,
  )
  const ranges: Range[] = x.map((dimension) => ({ start: 0, step: 1, count: dimension }))
  axes.forEach((given, i) => {
    const axis = axisIn(op, given, x.length)
    const size = x[axis]
    const step = steps[i]
    if (step === 0) throw new Error(`${op}: a step of 0 on axis ${axis}`)
    const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value < 0 ? value + size : value))
    const start = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1)
    const end = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1)
    const count = Math.ceil((end - start) / step)
    if (count < 1) throw new Error(`${op}: ${starts[i]}..${ends[i]} in steps of ${step} takes nothing from axis ${axis} of ${show(x)}`)
    ranges[axis] = { start, step, count }
  })
  return ranges
}

/** Slice(x) {starts, ends, axes?, steps?} -> y, ONNX's semantics with the ranges as attributes. */
export const slice: Operation = {
  op: 'Slice',
  infer(attributes, inputs) {
    return [rangesOf(this.op, attributes, inputShape(this.op, inputs, 0, 'x')).map((range) => range.count)]
  },
  ...pending('Slice'),
  gradient: (call, [dy], emit) => emit('SliceGradient', { ...call.attributes, inputShape: call.inputShapes[0]! }, [dy]),
}

/** SliceGradient(dy) {Slice's, inputShape} -> dx, zero where the slice took nothing */
export const sliceGradient: Operation = {
  op: 'SliceGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    expectShape(
      this.op,
      'dy',
      inputs[0],
      rangesOf(this.op, attributes, x).map((range) => range.count),
    )
    return [[...x]]
  },
  ...pending('SliceGradient'),
}

const padModes = ['constant', 'reflect', 'edge', 'wrap'] as const

/** Begin and end padding of every dimension of x; negative ones crop. */
export function padsOf(
  op: string,
  attributes: Attributes,
  x: Shape,
): { before: number[]; after: number[]; mode: (typeof padModes)[number] } {
  const axes = integersAttribute(
    op,
    attributes,
    'axes',
    x.map((_, i) => i),
  ).map((axis) => axisIn(op, axis, x.length))
  const pads = integersAttribute(op, attributes, 'pads', undefined, 2 * axes.length)
  const before = x.map(() => 0)
  const after = x.map(() => 0)
  axes.forEach((axis, i) => {
    before[axis] = pads[i]
    after[axis] = pads[axes.length + i]
  })
  const mode = choiceAttribute(op, attributes, 'mode', padModes, 'constant')
  numberAttribute(op, attributes, 'value', 0)
  x.forEach((dimension, axis) => {
    if (dimension + before[axis] + after[axis] < 1)
      throw new Error(`${op}: pads [${pads.join(', ')}] leave nothing of axis ${axis} of ${show(x)}`)
    if (mode === 'reflect' && Math.max(before[axis], after[axis]) >= dimension) {
      throw new Error(`${op}: reflecting ${Math.max(before[axis], after[axis])} elements needs more than the ${dimension} of axis ${axis}`)
    }
  })
  return { before, after, mode }
}

/** Pad(x) {pads, axes?, mode: 'constant'|'reflect'|'edge'|'wrap', value} -> y; the gradient is that of constant padding only. */
export const pad: Operation = {
  op: 'Pad',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const { before, after } = padsOf(this.op, attributes, x)
    return [x.map((dimension, axis) => dimension + before[axis] + after[axis])]
  },
  ...pending('Pad'),
  gradient(call, [dy], emit) {
    const { before, after, mode } = padsOf('Pad', call.attributes, call.inputShapes[0]!)
    if (mode !== 'constant') throw new Error(`Pad: only constant padding can be differentiated, found '${mode}'`)
    return emit('Pad', { pads: [...before, ...after].map((count) => -count), mode, value: 0 }, [dy])
  },
}

export function permutationOf(attributes: Attributes, x: Shape): readonly number[] {
  const perm = integersAttribute(
    'Transpose',
    attributes,
    'perm',
    x.map((_, i) => x.length - 1 - i),
    x.length,
  ).map((axis) => axisIn('Transpose', axis, x.length))
  if (new Set(perm).size !== x.length) throw new Error(`Transpose: perm ${show(perm)} repeats an axis`)
  return perm
}

export const transpose: Operation = {
  op: 'Transpose',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    return [permutationOf(attributes, x).map((axis) => x[axis])]
  },
  ...pending('Transpose'),
  gradient(call, [dy], emit) {
    const perm = permutationOf(call.attributes, call.inputShapes[0]!)
    return emit('Transpose', { perm: perm.map((_, axis) => perm.indexOf(axis)) }, [dy])
  },
}

/** Expand(x) {shape} -> y: broadcasts x, as ONNX does with a constant shape. */
export const expand: Operation = {
  op: 'Expand',
  infer(attributes, inputs) {
    return [broadcastShapes(this.op, inputShape(this.op, inputs, 0, 'x'), shapeAttribute(this.op, attributes, 'shape'))]
  },
  ...pending('Expand'),
  gradient: (call, [dy], emit) => emit('SumTo', { shape: call.inputShapes[0]! }, [dy]),
}

/** RepeatBatch(x [B, ...]) {repeats: P} -> y [P*B, ...], the whole batch P times. */
export const repeatBatch: Operation = {
  op: 'RepeatBatch',
  infer(attributes, inputs) {
    const [batch, ...rest] = inputShape(this.op, inputs, 0, 'x')
    return [[batch * integerAttribute(this.op, attributes, 'repeats', undefined, 1), ...rest]]
  },
  ...pending('RepeatBatch'),
  gradient(call, [dy], emit) {
    const x = call.inputShapes[0]!
    const [blocks] = emit('Reshape', { shape: [elements(call.outputShapes[0]) / elements(x), ...x] }, [dy])
    return emit('SumTo', { shape: x }, [blocks])
  },
}
