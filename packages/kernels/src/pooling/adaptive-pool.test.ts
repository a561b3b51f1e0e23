import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import type { Case } from '../testing/cases.js'
import { testOperation } from '../testing/cases.js'
import { adaptiveAveragePool, adaptiveAveragePoolGradient } from './adaptive-pool.js'

const cases: Case[] = [
  { name: 'halves and thirds', attributes: { output_size: [2, 3] }, inputs: [[2, 3, 6, 9]] },
  { name: 'bins that share elements', attributes: { output_size: [3, 4] }, inputs: [[1, 5, 7, 9]] },
  { name: 'more bins than elements', attributes: { output_size: [7, 5] }, inputs: [[2, 1, 3, 4]] },
  { name: 'one bin', attributes: { output_size: [1, 1] }, inputs: [[3, 5, 4, 7]] },
]
testOperation(adaptiveAveragePool, cases, operations)
testOperation(
  adaptiveAveragePoolGradient,
  cases.map(({ name, attributes, inputs }) => {
    const inputShape = inputs[0] as number[]
    return { name, attributes: { inputShape }, inputs: [adaptiveAveragePool.infer(attributes, [inputShape])[0]] }
  }),
  operations,
)

test('an output without pixels is refused', () => {
  expect(() => adaptiveAveragePool.infer({ output_size: [0, 2] }, [[1, 1, 4, 4]])).toThrow("'output_size' must be positive, found [0, 2]")
})
