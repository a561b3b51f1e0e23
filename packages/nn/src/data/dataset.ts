import { InputError } from '../errors.js'

/** Images in memory as bytes, exactly as they were stored: normalisation and augmentation happen on the GPU. */
export interface Dataset {
  readonly name: string
  readonly classes: number
  readonly classNames?: readonly string[]
  /** Channels, height, width of one image. */
  readonly shape: readonly [number, number, number]
  /** Number of images N. */
  readonly count: number
  /** N * C * H * W bytes, NCHW: one plane per channel. */
  readonly images: Uint8Array
  /** N class indices below `classes`. */
  readonly labels: Uint32Array
}

/** Bytes of one image. */
export function imageBytes(dataset: Pick<Dataset, 'shape'>): number {
  return dataset.shape[0] * dataset.shape[1] * dataset.shape[2]
}

/** Images of each class. */
export function classCounts(dataset: Pick<Dataset, 'classes' | 'labels'>): number[] {
  const counts = new Array<number>(dataset.classes).fill(0)
  for (const label of dataset.labels) counts[label]++
  return counts
}

/** A new data set of the images at `indices`, in that order (copied). */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const size = imageBytes(dataset)
  const images = new Uint8Array(indices.length * size)
  const labels = new Uint32Array(indices.length)
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]
    if (!(index >= 0 && index < dataset.count))
      throw new RangeError(`subset: index ${i}: expected 0 .. ${dataset.count - 1}, found ${index}`)
    images.set(dataset.images.subarray(index * size, (index + 1) * size), i * size)
    labels[i] = dataset.labels[index]
  }
  return { ...dataset, count: indices.length, images, labels }
}

/** The first `limit` images, sharing their memory; all of them when there are fewer or no limit is given. */
export function first(dataset: Dataset, limit: number | undefined): Dataset {
  if (limit === undefined || limit >= dataset.count) return dataset
  return {
    ...dataset,
    count: limit,
    images: dataset.images.subarray(0, limit * imageBytes(dataset)),
    labels: dataset.labels.subarray(0, limit),
  }
}

/** Every label below `classes`, or an `InputError` naming the first record that is not. */
export function checkLabels(labels: ArrayLike<number>, classes: number, file: string): void {
  for (let i = 0; i < labels.length; i++) {
    if (!(Number.isInteger(labels[i]) && labels[i] >= 0 && labels[i] < classes)) {
      throw new InputError(`the label of record ${i} is out of range`, {
        file,
        field: 'labels',
        expected: `0 .. ${classes - 1}`,
        found: labels[i],
      })
    }
  }
}

/**
 * Every class below `below` has an image, or an `InputError` naming the first that has none.
 * @param limit the limit the data were cut to, for the advice in the message
 */
export function checkClasses(dataset: Dataset, file: string, limit?: number, below = dataset.classes): void {
  const counts = classCounts(dataset)
  const empty = counts.findIndex((count, index) => count === 0 && index < below)
  if (empty < 0) return
  const name = dataset.classNames?.[empty]
  const label = name === undefined ? `class ${empty}` : `class ${empty} (${name})`
  if (limit !== undefined && dataset.count === limit) {
    const found = `limit=${limit}, ${label} has none among the first ${limit} images`
    throw new InputError('the limit is too small', { file, field: 'limit', expected: 'at least one image of each class', found })
  }
  throw new InputError(`${label} is empty`, {
    file,
    field: 'labels',
    expected: `at least one image of each of ${dataset.classes} classes`,
    found: `none of ${label} in ${dataset.count} images`,
  })
}
