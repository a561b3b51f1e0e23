import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { type Case, testOperation } from '../testing/cases.js'
import { concat, split } from './concat.js'

const concats: Case[] = [
  {
    name: 'channels, odd',
    attributes: { axis: 1 },
    inputs: [
      [2, 3, 3, 5],
      [2, 1, 3, 5],
      [2, 7, 3, 5],
    ],
  },
  {
    name: 'channels, vectors',
    attributes: { axis: 1 },
    inputs: [
      [2, 3, 2, 2],
      [2, 5, 2, 2],
    ],
  },
  {
    name: 'last axis',
    attributes: { axis: -1 },
    inputs: [
      [3, 5],
      [3, 2],
    ],
  },
  {
    name: 'batch',
    attributes: { axis: 0 },
    inputs: [
      [1, 4],
      [3, 4],
    ],
  },
  { name: 'one input', attributes: { axis: 0 }, inputs: [[5]] },
]
const splits: Case[] = [
  { name: 'channels', attributes: { axis: 1, split: [1, 4, 2] }, inputs: [[2, 7, 3, 2]] },
  { name: 'halves of vectors', attributes: { axis: 1, split: [4, 4] }, inputs: [[2, 8, 2, 2]] },
  { name: 'last axis', attributes: { axis: -1, split: [3, 2] }, inputs: [[3, 5]] },
]
testOperation(concat, concats, operations)
testOperation(split, splits, operations)

test('shapes that do not fit are refused', () => {
  expect(() =>
    concat.infer({ axis: 1 }, [
      [2, 3, 4, 4],
      [2, 3, 4, 5],
    ]),
  ).toThrow('Concat: [2, 3, 4, 4] and [2, 3, 4, 5] differ on another axis than 1')
  expect(() => split.infer({ axis: 1, split: [2, 2] }, [[2, 5]])).toThrow('Split: parts [2, 2] do not add up to axis 1 of [2, 5]')
})
