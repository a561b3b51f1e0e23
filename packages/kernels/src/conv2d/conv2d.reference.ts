import { elements, type NdArray } from '../operation.js'
import { type ConvGeometry, inputShape, outputShape, weightShape } from './geometry.js'

export type Activation = 'none' | 'relu' | 'relu6'

const zeros = (shape: readonly number[]): NdArray => ({ shape, data: new Float64Array(elements(shape)) })

/**
 * Visits every multiply-accumulate of a convolution: indices into x, weights and y. Forward, input gradient and weight
 * gradient are the same sum over the same triples, with another of the three accumulated.
 */
export function forEachProduct(g: ConvGeometry, visit: (x: number, weight: number, y: number) => void): void {
  const channels = g.c / g.group
  const outputs = g.m / g.group
  for (let n = 0; n < g.n; n++)
    for (let m = 0; m < g.m; m++)
      for (let oy = 0; oy < g.oh; oy++)
        for (let ox = 0; ox < g.ow; ox++)
          for (let c = 0; c < channels; c++)
            for (let ky = 0; ky < g.kh; ky++)
              for (let kx = 0; kx < g.kw; kx++) {
                const iy = oy * g.strideH - g.padTop + ky * g.dilationH
                const ix = ox * g.strideW - g.padLeft + kx * g.dilationW
                if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue
                const channel = Math.floor(m / outputs) * channels + c
                visit(
                  ((n * g.c + channel) * g.h + iy) * g.w + ix,
                  ((m * channels + c) * g.kh + ky) * g.kw + kx,
                  ((n * g.m + m) * g.oh + oy) * g.ow + ox,
                )
              }
}

/** y = conv(x, w) + bias. */
export function convReference(g: ConvGeometry, x: NdArray, w: NdArray, bias?: NdArray): NdArray {
  const y = zeros(outputShape(g))
  if (bias) y.data.forEach((_, i) => (y.data[i] = bias.data[Math.floor(i / (g.oh * g.ow)) % g.m]))
  forEachProduct(g, (i, j, k) => (y.data[k] += x.data[i] * w.data[j]))
  return y
}

/** y = mask[p, m] * act(conv(x, w) + bias + residual) with p = floor(n / (N / P)); channels of x that are not listed count as zero, those of y are. */
export function fusedConvReference(
  g: ConvGeometry,
  activation: Activation,
  x: NdArray,
  w: NdArray,
  { bias, residual, mask, lists }: { bias?: NdArray; residual?: NdArray; mask?: NdArray; lists?: NdArray },
): NdArray {
  const imagesPerCandidate = g.n / ((lists ?? mask)?.shape[0] ?? 1)
  const channels = Array.from({ length: lists?.shape[0] ?? 0 }, (_, p) => {
    const list = lists!.data.subarray(p * (2 + g.c + g.m))
    return { read: new Set(list.subarray(2, 2 + list[0])), made: new Set(list.subarray(2 + g.c, 2 + g.c + list[1])) }
  })
  const isRead = (image: number, channel: number) => channels[Math.floor(image / imagesPerCandidate)].read.has(channel)
  const isMade = (image: number, channel: number) => channels[Math.floor(image / imagesPerCandidate)].made.has(channel)
  const plane = g.h * g.w
  const read = (i: number) => isRead(Math.floor(i / (plane * g.c)), Math.floor(i / plane) % g.c)
  const y = convReference(g, lists ? { ...x, data: x.data.map((value, i) => (read(i) ? value : 0)) } : x, w, bias)
  y.data.forEach((value, i) => {
    const channel = Math.floor(i / (g.oh * g.ow)) % g.m
    const image = Math.floor(i / (g.oh * g.ow * g.m))
    if (lists && !isMade(image, channel)) {
      y.data[i] = 0
      return
    }
    let v = value + (residual ? residual.data[i] : 0)
    if (activation !== 'none') v = Math.max(v, 0)
    if (activation === 'relu6') v = Math.min(v, 6)
    y.data[i] = v * (mask ? mask.data[Math.floor(image / imagesPerCandidate) * g.m + channel] : 1)
  })
  return y
}

/** dx of y = conv(x, w). */
export function convInputGradientReference(g: ConvGeometry, dy: NdArray, w: NdArray): NdArray {
  const dx = zeros(inputShape(g))
  forEachProduct(g, (i, j, k) => (dx.data[i] += dy.data[k] * w.data[j]))
  return dx
}

/** dw of y = conv(x, w). */
export function convWeightGradientReference(g: ConvGeometry, x: NdArray, dy: NdArray): NdArray {
  const dw = zeros(weightShape(g))
  forEachProduct(g, (i, j, k) => (dw.data[j] += x.data[i] * dy.data[k]))
  return dw
}

/** scale * the sum of x [N, C, ...] over everything but C. */
export function channelSumReference(x: NdArray, scale: number): NdArray {
  const c = x.shape[1]
  const space = elements(x.shape.slice(2))
  const sums = zeros([c])
  x.data.forEach((value, i) => (sums.data[Math.floor(i / space) % c] += value))
  sums.data.forEach((value, i) => (sums.data[i] = value * scale))
  return sums
}

/** y = the transposed convolution of x with w, + bias. */
export function convTransposeReference(g: ConvGeometry, x: NdArray, w: NdArray, bias?: NdArray): NdArray {
  const y = convInputGradientReference(g, x, w)
  if (bias) y.data.forEach((_, i) => (y.data[i] += bias.data[Math.floor(i / (g.h * g.w)) % g.c]))
  return y
}
