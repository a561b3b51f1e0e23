import { expect, test } from 'vitest'
import type { Operation } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, type Case, testOperation } from '../testing/cases.js'
import { spatialEntropy } from './entropy.js'
import { spatialEntropies } from './entropy.reference.js'

const special = arrayOf(
  [1, 4, 2, 3],
  [1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, Number.NaN, 1, 2, 3, 4, 5, Number.POSITIVE_INFINITY, 1, 2, 3, 4, 5],
)
const cases = (['aura', 'aura-matrix'] as const).flatMap((definition): Case[] => [
  { name: `${definition}, 16 levels`, attributes: { levels: 16, definition }, inputs: [[2, 3, 13, 7]] },
  { name: `${definition}, 8 levels, one row`, attributes: { levels: 8, definition }, inputs: [[1, 2, 1, 9]] },
  { name: `${definition}, 8 levels, more pairs than entries`, attributes: { levels: 8, definition }, inputs: [[2, 3, 13, 7]] },
  { name: `${definition}, 32 levels, one column`, attributes: { levels: 32, definition }, inputs: [[1, 1, 70, 1]] },
  { name: `${definition}, 256 levels`, attributes: { levels: 256, definition }, inputs: [[1, 3, 9, 11]] },
  { name: `${definition}, one pixel`, attributes: { definition }, inputs: [[2, 2, 1, 1]] },
  { name: `${definition}: constant, checker, NaN, infinity`, attributes: { definition }, inputs: [special] },
])

/** Both variants, on whatever adapter there is. */
for (const kind of ['software', 'hardware'] as const) {
  const variant: Operation = {
    ...spatialEntropy,
    dispatches: (attributes, inputs, outputs, target) => spatialEntropy.dispatches(attributes, inputs, outputs, { ...target, kind }),
  }
  testOperation(
    variant,
    cases.map((c) => ({ ...c, name: `${c.name}, as on ${kind}` })),
    operations,
  )
}

test('known maps', () => {
  const of = (values: number[], definition: 'aura' | 'aura-matrix') =>
    spatialEntropies(arrayOf([1, 1, 4, 4], values), 2, definition).data[0]
  const checker = Array.from({ length: 16 }, (_, i) => ((i >> 2) + i) % 2)
  const halves = Array.from({ length: 16 }, (_, i) => (i < 8 ? 0 : 1))
  // A neighbour of a checker's field tells nothing new: H(k,l) = H(0) = log 2.
  expect(of(checker, 'aura')).toBeCloseTo(0, 12)
  expect(of(checker, 'aura-matrix')).toBeCloseTo(Math.log(2), 12)
  // Two halves: rows tell nothing new; down, (0,0) (0,1) (1,1) have a third each: (log 3 - log 2) / log 2, halved.
  expect(of(halves, 'aura')).toBeCloseTo((Math.log(3) / Math.log(2) - 1) / 2, 12)
})
