import { expect, test } from 'vitest'
import { multiply, multiplyPlain } from './multiply.js'
import { createRandom } from './random.js'

test('the blocks of WebAssembly give the bits of the plain loop, in every shape and stride', () => {
  const random = createRandom(5)
  const floats = (n: number) => Float64Array.from({ length: n }, () => random.normal() * 10 ** (random.integer(20) - 10))
  const view = (n: number) => floats(n + 7).subarray(7)
  for (let round = 0; round < 60; round++) {
    const rows = 1 + random.integer(70)
    const columns = 1 + random.integer(70)
    const depth = 1 + random.integer(70)
    const a = view(rows * depth + 3)
    const b = view(columns * depth + 3)
    const c = view(rows * columns + 3)
    const plain = c.slice()
    const [am, ak] = round % 2 ? [depth, 1] : [1, rows]
    const [bn, bk] = round % 4 < 2 ? [depth, 1] : [1, columns]
    multiply(rows, columns, depth, a, 3, am, ak, b, 2, bn, bk, c, 1, columns)
    multiplyPlain(rows, columns, depth, a, 3, am, ak, b, 2, bn, bk, plain, 1, columns)
    expect(c).toEqual(plain)
  }
})

test('whatever an earlier, larger product left behind does not get in', () => {
  const nothing = new Float64Array(100 * 100).fill(Number.NaN)
  multiply(100, 100, 100, nothing, 0, 100, 1, nothing, 0, 100, 1, nothing.slice(), 0, 100)
  const ones = new Float64Array(41 * 41).fill(1)
  const sums = new Float64Array(41 * 41)
  multiply(41, 41, 41, ones, 0, 41, 1, ones, 0, 41, 1, sums, 0, 41)
  expect(sums.every((sum) => sum === 41)).toBe(true)
})
