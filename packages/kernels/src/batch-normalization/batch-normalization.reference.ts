/** Batch normalisation (Ioffe and Szegedy 2015) in float64. */
import { elements, type NdArray } from '../operation.js'

export type FusedActivation = 'none' | 'relu' | 'relu6'

/** NaN passes through, as it must through the shader. */
function activate(value: number, activation: FusedActivation): number {
  if (activation === 'none' || Number.isNaN(value)) return value
  return activation === 'relu' ? Math.max(0, value) : Math.min(6, Math.max(0, value))
}

function isFlat(value: number, activation: FusedActivation): boolean {
  return activation !== 'none' && (value <= 0 || (activation === 'relu6' && value >= 6))
}

/** Calls back with every element's index and channel. */
function eachElement({ shape }: NdArray, visit: (index: number, channel: number) => void): void {
  const plane = elements(shape.slice(2))
  for (let index = 0; index < elements(shape); index++) visit(index, Math.floor(index / plane) % shape[1])
}

/** y = activation((x - mean) / sqrt(variance + epsilon) * scale + bias) per channel. */
export function normalize(
  x: NdArray,
  channelOf: { scale?: NdArray; bias?: NdArray; mean?: NdArray; invStd: (channel: number) => number },
  activation: FusedActivation,
): NdArray {
  const { scale, bias, mean, invStd } = channelOf
  const data = new Float64Array(x.data.length)
  eachElement(x, (i, c) => {
    const normalized = (x.data[i] - (mean?.data[c] ?? 0)) * invStd(c)
    data[i] = activate(normalized * (scale?.data[c] ?? 1) + (bias?.data[c] ?? 0), activation)
  })
  return { shape: x.shape, data }
}

/** Mean and (biased) variance of each channel over images and space. */
export function channelStatistics(x: NdArray): { mean: Float64Array; variance: Float64Array; count: number } {
  const channels = x.shape[1]
  const count = x.data.length / channels
  const mean = new Float64Array(channels)
  const variance = new Float64Array(channels)
  eachElement(x, (i, c) => (mean[c] += x.data[i] / count))
  eachElement(x, (i, c) => (variance[c] += (x.data[i] - mean[c]) ** 2 / count))
  return { mean, variance, count }
}

/** dx, dscale, dbias of y = activation(xhat scale + bias), the statistics being functions of x. */
export function normalizeGradient(
  x: NdArray,
  dy: NdArray,
  { scale, bias, mean, invStd }: Record<'scale' | 'bias' | 'mean' | 'invStd', NdArray>,
  activation: FusedActivation,
): NdArray[] {
  const count = x.data.length / x.shape[1]
  const xhat = (i: number, c: number) => (x.data[i] - mean.data[c]) * invStd.data[c]
  const inner = (i: number, c: number) => (isFlat(xhat(i, c) * scale.data[c] + bias.data[c], activation) ? 0 : dy.data[i])
  const dscale = new Float64Array(x.shape[1])
  const dbias = new Float64Array(x.shape[1])
  eachElement(x, (i, c) => {
    dscale[c] += inner(i, c) * xhat(i, c)
    dbias[c] += inner(i, c)
  })
  const dx = new Float64Array(x.data.length)
  eachElement(x, (i, c) => {
    dx[i] = scale.data[c] * invStd.data[c] * (inner(i, c) - dbias[c] / count - (xhat(i, c) * dscale[c]) / count)
  })
  return [
    { shape: x.shape, data: dx },
    { shape: scale.shape, data: dscale },
    { shape: bias.shape, data: dbias },
  ]
}
