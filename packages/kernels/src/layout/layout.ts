import { axisIn, broadcastShapes, inputShape, integerAttribute, integersAttribute, shapeAttribute, show } from '../checks.js'
import { type Attributes, type Dispatch, elements, type Operation, type Shape, type Target, type Tensor } from '../operation.js'
import { broadcastTo, gather } from './layout.reference.js'
import { stridedDispatch, stridesOf } from './strides.js'

/** The same elements under another shape. */
function copying(op: string, shapeOf: (attributes: Attributes, x: Shape) => Shape): Operation {
  return {
    op,
    infer: (attributes, inputs) => [[...shapeOf(attributes, inputShape(op, inputs, 0, 'x'))]],
    dispatches: (_, [x], [y], target) => [stridedDispatch(x!, y, { op, shape: [elements(y.shape)], strides: [1] }, target)],
    reference: (attributes, [x]) => [{ shape: shapeOf(attributes, x!.shape), data: x!.data }],
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

function squeezed(attributes: Attributes, x: Shape): Shape {
  const ones = x.flatMap((dimension, axis) => (dimension === 1 ? [axis] : []))
  const axes = integersAttribute('Squeeze', attributes, 'axes', ones).map((axis) => axisIn('Squeeze', axis, x.length))
  for (const axis of axes) if (x[axis] !== 1) throw new Error(`Squeeze: axis ${axis} of ${show(x)} is not 1`)
  const shape = x.filter((_, axis) => !axes.includes(axis))
  return shape.length ? shape : [1]
}

function unsqueezed(attributes: Attributes, x: Shape): Shape {
  const given = integersAttribute('Unsqueeze', attributes, 'axes')
  const rank = x.length + given.length
  const axes = new Set(given.map((axis) => axisIn('Unsqueeze', axis, rank)))
  if (axes.size !== given.length) throw new Error(`Unsqueeze: axes ${show(given)} repeat one`)
  const sizes = [...x]
  return Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : sizes.shift()!))
}

export const copyOperations: readonly Operation[] = [
  copying('Identity', (_, x) => x),
  copying('Dropout', (_, x) => x),
  copying('Copy', (_, x) => x),
  copying('Flatten', flattened),
  copying('Reshape', reshaped),
  copying('Squeeze', squeezed),
  copying('Unsqueeze', unsqueezed),
]

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
  dispatches(attributes, [x], [y], target) {
    const strides = stridesOf(x!.shape)
    return [
      stridedDispatch(
        x!,
        y,
        { op: this.op, shape: y.shape, strides: permutationOf(attributes, x!.shape).map((axis) => strides[axis]) },
        target,
      ),
    ]
  },
  reference(attributes, [x]) {
    const perm = permutationOf(attributes, x!.shape)
    const source = (coordinate: readonly number[]) => perm.map((_, axis) => coordinate[perm.indexOf(axis)])
    return [
      gather(
        x!,
        perm.map((axis) => x!.shape[axis]),
        source,
      ),
    ]
  },
  gradient(call, [dy], emit) {
    const perm = permutationOf(call.attributes, call.inputShapes[0]!)
    return emit('Transpose', { perm: perm.map((_, axis) => perm.indexOf(axis)) }, [dy])
  },
}

/** Strides of x along the dimensions of a shape it broadcasts to. */
export function broadcastStrides(x: Shape, shape: Shape): number[] {
  const strides = stridesOf(x)
  return shape.map((_, axis) => (x[axis + x.length - shape.length] === shape[axis] ? strides[axis + x.length - shape.length] : 0))
}

/** y = factor x, x broadcast to y's shape. */
export function expandDispatch(op: string, x: Tensor, y: Tensor, factor: number, target: Target): Dispatch {
  return stridedDispatch(x, y, { op, shape: y.shape, strides: broadcastStrides(x.shape, y.shape), factor }, target)
}

/** Expand(x) {shape} -> y: broadcasts x, as ONNX does with a constant shape. */
export const expand: Operation = {
  op: 'Expand',
  infer(attributes, inputs) {
    return [broadcastShapes(this.op, inputShape(this.op, inputs, 0, 'x'), shapeAttribute(this.op, attributes, 'shape'))]
  },
  dispatches(_, [x], [y], target) {
    return [expandDispatch(this.op, x!, y, 1, target)]
  },
  reference(attributes, [x]) {
    return [broadcastTo(x!, broadcastShapes(this.op, x!.shape, shapeAttribute(this.op, attributes, 'shape')))]
  },
  gradient: (call, [dy], emit) => emit('SumTo', { shape: call.inputShapes[0]! }, [dy]),
}

/** RepeatBatch(x [B, ...]) {repeats: P} -> y [P*B, ...], the whole batch P times. */
export const repeatBatch: Operation = {
  op: 'RepeatBatch',
  infer(attributes, inputs) {
    const [batch, ...rest] = inputShape(this.op, inputs, 0, 'x')
    return [[batch * integerAttribute(this.op, attributes, 'repeats', undefined, 1), ...rest]]
  },
  dispatches(_, [x], [y], target) {
    const size = elements(x!.shape)
    return [stridedDispatch(x!, y, { op: this.op, shape: [elements(y.shape) / size, size], strides: [0, 1] }, target)]
  },
  reference(attributes, [x]) {
    const [shape] = this.infer(attributes, [x!.shape])
    return [gather(x!, shape, ([image, ...rest]) => [image % x!.shape[0], ...rest])]
  },
  gradient(call, [dy], emit) {
    const x = call.inputShapes[0]!
    const [blocks] = emit('Reshape', { shape: [elements(call.outputShapes[0]) / elements(x), ...x] }, [dy])
    return emit('SumTo', { shape: x }, [blocks])
  },
}
