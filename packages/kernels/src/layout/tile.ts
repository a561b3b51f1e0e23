import { inputShape, integersAttribute, show } from '../checks.js'
import type { Attributes, Operation, Shape } from '../operation.js'
import { gather } from './layout.reference.js'
import { stridedDispatch, stridesOf } from './strides.js'

function repeatsOf(attributes: Attributes, x: Shape): readonly number[] {
  const repeats = integersAttribute('Tile', attributes, 'repeats', undefined, x.length)
  if (repeats.some((count) => count < 1)) throw new Error(`Tile: repeats must be positive, found ${show(repeats)}`)
  return repeats
}

/** Tile(x) {repeats} -> y: x repeated along every dimension, as ONNX does with constant repeats. */
export const tile: Operation = {
  op: 'Tile',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const repeats = repeatsOf(attributes, x)
    return [x.map((dimension, axis) => dimension * repeats[axis])]
  },
  dispatches(attributes, [x], [y], target) {
    const repeats = repeatsOf(attributes, x!.shape)
    const strides = stridesOf(x!.shape)
    const walk = {
      op: this.op,
      shape: x!.shape.flatMap((dimension, axis) => [repeats[axis], dimension]),
      strides: strides.flatMap((stride) => [0, stride]),
    }
    return [stridedDispatch(x!, y, walk, target)]
  },
  reference(attributes, [x]) {
    const [shape] = this.infer(attributes, [x!.shape])
    return [gather(x!, shape, (coordinate) => coordinate.map((at, axis) => at % x!.shape[axis]))]
  },
  gradient(call, [dy], emit) {
    const x = call.inputShapes[0]!
    const repeats = repeatsOf(call.attributes, x)
    const [blocks] = emit('Reshape', { shape: x.flatMap((dimension, axis) => [repeats[axis], dimension]) }, [dy])
    return emit('Reshape', { shape: x }, emit('SumTo', { shape: x.flatMap((dimension) => [1, dimension]) }, [blocks]))
  },
}
