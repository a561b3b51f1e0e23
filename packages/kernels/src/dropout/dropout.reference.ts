import type { NdArray } from '../operation.js'
import { philox4x32 } from '../random/philox.js'

/** x / (1 - ratio) where the value of its position (a multiple of 2^-24 in [0, 1)) is at least `ratio`, else 0; NaN stays. */
export function dropped(x: NdArray, counter: NdArray, ratio: number, stream: number): NdArray {
  const [seed, step] = counter.data
  const threshold = Math.round(ratio * 2 ** 24)
  const data = x.data.map((value, i) => {
    const word = philox4x32([Math.floor(i / 4), stream, step, 0], [seed, 0])[i % 4]
    return word >>> 8 >= threshold || Number.isNaN(value) ? value / (1 - ratio) : 0
  })
  return { shape: x.shape, data }
}
