import { axisIn, expectShape, inputShape, shapeAttribute } from '../checks.js'
import { expandDispatch } from '../layout/layout.js'
import { broadcastTo } from '../layout/layout.reference.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shader,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { sumDispatches } from '../reduce/reduce.js'
import { sumOver } from '../reduce/reduce.reference.js'
import averagePooling from './average-pool.wgsl'
import averagePoolingGradient from './average-pool-gradient.wgsl'
import maxPooling from './max-pool.wgsl'
import maxPoolingGradient from './max-pool-gradient.wgsl'
import { averagePooled, averagePooledGradient, maxPooled, maxPooledGradient } from './pooling.reference.js'
import { type Window, windowOf } from './window.js'

const maxShader: Shader = { name: 'MaxPool', code: maxPooling, access: ['read', 'write'] }
const maxGradientShader: Shader = { name: 'MaxPool.gradient', code: maxPoolingGradient, access: ['read', 'read', 'write'] }
const averageShader: Shader = { name: 'AveragePool', code: averagePooling, access: ['read', 'write'] }
const averageGradientShader: Shader = { name: 'AveragePool.gradient', code: averagePoolingGradient, access: ['read', 'write'] }

/** The parameters all pooling shaders begin with; `row` is the width of the rows that invocations walk along. */
function windowParams(
  [images, channels, height, width]: Shape,
  { kernel, strides, dilations, pads, output }: Window,
  rowsPerPlane: number,
  row: number,
) {
  const rows = images * channels * rowsPerPlane
  const lanes = Math.ceil(row / 8)
  return { rows, lanes, values: [rows, height, width, ...output, ...kernel, ...strides, ...dilations, pads[0], pads[1], lanes] }
}

/** Bounds of what the mean counts, from the padding's edge. */
function countBounds([, , height, width]: Shape, { pads: [top, left, bottom, right], countPad }: Window): number[] {
  return countPad ? [0, top + height + bottom, 0, left + width + right] : [top, top + height, left, left + width]
}

/** MaxPool into y, or (`argmax`) the maxima's positions. */
function maxDispatch(x: Tensor, y: Tensor, window: Window, argmax: boolean, target: Target): Dispatch {
  const { rows, lanes, values } = windowParams(x.shape, window, window.output[0], window.output[1])
  return {
    shader: maxShader,
    constants: { ARGMAX: argmax ? 1 : 0 },
    operands: [x, y],
    params: { u32: values },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
}

function pooled(op: string, attributes: Attributes, x: Shape): number[] {
  return [x[0], x[1], ...windowOf(op, attributes, x).output]
}

/** MaxPool(x [N, C, H, W]) {kernel_shape, strides, pads [top, left, bottom, right], dilations, ceil_mode} -> y. Padding never wins; NaN always does. */
export const maxPool: Operation = {
  op: 'MaxPool',
  infer(attributes, inputs) {
    return [pooled(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  dispatches(attributes, [x], [y], target) {
    return [maxDispatch(x!, y, windowOf(this.op, attributes, x!.shape), false, target)]
  },
  reference(attributes, [x]) {
    return [maxPooled(x!, windowOf(this.op, attributes, x!.shape))]
  },
  gradient: (call, [dy], emit) => emit('MaxPoolGradient', call.attributes, [call.inputs[0], dy]),
}

/** MaxPoolGradient(x, dy) {MaxPool's} -> dx: all of a window's gradient goes to its first maximum. */
export const maxPoolGradient: Operation = {
  op: 'MaxPoolGradient',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x', 4)
    expectShape(this.op, 'dy', inputs[1], pooled(this.op, attributes, x))
    return [[...x]]
  },
  dispatches(attributes, [x, dy], [dx], target) {
    const window = windowOf(this.op, attributes, x!.shape)
    const { kernel, strides, dilations, pads, output } = window
    const [images, channels, height, width] = x!.shape
    const positions = scratch('positions', dy!.shape)
    const rows = images * channels * height
    const lanes = Math.ceil(width / 8)
    const spans = [0, 1].map((axis) => (kernel[axis] - 1) * dilations[axis] + 1)
    return [
      maxDispatch(x!, positions, window, true, target),
      {
        shader: maxGradientShader,
        operands: [positions, dy, dx],
        params: {
          u32: [
            rows,
            height,
            width,
            ...output,
            ...strides,
            ...spans,
            pads[0],
            pads[1],
            lanes,
            Math.floor(lanes / strides[1]),
            lanes % strides[1],
          ],
        },
        workgroups: workgroups1d(rows * lanes, 64, target),
      },
    ]
  },
  reference(attributes, [x, dy]) {
    return [maxPooledGradient(x!, dy!, windowOf('MaxPool', attributes, x!.shape))]
  },
}

/** AveragePool(x [N, C, H, W]) {kernel_shape, strides, pads, dilations, ceil_mode, count_include_pad} -> y */
export const averagePool: Operation = {
  op: 'AveragePool',
  infer(attributes, inputs) {
    return [pooled(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  dispatches(attributes, [x], [y], target) {
    const window = windowOf(this.op, attributes, x!.shape)
    const { rows, lanes, values } = windowParams(x!.shape, window, window.output[0], window.output[1])
    const params = { u32: [...values, ...countBounds(x!.shape, window)] }
    return [{ shader: averageShader, operands: [x, y], params, workgroups: workgroups1d(rows * lanes, 64, target) }]
  },
  reference(attributes, [x]) {
    return [averagePooled(x!, windowOf(this.op, attributes, x!.shape))]
  },
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
  dispatches(attributes, [dy], [dx], target) {
    const window = windowOf(this.op, attributes, dx.shape)
    const { rows, lanes, values } = windowParams(dx.shape, window, dx.shape[2], dx.shape[3])
    const params = { u32: [...values, ...countBounds(dx.shape, window)] }
    return [{ shader: averageGradientShader, operands: [dy, dx], params, workgroups: workgroups1d(rows * lanes, 64, target) }]
  },
  reference(attributes, [dy]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    return [averagePooledGradient(dy!, shape, windowOf(this.op, attributes, shape))]
  },
}

function globallyPooled(op: string, inputs: readonly (Shape | undefined)[]): number[] {
  const x = inputShape(op, inputs, 0, 'x')
  axisIn(op, 2, x.length)
  return x.map((dimension, axis) => (axis < 2 ? dimension : 1))
}

/** GlobalAveragePool(x [N, C, ...]) -> y [N, C, 1...] */
export const globalAveragePool: Operation = {
  op: 'GlobalAveragePool',
  infer(_, inputs) {
    return [globallyPooled(this.op, inputs)]
  },
  dispatches: (_, [x], [y], target) => sumDispatches(x!, y, y.shape, elements(y.shape) / elements(x!.shape), target),
  reference(_, [x]) {
    const shape = globallyPooled(this.op, [x!.shape])
    return [sumOver(x!, shape, elements(shape) / x!.data.length)]
  },
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
  dispatches(_, [dy], [dx], target) {
    return [expandDispatch(this.op, dy!, dx, elements(dy!.shape) / elements(dx.shape), target)]
  },
  reference(attributes, [dy]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    return [{ shape, data: broadcastTo(dy!, shape).data.map((value) => (value * dy!.data.length) / elements(shape)) }]
  },
}

/** GlobalMaxPool(x [N, C, H, W]) -> y [N, C, 1, 1] */
export const globalMaxPool: Operation = {
  op: 'GlobalMaxPool',
  infer(_, inputs) {
    inputShape(this.op, inputs, 0, 'x', 4)
    return [globallyPooled(this.op, inputs)]
  },
  dispatches(_, [x], [y], target) {
    return [maxDispatch(x!, y, windowOf(this.op, { kernel_shape: x!.shape.slice(2) }, x!.shape), false, target)]
  },
  reference(_, [x]) {
    return [maxPooled(x!, windowOf(this.op, { kernel_shape: x!.shape.slice(2) }, x!.shape))]
  },
  gradient: (call, [dy], emit) => emit('MaxPoolGradient', { kernel_shape: call.inputShapes[0]!.slice(2) }, [call.inputs[0], dy]),
}
