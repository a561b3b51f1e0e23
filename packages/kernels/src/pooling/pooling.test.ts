import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, asOn, type Case, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { averagePool, globalAveragePool, globalMaxPool, maxPool, maxPoolGradient } from './pooling.js'

const windows: Record<string, [number[], Record<string, number[] | number>]> = {
  '2 x 2': [[2, 3, 6, 8], { kernel_shape: [2, 2], strides: [2, 2] }],
  '2 x 2, odd output': [[2, 1, 10, 14], { kernel_shape: [2, 2], strides: [2, 2] }],
  'overlapping, padded, odd': [[1, 5, 7, 9], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  'stride 1, uneven pads': [[2, 1, 5, 4], { kernel_shape: [3, 2], strides: [1, 1], pads: [2, 0, 1, 1] }],
  'ceil mode': [[1, 3, 6, 11], { kernel_shape: [3, 3], strides: [2, 3], pads: [0, 1, 0, 1], ceil_mode: 1 }],
  dilated: [[1, 2, 9, 11], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 1, 2, 0], dilations: [2, 3] }],
  'strides beyond the window': [[1, 3, 8, 10], { kernel_shape: [2, 1], strides: [3, 4] }],
  '2 x 2, rows of 32': [[2, 3, 4, 32], { kernel_shape: [2, 2], strides: [2, 2] }],
  '3 x 3, overlapping': [[1, 3, 9, 16], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  '5 x 5, stride 1': [[1, 2, 6, 9], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }],
  'rows of over 8': [[1, 2, 3, 37], { kernel_shape: [1, 3], strides: [1, 3], pads: [0, 1, 0, 0] }],
}
const cases: Case[] = Object.entries(windows).map(([name, [x, attributes]]) => ({ name, attributes, inputs: [x] }))
const counting = cases
  .slice(1, 5)
  .map((c) => ({ ...c, name: `${c.name}, padding counts`, attributes: { ...c.attributes, count_include_pad: 1 } }))
/** The gradient operations themselves, over the same windows. */
const backward = (given: readonly Case[], withInput: boolean): Case[] =>
  given.map(({ name, attributes, inputs: [x] }) => {
    const shape = x as number[]
    const dy = maxPool.infer(attributes, [shape])[0]
    return withInput ? { name, attributes, inputs: [shape, dy] } : { name, attributes: { ...attributes, inputShape: shape }, inputs: [dy] }
  })

testOperation(maxPool, cases, operations)
const named = (some: readonly Case[]) => some.map((c) => ({ ...c, name: `${c.name}, as for cpu`, gradient: false as const }))
testOperation(asOn('cpu', maxPool), named(cases), operations)
testOperation(asOn('cpu', maxPoolGradient), named(backward(cases, true)), operations)
testOperation(asOn('cpu', averagePool), named([...cases, ...counting]), operations)
testOperation(asOn('cpu', operations.AveragePoolGradient), named(backward([...cases, ...counting], false)), operations)
testOperation(maxPoolGradient, backward(cases, true), operations)
testOperation(averagePool, [...cases, ...counting], operations)
testOperation(operations.AveragePoolGradient, backward([...cases, ...counting], false), operations)

const planes: Case[] = [
  [2, 3, 5, 7],
  [3, 5, 8, 8],
  [1, 1, 1, 1],
].map((x) => ({ name: x.join(' x '), attributes: {}, inputs: [x] }))
testOperation(globalAveragePool, planes, operations)
testOperation(globalMaxPool, planes, operations)
testOperation(
  operations.GlobalAveragePoolGradient,
  [{ name: 'odd', attributes: { inputShape: [2, 3, 5, 7] }, inputs: [[2, 3, 1, 1]] }],
  operations,
)

test('NaN wins, infinities are values, and the first maximum takes the gradient', async () => {
  const window = { kernel_shape: [1, 3], strides: [1, 3] }
  const x = arrayOf([1, 1, 1, 12], [1, NaN, 2, -Infinity, -Infinity, -Infinity, 4, 4, 4, Infinity, 3, NaN])
  const [y] = await runOperation(await testGpu(), maxPool, window, [x])
  expect([...y.data]).toEqual([NaN, -Infinity, 4, NaN])
  const [dx] = await runOperation(await testGpu(), maxPoolGradient, window, [x, arrayOf([1, 1, 1, 4], [1, 2, 3, 4])])
  expect([...dx.data]).toEqual([0, 1, 0, 2, 0, 0, 3, 0, 0, 0, 0, 4])
})

test('2 x 2 windows: NaN, ties and infinities as in the general kernel', async () => {
  const window = { kernel_shape: [2, 2], strides: [2, 2] }
  const rows = [3, 3, NaN, 1, -Infinity, -Infinity, 1, 2, 0, -1, 3, 3, 2, NaN, -Infinity, -Infinity, 5, 5, -2, 0]
  const x = arrayOf([1, 1, 2, 10], rows)
  const [y] = await runOperation(await testGpu(), maxPool, window, [x])
  expect([...y.data]).toEqual([...maxPool.reference(window, [x])[0].data])
  const dy = arrayOf([1, 1, 1, 5], [1, 2, 3, 4, 5])
  const [dx] = await runOperation(await testGpu(), maxPoolGradient, window, [x, dy])
  expect([...dx.data]).toEqual([...maxPoolGradient.reference(window, [x, dy])[0].data])
})

test('windows that do not fit are refused', () => {
  expect(() => maxPool.infer({ kernel_shape: [3, 3] }, [[1, 1, 2, 5]])).toThrow(
    'MaxPool: a window of 3 does not fit into 2 with padding 0 + 0',
  )
  expect(() => maxPool.infer({ kernel_shape: [2, 2], pads: [2, 0, 0, 0] }, [[1, 1, 5, 5]])).toThrow(
    'must be at least 0 and less than the window',
  )
  expect(() => averagePool.infer({ kernel_shape: [2] }, [[1, 1, 5, 5]])).toThrow(
    "AveragePool: attribute 'kernel_shape' must have 2 values, found [2]",
  )
})
