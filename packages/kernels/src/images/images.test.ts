import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, asOn, testOperation } from '../testing/cases.js'
import { augmentImages, normalizeImages } from './images.js'
import { imagesOf } from './images.reference.js'

const bytesFor = (count: number) =>
  arrayOf(
    [Math.ceil(count / 4)],
    Array.from({ length: Math.ceil(count / 4) }, (_, i) => Math.imul(i + 1, 2654435761) >>> 0),
  )
const attributes = (shape: number[], more = {}) => ({
  shape,
  mean: [0.5, 0.4, 0.3].slice(0, shape[1]),
  std: [0.25, 0.2, 1 / 255].slice(0, shape[1]),
  ...more,
})

const plain = [
  [1, 1, 3, 5],
  [3, 3, 5, 7],
  [2, 2, 8, 4],
].map((shape) => ({
  name: `[${shape}]`,
  attributes: attributes(shape),
  inputs: [bytesFor(shape.reduce((a, b) => a * b))],
  integerInputs: [0],
}))
const augmented = [
  { crop: 2, flip: 1, step: 7 },
  { crop: 0, flip: 1, step: 0 },
  { crop: 4, flip: 0, step: 123456 },
].map(({ crop, flip, step }) => ({
  name: `crop ${crop}, flip ${flip}`,
  attributes: attributes([9, 3, 5, 7], { crop, flip }),
  inputs: [bytesFor(945), arrayOf([2], [99, step])],
  integerInputs: [0, 1],
}))
testOperation(normalizeImages, plain, operations)
testOperation(augmentImages, augmented, operations)
const named = <C extends { name: string }>(cases: readonly C[]) => cases.map((c) => ({ ...c, name: `${c.name}, as for cpu` }))
testOperation(asOn('cpu', normalizeImages), named(plain), operations)
testOperation(asOn('cpu', augmentImages), named(augmented), operations)

test('about half of the images flip, and every place of the crop occurs', () => {
  const shape = [400, 1, 1, 2]
  const words = arrayOf([200], new Array(200).fill(0x02010201))
  const flipped = imagesOf(words, shape, [0], [1 / 255], { crop: 0, flip: true, seed: 1, step: 2 }).data.filter(
    (value, i) => i % 2 === 0 && value === 2,
  ).length
  expect(flipped).toBeGreaterThan(160)
  expect(flipped).toBeLessThan(240)
  const places = new Set(
    Array.from({ length: 9 }, (_, step) =>
      imagesOf(arrayOf([3], [5, 0, 0]), [1, 1, 3, 3], [0], [1 / 255], { crop: 1, flip: false, seed: 4, step: step * 31 }).data.indexOf(5),
    ),
  )
  expect(places.size).toBeGreaterThan(2)
})
