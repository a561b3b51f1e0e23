import { elements, type NdArray } from '../operation.js'

/** y[p * B + b, c] = x * mask[p, c]; with `expand` x has B images and every candidate p sees them all. */
export function maskChannels(x: NdArray, mask: NdArray, expand: boolean): NdArray {
  const [candidates, channels] = mask.shape
  const plane = elements(x.shape.slice(2))
  const images = x.shape[0] * (expand ? candidates : 1)
  const data = new Float64Array(images * channels * plane)
  for (let n = 0; n < images; n++) {
    const p = Math.floor(n / (images / candidates))
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++) {
        data[(n * channels + c) * plane + i] = x.data[((n % x.shape[0]) * channels + c) * plane + i] * mask.data[p * channels + c]
      }
    }
  }
  return { shape: [images, ...x.shape.slice(1)], data }
}
