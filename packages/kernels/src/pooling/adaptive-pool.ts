import { expectShape, inputShape, integersAttribute, shapeAttribute, show } from '../checks.js'
import {
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shader,
  type Shape,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import code from './adaptive-pool.wgsl'
import { adaptivelyPooled, adaptivelyPooledGradient } from './pooling.reference.js'

const shader = (entryPoint: string): Shader => ({ name: `AdaptiveAveragePool.${entryPoint}`, code, access: ['read', 'write'], entryPoint })
const forward = shader('forward')
const backward = shader('gradient')

function pooledShape(op: string, attributes: Attributes, x: Shape): number[] {
  const size = integersAttribute(op, attributes, 'output_size', undefined, 2)
  if (size.some((value) => value < 1)) throw new Error(`${op}: attribute 'output_size' must be positive, found ${show(size)}`)
  return [x[0], x[1], ...size]
}

function dispatch(shader: Shader, from: Tensor, to: Tensor, [images, channels, ...input]: Shape, output: Shape, target: Target): Dispatch {
  return {
    shader,
    operands: [from, to],
    params: { u32: [images * channels, ...input, ...output.slice(2)] },
    workgroups: workgroups1d(elements(to.shape), 64, target),
  }
}

/** AdaptiveAveragePool(x [N, C, H, W]) {output_size: [h, w]} -> y [N, C, h, w], means of the bins floor(i H / h) .. ceil((i + 1) H / h), as PyTorch's. */
export const adaptiveAveragePool: Operation = {
  op: 'AdaptiveAveragePool',
  infer(attributes, inputs) {
    return [pooledShape(this.op, attributes, inputShape(this.op, inputs, 0, 'x', 4))]
  },
  dispatches: (_, [x], [y], target) => [dispatch(forward, x!, y, x!.shape, y.shape, target)],
  reference(attributes, [x]) {
    return [adaptivelyPooled(x!, pooledShape(this.op, attributes, x!.shape))]
  },
  gradient: (call, [dy], emit) => emit('AdaptiveAveragePoolGradient', { inputShape: call.inputShapes[0]! }, [dy]),
}

/** AdaptiveAveragePoolGradient(dy [N, C, h, w]) {inputShape} -> dx */
export const adaptiveAveragePoolGradient: Operation = {
  op: 'AdaptiveAveragePoolGradient',
  infer(attributes, inputs) {
    const x = shapeAttribute(this.op, attributes, 'inputShape')
    const dy = inputShape(this.op, inputs, 0, 'dy', 4)
    expectShape(this.op, 'dy', dy, [...x.slice(0, 2), ...dy.slice(2)])
    return [[...x]]
  },
  dispatches: (_, [dy], [dx], target) => [dispatch(backward, dy!, dx, dx.shape, dy!.shape, target)],
  reference(attributes, [dy]) {
    return [adaptivelyPooledGradient(dy!, shapeAttribute(this.op, attributes, 'inputShape'))]
  },
}
