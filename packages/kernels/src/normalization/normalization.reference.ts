/** Normalisation of rows in float64: instance (Ulyanov et al. 2016), layer (Ba et al. 2016) and group (Wu and He 2018) normalisation. */
import type { NdArray } from '../operation.js'
import type { Rows } from './rows.js'

/** Mean and 1 / sqrt(variance + epsilon) of every row, the variance biased. */
function moments(x: NdArray, { rows, length }: Rows, epsilon: number): { mean: number; invStd: number }[] {
  return Array.from({ length: rows }, (_, row) => {
    const values = x.data.subarray(row * length, (row + 1) * length)
    const mean = values.reduce((sum, value) => sum + value / length, 0)
    return { mean, invStd: 1 / Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / length, 0) + epsilon) }
  })
}

/** y = xhat scale + bias, xhat = (x - mean) / sqrt(variance + epsilon) by rows. */
export function normalizeRows(x: NdArray, scale: NdArray, bias: NdArray | undefined, view: Rows, epsilon: number): NdArray {
  const found = moments(x, view, epsilon)
  const data = x.data.map((value, i) => {
    const { mean, invStd } = found[Math.floor(i / view.length)]
    const entry = Math.floor(i / view.inner) % view.affine
    return (value - mean) * invStd * scale.data[entry] + (bias?.data[entry] ?? 0)
  })
  return { shape: x.shape, data }
}

/** dx, dscale, dbias: dx = invStd (g - mean(g) - xhat mean(g xhat)) by rows, g = dy scale. */
export function normalizeRowsGradient(x: NdArray, dy: NdArray, scale: NdArray, view: Rows, epsilon: number): NdArray[] {
  const { rows, length, inner, affine } = view
  const found = moments(x, view, epsilon)
  const dx = new Float64Array(x.data.length)
  const dscale = new Float64Array(affine)
  const dbias = new Float64Array(affine)
  for (let row = 0; row < rows; row++) {
    const { mean, invStd } = found[row]
    const elements = Array.from({ length }, (_, j) => {
      const i = row * length + j
      const entry = Math.floor(i / inner) % affine
      return { i, entry, xhat: (x.data[i] - mean) * invStd, g: dy.data[i] * scale.data[entry] }
    })
    const meanG = elements.reduce((sum, { g }) => sum + g / length, 0)
    const meanProduct = elements.reduce((sum, { g, xhat }) => sum + (g * xhat) / length, 0)
    for (const { i, entry, xhat, g } of elements) {
      dx[i] = invStd * (g - meanG - xhat * meanProduct)
      dscale[entry] += dy.data[i] * xhat
      dbias[entry] += dy.data[i]
    }
  }
  return [
    { shape: x.shape, data: dx },
    { shape: scale.shape, data: dscale },
    { shape: scale.shape, data: dbias },
  ]
}

/** sum over the channels around c of x^2, and the window's first and last channel. */
const windowOf = (c: number, channels: number, size: number) => ({
  first: Math.max(0, c - Math.floor((size - 1) / 2)),
  last: Math.min(channels - 1, c + Math.ceil((size - 1) / 2)),
})

export interface LocalResponse {
  readonly size: number
  readonly alpha: number
  readonly beta: number
  readonly bias: number
}

function denominators(x: NdArray, { size, alpha, bias }: LocalResponse): Float64Array {
  const [, channels] = x.shape
  const plane = x.data.length / (x.shape[0] * channels)
  return x.data.map((_, i) => {
    const c = Math.floor(i / plane) % channels
    const { first, last } = windowOf(c, channels, size)
    let sum = 0
    for (let other = first; other <= last; other++) sum += x.data[i + (other - c) * plane] ** 2
    return bias + (alpha / size) * sum
  })
}

/** y = x / (bias + alpha / size sum x^2)^beta, the sum over `size` channels around (Krizhevsky et al. 2012). */
export function localResponse(x: NdArray, settings: LocalResponse): NdArray {
  const d = denominators(x, settings)
  return { shape: x.shape, data: x.data.map((value, i) => value * d[i] ** -settings.beta) }
}

export function localResponseGradient(x: NdArray, dy: NdArray, settings: LocalResponse): NdArray {
  const { size, alpha, beta } = settings
  const d = denominators(x, settings)
  const channels = x.shape[1]
  const plane = x.data.length / (x.shape[0] * channels)
  const data = dy.data.map((value, i) => value * d[i] ** -beta)
  x.data.forEach((value, i) => {
    const c = Math.floor(i / plane) % channels
    const { first, last } = windowOf(c, channels, size)
    for (let other = first; other <= last; other++) {
      const j = i + (other - c) * plane
      data[j] -= ((2 * alpha * beta) / size) * x.data[j] * dy.data[i] * value * d[i] ** (-beta - 1)
    }
  })
  return { shape: x.shape, data }
}
