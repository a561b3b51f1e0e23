import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.js'
import { addProducts, padded, solveInPlace, subtractProduct } from './least-squares.js'

const random = createRandom(0, 'least squares')
const normal = (length: number) => Float64Array.from({ length }, () => random.normal())
const range = (count: number) => Int32Array.from({ length: count }, (_, i) => i)

/** A X = B by elimination with pivots, column by column. */
function plain(a: Float64Array, b: Float64Array, n: number, columns: number): Float64Array {
  const [left, right] = [a.slice(), b.slice()]
  for (let k = 0; k < n; k++) {
    for (let i = k + 1; i < n; i++) {
      const factor = left[i * n + k] / left[k * n + k]
      for (let j = k; j < n; j++) left[i * n + j] -= factor * left[k * n + j]
      for (let c = 0; c < columns; c++) right[i * columns + c] -= factor * right[k * columns + c]
    }
  }
  for (let k = n - 1; k >= 0; k--)
    for (let c = 0; c < columns; c++) {
      for (let i = k + 1; i < n; i++) right[k * columns + c] -= left[k * n + i] * right[i * columns + c]
      right[k * columns + c] /= left[k * n + k]
    }
  return right
}

/** X^T X of random X, its eigenvalues between about 0.03 and 3. */
const positive = (n: number) => {
  const x = normal(2 * n * n)
  const a = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) for (let k = 0; k < 2 * n; k++) a[i * n + j] += (x[k * n + i] * x[k * n + j]) / (2 * n)
  return a
}

describe('systems', () => {
  // Less than a panel of 32 columns, one exactly, two and a part.
  test.each([
    [1, 1],
    [7, 3],
    [32, 5],
    [90, 10],
  ])('%i unknowns, %i right-hand sides, as by elimination', (count, columns) => {
    const [n, rows] = [padded(count), padded(columns)]
    const [a, b] = [positive(count), normal(count * columns)]
    const system = new Float64Array((n + rows) * n)
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) system[i * n + j] = i < count ? a[i * count + j] : Number(i === j)
    for (let c = 0; c < columns; c++) for (let i = 0; i < count; i++) system[(n + c) * n + i] = b[i * columns + c]
    expect(solveInPlace(system, n, rows)).toBe(true)
    const expected = plain(a, b, count, columns)
    const scale = Math.max(...expected.map(Math.abs))
    for (let c = 0; c < columns; c++)
      for (let i = 0; i < count; i++) expect(Math.abs(system[(n + c) * n + i] - expected[i * columns + c])).toBeLessThan(1e-11 * scale)
  })

  test('a matrix that is not positive definite is refused, in the first panel and in a later one', () => {
    for (const bad of [2, 35]) {
      const n = 40
      const system = new Float64Array((n + 4) * n)
      for (let i = 0; i < n; i++) system[i * n + i] = i === bad ? -1 : 1
      expect(solveInPlace(system, n, 4)).toBe(false)
    }
  })
})

test('products of chosen rows and columns are taken off', () => {
  const [width, depth] = [50, 45]
  const [a, b] = [normal(9 * width), normal(11 * width)]
  const columns = range(depth).map((i) => width - 1 - i)
  const c = new Float64Array(8 * 12).fill(1)
  subtractProduct(c, 12, { matrix: a, width, rows: Int32Array.of(8, 0, 3, 1, 5), columns }, { matrix: b, width, rows: range(11), columns })
  ;[8, 0, 3, 1, 5].forEach((row, i) => {
    for (let j = 0; j < 11; j++)
      expect(c[i * 12 + j]).toBeCloseTo(
        columns.reduce((sum, k) => sum - a[row * width + k] * b[j * width + k], 1),
        10,
      )
  })
  // The padding takes nothing off.
  for (let i = 0; i < 8; i++) for (let j = i < 5 ? 11 : 0; j < 12; j++) expect(c[i * 12 + j]).toBe(1)
})

test('sums of products, over more rows than a block', () => {
  const [n, rows] = [12, 39]
  const x = normal(rows * n)
  const c = new Float64Array(n * n).fill(2)
  addProducts(c, x, n)
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++)
      expect(c[i * n + j]).toBeCloseTo(
        range(rows).reduce((sum, k) => sum + x[k * n + i] * x[k * n + j], 2),
        10,
      )
})
