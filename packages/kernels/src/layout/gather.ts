import { axisIn, expectShape, inputShape, integerAttribute, shapeAttribute } from '../checks.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type NdArray,
  type Operation,
  type Shape,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths, type Widths, widthOf } from '../vectors.js'
import code from './gather.wgsl'
import { eachCoordinate, gather as gathered, indexOf } from './layout.reference.js'

const forward = bothWidths('Gather', code, ['read', 'read', 'write'], 'forward')
const backward = bothWidths('Gather.gradient', code, ['read', 'read', 'write'], 'gradient')

const axisOf = (attributes: Attributes, x: Shape) => axisIn('Gather', integerAttribute('Gather', attributes, 'axis', 0), x.length)

function gatheredShape(attributes: Attributes, x: Shape, indices: Shape): number[] {
  const axis = axisOf(attributes, x)
  return [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]
}

/** `x` is the shape that is gathered from; rows of `to` are written. */
function dispatch(shaders: Widths, from: Tensor, indices: Tensor, to: Tensor, attributes: Attributes, x: Shape, target: Target): Dispatch {
  const axis = axisOf(attributes, x)
  const inner = elements(x.slice(axis + 1))
  const width = widthOf(inner)
  const lanes = Math.ceil(inner / width / 16)
  const rows = elements(to.shape) / inner
  return {
    shader: shaders[width],
    operands: [from, indices, to],
    params: { u32: [rows, inner / width, lanes, x[axis], elements(indices.shape)] },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
}

/** The coordinate in x behind one of y. */
function sourceOf(attributes: Attributes, x: Shape, indices: NdArray) {
  const axis = axisOf(attributes, x)
  const rank = indices.shape.length
  return (coordinate: readonly number[]): number[] => {
    const index = indices.data[indexOf(indices.shape, coordinate.slice(axis, axis + rank))]
    return [...coordinate.slice(0, axis), index < 0 ? index + x[axis] : index, ...coordinate.slice(axis + rank)]
  }
}

/** Gather(x, indices i32) {axis} -> y, x's slices by index along `axis`; an index outside of x takes its last slice. */
export const gather: Operation = {
  op: 'Gather',
  infer(attributes, inputs) {
    return [gatheredShape(attributes, inputShape(this.op, inputs, 0, 'x'), inputShape(this.op, inputs, 1, 'indices'))]
  },
  dispatches: (attributes, [x, indices], [y], target) => [dispatch(forward, x!, indices!, y, attributes, x!.shape, target)],
  reference: (attributes, [x, indices]) => [
    gathered(x!, gatheredShape(attributes, x!.shape, indices!.shape), sourceOf(attributes, x!.shape, indices!)),
  ],
  gradient: (call, [dy], emit) => [
    emit('GatherGradient', { ...call.attributes, inputShape: call.inputShapes[0]! }, [dy, call.inputs[1]])[0],
    undefined,
  ],
}

/** GatherGradient(dy, indices i32) {axis, inputShape} -> dx */
export const gatherGradient: Operation = {
  op: 'GatherGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    expectShape(this.op, 'dy', inputs[0], gatheredShape(attributes, x, inputShape(this.op, inputs, 1, 'indices')))
    return [[...x]]
  },
  dispatches: (attributes, [dy, indices], [dx], target) => [dispatch(backward, dy!, indices!, dx, attributes, dx.shape, target)],
  reference(attributes, [dy, indices]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    const source = sourceOf(attributes, shape, indices!)
    const data = new Float64Array(elements(shape))
    eachCoordinate(dy!.shape, (coordinate, i) => (data[indexOf(shape, source(coordinate))] += dy!.data[i]))
    return [{ shape, data }]
  },
}
