import { expect, test } from 'vitest'
import { classCounts, type Dataset, subset } from './dataset.js'
import { computeNormalization, normalizationOf } from './normalize.js'
import { gatherBatch, shuffledIndices, stratifiedSplit } from './split.js'

/** Images of 2 x 1 x 1: image i is [i, 255 - i]. */
function numbered(labels: number[], classes: number): Dataset {
  const images = Uint8Array.from(labels.flatMap((_, i) => [i, 255 - i]))
  return { name: 'numbered', classes, shape: [2, 1, 1], count: labels.length, images, labels: Uint32Array.from(labels) }
}
const ids = (dataset: Dataset) => [...dataset.images].filter((_, i) => i % 2 === 0)

test('a stratified split keeps shares, loses nothing, and follows the seed', () => {
  const dataset = numbered(
    Array.from({ length: 97 }, (_, i) => (i < 50 ? 0 : i < 80 ? 1 : 2)),
    3,
  )
  const { rest, part } = stratifiedSplit(dataset, 20, 7)
  // 20 * (50, 30, 17) / 97 = 10.31, 6.19, 3.51: the one left over goes to class 2.
  expect(classCounts(part)).toEqual([10, 6, 4])
  expect([...ids(rest), ...ids(part)].sort((a, b) => a - b)).toEqual(Array.from({ length: 97 }, (_, i) => i))
  expect(ids(part)).toEqual(ids(part).toSorted((a, b) => a - b))
  for (const [k, id] of ids(part).entries()) expect(part.labels[k]).toBe(dataset.labels[id])
  expect(ids(stratifiedSplit(dataset, 20, 7).part)).toEqual(ids(part))
  expect(ids(stratifiedSplit(dataset, 20, 8).part)).not.toEqual(ids(part))
  expect(stratifiedSplit(dataset, 0, 0).rest.count).toBe(97)
  expect(stratifiedSplit(dataset, 97, 0).part.count).toBe(97)
  expect(classCounts(stratifiedSplit(numbered([0, 0, 1, 1, 2, 2], 3), 2, 0).part)).toEqual([1, 1, 0])
  expect(() => stratifiedSplit(dataset, 98, 0)).toThrow('count: cannot split off so many images: expected 0 .. 97, found 98')
})

test('the order of an epoch depends on nothing but count, seed and epoch', () => {
  const epochs = [0, 1, 2].map((epoch) => shuffledIndices(100, 3, epoch))
  expect([...shuffledIndices(100, 3, 2)]).toEqual([...epochs[2]])
  expect(new Set(epochs.map(String)).size).toBe(3)
  for (const order of epochs) expect(order.toSorted((a, b) => a - b)).toEqual(Uint32Array.from({ length: 100 }, (_, i) => i))
  expect([...shuffledIndices(100, 4, 0)]).not.toEqual([...epochs[0]])
})

test('batches are gathered in order, the last one filled up', () => {
  const dataset = numbered([0, 1, 2, 3, 4], 5)
  const images = new Uint8Array(4)
  const labels = new Uint32Array(2)
  expect(gatherBatch(dataset, [4, 2, 3], 0, images, labels)).toBe(2)
  expect([[...images], [...labels]]).toEqual([
    [4, 251, 2, 253],
    [4, 2],
  ])
  expect(gatherBatch(dataset, [4, 2, 3], 2, images, labels)).toBe(1)
  expect([[...images], [...labels]]).toEqual([
    [3, 252, 4, 251],
    [3, 4],
  ])
  expect(gatherBatch(dataset, undefined, 4, images, labels)).toBe(1)
  expect([...labels]).toEqual([4, 0])
  expect(() => gatherBatch(dataset, undefined, 5, images, labels)).toThrow('start: expected 0 .. 4, found 5')
  expect(() => gatherBatch(dataset, undefined, 0, new Uint8Array(3), labels)).toThrow('expected 2 x 2 = 4 bytes, found 3')
  expect(() => subset(dataset, [5])).toThrow('index 0: expected 0 .. 4, found 5')
})

test('normalisation by name, by numbers, for grey images, and from the data', () => {
  expect(normalizationOf('cifar10', 3)).toEqual({ mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] })
  const grey = normalizationOf('imagenet', 1)
  expect(grey.mean[0]).toBeCloseTo(0.449, 12)
  expect(grey.std[0]).toBeCloseTo(0.226, 12)
  expect(normalizationOf('half', 3)).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] })
  expect(normalizationOf('none', 2)).toEqual({ mean: [0, 0], std: [1, 1] })
  expect((200 / 255 - normalizationOf('0-255', 1).mean[0]) / normalizationOf('0-255', 1).std[0]).toBeCloseTo(200, 10)
  expect(normalizationOf({ mean: [0.1], std: [1, 2, 3] }, 3)).toEqual({ mean: [0.1, 0.1, 0.1], std: [1, 2, 3] })
  expect(() => normalizationOf('cifar', 3)).toThrow(
    "--normalize: unknown normalisation: expected cifar10, imagenet, half, none, 0-255, found 'cifar'",
  )
  expect(() => normalizationOf('cifar10', 4)).toThrow('expected images of 1 or 3 channels, found 4 channels')
  expect(() => normalizationOf({ mean: [0, 0], std: [1] }, 3)).toThrow('--mean: wrong number of values: expected 1 or 3')
  expect(() => normalizationOf({ mean: [0], std: [0] }, 3)).toThrow('--std: not usable: expected numbers above 0, found 0')
  expect(() => normalizationOf({ mean: [Number.NaN], std: [1] }, 3)).toThrow('--mean: not usable')
  const { mean, std } = computeNormalization({ ...numbered([0, 0], 1), images: Uint8Array.of(0, 51, 255, 51) })
  expect(mean).toEqual([0.5, 0.2])
  expect(std).toEqual([0.5, 1])
})
