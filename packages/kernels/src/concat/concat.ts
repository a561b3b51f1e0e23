import { axisIn, inputShape, integerAttribute, integersAttribute, show } from '../checks.js'
import { gather } from '../layout/layout.reference.js'
import { stridedDispatch, stridesOf } from '../layout/strides.js'
import { type Attributes, elements, type Operation, type Shape } from '../operation.js'

/** Concat(...x) {axis} -> y */
export const concat: Operation = {
  op: 'Concat',
  infer(attributes, inputs) {
    const first = inputShape(this.op, inputs, 0, 'x')
    const axis = axisIn(this.op, integerAttribute(this.op, attributes, 'axis'), first.length)
    const shape = [...first]
    inputs.slice(1).forEach((_, i) => {
      const other = inputShape(this.op, inputs, i + 1, 'x', first.length)
      if (other.some((dimension, j) => j !== axis && dimension !== first[j])) {
        throw new Error(`${this.op}: ${show(first)} and ${show(other)} differ on another axis than ${axis}`)
      }
      shape[axis] += other[axis]
    })
    return [shape]
  },
  dispatches(attributes, inputs, [y], target) {
    const axis = axisIn(this.op, integerAttribute(this.op, attributes, 'axis'), y.shape.length)
    const stride = elements(y.shape.slice(axis))
    let offset = 0
    return inputs.map((x) => {
      const run = elements(x!.shape.slice(axis))
      const into = { offset, stride }
      offset += run
      return stridedDispatch(x!, y, { op: this.op, shape: [elements(y.shape) / stride, run], strides: [run, 1], into }, target)
    })
  },
  reference(attributes, inputs) {
    const [shape] = this.infer(
      attributes,
      inputs.map((input) => input?.shape),
    )
    const axis = axisIn(this.op, integerAttribute(this.op, attributes, 'axis'), shape.length)
    const outer = elements(shape.slice(0, axis))
    const runs = inputs.map((input) => elements(input!.shape.slice(axis)))
    const data: number[] = []
    for (let row = 0; row < outer; row++)
      inputs.forEach((input, i) => data.push(...input!.data.subarray(row * runs[i], (row + 1) * runs[i])))
    return [{ shape, data: Float64Array.from(data) }]
  },
  gradient(call, [dy], emit) {
    const rank = call.outputShapes[0].length
    const axis = axisIn('Concat', call.attributes.axis as number, rank)
    let start = 0
    return call.inputShapes.map((shape, i) => {
      const [from, end] = [start, (start += shape![axis])]
      return call.wanted[i] ? emit('Slice', { starts: [from], ends: [end], axes: [axis], steps: [1] }, [dy])[0] : undefined
    })
  },
}

function partsOf(attributes: Attributes, x: Shape): { axis: number; parts: readonly number[] } {
  const axis = axisIn('Split', integerAttribute('Split', attributes, 'axis', 0), x.length)
  const parts = integersAttribute('Split', attributes, 'split')
  if (parts.some((part) => part < 1) || parts.reduce((sum, part) => sum + part, 0) !== x[axis]) {
    throw new Error(`Split: parts ${show(parts)} do not add up to axis ${axis} of ${show(x)}`)
  }
  return { axis, parts }
}

/** Split(x) {axis, split: sizes} -> parts */
export const split: Operation = {
  op: 'Split',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const { axis, parts } = partsOf(attributes, x)
    return parts.map((part) => x.map((dimension, i) => (i === axis ? part : dimension)))
  },
  dispatches(attributes, [x], outputs, target) {
    const { axis, parts } = partsOf(attributes, x!.shape)
    const strides = stridesOf(x!.shape)
    let start = 0
    return outputs.map((y, i) => {
      const offset = start * strides[axis]
      start += parts[i]
      return stridedDispatch(x!, y, { op: this.op, shape: y.shape, strides, offset }, target)
    })
  },
  reference(attributes, [x]) {
    const { axis, parts } = partsOf(attributes, x!.shape)
    let start = 0
    return parts.map((part) => {
      const begin = start
      start += part
      return gather(
        x!,
        x!.shape.map((dimension, i) => (i === axis ? part : dimension)),
        (coordinate) => coordinate.map((at, i) => (i === axis ? begin + at : at)),
      )
    })
  },
  gradient(call, gradients, emit) {
    const { axis } = partsOf(call.attributes, call.inputShapes[0]!)
    // A part that nothing used has no gradient: zeros of its shape.
    const known = gradients.find((name) => name !== undefined)
    if (!known) return [undefined]
    const shapeOfKnown = call.outputShapes[gradients.indexOf(known)]
    const zeros = (part: number) =>
      emit(
        'Pad',
        {
          pads: shapeOfKnown.flatMap((_, i) => (i === axis ? [part] : [0])).concat(shapeOfKnown.map((d, i) => (i === axis ? -d : 0))),
          mode: 'constant',
          value: 0,
        },
        [known],
      )[0]
    return emit(
      'Concat',
      { axis },
      gradients.map((name, i) => name ?? zeros(call.outputShapes[i][axis])),
    )
  },
}
