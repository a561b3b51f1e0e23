import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, testOperation } from '../testing/cases.js'
import { dropoutTraining } from './dropout.js'

const counter = arrayOf([2], [20261121, 3])
const one = arrayOf([10000], new Float64Array(10000).fill(1))
testOperation(
  dropoutTraining,
  [
    ...[[1, 3, 5, 7], [2, 4, 4, 4], [1]].map(
      (shape): Case => ({ name: `[${shape}]`, attributes: { ratio: 0.3, stream: 2 }, inputs: [shape, counter], integerInputs: [1] }),
    ),
    { name: 'nothing dropped', attributes: { ratio: 0 }, inputs: [[3, 5], counter], integerInputs: [1] },
    {
      name: 'NaN stays',
      attributes: { ratio: 0.99 },
      inputs: [arrayOf([5], [NaN, NaN, NaN, 1, NaN]), counter],
      integerInputs: [1],
      gradient: false,
    },
  ],
  operations,
)

test('the mean is kept, the share dropped is the ratio, and streams and steps differ', () => {
  const [y] = dropoutTraining.reference({ ratio: 0.3 }, [one, counter])
  const dropped = y.data.filter((value) => value === 0).length / y.data.length
  expect(Math.abs(dropped - 0.3)).toBeLessThan(0.02)
  expect(Math.abs(y.data.reduce((a, b) => a + b) / y.data.length - 1)).toBeLessThan(0.03)
  for (const [attributes, other] of [
    [{ ratio: 0.3, stream: 1 }, counter],
    [{ ratio: 0.3 }, arrayOf([2], [20261121, 4])],
  ] as const) {
    const [z] = dropoutTraining.reference(attributes, [one, other])
    const agreeing = z.data.filter((value, i) => value === y.data[i]).length / y.data.length
    expect(Math.abs(agreeing - (0.7 * 0.7 + 0.3 * 0.3))).toBeLessThan(0.03)
  }
})

test('a ratio of 1 is refused', () => {
  expect(() => dropoutTraining.infer({ ratio: 1 }, [[3], [2]])).toThrow('DropoutTraining: ratio must be at least 0 and below 1, found 1')
})
