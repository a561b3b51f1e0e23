import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'

/** Values in [-9, 9), so that every piece of every function is met. */
function spread(shape: readonly number[]) {
  return { shape, data: randomArray(shape, 3).data.map((value) => 9 * value) }
}

const attributes: Record<string, Record<string, number>> = {
  Relu: {},
  Clip: { min: -1.5, max: 6 },
  LeakyRelu: { alpha: 0.2 },
  Elu: { alpha: 1.5 },
  Sigmoid: {},
  Tanh: {},
  HardSigmoid: { alpha: 0.15, beta: 0.4 },
  HardSwish: {},
}

for (const op of Object.keys(attributes)) {
  const cases = (count: number): Case[] =>
    Object.entries({ odd: [1, 3, 5, 7], vectors: [2, 7, 10, 10] }).map(([name, shape]) => ({
      name,
      attributes: attributes[op],
      inputs: Array.from({ length: count }, () => spread(shape)),
    }))
  testOperation(operations[op], cases(1), operations)
  testOperation(operations[`${op}Gradient`], cases(2), operations)
}

test('NaN comes out as NaN, infinities as limits', async () => {
  const quiet = [NaN, -Infinity, Infinity, 0]
  const limits: Record<string, number[]> = {
    Relu: [NaN, 0, Infinity, 0],
    Clip: [NaN, -1.5, 6, 0],
    LeakyRelu: [NaN, -Infinity, Infinity, 0],
    Elu: [NaN, -1.5, Infinity, 0],
    Sigmoid: [NaN, 0, 1, 0.5],
    Tanh: [NaN, -1, 1, 0],
    HardSigmoid: [NaN, 0, 1, Math.fround(0.4)],
  }
  for (const [op, expected] of Object.entries(limits)) {
    for (const x of [arrayOf([4], quiet), arrayOf([5], [...quiet, 0])]) {
      const [y] = await runOperation(await testGpu(), operations[op], attributes[op], [x])
      expect([...y.data.subarray(0, 4)], op).toEqual(expected)
    }
  }
})

test('a bound that is no number is refused', () => {
  expect(() => operations.Clip.infer({ min: 'zero' }, [[2]])).toThrow("Clip: attribute 'min' must be a number, found zero")
})
