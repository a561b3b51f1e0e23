import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, expectClose, testGpu, testOperation } from '../testing/cases.js'
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
