import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, type Case, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { resize, resizeGradient } from './resize.js'

const x = [2, 3, 5, 7]
const cases: Case[] = [
  {
    name: 'nearest, doubled',
    attributes: { scales: [1, 1, 2, 2], coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    inputs: [x],
  },
  { name: 'nearest, a third', attributes: { scales: [1, 1, 1 / 3, 3], nearest_mode: 'ceil' }, inputs: [[1, 1, 10, 11]] },
  ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map((nearest_mode) => ({
    name: `nearest, ${nearest_mode}`,
    attributes: { scales: [1, 1, 1.7, 0.6], nearest_mode },
    inputs: [x],
  })),
  ...['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap((coordinate_transformation_mode) =>
    ['nearest', 'linear', 'cubic'].map((mode) => ({
      name: `${mode}, ${coordinate_transformation_mode}`,
      attributes: { scales: [1, 1, 2.3, 0.45], mode, coordinate_transformation_mode },
      inputs: [x],
    })),
  ),
  {
    name: 'cubic without outside',
    attributes: { scales: [1, 1, 1.9, 0.7], mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 },
    inputs: [x],
  },
  {
    name: 'to one pixel',
    attributes: { scales: [1, 1, 0.2, 0.15], mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    inputs: [x],
  },
  { name: 'signals', attributes: { scales: [1, 1, 1.5], mode: 'linear' }, inputs: [[2, 3, 9]] },
  { name: 'long rows', attributes: { scales: [1, 1, 2, 4], mode: 'linear' }, inputs: [[1, 2, 3, 37]] },
]

testOperation(resize, cases, operations)
testOperation(
  resizeGradient,
  cases.map(({ name, attributes, inputs }) => {
    const inputShape = inputs[0] as number[]
    return { name, attributes: { ...attributes, inputShape }, inputs: [resize.infer(attributes, [inputShape])[0]] }
  }),
  operations,
)

test('sizes are those of float32; whole coordinates are whole in spite of rounding; NaN and infinity pass', async () => {
  const thirds = { scales: [1, 1, 1, Math.fround(10 / 3)] }
  expect(resize.infer(thirds, [[1, 1, 1, 3]])).toEqual([[1, 1, 1, 10]])
  const third = { scales: [1, 1, 1, 3], coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
  const values = [0, 1, Number.NaN, Number.POSITIVE_INFINITY, ...Array.from({ length: 60 }, (_, i) => i)]
  const [y] = await runOperation(await testGpu(), resize, third, [arrayOf([1, 1, 1, 64], values)])
  expect([...y.data]).toEqual(values.flatMap((value) => [value, value, value]))
})

test('what cannot be resized is refused', () => {
  expect(() => resize.infer({ scales: [1, 2, 2, 2] }, [x])).toThrow('Resize: only space can be resized, found scales [1, 2, 2, 2]')
  expect(() => resize.infer({ scales: [1, 1, 0.1, 1] }, [x])).toThrow('leave nothing of [2, 3, 5, 7]')
  expect(() => resize.infer({ scales: [1, 1] }, [x])).toThrow('4 values')
})
