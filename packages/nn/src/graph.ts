/**
 * A network as plain data: typed nodes in topological order, named tensors, initialisers.
 *
 * Everything that changes a network is a function Graph -> Graph; a graph is never changed in place.
 */
import type { Attributes, Shape } from '@espalier/kernels'

export type DataType = 'float32' | 'int64' | 'int32' | 'bool' | 'uint8' | 'float16' | 'float64'

/** An initialiser or constant. `data` has `dims.reduce((a, b) => a * b, 1)` elements; int64 is held as BigInt64Array. */
export interface TensorData {
  readonly dims: Shape
  readonly type: DataType
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array | Float64Array
}

/** A dimension is a number, or a name where it is free (the batch: `'N'`). */
export interface ValueInfo {
  readonly name: string
  readonly shape: readonly (number | string)[]
  readonly type: DataType
}

/** One operation: ONNX operator names and attribute names (`Conv`, `kernel_shape`), inputs and outputs by tensor name, '' for an absent optional input. */
export interface Node {
  readonly name: string
  readonly op: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

export interface Graph {
  readonly name: string
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  /** Topologically sorted. */
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, TensorData>
  /** ONNX metadata_props; ours are prefixed `espalier.` (normalisation, class names, training record). */
  readonly metadata: Readonly<Record<string, string>>
}
