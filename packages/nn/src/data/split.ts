/** Splits, orders and batches: all functions of the seed, so that a resumed run goes on with the same images. */
import { InputError } from '../errors.js'
import { createRandom } from '../random.js'
import { classCounts, type Dataset, imageBytes, subset } from './dataset.js'

/**
 * Takes `count` images out of a data set so that each class keeps its share: class k gives `count * N_k / N` images, rounded by
 * largest remainder (ties to the lower class). Which ones is drawn from the seed; both parts keep the order of the data set.
 */
export function stratifiedSplit(dataset: Dataset, count: number, seed: number): { rest: Dataset; part: Dataset } {
  if (!Number.isInteger(count) || count < 0 || count > dataset.count) {
    throw new InputError('cannot split off so many images', { field: 'count', expected: `0 .. ${dataset.count}`, found: count })
  }
  const counts = classCounts(dataset)
  const quotas = counts.map((n) => Math.floor((count * n) / dataset.count))
  const remainders = counts
    .map((n, k) => ({ k, remainder: (count * n) % dataset.count }))
    .sort((a, b) => b.remainder - a.remainder || a.k - b.k)
  const missing = count - quotas.reduce((a, b) => a + b, 0)
  for (const { k } of remainders.slice(0, missing)) quotas[k]++

  // Going through all images in random order, the first of each class fill its quota.
  const taken = new Uint8Array(dataset.count)
  for (const index of createRandom(seed, 'split').permutation(dataset.count)) {
    if (quotas[dataset.labels[index]] > 0) {
      quotas[dataset.labels[index]]--
      taken[index] = 1
    }
  }
  const indices = Array.from(taken, (_, i) => i)
  return {
    rest: subset(
      dataset,
      indices.filter((i) => !taken[i]),
    ),
    part: subset(
      dataset,
      indices.filter((i) => taken[i]),
    ),
  }
}

/** The order of images in an epoch: depends on count, seed and epoch only, not on what was drawn before. */
export function shuffledIndices(count: number, seed: number, epoch: number): Uint32Array {
  return createRandom(seed, `shuffle/${epoch}`).permutation(count)
}

/**
 * Copies the images `indices[start .. start + batch - 1]` into `images` (batch * C * H * W bytes) and their labels into `labels` (batch).
 * Where the indices end early, the rest is filled with the image at `indices[0]`.
 * @param indices undefined takes the images in their order
 * @returns how many images are real
 */
export function gatherBatch(
  dataset: Dataset,
  indices: ArrayLike<number> | undefined,
  start: number,
  images: Uint8Array,
  labels: Uint32Array,
): number {
  const size = imageBytes(dataset)
  const batch = labels.length
  const length = indices ? indices.length : dataset.count
  if (images.length < batch * size) {
    throw new RangeError(`gatherBatch: images: expected ${batch} x ${size} = ${batch * size} bytes, found ${images.length}`)
  }
  if (!(start >= 0 && start < length)) throw new RangeError(`gatherBatch: start: expected 0 .. ${length - 1}, found ${start}`)
  const valid = Math.min(batch, length - start)
  for (let i = 0; i < batch; i++) {
    const at = i < valid ? start + i : 0
    const index = indices ? indices[at] : at
    images.set(dataset.images.subarray(index * size, (index + 1) * size), i * size)
    labels[i] = dataset.labels[index]
  }
  return valid
}
