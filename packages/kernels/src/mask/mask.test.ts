import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { asOn, type Case, testOperation } from '../testing/cases.js'
import { mask } from './mask.js'

const cases: Case[] = [
  {
    name: 'one candidate, odd planes',
    attributes: {},
    inputs: [
      [2, 3, 5, 7],
      [1, 3],
    ],
  },
  {
    name: 'three candidates, four at a time',
    attributes: {},
    inputs: [
      [6, 5, 6, 4],
      [3, 5],
    ],
  },
  {
    name: 'expanded for four candidates',
    attributes: { expand: 1 },
    inputs: [
      [2, 3, 4, 4],
      [4, 3],
    ],
  },
  {
    name: 'vectors without space',
    attributes: { expand: 1 },
    inputs: [
      [3, 7],
      [2, 7],
    ],
  },
]
testOperation(mask, cases, operations)
testOperation(
  asOn('cpu', mask),
  cases.map((c) => ({ ...c, name: `${c.name}, as for cpu` })),
  operations,
)

test('shapes that do not fit are named', () => {
  expect(() =>
    mask.infer({}, [
      [2, 3, 4, 4],
      [1, 4],
    ]),
  ).toThrow('mask [1, 4] does not fit the channels of x [2, 3, 4, 4]')
  expect(() =>
    mask.infer({}, [
      [3, 3, 4, 4],
      [2, 3],
    ]),
  ).toThrow('a batch of 3 is not a multiple')
})
