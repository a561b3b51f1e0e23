import { axisIn, expectShape, inputShape, integersAttribute, shapeAttribute, show } from '../checks.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { gather } from './layout.reference.js'
import { padDispatch } from './pad.js'
import { stridedDispatch, stridesOf } from './strides.js'

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
  dispatches(attributes, [x], [y], target) {
    const ranges = rangesOf(this.op, attributes, x!.shape)
    const strides = stridesOf(x!.shape)
    const offset = ranges.reduce((sum, range, axis) => sum + range.start * strides[axis], 0)
    return [
      stridedDispatch(
        x!,
        y,
        { op: this.op, shape: y.shape, strides: ranges.map((range, axis) => range.step * strides[axis]), offset },
        target,
      ),
    ]
  },
  reference(attributes, [x]) {
    const ranges = rangesOf(this.op, attributes, x!.shape)
    const shape = ranges.map((range) => range.count)
    return [gather(x!, shape, (coordinate) => coordinate.map((at, axis) => ranges[axis].start + at * ranges[axis].step))]
  },
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
  dispatches(attributes, [dy], [dx], target) {
    const ranges = rangesOf(this.op, attributes, dx.shape)
    const axes = ranges.map((range, axis) => ({ out: dx.shape[axis], begin: range.start, size: range.count, step: range.step }))
    return [padDispatch(this.op, dy!, dx, axes, 'constant', 0, target)]
  },
  reference(attributes, [dy]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    const ranges = rangesOf(this.op, attributes, shape)
    const source = (coordinate: readonly number[]) => {
      const at = coordinate.map((c, axis) => (c - ranges[axis].start) / ranges[axis].step)
      return at.every((q, axis) => Number.isInteger(q) && q >= 0 && q < ranges[axis].count) ? at : undefined
    }
    return [gather(dy!, shape, source)]
  },
}
