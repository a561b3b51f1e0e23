import { broadcastShapes, expectShape, inputShape, numberAttribute, show } from '../checks.js'
import { broadcastStrides, expandDispatch } from '../layout/layout.js'
import { broadcastTo } from '../layout/layout.reference.js'
import { collapse, outerArray, stridedDispatch, type Walk } from '../layout/strides.js'
import nan from '../nan.wgsl'
import {
  type Call,
  type Dispatch,
  type Emit,
  elements,
  type Operation,
  type Shader,
  type Shape,
  scratch,
  type Target,
  type Tensor,
  workgroups1d,
} from '../operation.js'
import { bothWidths, flat, flatWork, rowWork } from '../vectors.js'
import accumulation from './accumulate.wgsl'
import binaryFlat from './binary.wgsl'
import binaryBroadcast from './broadcast.wgsl'
import broadcastCpu from './broadcast-cpu.wgsl'
import combine from './combine.wgsl'
import { pairs } from './elementwise.reference.js'

const flatShader = flat('binary', binaryFlat + nan + combine, ['read', 'read', 'write'])
/** By the types of a and b: both go along the rows, a repeats a value, b does. */
const broadcastShaders = ['vec4f vec4f', 'f32 vec4f', 'vec4f f32'].map((types) => {
  const [a, b] = types.split(' ')
  return bothWidths('binary.broadcast', `alias A = ${a};\nalias B = ${b};\n${binaryBroadcast}${nan}${combine}`, ['read', 'read', 'write'])
})
const broadcastCpuShader = bothWidths('binary.broadcast.cpu', broadcastCpu + nan + combine, ['read', 'read', 'write'])[1]
const accumulateShader: Shader = { name: 'accumulate', code: accumulation, access: ['read', 'read_write', 'read'] }

/** The gradient of an operand that was broadcast: the sum over the repeated dimensions. */
function sumTo(name: string, from: Shape, to: Shape, emit: Emit): string {
  return from.length === to.length && from.every((dimension, i) => dimension === to[i]) ? name : emit('SumTo', { shape: to }, [name])[0]
}

function broadcastCpuDispatch(
  constants: Readonly<Record<string, number>>,
  operands: readonly Tensor[],
  { shape, strides }: Walk,
  target: Target,
): Dispatch {
  const last = shape.length - 1
  const [outer, rows] = [shape.slice(0, -1), elements(shape.slice(0, -1))]
  const { rowsEach, pieces, length, workgroups } = rowWork(rows, shape[last], target)
  const header = [rows, shape[last], rowsEach, pieces, length, last, 0, 0]
  const steps = strides.map((list) => outerArray(list.slice(0, -1)))
  return {
    shader: broadcastCpuShader,
    constants: { ...constants, ALONG_A: strides[0][last], ALONG_B: strides[1][last] },
    operands,
    params: { u32: [...header, ...outerArray(outer, 1), ...steps.flat()] },
    workgroups,
  }
}

/** One run over equal shapes (up to dimensions of 1), else a walk with a stride of 0 where an operand repeats. */
export function binaryDispatch(op: keyof typeof pairs, a: Tensor, b: Tensor, y: Tensor, target: Target): Dispatch {
  const operands = [a, b, y]
  const constants = { OPERATION: Object.keys(pairs).indexOf(op) }
  if (elements(a.shape) === elements(y.shape) && elements(b.shape) === elements(y.shape)) {
    const { width, vectors, each, workgroups } = flatWork(elements(y.shape), target)
    return { shader: flatShader[width], constants, operands, params: { u32: [vectors, each] }, workgroups }
  }
  const walk = collapse(op, y.shape, [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)])
  if (target.kind === 'cpu') return broadcastCpuDispatch(constants, operands, walk, target)
  // One value for everything: cut into rows, of which neighbours read neighbours.
  if (walk.shape.length === 1 && walk.shape[0] % 2048 === 0) {
    walk.shape.unshift(walk.shape[0] / 2048)
    walk.shape[1] = 2048
    for (const list of walk.strides) list.unshift(2048 * list[0])
  }
  const outer = walk.shape.slice(0, -1)
  const last = outer.length
  const inner = walk.shape[last]
  const strides = walk.strides.map((list) => list.slice(0, -1))
  const along = walk.strides.map((list) => list[last])
  // Vectors for whoever goes along the rows; who repeats one value gives it to all four.
  const isWhole = inner % 4 === 0 && strides.every((list, i) => along[i] === 0 || (along[i] === 1 && list.every((one) => one % 4 === 0)))
  const width = isWhole ? 4 : 1
  const shader = broadcastShaders[along.indexOf(0) + 1][width]
  const scaled = strides.map((list, i) => (along[i] === 0 ? list : list.map((one) => one / width)))
  const lanes = Math.ceil(inner / width / 8)
  const header = [elements(outer), inner / width, lanes, ...along, last, 0, 0]
  return {
    shader,
    constants,
    operands,
    params: { u32: [...header, ...outerArray(outer, 1), ...outerArray(scaled[0]), ...outerArray(scaled[1])] },
    workgroups: workgroups1d(elements(outer) * lanes, 64, target),
  }
}

type Derivative = (call: Call, dy: string, emit: Emit) => string

/** a (op) b with numpy broadcasting, and the derivatives to a and to b before summing over broadcast dimensions. */
function binary(op: keyof typeof pairs, derivatives?: readonly [Derivative, Derivative]): Operation {
  const value = pairs[op]
  return {
    op,
    infer(_, inputs) {
      const [a, b] = [inputShape(op, inputs, 0, 'a'), inputShape(op, inputs, 1, 'b')]
      const shape = broadcastShapes(op, a, b)
      if (op === 'PRelu') expectShape(op, `x, for a slope of ${show(b)},`, a, shape)
      return [shape]
    },
    dispatches(_, [a, b], [y], target) {
      if (a !== b) return [binaryDispatch(op, a!, b!, y, target)]
      // One tensor may not be bound twice: x + x and x * x read a copy.
      const copy = scratch('copy', a!.shape)
      const copied = stridedDispatch(a!, copy, { op, shape: [elements(a!.shape)], strides: [1] }, target)
      return [copied, binaryDispatch(op, a!, copy, y, target)]
    },
    reference(_, [a, b]) {
      const shape = broadcastShapes(op, a!.shape, b!.shape)
      const [p, q] = [broadcastTo(a!, shape).data, broadcastTo(b!, shape).data]
      return [{ shape, data: p.map((element, i) => value(element, q[i])) }]
    },
    gradient:
      derivatives &&
      ((call, [dy], emit) =>
        derivatives.map((derivative, i) =>
          call.wanted[i] && dy ? sumTo(derivative(call, dy, emit), call.outputShapes[0], call.inputShapes[i]!, emit) : undefined,
        )),
  }
}

const same: Derivative = (_, dy) => dy
const negated = (name: string, emit: Emit) => emit('Scale', { factor: -1 }, [name])[0]
/** dy times a function of two inputs. */
const times =
  (op: string, first: 0 | 1, second: 0 | 1): Derivative =>
  ({ inputs }, dy, emit) =>
    emit('Mul', {}, [dy, emit(op, {}, [inputs[first], inputs[second]])[0]])[0]

/**
 * a (op) b with numpy broadcasting: Add, Sub, Mul, Div, Min, Max (equal ones share the gradient), Pow; PRelu(x, slope), whose slope is
 * broadcast to x. The importer chains Sum, Min and Max of many. The others are what gradients are made of.
 */
export const elementwiseOperations: readonly Operation[] = [
  binary('Add', [same, same]),
  binary('Sub', [same, (_, dy, emit) => negated(dy, emit)]),
  binary('Mul', [
    (call, dy, emit) => emit('Mul', {}, [dy, call.inputs[1]])[0],
    (call, dy, emit) => emit('Mul', {}, [dy, call.inputs[0]])[0],
  ]),
  // d(a / b) / db = -(a / b) / b
  binary('Div', [
    (call, dy, emit) => emit('Div', {}, [dy, call.inputs[1]])[0],
    (call, dy, emit) => negated(emit('Div', {}, [emit('Mul', {}, [dy, call.outputs[0]])[0], call.inputs[1]])[0], emit),
  ]),
  binary('Min', [times('MaxShare', 1, 0), times('MaxShare', 0, 1)]),
  binary('Max', [times('MaxShare', 0, 1), times('MaxShare', 1, 0)]),
  binary('Pow', [times('PowBaseSlope', 0, 1), times('PowExponentSlope', 0, 1)]),
  binary('PRelu', [times('PReluSlope', 0, 1), (call, dy, emit) => emit('MulBelowZero', {}, [call.inputs[0], dy])[0]]),
  ...(['MaxShare', 'PowBaseSlope', 'PowExponentSlope', 'PReluSlope', 'MulBelowZero', 'IsEqual', 'DivOrZero'] as const).map((op) =>
    binary(op),
  ),
]

/** Mean(x0, x1, ...) -> y: of any number of tensors, broadcast. */
export const mean: Operation = {
  op: 'Mean',
  infer: (_, inputs) => [inputs.map((_, i) => inputShape('Mean', inputs, i, `x${i}`)).reduce((a, b) => [...broadcastShapes('Mean', a, b)])],
  dispatches(_, inputs, [y], target) {
    const first = scratch('sum 0', y.shape)
    const dispatches = [expandDispatch('Mean', inputs[0]!, first, 1 / inputs.length, target)]
    let sum = first
    // Each is scaled first: a sum of many may overflow.
    inputs.slice(1).forEach((x, i) => {
      const scaled = scratch(`scaled ${i + 1}`, x!.shape)
      const next = i === inputs.length - 2 ? y : scratch(`sum ${i + 1}`, y.shape)
      const all = { op: 'Mean', shape: [elements(x!.shape)], strides: [1], factor: 1 / inputs.length }
      dispatches.push(stridedDispatch(x!, scaled, all, target), binaryDispatch('Add', sum, scaled, next, target))
      sum = next
    })
    return inputs.length > 1 ? dispatches : [expandDispatch('Mean', inputs[0]!, y, 1, target)]
  },
  reference(_, inputs) {
    const [shape] = this.infer(
      {},
      inputs.map((x) => x?.shape),
    )
    const all = inputs.map((x) => broadcastTo(x!, shape).data)
    return [{ shape, data: all[0].map((_, i) => all.reduce((sum, data) => sum + data[i], 0) / all.length) }]
  },
  gradient(call, [dy], emit) {
    const [scaled] = emit('Scale', { factor: 1 / call.inputs.length }, [dy])
    return call.inputs.map((_, i) => (call.wanted[i] ? sumTo(scaled, call.outputShapes[0], call.inputShapes[i]!, emit) : undefined))
  },
}

/** Scale(x) {factor} -> y = factor x */
export const scale: Operation = {
  op: 'Scale',
  infer(attributes, inputs) {
    numberAttribute(this.op, attributes, 'factor')
    return [[...inputShape(this.op, inputs, 0, 'x')]]
  },
  dispatches(attributes, [x], [y], target) {
    const factor = numberAttribute(this.op, attributes, 'factor')
    return [stridedDispatch(x!, y, { op: this.op, shape: [elements(y.shape)], strides: [1], factor }, target)]
  },
  reference(attributes, [x]) {
    const factor = numberAttribute(this.op, attributes, 'factor')
    return [{ shape: x!.shape, data: x!.data.map((value) => factor * value) }]
  },
  gradient: (call, [dy], emit) => emit('Scale', call.attributes, [dy]),
}

/**
 * Accumulate(x [P*B, ...], accumulator [P] or [P, ...], valid u32 [1]?) -> nothing; updates accumulator: adds the sum over the
 * first `valid` images of each block of B (all without `valid`); [P] also sums what follows the batch.
 */
export const accumulate: Operation = {
  op: 'Accumulate',
  updates: [1],
  infer(_, inputs) {
    const x = inputShape(this.op, inputs, 0, 'x')
    const accumulator = inputShape(this.op, inputs, 1, 'accumulator')
    if (x[0] % accumulator[0])
      throw new Error(`${this.op}: a batch of ${x[0]} is not a multiple of the accumulator's ${accumulator[0]} candidates`)
    if (accumulator.length > 1) expectShape(this.op, 'accumulator', accumulator, [accumulator[0], ...x.slice(1)])
    if (inputs[2] && elements(inputs[2]) !== 1) expectShape(this.op, 'valid', inputs[2], [1])
    return []
  },
  dispatches(_, [x, accumulator, valid], _outputs, target) {
    const [candidates, ...kept] = accumulator!.shape
    const images = x!.shape[0] / candidates
    const perBlock = elements(kept)
    const columns = elements(x!.shape.slice(1)) / perBlock
    return [
      {
        shader: accumulateShader,
        operands: [x, accumulator, valid],
        params: { u32: [candidates * perBlock, perBlock, images, columns, valid ? 1 : 0] },
        workgroups: workgroups1d(candidates * perBlock, 64, target),
      },
    ]
  },
  reference(_, [x, accumulator, valid]) {
    const [candidates, ...kept] = accumulator!.shape
    const images = x!.shape[0] / candidates
    const perImage = elements(x!.shape.slice(1))
    const columns = perImage / elements(kept)
    const data = Float64Array.from(accumulator!.data)
    x!.data.forEach((value, i) => {
      const image = Math.floor(i / perImage)
      const sum = Math.floor(image / images) * elements(kept) + Math.floor((i % perImage) / columns)
      if (image % images < (valid?.data[0] ?? images)) data[sum] += value
    })
    return [{ shape: accumulator!.shape, data }]
  },
}
