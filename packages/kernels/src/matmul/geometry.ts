import type { Shape } from '../operation.js'

/** What products of matrices are to their kernels and references. */
/** Y [m, n] = alpha * A' [m, k] B' [k, n] + beta * C, everything by strides: transposes and broadcasting are strides too. */
export interface GemmGeometry {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly aRow: number
  readonly aColumn: number
  readonly bRow: number
  readonly bColumn: number
  readonly cRow: number
  readonly cColumn: number
  readonly alpha: number
  readonly beta: number
}

/** Y[b] [m, n] = A[b] [m, k] B[b] [k, n] for each b of `batch`. */
export interface ProductGeometry {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly batch: Shape
  /** a and b with two dimensions at least: a vector is a row on the left, a column on the right. */
  readonly a: Shape
  readonly b: Shape
  /** Without the dimension of 1 that a vector was given. */
  readonly y: Shape
}
