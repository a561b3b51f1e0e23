import { expect, test } from 'vitest'
import { baselineTarget } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, asOn, type Case, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
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
  'a scalar, vectors': [[3, 4, 5], [1]],
  'a scalar for many': [[3, 2048], [1]],
  'a channel each, vectors': [
    [2, 3, 4, 5],
    [3, 1, 1],
  ],
  'a plane each, left, vectors': [
    [2, 5, 1, 1],
    [2, 5, 4, 3],
  ],
  'rows of a plane, vectors': [
    [2, 3, 5, 8],
    [3, 1, 8],
  ],
  'both ways, vectors': [
    [5, 1, 4],
    [1, 3, 4],
  ],
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

for (const op of ['Add', 'PRelu', 'MaxShare']) {
  const more: Record<string, [number[], number[]]> = {
    ...shapes,
    ...Object.fromEntries(
      [1, 2, 3, 5, 7].map((size) => [
        `rows of ${size}`,
        [
          [3, size],
          [3, 1],
        ],
      ]),
    ), // prettier-ignore
    'rows in pieces, one value': [[2, 8197], [1]], // prettier-ignore
    'a column each, many dimensions': [
      [2, 3, 2, 3, 2, 5],
      [1, 3, 1, 3, 1, 5],
    ], // prettier-ignore
  }
  const cases = Object.entries(more)
    .filter(([, [a]]) => op !== 'PRelu' || a.length > 1)
    .map(([name, [a, b]]): Case => ({ name: `${name}, as for cpu`, attributes: {}, inputs: [a, b], gradient: false }))
  const isFirstWhole = ({ inputs: [a, b] }: Case) =>
    op !== 'PRelu' || (a as number[]).every((size, i) => size >= ((b as number[]).at(i - (a as number[]).length) ?? 1))
  testOperation(asOn('cpu', operations[op]), cases.filter(isFirstWhole), operations)
}

for (const op of ['Min', 'Max', 'MaxShare', 'PReluSlope', 'MulBelowZero', 'IsEqual', 'DivOrZero']) {
  const cases: Case[] = Object.entries(shapes)
    .slice(1, 4)
    .map(([name, [a, b]]) => ({ name, attributes: {}, inputs: [a, b] }))
  testOperation(operations[op], cases, operations)
}

const positive = (shape: readonly number[]) => ({ shape, data: randomArray(shape, 5).data.map((value) => value + 1.2) })
const powers: Case[] = [
  { name: 'any exponent', attributes: {}, inputs: [positive([2, 3, 5]), [3, 1]] },
  { name: 'a square', attributes: {}, inputs: [[3, 5, 7], arrayOf([1], [2])], gradient: [0] },
  { name: 'whole exponents of any base', attributes: {}, inputs: [apart([4, 6]), arrayOf([6], [-3, -2, 0, 1, 5, 63])], gradient: [0] },
  { name: 'large whole exponents', attributes: {}, inputs: [arrayOf([2, 1], [-1.01, 0.99]), arrayOf([3], [100, 101, -64])], gradient: [0] },
]
testOperation(operations.Pow, powers, operations)
testOperation(operations.PowBaseSlope, powers, operations)
testOperation(operations.PowExponentSlope, powers.slice(0, 1), operations)
testOperation(
  operations.PRelu,
  [
    {
      name: 'a slope a channel',
      attributes: {},
      inputs: [
        [2, 3, 5, 7],
        [3, 1, 1],
      ],
    },
    { name: 'one slope, vectors', attributes: {}, inputs: [[2, 3, 4, 4], [1]] },
    {
      name: 'a slope an element',
      attributes: {},
      inputs: [
        [5, 7],
        [5, 7],
      ],
    },
  ],
  operations,
)

test('NaN is in the result wherever it is in an operand; infinities as IEEE 754 has them', async () => {
  const [n, i] = [Number.NaN, Number.POSITIVE_INFINITY]
  const a = arrayOf([8], [n, 1, i, -i, 0, -2, -2, n])
  const b = arrayOf([8], [1, n, 2, 3, -1, 0.5, 3, 0])
  const expected: Record<string, number[]> = {
    Min: [n, n, 2, -i, -1, -2, -2, n],
    Max: [n, n, i, 3, 0, 0.5, 3, n],
    Pow: [n, n, i, -i, i, n, -8, n],
    PRelu: [n, 1, i, -i, 0, -1, -6, n],
  }
  for (const [op, values] of Object.entries(expected)) {
    const [y] = await runOperation(await testGpu(), operations[op], {}, [a, b])
    expect([...y.data], op).toEqual(values)
  }
})

testOperation(
  operations.Mean,
  [
    { name: 'three, broadcast', attributes: {}, inputs: [[2, 3, 5], [3, 1], [1]] },
    { name: 'one', attributes: {}, inputs: [[3, 5]] },
    {
      name: 'two, vectors',
      attributes: {},
      inputs: [
        [1, 4],
        [3, 4],
      ],
    },
  ],
  operations,
)

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
  expect(() => operations.PRelu.infer({}, [[3, 1], [2]])).toThrow('PRelu: x, for a slope of [2], must be [3, 2], found [3, 1]')
  expect(() =>
    operations.Add.infer({}, [
      [2, 3],
      [2, 4],
    ]),
  ).toThrow('Add: [2, 3] and [2, 4] do not broadcast: dimension 1 is 3 and 4')
  expect(() => accumulate.infer({}, [[5], [2]])).toThrow("Accumulate: a batch of 5 is not a multiple of the accumulator's 2 candidates")
})
