import type { Attributes, NdArray, Operation, Shape } from './operation.js'

/** On what a fast kernel is tried before it is chosen (`validate`). */
export interface KernelCase {
  /** Its `dispatches` use the kernel in question, whatever would be chosen. */
  readonly operation: Operation
  readonly attributes: Attributes
  readonly inputs: readonly (Shape | NdArray | undefined)[]
  /** Inputs that hold integers. */
  readonly integerInputs?: readonly number[]
}
