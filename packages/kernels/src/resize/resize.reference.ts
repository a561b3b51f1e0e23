/** Resizing in float64. */
import { elements, type NdArray, type Shape } from '../operation.js'
import type { Axis, Sampling } from './sampling.js'

interface Tap {
  readonly at: number
  readonly weight: number
}

/** Coordinates that are meant to be whole or halves, but for rounding, are: which neighbour is the nearest depends on it. */
export function snapped(coordinate: number): number {
  const half = Math.round(2 * coordinate) / 2
  return Math.abs(coordinate - half) <= 1e-6 * Math.max(1, Math.abs(coordinate)) ? half : coordinate
}

const nearestIndex = [(at: number) => Math.ceil(at - 0.5), (at: number) => Math.floor(at + 0.5), Math.floor, Math.ceil]

/** What output o of an axis is made of (Keys 1981 for cubic); outside of the input its edge goes on. */
export function tapsOf(o: number, { size, ratio, shift, offset }: Axis, { mode, nearest, cubic: a, excludeOutside }: Sampling): Tap[] {
  const inside = (at: number) => Math.min(size - 1, Math.max(0, at))
  const coordinate = (o + shift) * ratio + offset
  if (mode === 'nearest') return [{ at: inside(nearestIndex[nearest](snapped(coordinate))), weight: 1 }]
  const first = Math.floor(coordinate)
  const t = coordinate - first
  if (mode === 'linear')
    return [
      { at: inside(first), weight: 1 - t },
      { at: inside(first + 1), weight: t },
    ]
  const near = (s: number) => ((a + 2) * s - (a + 3)) * s * s + 1
  const far = (s: number) => ((a * s - 5 * a) * s + 8 * a) * s - 4 * a
  const weights = [far(t + 1), near(t), near(1 - t), far(2 - t)].map((weight, i) =>
    excludeOutside && first - 1 + i !== inside(first - 1 + i) ? 0 : weight,
  )
  const total = excludeOutside ? weights.reduce((sum, weight) => sum + weight, 0) : 1
  return weights.map((weight, i) => ({ at: inside(first - 1 + i), weight: weight / total }))
}

/** Visits every product: index into x, index into y, weight. */
function eachTap(sampling: Sampling, visit: (x: number, y: number, weight: number) => void): void {
  const [rows, columns] = sampling.axes
  for (let plane = 0; plane < sampling.planes; plane++)
    for (let i = 0; i < rows.out; i++)
      for (let j = 0; j < columns.out; j++)
        for (const down of tapsOf(i, rows, sampling))
          for (const across of tapsOf(j, columns, sampling))
            visit(
              (plane * rows.size + down.at) * columns.size + across.at,
              (plane * rows.out + i) * columns.out + j,
              down.weight * across.weight,
            )
}

export function resized(x: NdArray, sampling: Sampling): NdArray {
  const data = new Float64Array(elements(sampling.output))
  eachTap(sampling, (i, j, weight) => (data[j] += weight * x.data[i]))
  return { shape: sampling.output, data }
}

export function resizedGradient(dy: NdArray, shape: Shape, sampling: Sampling): NdArray {
  const data = new Float64Array(elements(shape))
  eachTap(sampling, (i, j, weight) => (data[i] += weight * dy.data[j]))
  return { shape, data }
}
