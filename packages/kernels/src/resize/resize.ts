import { expectShape, inputShape, shapeAttribute } from '../checks.js'
import { type Dispatch, type Operation, type Shader, type Target, type Tensor, workgroups1d } from '../operation.js'
import { resized, resizedGradient } from './resize.reference.js'
import code from './resize.wgsl'
import { type Sampling, samplingOf, tapCounts } from './sampling.js'

const shader = (entryPoint: string): Shader => ({ name: `Resize.${entryPoint}`, code, access: ['read', 'write'], entryPoint })
const forward = shader('forward')
const gradient = shader('gradient')

function dispatch(shader: Shader, from: Tensor, to: Tensor, sampling: Sampling, target: Target): Dispatch {
  const { planes, axes, mode, nearest, cubic, excludeOutside } = sampling
  const [rows, columns] = axes
  const [height, width] = axes.map((axis) => (shader === forward ? axis.out : axis.size))
  const lanes = Math.ceil(width / 8)
  const sizes = [rows.size, columns.size, rows.out, columns.out]
  return {
    shader,
    operands: [from, to],
    params: {
      u32: [planes, ...sizes, tapCounts[mode], nearest, excludeOutside ? 1 : 0, lanes, 0],
      f32: [...(['shift', 'ratio', 'offset'] as const).flatMap((name) => [rows[name], columns[name]]), cubic],
    },
    workgroups: workgroups1d(planes * height * lanes, 64, target),
  }
}

/**
 * Resize(x [N, C, H, W] or [N, C, L]) {scales, mode: nearest | linear | cubic, coordinate_transformation_mode, nearest_mode, cubic_coeff_a,
 * exclude_outside} -> y, of floor(size x scale) pixels, as ONNX's without antialiasing and regions of interest.
 */
export const resize: Operation = {
  op: 'Resize',
  infer(attributes, inputs) {
    return [samplingOf(this.op, attributes, inputShape(this.op, inputs, 0, 'x')).output]
  },
  dispatches(attributes, [x], [y], target) {
    return [dispatch(forward, x!, y, samplingOf(this.op, attributes, x!.shape), target)]
  },
  reference(attributes, [x]) {
    return [resized(x!, samplingOf(this.op, attributes, x!.shape))]
  },
  gradient: (call, [dy], emit) => emit('ResizeGradient', { ...call.attributes, inputShape: call.inputShapes[0]! }, [dy]),
}

/** ResizeGradient(dy) {Resize's, inputShape} -> dx */
export const resizeGradient: Operation = {
  op: 'ResizeGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    expectShape(this.op, 'dy', inputs[0], samplingOf(this.op, attributes, x).output)
    return [[...x]]
  },
  dispatches(attributes, [dy], [dx], target) {
    return [dispatch(gradient, dy!, dx, samplingOf(this.op, attributes, dx.shape), target)]
  },
  reference(attributes, [dy]) {
    const shape = shapeAttribute(this.op, attributes, 'inputShape')
    return [resizedGradient(dy!, shape, samplingOf(this.op, attributes, shape))]
  },
}
