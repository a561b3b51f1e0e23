import type { Shape } from '../operation.js'
import type { ConvGeometry } from './geometry.js'

/** A convolution as the tiled kernels see it (tile-params.wgsl): which inputs and weights meet in which output, by strides. */
export interface TileProblem {
  readonly input: Shape
  readonly output: Shape
  readonly group: number
  /** Outputs computed: grid[i] positions from out.first in steps of out.step. */
  readonly grid: readonly [number, number]
  readonly outStep: readonly [number, number]
  readonly outFirst: readonly [number, number]
  /** Input of grid position i and tap t: i * inStep - before + t * tapStep. */
  readonly inStep: readonly [number, number]
  readonly before: readonly [number, number]
  readonly taps: readonly [number, number]
  readonly tapStep: readonly [number, number]
  readonly weights: {
    readonly base: number
    readonly group: number
    readonly out: number
    readonly in: number
    readonly tap: readonly [number, number]
  }
}

/** The forward convolution. */
export function forwardProblem(g: ConvGeometry): TileProblem {
  const area = g.kh * g.kw
  const channels = g.c / g.group
  return {
    input: [g.n, g.c, g.h, g.w],
    output: [g.n, g.m, g.oh, g.ow],
    group: g.group,
    grid: [g.oh, g.ow],
    outStep: [1, 1],
    outFirst: [0, 0],
    inStep: [g.strideH, g.strideW],
    before: [g.padTop, g.padLeft],
    taps: [g.kh, g.kw],
    tapStep: [g.dilationH, g.dilationW],
    weights: { base: 0, group: (g.m / g.group) * channels * area, out: channels * area, in: area, tap: [g.kw, 1] },
  }
}

/**
 * The input gradient as convolutions of dy, one for each phase of the stride: inputs i = phase + stride * j meet only the taps t with
 * (i + pad - t * dilation) divisible by the stride, and those are evenly spaced. With stride 1 it is one convolution with reversed taps.
 */
export function inputGradientProblems(g: ConvGeometry): TileProblem[] {
  const area = g.kh * g.kw
  const channels = g.c / g.group
  const rows = phases(g.h, g.kh, g.strideH, g.padTop, g.dilationH)
  const columns = phases(g.w, g.kw, g.strideW, g.padLeft, g.dilationW)
  return rows.flatMap((row) =>
    columns.map((column) => ({
      input: [g.n, g.m, g.oh, g.ow],
      output: [g.n, g.c, g.h, g.w],
      group: g.group,
      grid: [row.count, column.count],
      outStep: [g.strideH, g.strideW],
      outFirst: [row.first, column.first],
      inStep: [1, 1],
      before: [row.before, column.before],
      taps: [row.taps, column.taps],
      tapStep: [row.tapStep, column.tapStep],
      weights: {
        base: row.firstTap * g.kw + column.firstTap,
        group: (g.m / g.group) * channels * area,
        out: area,
        in: channels * area,
        tap: [row.tapIndexStep * g.kw, column.tapIndexStep],
      },
    })),
  )
}

interface Phase {
  /** Positions first, first + stride, ... of the input. */
  readonly first: number
  readonly count: number
  readonly taps: number
  /** Tap u = 0, 1, ... is kernel index firstTap + u * tapIndexStep, and reads dy at j - before + u * tapStep. */
  readonly firstTap: number
  readonly tapIndexStep: number
  readonly tapStep: number
  readonly before: number
}

function phases(size: number, kernel: number, stride: number, pad: number, dilation: number): Phase[] {
  const list: Phase[] = []
  for (let first = 0; first < Math.min(stride, size); first++) {
    const meeting = Array.from({ length: kernel }, (_, t) => t).filter((t) => (first + pad - t * dilation) % stride === 0)
    // Last tap first, so that the input position rises with u as in a forward convolution.
    const firstTap = meeting.at(-1) ?? 0
    const spacing = meeting.length > 1 ? meeting[1] - meeting[0] : 1
    list.push({
      first,
      count: Math.ceil((size - first) / stride),
      taps: meeting.length,
      firstTap,
      tapIndexStep: -spacing,
      tapStep: meeting.length > 1 ? (spacing * dilation) / stride : 1,
      before: meeting.length ? (firstTap * dilation - first - pad) / stride : 0,
    })
  }
  return list
}
