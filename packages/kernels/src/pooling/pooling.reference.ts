/** Pooling in plain loops. */
import { elements, type NdArray } from '../operation.js'
import type { Window } from './window.js'

interface Tap {
  readonly input: number
  readonly output: number
}

/** Visits every (window, element inside of x) pair, windows in order and elements in order within them. */
function eachTap(
  [images, channels, height, width]: readonly number[],
  { kernel, strides, dilations, pads, output }: Window,
  visit: (tap: Tap) => void,
): void {
  for (let plane = 0; plane < images * channels; plane++) {
    for (let oh = 0; oh < output[0]; oh++) {
      for (let ow = 0; ow < output[1]; ow++) {
        for (let i = 0; i < kernel[0]; i++) {
          for (let j = 0; j < kernel[1]; j++) {
            const h = oh * strides[0] + i * dilations[0] - pads[0]
            const w = ow * strides[1] + j * dilations[1] - pads[1]
            if (h < 0 || h >= height || w < 0 || w >= width) continue
            visit({ input: (plane * height + h) * width + w, output: (plane * output[0] + oh) * output[1] + ow })
          }
        }
      }
    }
  }
}

/** Where each window's first maximum stands; NaN is greater than everything. */
function maxima(x: NdArray, window: Window): Int32Array {
  const best = new Int32Array(x.shape[0] * x.shape[1] * window.output[0] * window.output[1]).fill(-1)
  eachTap(x.shape, window, ({ input, output }) => {
    const [value, most] = [x.data[input], x.data[best[output]]]
    if (best[output] < 0 || value > most || (Number.isNaN(value) && !Number.isNaN(most))) best[output] = input
  })
  return best
}

export function maxPooled(x: NdArray, window: Window): NdArray {
  const shape = [x.shape[0], x.shape[1], ...window.output]
  return { shape, data: Float64Array.from(maxima(x, window), (at) => (at < 0 ? -Infinity : x.data[at])) }
}

export function maxPooledGradient(x: NdArray, dy: NdArray, window: Window): NdArray {
  const data = new Float64Array(x.data.length)
  maxima(x, window).forEach((at, i) => at >= 0 && (data[at] += dy.data[i]))
  return { shape: x.shape, data }
}

/** How many elements each window's mean divides by: those inside of x or, with countPad, of x and its padding (not beyond it, in ceil mode). */
function counts([, , height, width]: readonly number[], { kernel, strides, dilations, pads, output, countPad }: Window): number[] {
  const taps = (axis: 0 | 1, size: number) =>
    Array.from({ length: output[axis] }, (_, o) => {
      let count = 0
      for (let i = 0; i < kernel[axis]; i++) {
        const at = o * strides[axis] + i * dilations[axis] - pads[axis]
        if (countPad ? at < size + pads[axis + 2] : at >= 0 && at < size) count++
      }
      return count
    })
  const columns = taps(1, width)
  return taps(0, height).flatMap((rows) => columns.map((column) => Math.max(1, rows * column)))
}

export function averagePooled(x: NdArray, window: Window): NdArray {
  const shape = [x.shape[0], x.shape[1], ...window.output]
  const count = counts(x.shape, window)
  const data = new Float64Array(elements(shape))
  eachTap(x.shape, window, ({ input, output }) => (data[output] += x.data[input] / count[output % count.length]))
  return { shape, data }
}

export function averagePooledGradient(dy: NdArray, shape: readonly number[], window: Window): NdArray {
  const count = counts(shape, window)
  const data = new Float64Array(elements(shape))
  eachTap(shape, window, ({ input, output }) => (data[input] += dy.data[output] / count[output % count.length]))
  return { shape, data }
}

/** Visits every (bin, element of x) pair of adaptive pooling, with the elements of the bin. */
function eachBinned(
  [images, channels, height, width]: readonly number[],
  [, , rows, columns]: readonly number[],
  visit: (tap: Tap, count: number) => void,
): void {
  const bin = (i: number, size: number, bins: number) => [Math.floor((i * size) / bins), Math.ceil(((i + 1) * size) / bins)]
  for (let plane = 0; plane < images * channels; plane++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const [top, bottom] = bin(i, height, rows)
        const [left, right] = bin(j, width, columns)
        for (let h = top; h < bottom; h++)
          for (let w = left; w < right; w++)
            visit({ input: (plane * height + h) * width + w, output: (plane * rows + i) * columns + j }, (bottom - top) * (right - left))
      }
}

export function adaptivelyPooled(x: NdArray, shape: readonly number[]): NdArray {
  const data = new Float64Array(elements(shape))
  eachBinned(x.shape, shape, ({ input, output }, count) => (data[output] += x.data[input] / count))
  return { shape, data }
}

export function adaptivelyPooledGradient(dy: NdArray, shape: readonly number[]): NdArray {
  const data = new Float64Array(elements(shape))
  eachBinned(shape, dy.shape, ({ input, output }, count) => (data[input] += dy.data[output] / count))
  return { shape, data }
}
