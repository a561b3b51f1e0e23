import { expectShape, inputShape, integerAttribute, numberAttribute } from '../checks.js'
import {
  type Access,
  type Attributes,
  type Dispatch,
  elements,
  type Operation,
  type Shader,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import code from './local-response.wgsl'
import { type LocalResponse, localResponse, localResponseGradient } from './normalization.reference.js'

const shader = (entryPoint: string, access: readonly Access[]): Shader => ({ name: `LRN.${entryPoint}`, code, access, entryPoint })
const forward = shader('forward', ['read', 'read', 'read', 'read', 'write'])
const terms = shader('gradientTerms', ['read', 'read', 'write', 'write', 'read'])
const backward = shader('gradient', ['read', 'read', 'read', 'read', 'write'])

function settingsOf(op: string, attributes: Attributes): LocalResponse {
  return {
    size: integerAttribute(op, attributes, 'size', undefined, 1),
    alpha: numberAttribute(op, attributes, 'alpha', 1e-4),
    beta: numberAttribute(op, attributes, 'beta', 0.75),
    bias: numberAttribute(op, attributes, 'bias', 1),
  }
}

function dispatch(
  shader: Shader,
  operands: readonly (Tensor | undefined)[],
  { size, alpha, beta, bias }: LocalResponse,
  target: Target,
): Dispatch {
  const [images, channels, ...spatial] = operands[0]!.shape
  const plane = elements(spatial)
  const count = images * channels * plane
  return {
    shader,
    operands,
    params: { u32: [count, channels, plane, Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)], f32: [alpha / size, beta, bias] },
    workgroups: workgroups1d(count, 64, target),
  }
}

/** LRN(x [N, C, ...]) {size, alpha, beta, bias} -> y = x / (bias + alpha / size sum x^2)^beta, the sum over `size` channels around, as ONNX's. */
export const lrn: Operation = {
  op: 'LRN',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    if (x.length < 2) throw new Error(`${this.op}: x must have at least 2 dimensions [N, C, ...], found [${x.join(', ')}]`)
    settingsOf(this.op, attributes)
    return [[...x]]
  },
  dispatches(attributes, [x], [y], target) {
    return [dispatch(forward, [x, undefined, undefined, undefined, y], settingsOf(this.op, attributes), target)]
  },
  reference(attributes, [x]) {
    return [localResponse(x!, settingsOf(this.op, attributes))]
  },
  gradient: (call, [dy], emit) => emit('LRNGradient', call.attributes, [call.inputs[0], dy]),
}

/** LRNGradient(x, dy) {LRN's} -> dx */
export const lrnGradient: Operation = {
  op: 'LRNGradient',
  infer(attributes, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    expectShape(this.op, 'dy', inputs[1], x)
    settingsOf(this.op, attributes)
    return [[...x]]
  },
  dispatches(attributes, [x, dy], [dx], target) {
    const settings = settingsOf(this.op, attributes)
    const own = scratch('terms', x!.shape)
    const powers = scratch('powers', x!.shape)
    return [
      dispatch(terms, [x, dy, own, powers, undefined], settings, target),
      dispatch(backward, [x, dy, own, powers, dx], settings, target),
    ]
  },
  reference(attributes, [x, dy]) {
    return [localResponseGradient(x!, dy!, settingsOf(this.op, attributes))]
  },
}
