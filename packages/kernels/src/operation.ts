/**
 * What an operation declares: its shapes, its work on the GPU, its gradient, and its reference.
 *
 * An operation knows nothing of graphs, buffers or memory. It turns shapes into `Dispatch`es over named
 * tensors; whoever runs them (the engine of `@espalier/nn`, or a test) decides where each tensor lives.
 */

/** Dimensions, outermost first; images are NCHW. A scalar is `[1]`. */
export type Shape = readonly number[]

export function elements(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1)
}

/** ONNX-like attributes: plain data. */
export type Attribute = number | string | boolean | readonly number[] | readonly string[]
export type Attributes = Readonly<Record<string, Attribute>>

/** A tensor of 4-byte elements (f32, u32 or i32), identified by object identity while dispatches are made. */
export interface Tensor {
  readonly name: string
  readonly shape: Shape
}

/** A tensor that exists only between the dispatches of one call (partial sums and the like). */
export function scratch(name: string, shape: Shape): Tensor {
  return { name, shape }
}

/**
 * How a dispatch uses an operand. It decides lifetimes, and nothing else: every operand is bound as
 * `var<storage, read_write>`, because activations share one arena buffer and WebGPU refuses one buffer
 * bound both read-only and writable in a dispatch. No operand may be given twice to one dispatch.
 */
export type Access = 'read' | 'write' | 'read_write'

/** WGSL source and what its bindings are: `@binding(0) var<uniform> params: Params`, then one storage buffer per operand, in group 0. */
export interface Shader {
  readonly name: string
  readonly code: string
  readonly access: readonly Access[]
  /** Entry point; `main` when absent. */
  readonly entryPoint?: string
}

/** Scalars of the uniform struct `Params`, in order: first all u32 (or i32), then all f32. */
export interface Params {
  readonly u32?: readonly number[]
  readonly f32?: readonly number[]
}

/** One compute dispatch. */
export interface Dispatch {
  readonly shader: Shader
  /** Values of the shader's `override` constants. Each distinct set is a pipeline of its own: keep them few. */
  readonly constants?: Readonly<Record<string, number>>
  /** One per binding, from binding 1 on; `undefined` binds a small dummy buffer for an optional operand that is absent. */
  readonly operands: readonly (Tensor | undefined)[]
  readonly params: Params
  readonly workgroups: readonly [number, number, number]
}

/** What the choice of a variant may depend on: never a model's name. */
export interface Target {
  readonly kind: 'hardware' | 'cpu' | 'software'
  readonly maxWorkgroupsPerDimension: number
  readonly maxBindingBytes: number
  /** Bytes of workgroup memory that a kernel may have; absent: 16384. */
  readonly workgroupBytes?: number
  /** Whether WGSL's `subgroups` (quad broadcasts) may be used; absent: no. */
  readonly subgroups?: boolean
  /** Names of shaders that gave wrong results on this adapter (`validate`): never chosen. */
  readonly refused?: ReadonlySet<string>
}

/** The limits every WebGPU device has; what kernels may assume. */
export const baselineTarget: Target = { kind: 'software', maxWorkgroupsPerDimension: 65535, maxBindingBytes: 134217728 }

/**
 * Workgroup counts for `invocations` of a one-dimensional kernel, folded over two dimensions above the limit.
 * The shader recovers its index as `id.x + id.y * workgroups.x * size` (`@builtin(num_workgroups)`) and checks its bound.
 */
export function workgroups1d(invocations: number, size: number, target: Target): [number, number, number] {
  const groups = Math.max(1, Math.ceil(invocations / size))
  if (groups <= target.maxWorkgroupsPerDimension) return [groups, 1, 1]
  const x = target.maxWorkgroupsPerDimension
  return [x, Math.ceil(groups / x), 1]
}

/** A float64 array with its shape: what references compute on. Integer inputs (labels) are stored as numbers. */
export interface NdArray {
  readonly shape: Shape
  readonly data: Float64Array
}

/** Emits a call of another operation into the backward graph; returns the names of its outputs. */
export type Emit = (op: string, attributes: Attributes, inputs: readonly (string | undefined)[]) => string[]

/** A call whose gradient is wanted. */
export interface Call {
  readonly attributes: Attributes
  readonly inputs: readonly (string | undefined)[]
  readonly outputs: readonly string[]
  readonly inputShapes: readonly (Shape | undefined)[]
  readonly outputShapes: readonly Shape[]
  /** Which inputs need a gradient. */
  readonly wanted: readonly boolean[]
}

export interface Operation {
  /** The ONNX operator where there is one, else a name of ours in the same style. */
  readonly op: string
  /** Output shapes; throws an Error that names the operation, the input, what was expected and what was found. */
  infer(attributes: Attributes, inputs: readonly (Shape | undefined)[]): Shape[]
  dispatches(attributes: Attributes, inputs: readonly (Tensor | undefined)[], outputs: readonly Tensor[], target: Target): Dispatch[]
  /** The same in plain loops and float64: the oracle and the documentation. Operations that update an input in place return its new values after the outputs, in the order of `updates`. */
  reference(attributes: Attributes, inputs: readonly (NdArray | undefined)[]): NdArray[]
  /** Names of the gradients of the inputs, given the names of the gradients of the outputs. Absent: not differentiable. */
  gradient?(call: Call, outputGradients: readonly (string | undefined)[], emit: Emit): (string | undefined)[]
  /** Indices of inputs that the call changes in place (running statistics, optimiser state). */
  readonly updates?: readonly number[]
  /** Multiply-accumulates of the call, counted as the literature does (convolution and linear only). */
  macs?(attributes: Attributes, inputs: readonly (Shape | undefined)[], outputs: readonly Shape[]): number
}
