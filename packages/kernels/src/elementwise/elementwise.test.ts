import { expect, test } from 'vitest'
import { baselineTarget } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, type Case, randomArray, testOperation } from '../testing/cases.js'
import { accumulate, scale } from './elementwise.js'

const shapes: Record<string, [number[], number[]]> = {
  'equal, vectors': [
    [2, 3, 4, 5],
    [2, 3, 4, 5],
  ],
  'equal, odd': [
    [1, 3, 5, 7],
    [1, 3, 5, 7],
  ],
  'a channel each': [
    [2, 3, 5, 7],
    [1, 3, 1, 1],
  ],
  'a plane each, left': [
    [2, 5, 1, 1],
    [2, 5, 4, 3],
  ],
  'missing dimensions': [[3, 2, 7], [7]],
  'both ways': [
    [5, 1, 3],
    [1, 4, 3],
  ],
  'a column and a row': [
    [7, 1],
    [1, 7],
  ],
  'a scalar': [[2, 9], [1]],
}

/** Away from 0, for divisors. */
function apart(shape: readonly number[]) {
  return { shape, data: randomArray(shape, 8).data.map((value) => (value < 0 ? value - 0.5 : value + 0.5)) }
}

for (const op of ['Add', 'Sub', 'Mul', 'Div']) {
  const some = op === 'Add' || op === 'Div' ? Object.entries(shapes) : Object.entries(shapes).slice(1, 4)
  const cases: Case[] = some.map(([name, [a, b]]) => ({ name, attributes: {}, inputs: [a, op === 'Div' ? apart(b) : b] }))
  testOperation(operations[op], cases, operations)
}

testOperation(scale, [{ name: 'odd', attributes: { factor: -2.5 }, inputs: [[3, 5]] }], operations)

const accumulations: Case[] = [
  { name: 'losses, the last batch not full', attributes: {}, inputs: [[5], [1], arrayOf([1], [3])], integerInputs: [2] },
  { name: 'a sum per candidate', attributes: {}, inputs: [[6, 2, 3], [3], arrayOf([1], [1])], integerInputs: [2] },
  {
    name: 'a sum per candidate and channel, all images',
    attributes: {},
    inputs: [
      [6, 5],
      [2, 5],
    ],
  },
]
testOperation(accumulate, accumulations, operations)

test('x * x reads a copy of x', () => {
  const x = { name: 'x', shape: [3, 5] }
  const dispatches = operations.Mul.dispatches({}, [x, x], [{ name: 'y', shape: [3, 5] }], baselineTarget)
  expect(dispatches).toHaveLength(2)
  for (const { operands } of dispatches) expect(new Set(operands).size).toBe(operands.length)
})

test('shapes that do not fit are refused', () => {
  expect(() =>
    operations.Add.infer({}, [
      [2, 3],
      [2, 4],
    ]),
  ).toThrow('Add: [2, 3] and [2, 4] do not broadcast: dimension 1 is 3 and 4')
  expect(() => accumulate.infer({}, [[5], [2]])).toThrow("Accumulate: a batch of 5 is not a multiple of the accumulator's 2 candidates")
})
