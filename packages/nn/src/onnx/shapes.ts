/**
 * Shapes as ONNX defines them, for any operator and rank: import needs them (auto_pad, full reductions, shape arithmetic) before the
 * graph exists, and they are told of networks that Espalier can only look at. The engine asks its operations themselves.
 */
import { type Attributes, elements, operations, type Shape } from '@espalier/kernels'
import type { Graph } from '../graph.js'
import { isOperator } from './operators.js'

type Infer = (attributes: Attributes, inputs: readonly (Shape | undefined)[], outputs: number) => Shape[] | undefined

const numbers = (attributes: Attributes, name: string): readonly number[] => (attributes[name] ?? []) as readonly number[]
export const normalizeAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** The shape of an element-wise operation's output; throws where the inputs do not fit. */
export function broadcast(...shapes: readonly Shape[]): Shape {
  return broadcastAll(shapes)
}

/** The same for as many as there are: arguments of a call have their place on the stack. */
function broadcastAll(shapes: readonly Shape[]): Shape {
  const rank = shapes.reduce((most, shape) => Math.max(most, shape.length), 0)
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)
    const size = sizes.find((each) => each !== 1) ?? 1
    if (sizes.some((each) => each !== 1 && each !== size))
      throw new Error(`cannot broadcast ${shapes.map((shape) => `[${shape}]`).join(' and ')}`)
    return size
  })
}

/** Resolves 0 (copy) and -1 (the rest); throws where the elements do not fit. */
export function reshaped(shape: readonly number[], input: Shape): Shape {
  const sizes = shape.map((size, axis) => (size === 0 ? input[axis] : size))
  const total = elements(input)
  const known = sizes.reduce((product, size) => (size === -1 ? product : product * size), 1)
  const rest = total / known
  const out = sizes.map((size) => (size === -1 ? rest : size))
  if (
    sizes.filter((size) => size === -1).length > 1 ||
    !out.every((size) => Number.isInteger(size) && size >= 0) ||
    elements(out) !== total
  )
    throw new Error(`cannot reshape [${input}] to [${shape}]`)
  return out
}

/** Extent of one axis of Slice, with ONNX's clamping. */
export function sliceRange(start: number, end: number, step: number, size: number): { start: number; count: number } {
  const clamp = (index: number, low: number, high: number) => Math.min(Math.max(index < 0 ? index + size : index, low), high)
  const from = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1)
  const to = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1)
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) }
}

const same: Infer = (_, [x]) => x && [x]

const elementwise: Infer = (_, inputs) => (inputs.every((shape) => shape !== undefined) ? [broadcastAll(inputs as Shape[])] : undefined)

const reduce: Infer = (attributes, [x]) => {
  if (!x) return undefined
  const axes = new Set(numbers(attributes, 'axes').map((axis) => normalizeAxis(axis, x.length)))
  return [attributes.keepdims ? x.map((size, axis) => (axes.has(axis) ? 1 : size)) : x.filter((_, axis) => !axes.has(axis))]
}

const windowed: Infer = (attributes, [x, w]) => {
  if (!x) return undefined
  const kernel = numbers(attributes, 'kernel_shape')
  const [strides, pads, dilations] = ['strides', 'pads', 'dilations'].map((name) => numbers(attributes, name))
  if (x.length !== kernel.length + 2) throw new Error(`expected an input of rank ${kernel.length + 2}, found [${x}]`)
  if (w && x[1] !== w[1] * Number(attributes.group ?? 1))
    throw new Error(`expected ${w[1] * Number(attributes.group ?? 1)} channels, found [${x}]`)
  const round = attributes.ceil_mode ? Math.ceil : Math.floor
  const spatial = kernel.map((size, i) => {
    const span = x[i + 2] + pads[i] + pads[i + kernel.length] - (dilations[i] ?? 1) * (size - 1) - 1
    const out = round(span / strides[i]) + 1
    // With ceil_mode the last window must still begin inside the image or its leading padding.
    return attributes.ceil_mode && (out - 1) * strides[i] >= x[i + 2] + pads[i] ? out - 1 : out
  })
  if (spatial.some((size) => size < 1)) throw new Error(`the kernel [${kernel}] does not fit into [${x}]`)
  return [[x[0], w ? w[0] : x[1], ...spatial]]
}

const matmul: Infer = (_, [a, b]) => {
  if (!a?.length || !b?.length) return undefined
  // A vector is a row on the left and a column on the right, without the dimension of 1 in the result.
  const [rows, columns] = [a.slice(-2, -1), b.length > 1 ? b.slice(-1) : []]
  if (a.at(-1) !== b.at(b.length > 1 ? -2 : -1)) throw new Error(`inner sizes differ: [${a}] and [${b}]`)
  return [[...broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns]]
}

const table: Readonly<Record<string, Infer>> = {
  MatMul: matmul,
  Gemm: (attributes, [a, b]) => {
    if (!a || !b) return undefined
    const [inner, other] = [a[attributes.transA ? 0 : 1], b[attributes.transB ? 1 : 0]]
    if (a.length !== 2 || inner !== other) throw new Error(`inner sizes differ: [${a}] and [${b}]`)
    return [[a[attributes.transA ? 1 : 0], b[attributes.transB ? 0 : 1]]]
  },
  Conv: windowed,
  MaxPool: (attributes, inputs, outputs) => {
    const y = windowed(attributes, inputs, 1)
    return y && Array.from({ length: outputs }, () => y[0])
  },
  AveragePool: windowed,
  LpPool: windowed,
  ConvTranspose: (attributes, [x, w]) => {
    if (!x || !w) return undefined
    const [kernel, strides, pads, dilations, extra] = ['kernel_shape', 'strides', 'pads', 'dilations', 'output_padding'].map((name) =>
      numbers(attributes, name),
    )
    if (x[1] !== w[0]) throw new Error(`expected ${w[0]} channels, found [${x}]`)
    return [
      [
        x[0],
        w[1] * Number(attributes.group),
        ...kernel.map(
          (size, i) => strides[i] * (x[i + 2] - 1) + extra[i] + (size - 1) * dilations[i] + 1 - pads[i] - pads[i + kernel.length],
        ),
      ],
    ]
  },
  GlobalAveragePool: (_, [x]) => x && [x.map((size, axis) => (axis < 2 ? size : 1))],
  GlobalMaxPool: (_, [x]) => x && [x.map((size, axis) => (axis < 2 ? size : 1))],
  Concat: (attributes, inputs) => {
    if (!inputs.every((shape) => shape !== undefined)) return undefined
    const shapes = inputs as Shape[]
    const at = normalizeAxis(Number(attributes.axis), shapes[0].length)
    for (const shape of shapes)
      if (shape.length !== shapes[0].length || shape.some((size, axis) => axis !== at && size !== shapes[0][axis]))
        throw new Error(`cannot concatenate ${shapes.map((each) => `[${each}]`).join(' and ')} on axis ${at}`)
    return [shapes[0].map((size, axis) => (axis === at ? shapes.reduce((sum, shape) => sum + shape[axis], 0) : size))]
  },
  Flatten: (attributes, [x]) => {
    if (!x) return undefined
    const axis = normalizeAxis(Number(attributes.axis), x.length)
    return [[elements(x.slice(0, axis)), elements(x.slice(axis))]]
  },
  Reshape: (attributes, [x]) => x && [reshaped(numbers(attributes, 'shape'), x)],
  Transpose: (attributes, [x]) => x && [numbers(attributes, 'perm').map((axis) => x[axis])],
  Squeeze: (attributes, [x]) => {
    if (!x) return undefined
    const axes = new Set(numbers(attributes, 'axes').map((axis) => normalizeAxis(axis, x.length)))
    for (const axis of axes) if (x[axis] !== 1) throw new Error(`axis ${axis} of [${x}] is not 1`)
    return [x.filter((_, axis) => !axes.has(axis))]
  },
  Unsqueeze: (attributes, [x]) => {
    if (!x) return undefined
    const rank = x.length + numbers(attributes, 'axes').length
    const axes = new Set(numbers(attributes, 'axes').map((axis) => normalizeAxis(axis, rank)))
    const sizes = [...x]
    return [Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : sizes.shift()!))]
  },
  Pad: (attributes, [x]) =>
    x && [x.map((size, axis) => size + numbers(attributes, 'pads')[axis] + numbers(attributes, 'pads')[axis + x.length])],
  Slice: (attributes, [x]) => {
    if (!x) return undefined
    const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name) => numbers(attributes, name))
    const out = [...x]
    for (const [i, axis] of axes.entries()) {
      const at = normalizeAxis(axis, x.length)
      out[at] = sliceRange(starts[i], ends[i], steps[i], x[at]).count
    }
    return [out]
  },
  Split: (attributes, [x]) => {
    if (!x) return undefined
    const at = normalizeAxis(Number(attributes.axis), x.length)
    const sizes = numbers(attributes, 'split')
    if (sizes.reduce((sum, size) => sum + size, 0) !== x[at]) throw new Error(`cannot split axis ${at} of [${x}] into [${sizes}]`)
    return sizes.map((part) => x.map((size, axis) => (axis === at ? part : size)))
  },
  Resize: (attributes, [x]) => x && [x.map((size, axis) => Math.floor(Math.fround(size * numbers(attributes, 'scales')[axis])))],
  Expand: (attributes, [x]) => x && [broadcast(x, numbers(attributes, 'shape'))],
  Gather: (attributes, [x, indices]) => {
    if (!x || !indices) return undefined
    const axis = normalizeAxis(Number(attributes.axis), x.length)
    return [[...x.slice(0, axis), ...indices, ...x.slice(axis + 1)]]
  },
  Tile: (attributes, [x]) => x && [x.map((size, axis) => size * numbers(attributes, 'repeats')[axis])],
  Shape: (_, [x]) => x && [[x.length]],
  DepthToSpace: (attributes, [x]) => {
    const block = Number(attributes.blocksize)
    return x && [[x[0], x[1] / block ** 2, x[2] * block, x[3] * block]]
  },
  SpaceToDepth: (attributes, [x]) => {
    const block = Number(attributes.blocksize)
    return x && [[x[0], x[1] * block ** 2, x[2] / block, x[3] / block]]
  },
}

const likeFirst = new Set(
  `Relu LeakyRelu PRelu Elu Selu Celu Clip Sigmoid HardSigmoid HardSwish Gelu Mish Silu Tanh Softplus Softsign Softmax LogSoftmax Exp Log
  Sqrt Abs Neg Reciprocal Floor Ceil Round Erf Sign Sin Cos Shrink Not Identity Dropout Cast LRN BatchNormalization InstanceNormalization
  LpNormalization LayerNormalization GroupNormalization ThresholdedRelu`.split(/\s+/),
)
const broadcasting = new Set(
  'Add Sub Mul Div Pow Max Min Mean Sum And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual Where Mod'.split(' '),
)

/** Output shapes, or undefined where they cannot be told; throws an Error where the inputs do not fit the operation. */
export function inferShapesOf(
  op: string,
  attributes: Attributes,
  inputs: readonly (Shape | undefined)[],
  outputs: number,
): Shape[] | undefined {
  if (likeFirst.has(op)) return same(attributes, inputs, outputs)
  if (broadcasting.has(op)) return elementwise(attributes, inputs, outputs)
  if (op.startsWith('Reduce')) return reduce(attributes, inputs, outputs)
  if (Object.hasOwn(table, op)) return table[op](attributes, inputs, outputs)
  return !isOperator(op) && Object.hasOwn(operations, op) && inputs[0] ? operations[op].infer(attributes, inputs) : undefined
}

/** Shapes of a graph's tensors with every free size as 1; those that nothing tells are absent. */
export function shapesAtBatchOne(graph: Graph): Map<string, Shape> {
  const shapes = new Map<string, Shape>()
  for (const [name, { dims }] of graph.initializers) shapes.set(name, dims)
  for (const { name, shape } of graph.inputs)
    shapes.set(
      name,
      shape.map((size) => (typeof size === 'number' ? size : 1)),
    )
  // Where an operation is unknown the file's own word on the outputs is all there is.
  for (const { name, shape } of graph.outputs)
    shapes.set(
      name,
      shape.map((size) => (typeof size === 'number' ? size : 1)),
    )
  for (const { op, attributes, inputs, outputs } of graph.nodes) {
    const inferred = inferShapesOf(
      op,
      attributes,
      inputs.map((input) => (input ? shapes.get(input) : undefined)),
      outputs.length,
    )
    for (const [i, output] of outputs.entries()) if (output && inferred?.[i]) shapes.set(output, inferred[i])
  }
  return shapes
}

/** Whether an output's image n depends on image n of the inputs only, however many there are: what a free batch needs. */
export function keepsBatch(op: string, attributes: Attributes, x: Shape | undefined): boolean {
  if (!x) return false
  const axes = [...numbers(attributes, 'axes'), ...(typeof attributes.axis === 'number' ? [attributes.axis] : [])]
  if (axes.some((axis) => normalizeAxis(axis, x.length) === 0)) return false
  if (op === 'Transpose') return numbers(attributes, 'perm')[0] === 0
  if (op === 'Pad') return numbers(attributes, 'pads')[0] === 0 && numbers(attributes, 'pads')[x.length] === 0
  if (op === 'Tile') return numbers(attributes, 'repeats')[0] === 1
  return !(op === 'Gemm' && attributes.transA)
}
