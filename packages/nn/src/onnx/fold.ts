/** What nodes on constants give: shape arithmetic (Shape, Gather, Concat, ...) and weights that exporters rearrange at run time. */
import { type Attributes, elements, type Shape } from '@espalier/kernels'
import type { DataType, TensorData } from '../graph.js'
import { broadcast, normalizeAxis, reshaped, sliceRange } from './shapes.js'

type Data = TensorData['data']
/** @param limit elements that the result may have at most */
type Fold = (attributes: Attributes, inputs: readonly TensorData[], limit: number) => TensorData | undefined

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}

const list = (attributes: Attributes, name: string): readonly number[] => (attributes[name] ?? []) as readonly number[]

/** Numbers of a tensor; 64-bit integers beyond 2^53 (ONNX writes 'to the end' so) are clamped. */
export function toNumbers({ data }: TensorData): number[] {
  return Array.from(data as ArrayLike<number | bigint>, (value) =>
    Math.max(Math.min(Number(value), Number.MAX_SAFE_INTEGER), -Number.MAX_SAFE_INTEGER),
  )
}

/** Like `toNumbers` for a float tensor: infinities stay. */
const plain = ({ data }: TensorData): number[] => Array.from(data as ArrayLike<number | bigint>, Number)

export function fromNumbers(values: ArrayLike<number>, dims: Shape, type: DataType): TensorData {
  const data = type === 'int64' ? BigInt64Array.from(values, (value) => BigInt(Math.trunc(value))) : arrays[type].from(values as number[])
  return { dims, type, data: data as Data }
}

/** A tensor of the same type whose element i is element `source(i)` of `x`. */
function rearranged(x: TensorData, dims: Shape, source: (index: number) => number): TensorData {
  const data = new arrays[x.type](elements(dims)) as Float32Array
  for (let i = 0; i < data.length; i++) data[i] = (x.data as Float32Array)[source(i)]
  return { dims, type: x.type, data }
}

/** Calls back with the coordinates of a row-major index. */
const indexer = (dims: Shape) => {
  const coordinates = new Array<number>(dims.length)
  return (index: number): readonly number[] => {
    let rest = index
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      coordinates[axis] = rest % dims[axis]
      rest = Math.floor(rest / dims[axis])
    }
    return coordinates
  }
}

const offset = (coordinates: readonly number[], dims: Shape): number => coordinates.reduce((sum, at, axis) => sum * dims[axis] + at, 0)

/** Strides by which a tensor is read in the order of a shape that it is broadcast to. */
function broadcastStrides(from: Shape, to: Shape): number[] {
  const strides = new Array<number>(to.length).fill(0)
  let stride = 1
  for (let axis = from.length - 1; axis >= 0; axis--) {
    if (from[axis] !== 1) strides[axis + to.length - from.length] = stride
    stride *= from[axis]
  }
  return strides
}

/** Offsets into tensors of these strides, one row-major step after another. */
function stepper(dims: Shape, strides: readonly (readonly number[])[]) {
  const at = strides.map(() => 0)
  const coordinates = new Array<number>(dims.length).fill(0)
  const step = (): void => {
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      coordinates[axis]++
      for (let k = 0; k < at.length; k++) at[k] += strides[k][axis]
      if (coordinates[axis] < dims[axis]) return
      for (let k = 0; k < at.length; k++) at[k] -= strides[k][axis] * dims[axis]
      coordinates[axis] = 0
    }
  }
  return { at, step }
}

const arithmetic =
  (operate: (a: number, b: number) => number): Fold =>
  (_, [a, b], limit) => {
    const dims = broadcast(a.dims, b.dims)
    if (elements(dims) > limit) return undefined
    const { at, step } = stepper(dims, [broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims)])
    const values = new Float64Array(elements(dims))
    for (let i = 0; i < values.length; i++) {
      values[i] = operate(Number(a.data[at[0]]), Number(b.data[at[1]]))
      step()
    }
    return values.every((value) => a.type === 'float32' || Number.isSafeInteger(value)) ? fromNumbers(values, dims, a.type) : undefined
  }

const unary =
  (operate: (a: number) => number): Fold =>
  (_, [x], limit) =>
    x.type === 'float32' && x.data.length <= limit ? fromNumbers(plain(x).map(operate), x.dims, x.type) : undefined

const folds: Readonly<Record<string, Fold>> = {
  Identity: (_, [x]) => x,
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: (attributes, inputs, limit) =>
    arithmetic(inputs[0].type === 'float32' ? (x, y) => x / y : (x, y) => Math.trunc(x / y))(attributes, inputs, limit),
  Sqrt: unary(Math.sqrt),
  Neg: unary((a) => -a),
  Reciprocal: unary((a) => 1 / a),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Cast: ({ type }, [x], limit) => {
    if (type === undefined || x.data.length > limit) return undefined
    const values = type === 'bool' ? plain(x).map((value) => (value ? 1 : 0)) : type === 'float32' ? plain(x) : toNumbers(x).map(Math.trunc)
    return fromNumbers(values, x.dims, type as DataType)
  },
  Reshape: (attributes, [x]) => ({ ...x, dims: reshaped(list(attributes, 'shape'), x.dims) }),
  Flatten: (attributes, [x]) => {
    const axis = normalizeAxis(Number(attributes.axis), x.dims.length)
    return { ...x, dims: [elements(x.dims.slice(0, axis)), elements(x.dims.slice(axis))] }
  },
  Squeeze: (attributes, [x]) => {
    const axes = new Set(list(attributes, 'axes').map((axis) => normalizeAxis(axis, x.dims.length)))
    return { ...x, dims: x.dims.filter((_, axis) => !axes.has(axis)) }
  },
  Unsqueeze: (attributes, [x]) => {
    const rank = x.dims.length + list(attributes, 'axes').length
    const axes = new Set(list(attributes, 'axes').map((axis) => normalizeAxis(axis, rank)))
    const sizes = [...x.dims]
    return { ...x, dims: Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : sizes.shift()!)) }
  },
  Transpose: (attributes, [x], limit) => {
    if (x.data.length > limit) return undefined
    const perm = list(attributes, 'perm')
    const dims = perm.map((axis) => x.dims[axis])
    const at = indexer(dims)
    const source = new Array<number>(perm.length)
    return rearranged(x, dims, (i) => {
      const coordinates = at(i)
      for (const [axis, from] of perm.entries()) source[from] = coordinates[axis]
      return offset(source, x.dims)
    })
  },
  Expand: (attributes, [x], limit) => {
    const dims = broadcast(x.dims, list(attributes, 'shape'))
    if (elements(dims) > limit) return undefined
    const { at, step } = stepper(dims, [broadcastStrides(x.dims, dims)])
    return rearranged(x, dims, () => {
      const [from] = at
      step()
      return from
    })
  },
  Gather: (attributes, [x, indices], limit) => {
    if (indices.data.length > limit) return undefined
    const axis = normalizeAxis(Number(attributes.axis), x.dims.length)
    const [outer, size, inner] = [elements(x.dims.slice(0, axis)), x.dims[axis], elements(x.dims.slice(axis + 1))]
    const picks = toNumbers(indices).map((index) => normalizeAxis(index, size))
    if (picks.some((index) => index < 0 || index >= size)) throw new Error(`index out of range for [${x.dims}] on axis ${axis}`)
    const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)]
    if (outer * picks.length * inner > limit) return undefined
    return rearranged(x, dims, (i) => {
      const row = Math.floor(i / inner)
      return (Math.floor(row / picks.length) * size + picks[row % picks.length]) * inner + (i % inner)
    })
  },
  Slice: (attributes, [x], limit) => {
    const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name) => list(attributes, name))
    const dims = [...x.dims]
    const first = dims.map(() => 0)
    const stride = dims.map(() => 1)
    for (const [i, given] of axes.entries()) {
      const axis = normalizeAxis(given, dims.length)
      const range = sliceRange(starts[i], ends[i], steps[i], x.dims[axis])
      dims[axis] = range.count
      first[axis] = range.start
      stride[axis] = steps[i]
    }
    if (elements(dims) > limit) return undefined
    const at = indexer(dims)
    return rearranged(x, dims, (i) =>
      offset(
        at(i).map((coordinate, axis) => first[axis] + coordinate * stride[axis]),
        x.dims,
      ),
    )
  },
  Concat: (attributes, inputs, limit) => {
    const axis = normalizeAxis(Number(attributes.axis), inputs[0].dims.length)
    const inner = (x: TensorData) => elements(x.dims.slice(axis))
    const outer = elements(inputs[0].dims.slice(0, axis))
    const size = inputs.reduce((sum, x) => sum + x.dims[axis], 0)
    const dims = inputs[0].dims.map((each, i) => (i === axis ? size : each))
    if (inputs.some((x) => x.type !== inputs[0].type || x.dims.length !== dims.length || elements(x.dims.slice(0, axis)) !== outer))
      return undefined
    if (elements(dims) > limit) return undefined
    const data = new arrays[inputs[0].type](elements(dims)) as Float32Array
    let at = 0
    for (let row = 0; row < outer; row++)
      for (const x of inputs) {
        data.set((x.data as Float32Array).subarray(row * inner(x), (row + 1) * inner(x)), at)
        at += inner(x)
      }
    return { dims, type: inputs[0].type, data }
  },
}

/** The value of a node whose inputs are all constants; undefined where it is not folded, or has more than `limit` elements. */
export function foldNode(
  op: string,
  attributes: Attributes,
  inputs: readonly TensorData[],
  limit = Number.POSITIVE_INFINITY,
): TensorData | undefined {
  return Object.hasOwn(folds, op) && inputs.length > 0 ? folds[op](attributes, inputs, limit) : undefined
}
