/**
 * Least squares in float64: sums of products, and symmetric positive definite systems with many right-hand sides by blocked Cholesky and triangular solves.
 *
 * Everything of cubic cost is one kernel: 4 x 4 tiles of C -= A B^T, whose operands are packed so that the inner loop reads two short runs of memory. 4 x 4
 * sums take 8 loads for 16 multiply-adds; rows where they lie, or tiles of 4 x 2, are 1.5 times slower in V8 (each load has its bounds check).
 */

const tile = 4
/** Columns of a panel: a multiple of `tile`. */
const block = 32

/** The next multiple of 4. */
export const padded = (length: number): number => Math.ceil(length / tile) * tile

/** Rows [from, to) of `matrix` under columns [first, first + depth), tile by tile: entry k of row i at ((i - from) / 4 * depth + k) * 4 + i % 4. */
function packRows(
  packed: Float64Array,
  matrix: Float64Array,
  width: number,
  [from, to]: readonly [number, number],
  first: number,
  depth: number,
): void {
  for (let i = from, to0 = 0; i < to; i += tile, to0 += tile * depth)
    for (let r = 0; r < tile; r++)
      for (let k = 0, at = (i + r) * width + first, put = to0 + r; k < depth; k++, at++, put += tile) packed[put] = matrix[at]
}

/** c[i .. i + 3][j .. j + 3] -= a b^T for two packed tiles of `depth` entries. */
function subtractTile(
  c: Float64Array,
  width: number,
  at: number,
  a: Float64Array,
  fromA: number,
  b: Float64Array,
  fromB: number,
  depth: number,
): void {
  let s00 = 0
  let s01 = 0
  let s02 = 0
  let s03 = 0
  let s10 = 0
  let s11 = 0
  let s12 = 0
  let s13 = 0
  let s20 = 0
  let s21 = 0
  let s22 = 0
  let s23 = 0
  let s30 = 0
  let s31 = 0
  let s32 = 0
  let s33 = 0
  for (let p = fromA, q = fromB, end = fromA + tile * depth; p < end; p += tile, q += tile) {
    const x = b[q]
    const y = b[q + 1]
    const z = b[q + 2]
    const w = b[q + 3]
    let v = a[p]
    s00 += v * x
    s01 += v * y
    s02 += v * z
    s03 += v * w
    v = a[p + 1]
    s10 += v * x
    s11 += v * y
    s12 += v * z
    s13 += v * w
    v = a[p + 2]
    s20 += v * x
    s21 += v * y
    s22 += v * z
    s23 += v * w
    v = a[p + 3]
    s30 += v * x
    s31 += v * y
    s32 += v * z
    s33 += v * w
  }
  let row = at
  c[row] -= s00
  c[row + 1] -= s01
  c[row + 2] -= s02
  c[row + 3] -= s03
  row += width
  c[row] -= s10
  c[row + 1] -= s11
  c[row + 2] -= s12
  c[row + 3] -= s13
  row += width
  c[row] -= s20
  c[row + 1] -= s21
  c[row + 2] -= s22
  c[row + 3] -= s23
  row += width
  c[row] -= s30
  c[row + 1] -= s31
  c[row + 2] -= s32
  c[row + 3] -= s33
}

/** Upper triangle of C [n, n] += X^T X, in tiles: n is a multiple of 4, X [rows, n]. */
export function addProducts(c: Float64Array, x: Float64Array, n: number): void {
  const [left, right] = [new Float64Array(n * block), new Float64Array(n * block)]
  const rows = x.length / n
  for (let first = 0; first < rows; first += block) {
    const depth = Math.min(block, rows - first)
    for (let i = 0, put = 0; i < n; i += tile)
      for (let k = 0, at = first * n + i; k < depth; k++, at += n)
        for (let r = 0; r < tile; r++, put++) {
          right[put] = x[at + r]
          left[put] = -x[at + r]
        }
    for (let i = 0; i < n; i += tile)
      for (let j = i; j < n; j += tile) subtractTile(c, n, i * n + j, left, i * depth, right, j * depth, depth)
  }
}

/** Part of a matrix: entry (i, k) is at `rows[i] * width + columns[k]`. */
export interface Picked {
  readonly matrix: Float64Array
  readonly width: number
  readonly rows: Int32Array
  readonly columns: Int32Array
}

/** C -= A B^T for C [rows, n], both multiples of 4: A and B may have fewer rows. */
export function subtractProduct(c: Float64Array, n: number, a: Picked, b: Picked): void {
  const rows = c.length / n
  const [left, right] = [new Float64Array(rows * block), new Float64Array(n * block)]
  for (let first = 0; first < a.columns.length; first += block) {
    const depth = Math.min(block, a.columns.length - first)
    packPicked(left, a, first, depth)
    packPicked(right, b, first, depth)
    for (let i = 0; i < rows; i += tile)
      for (let j = 0; j < n; j += tile) subtractTile(c, n, i * n + j, left, i * depth, right, j * depth, depth)
  }
}

function packPicked(packed: Float64Array, { matrix, width, rows, columns }: Picked, first: number, depth: number): void {
  if (rows.length % tile) packed.fill(0)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] * width
    for (let k = 0, put = (i - (i % tile)) * depth + (i % tile); k < depth; k++, put += tile) packed[put] = matrix[row + columns[first + k]]
  }
}

/**
 * Solves A X = B in place.
 *
 * @param system [n + rows, n], row major: A's lower triangle (what is above it is overwritten), then B^T, which becomes X^T. Both n and rows are multiples of
 * 4: pad A with ones on the diagonal.
 * @returns false where A is not positive definite; `system` is then of no use
 */
export function solveInPlace(system: Float64Array, n: number, rows: number): boolean {
  // The triangular solve with L is the very thing that the factorisation does to the rows below: B^T becomes (L^-1 B)^T on the way.
  if (!factorise(system, n, n + rows)) return false
  substituteBack(system, n, rows)
  return true
}

function factorise(a: Float64Array, n: number, height: number): boolean {
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i])
  const panel = new Float64Array(height * block)
  for (let first = 0; first < n; first += block) {
    const last = Math.min(n, first + block)
    for (let i = first; i < height; i++) {
      const row = i * n
      for (let j = first; j < Math.min(i, last); j++) {
        let sum = a[row + j]
        for (let k = first, p = row + first, q = j * n + first; k < j; k++, p++, q++) sum -= a[p] * a[q]
        a[row + j] = sum / a[j * n + j]
      }
      if (i >= last) continue
      let pivot = a[row + i]
      for (let p = row + first; p < row + i; p++) pivot -= a[p] * a[p]
      if (!(pivot > 1e-15 * diagonal[i])) return false
      a[row + i] = Math.sqrt(pivot)
    }
    packRows(panel, a, n, [last, height], first, last - first)
    for (let i = last; i < height; i += tile)
      for (let j = last; j <= Math.min(i, n - tile); j += tile)
        subtractTile(a, n, i * n + j, panel, (i - last) * (last - first), panel, (j - last) * (last - first), last - first)
  }
  return true
}

/** The rows below L times L^-1 from the right: z becomes x with L^T x = z. */
function substituteBack(a: Float64Array, n: number, rows: number): void {
  const [solved, columns] = [new Float64Array(rows * block), new Float64Array(n * block)]
  for (let first = Math.floor((n - 1) / block) * block; first >= 0; first -= block) {
    const last = Math.min(n, first + block)
    const depth = last - first
    for (let row = n * n; row < (n + rows) * n; row += n)
      for (let k = last - 1; k >= first; k--) {
        const value = a[row + k] / a[k * n + k]
        a[row + k] = value
        for (let i = first, q = k * n + first; i < k; i++, q++) a[row + i] -= value * a[q]
      }
    packRows(solved, a, n, [n, n + rows], first, depth)
    for (let k = 0; k < depth; k++)
      for (let i = 0, at = (first + k) * n; i < first; i++, at++) columns[(i - (i % tile)) * depth + k * tile + (i % tile)] = a[at]
    for (let i = 0; i < rows; i += tile)
      for (let j = 0; j < first; j += tile) subtractTile(a, n, (n + i) * n + j, solved, i * depth, columns, j * depth, depth)
  }
}
