import { elements, type NdArray, type Shape } from '../operation.js'
import { philox4x32 } from '../random/philox.js'

export interface Augmentation {
  /** Zero pixels added on every side before cutting back. */
  readonly crop: number
  readonly flip: boolean
  readonly seed: number
  readonly step: number
}

/** Packed bytes (4 a word, little-endian, NCHW) to (byte / 255 - mean) / std per channel; augmented images are padded with raw zeros, cut and flipped. */
export function imagesOf(
  words: NdArray,
  shape: Shape,
  mean: readonly number[],
  std: readonly number[],
  augmentation?: Augmentation,
): NdArray {
  const [, channels, height, width] = shape
  const data = new Float64Array(elements(shape))
  for (let i = 0; i < data.length; i++) {
    const u = i % width
    const v = Math.floor(i / width) % height
    const plane = Math.floor(i / (width * height))
    let [row, column] = [v, u]
    if (augmentation) {
      const { crop, flip, seed, step } = augmentation
      const draw = philox4x32([Math.floor(plane / channels), step, 0, 0], [seed, 0x61756731])
      row = v + (draw[0] % (2 * crop + 1)) - crop
      column = (flip && draw[2] & 1 ? width - 1 - u : u) + (draw[1] % (2 * crop + 1)) - crop
    }
    const inside = row >= 0 && row < height && column >= 0 && column < width
    const at = (plane * height + row) * width + column
    const byte = inside ? (words.data[at >> 2] / 2 ** (8 * (at & 3))) & 255 : 0
    data[i] = (byte / 255 - mean[plane % channels]) / std[plane % channels]
  }
  return { shape, data }
}
