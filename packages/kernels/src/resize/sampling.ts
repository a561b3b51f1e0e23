import { choiceAttribute, integerAttribute, numberAttribute, numbersAttribute, show } from '../checks.js'
import type { Attributes, Shape } from '../operation.js'

/** Where output o of an axis lies in the input: (o + shift) ratio + offset. */
export interface Axis {
  readonly size: number
  readonly out: number
  readonly ratio: number
  readonly shift: number
  readonly offset: number
}

const nearestModes = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const
const coordinates = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const

export interface Sampling {
  readonly planes: number
  /** Of rows, and within them. */
  readonly axes: readonly [Axis, Axis]
  readonly mode: 'nearest' | 'linear' | 'cubic'
  /** Index into round_prefer_floor, round_prefer_ceil, floor, ceil. */
  readonly nearest: number
  readonly cubic: number
  readonly excludeOutside: boolean
  readonly output: number[]
}

/** ONNX's table of coordinate transformations, half of a pixel being where its value stands. */
function axisOf(size: number, scale: number, transformation: (typeof coordinates)[number]): Axis {
  // In float32, as everyone computes it: a scale of 10 / 3 makes 10 of 3.
  const out = Math.floor(Math.fround(size * scale))
  switch (transformation) {
    case 'asymmetric':
      return { size, out, ratio: 1 / scale, shift: 0, offset: 0 }
    case 'align_corners':
      return { size, out, ratio: out > 1 ? (size - 1) / (out - 1) : 0, shift: 0, offset: 0 }
    case 'half_pixel_symmetric':
      return { size, out, ratio: 1 / scale, shift: 0.5, offset: (size / 2) * (1 - out / (scale * size)) - 0.5 }
    case 'pytorch_half_pixel':
      if (out === 1) return { size, out, ratio: 0, shift: 0, offset: 0 }
  }
  return { size, out, ratio: 1 / scale, shift: 0.5, offset: -0.5 }
}

/** Resize's attributes for x [N, C, H, W] or [N, C, L]; images and channels stay as they are. */
export function samplingOf(op: string, attributes: Attributes, x: Shape): Sampling {
  if (x.length !== 3 && x.length !== 4) throw new Error(`${op}: x must be [N, C, H, W] or [N, C, L], found ${show(x)}`)
  const scales = numbersAttribute(op, attributes, 'scales', undefined, x.length)
  if (scales[0] !== 1 || scales[1] !== 1) throw new Error(`${op}: only space can be resized, found scales ${show(scales)} for ${show(x)}`)
  const transformation = choiceAttribute(op, attributes, 'coordinate_transformation_mode', coordinates, 'half_pixel')
  const spatial = x.slice(2).map((size, i) => axisOf(size, scales[i + 2], transformation))
  if (spatial.some(({ out }) => !(out >= 1))) throw new Error(`${op}: scales ${show(scales)} leave nothing of ${show(x)}`)
  const single: Axis = { size: 1, out: 1, ratio: 0, shift: 0, offset: 0 }
  return {
    planes: x[0] * x[1],
    axes: x.length === 3 ? [single, spatial[0]] : [spatial[0], spatial[1]],
    mode: choiceAttribute(op, attributes, 'mode', ['nearest', 'linear', 'cubic'], 'nearest'),
    nearest: nearestModes.indexOf(choiceAttribute(op, attributes, 'nearest_mode', nearestModes, 'round_prefer_floor')),
    cubic: numberAttribute(op, attributes, 'cubic_coeff_a', -0.75),
    excludeOutside: integerAttribute(op, attributes, 'exclude_outside', 0) !== 0,
    output: [x[0], x[1], ...spatial.map(({ out }) => out)],
  }
}

export const tapCounts = { nearest: 1, linear: 2, cubic: 4 } as const
