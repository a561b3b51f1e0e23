import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, expectClose, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { reduceMean, reduceSum, sumTo } from './reduce.js'

const sums: Case[] = [
  { name: 'to channels', attributes: { shape: [1, 5, 1, 1] }, inputs: [[3, 5, 7, 3]] },
  { name: 'to channels, vectors', attributes: { shape: [7, 1, 1] }, inputs: [[33, 7, 8, 8]] },
  { name: 'to images and space', attributes: { shape: [2, 1, 3, 4] }, inputs: [[2, 5, 3, 4]] },
  { name: 'batch', attributes: { shape: [8] }, inputs: [[67, 8]] },
  { name: 'everything', attributes: { shape: [1] }, inputs: [[3, 5, 64]] },
  { name: 'nothing', attributes: { shape: [3, 7] }, inputs: [[3, 7]] },
  { name: 'alternating dimensions', attributes: { shape: [1, 3, 1, 5, 1] }, inputs: [[2, 3, 4, 5, 6]] },
]
const means: Case[] = [
  { name: 'space', attributes: { axes: [2, 3], keepdims: 0 }, inputs: [[2, 3, 5, 7]] },
  { name: 'negative axis', attributes: { axes: [-1], keepdims: 1 }, inputs: [[3, 40]] },
  { name: 'all axes', attributes: { keepdims: 0 }, inputs: [[3, 5, 2]] },
]
testOperation(sumTo, sums, operations)
testOperation(reduceMean, means, operations)
testOperation(reduceSum, means.slice(0, 1), operations)
testOperation(reduceSum, [{ name: 'many short rows', attributes: { axes: [1] }, inputs: [[515, 36]] }], operations)

const positive = (shape: readonly number[]) => ({ shape, data: randomArray(shape, 4).data.map((value) => value + 1.1) })
for (const op of ['ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSum', 'ReduceLogSumExp']) {
  const make = op === 'ReduceLogSum' ? positive : (shape: readonly number[]) => shape
  testOperation(
    operations[op],
    [
      { name: 'space', attributes: { axes: [2, 3], keepdims: 0 }, inputs: [make([2, 3, 5, 7])] },
      { name: 'channels', attributes: { axes: [1], keepdims: 1 }, inputs: [make([2, 3, 4, 5])] },
      { name: 'many short rows', attributes: { axes: [-1], keepdims: 0 }, inputs: [make([515, 8])] },
      { name: 'everything, in steps', attributes: { keepdims: 0 }, inputs: [make([5, 96])] },
      { name: 'long columns', attributes: { axes: [0] }, inputs: [make([67, 8])] },
    ],
    operations,
  )
}

test('those equal to the maximum share its gradient; a row of zeros has an L2 gradient of 0', () => {
  const evaluate = (op: string, x: ReturnType<typeof arrayOf>) => {
    const [y] = operations[op].reference({}, [x])
    const values = new Map([
      ['x', x],
      ['y', y],
      ['dy', arrayOf([1, 1], [1])],
    ])
    let count = 0
    const [dx] = operations[op].gradient!(
      { attributes: {}, inputs: ['x'], outputs: ['y'], inputShapes: [x.shape], outputShapes: [y.shape], wanted: [true] },
      ['dy'],
      (called, attributes, names) =>
        operations[called]
          .reference(
            attributes,
            names.map((name) => values.get(name!)),
          )
          .map((result) => {
            values.set(`v${count}`, result)
            return `v${count++}`
          }),
    )
    return [...values.get(dx!)!.data]
  }
  expect(evaluate('ReduceMax', arrayOf([2, 2], [3, 1, 3, 2]))).toEqual([0.5, 0, 0.5, 0])
  expect(evaluate('ReduceL2', arrayOf([1, 3], [0, 0, 0]))).toEqual([0, 0, 0])
})

test('NaN and infinities are in the results', async () => {
  const [n, i] = [Number.NaN, Number.POSITIVE_INFINITY]
  const x = arrayOf([4, 4], [1, n, 2, 3, 1, i, -1, 2, -i, 0, 1, 2, -i, -i, -i, -i])
  const columns = arrayOf([4, 4], [1, 1, -i, -i, n, i, 0, -i, 2, -1, 1, -i, 3, 2, 2, -i])
  const expected: Record<string, number[]> = {
    ReduceMax: [n, i, 2, -i],
    ReduceMin: [n, -1, -i, -i],
    ReduceProd: [n, -i, n, i],
    ReduceL1: [n, i, i, i],
    ReduceL2: [n, i, i, i],
    ReduceSumSquare: [n, i, i, i],
    ReduceLogSum: [n, i, n, n],
    ReduceLogSumExp: [n, i, Math.fround(Math.log(1 + Math.E + Math.E ** 2)), -i],
  }
  for (const [op, values] of Object.entries(expected)) {
    for (const [axis, input] of [
      [1, x],
      [0, columns],
    ] as const) {
      const [y] = await runOperation(await testGpu(), operations[op], { axes: [axis], keepdims: 0 }, [input])
      expectClose(y, arrayOf([4], values), 1e-6, op)
    }
  }
})

const onHardware = {
  ...sumTo,
  dispatches: (...[attributes, inputs, outputs, target]: Parameters<typeof sumTo.dispatches>) =>
    sumTo.dispatches(attributes, inputs, outputs, { ...target, kind: 'hardware' }),
}
testOperation(
  onHardware,
  sums.map((c) => ({ ...c, name: `${c.name}, hardware variant`, gradient: false as const })),
  operations,
)

test('100,000 tenths add up', async () => {
  const x = arrayOf([100000], new Float64Array(100000).fill(Math.fround(0.1)))
  const [sum] = await runOperation(await testGpu(), sumTo, { shape: [1] }, [x])
  expectClose(sum, arrayOf([1], [100000 * Math.fround(0.1)]), 1e-6, 'sum')
})

test('a shape that does not broadcast is refused', () => {
  expect(() => sumTo.infer({ shape: [2, 3] }, [[3]])).toThrow('SumTo: x, for [2, 3] to broadcast to it, must be [2, 3], found [3]')
})
