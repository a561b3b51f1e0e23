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
import averageScaling from './average-scale.wgsl'
import maxPooling from './max-pool.wgsl'
import maxPooling2x2 from './max-pool-2x2.wgsl'
import { isPoolCpu, poolCpu, poolCpuGradient } from './pool-cpu.js'
import { averagePooled, averagePooledGradient, maxPooled, maxPooledGradient } from './pooling.reference.js'
import { type Window, windowOf } from './window.js'
import windowGather from './window-gather.wgsl'

const maxShader: Shader = { name: 'MaxPool', code: maxPooling, access: ['read', 'write'] }
const max2x2 = { code: maxPooling2x2, access: ['read', 'write', 'read'] } as const
const max2x2Shader: Shader = { ...max2x2, name: 'MaxPool.2x2', entryPoint: 'forward' }
const max2x2GradientShader: Shader = { ...max2x2, name: 'MaxPool.2x2Gradient', access: ['read', 'read', 'write'], entryPoint: 'gradient' }
const averageShader: Shader = { name: 'AveragePool', code: averagePooling, access: ['read', 'write'] }
const averageScaleShader: Shader = { name: 'AveragePool.scale', code: averageScaling, access: ['read', 'write'] }
const gatherShader: Shader = { name: 'Pool.gradient', code: windowGather, access: ['read', 'read', 'write'] }

/** The parameters the forward shaders begin with. */
function windowParams([images, channels, height, width]: Shape, { kernel, strides, dilations, pads, output }: Window) {
  const rows = images * channels * output[0]
  const lanes = Math.ceil(output[1] / 8)
  return { rows, lanes, values: [rows, height, width, ...output, ...kernel, ...strides, ...dilations, pads[0], pads[1], lanes] }
}

/** Bounds of what the mean counts, from the padding's edge. */
function countBounds([, , height, width]: Shape, { pads: [top, left, bottom, right], countPad }: Window): number[] {
  return countPad ? [0, top + height + bottom, 0, left + width + right] : [top, top + height, left, left + width]
}

/** MaxPool into y, or (`argmax`) the maxima's positions. */
function maxDispatch(x: Tensor, y: Tensor, window: Window, argmax: boolean, target: Target): Dispatch {
  const { rows, lanes, values } = windowParams(x.shape, window)
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

/** dx from dy: from windows whose maximum is at `positions`, or else from all windows that contain an element, times `factor`. */
function gatherDispatch(dy: Tensor, positions: Tensor | undefined, dx: Tensor, window: Window, factor: number, target: Target): Dispatch {
  const { kernel, strides, dilations, pads, output } = window
  const [images, channels, height, width] = dx.shape
  const rows = images * channels * height
  const lanes = Math.ceil(width / 8)
  const spans = [0, 1].map((axis) => (kernel[axis] - 1) * dilations[axis] + 1)
  const walk = [lanes, Math.floor(lanes / strides[1]), lanes % strides[1]]
  return {
    shader: gatherShader,
    constants: { MAXIMA: positions ? 1 : 0 },
    operands: [dy, positions, dx],
    params: { u32: [rows, height, width, ...output, ...strides, ...dilations, ...spans, pads[0], pads[1], ...walk], f32: [factor] },
    workgroups: workgroups1d(rows * lanes, 64, target),
  }
}

/** Whether 2 x 2 windows cover x exactly and once. */
function is2x2([, , ...size]: Shape, { kernel, strides, dilations, pads, output }: Window): boolean {
  const fits = (axis: number) => kernel[axis] === 2 && strides[axis] === 2 && dilations[axis] === 1 && output[axis] * 2 === size[axis]
  return pads.every((pad) => pad === 0) && fits(0) && fits(1)
}

/** x and y (or dy and dx) of max pooling over 2 x 2 windows. */
function max2x2Dispatch(
  shader: Shader,
  operands: readonly (Tensor | undefined)[],
  [images, channels, height, width]: Shape,
  target: Target,
): Dispatch {
  const rows = (images * channels * height) / 2
  if (target.kind === 'cpu' && width >= 8) {
    const each = Math.max(1, Math.min(Math.floor(16384 / width), Math.ceil(rows / 32)))
    const wide = { ...shader, entryPoint: `${shader.entryPoint}Wide` }
    return { shader: wide, operands, params: { u32: [rows, width / 2, each] }, workgroups: workgroups1d(rows, each, target) }
  }
  const lanes = Math.ceil(width / 32)
  return { shader, operands, params: { u32: [rows, width / 2, lanes] }, workgroups: workgroups1d(rows * lanes, 64, target) }
}

/** Whether every window counts all of its elements. */
function isUniform([, , ...size]: Shape, { kernel, strides, dilations, pads, output, countPad }: Window): boolean {
  const ends = (axis: number) => (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - pads[axis]
  return [0, 1].every((axis) => (countPad ? ends(axis) <= size[axis] + pads[axis + 2] : pads[axis] === 0 && ends(axis) <= size[axis]))
}

/** MaxPool(x [N, C, H, W]) {kernel_shape, strides, pads [top, left, bottom, right], dilations, ceil_mode} -> y. Padding never wins; NaN always does. */
export const maxPool: Operation = {
  op: 'MaxPool',
  infer(attributes, inputs) {
    return [pooled(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  dispatches(attributes, [x], [y], target) {
    const window = windowOf(this.op, attributes, x!.shape)
    if (is2x2(x!.shape, window)) return [max2x2Dispatch(max2x2Shader, [x, y, undefined], x!.shape, target)]
    if (isPoolCpu(x!.shape, window, target)) return [poolCpu(x!, y, window, undefined, target)]
    return [maxDispatch(x!, y, window, false, target)]
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
    if (is2x2(x!.shape, window)) return [max2x2Dispatch(max2x2GradientShader, [x, dy, dx], x!.shape, target)]
    if (isPoolCpu(x!.shape, window, target)) return [poolCpuGradient(x!, dy!, dx, window, undefined, target)]
    const positions = scratch('positions', dy!.shape)
    return [maxDispatch(x!, positions, window, true, target), gatherDispatch(dy!, positions, dx, window, 1, target)]
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
    if (isPoolCpu(x!.shape, window, target)) return [poolCpu(x!, y, window, countBounds(x!.shape, window), target)]
    const { rows, lanes, values } = windowParams(x!.shape, window)
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
    const { kernel, strides, dilations, output } = window
    if (isPoolCpu(dx.shape, window, target)) return [poolCpuGradient(undefined, dy!, dx, window, countBounds(dx.shape, window), target)]
    if (isUniform(dx.shape, window)) return [gatherDispatch(dy!, undefined, dx, window, 1 / (kernel[0] * kernel[1]), target)]
    const scaled = scratch('scaled', dy!.shape)
    const rows = dx.shape[0] * dx.shape[1] * output[0]
    const lanes = Math.ceil(output[1] / 8)
    const scaling = {
      shader: averageScaleShader,
      operands: [dy, scaled],
      params: { u32: [rows, ...output, ...kernel, ...strides, ...dilations, lanes, ...countBounds(dx.shape, window)] },
      workgroups: workgroups1d(rows * lanes, 64, target),
    }
    return [scaling, gatherDispatch(scaled, undefined, dx, window, 1, target)]
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
