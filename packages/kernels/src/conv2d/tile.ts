import type { Dispatch, Shader, Shape, Target, Tensor } from '../operation.js'
import type { Activation } from './conv2d.reference.js'
import type { ConvGeometry } from './geometry.js'
import noQuadCode from './no-quad.wgsl'
import quadCode from './quad.wgsl'
import paramsCode from './tile-params.wgsl'
import tiledCode from './tiled.wgsl'
import tiled3x3Code from './tiled-3x3.wgsl'

/** What happens to a sum before it is stored: y = mask[p, m] * act(sum + bias + residual), p = image div (N / P). */
export interface Epilogue {
  readonly bias?: Tensor
  readonly residual?: Tensor
  readonly mask?: Tensor
  readonly activation: Activation
}

/** Flags and images per candidate, as the shaders want them. */
export function epilogueParams(images: number, { bias, residual, mask, activation }: Epilogue): [number, number] {
  const flags = (bias ? 1 : 0) | (residual ? 2 : 0) | (mask ? 4 : 0) | { none: 0, relu: 8, relu6: 16 }[activation]
  return [flags, mask ? images / mask.shape[0] : images]
}

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

export type TileVariant = 'tiled' | 'tiled-3x3'

const access = ['read', 'read', 'read', 'read', 'read', 'write'] as const
const shaders = Object.fromEntries(
  Object.entries({ tiled: tiledCode, 'tiled-3x3': tiled3x3Code }).map(([name, code]) => [
    name,
    [noQuadCode, quadCode].map((lanes): Shader => ({ name: `conv2d-${name}`, code: lanes + paramsCode + code, access })),
  ]),
)

/** Which tiled kernels can compute a problem. */
export function tileVariants(p: TileProblem): TileVariant[] {
  const ones = [...p.inStep, ...p.outStep, ...p.tapStep].every((step) => step === 1)
  return ones && p.taps[0] === 3 && p.taps[1] === 3 ? ['tiled', 'tiled-3x3'] : ['tiled']
}

/** Multiply-accumulates a kernel really does, per channel of input and tap, with what its tiles waste. */
function work(p: TileProblem, variant: TileVariant): number {
  const outputs = p.output[1] / p.group
  const up = (value: number, to: number) => Math.ceil(value / to) * to
  if (variant === 'tiled') return up(outputs, 16) * p.grid[0] * p.grid[1]
  // Its inputs serve more multiply-adds: 18 GFLOPS against 13 (lavapipe), 4.2 against 3 (SwiftShader).
  return 0.7 * up(outputs, 8) * up(p.grid[0], 4) * up(p.grid[1], 4)
}

export function chooseTileVariant(p: TileProblem): TileVariant {
  return tileVariants(p).reduce((best, variant) => (work(p, variant) < work(p, best) ? variant : best))
}

/** How many invocations a variant runs: few of them leave hardware idle. */
export function tileInvocations(p: TileProblem, variant: TileVariant): [number, number] {
  const outputs = p.output[1] / p.group
  const [gh, gw] = p.grid
  return variant === 'tiled'
    ? [Math.ceil((p.input[0] * gh * gw) / 8), p.group * Math.ceil(outputs / 16)]
    : [p.input[0] * Math.ceil(gh / 4) * Math.ceil(gw / 4), p.group * Math.ceil(outputs / 8)]
}

/** One dispatch of a tiled kernel. Quad broadcasts only on software adapters: hardware broadcasts equal loads by itself. */
export function tiledConv(
  p: TileProblem,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  target: Target,
  variant = chooseTileVariant(p),
  quads = target.kind === 'software',
): Dispatch {
  const outputs = p.output[1] / p.group
  const [columns, rows] = tileInvocations(p, variant)
  const [flags, imagesPerCandidate] = epilogueParams(p.input[0], epilogue)
  return {
    shader: shaders[variant][quads && target.subgroups ? 1 : 0],
    operands: [x, w, epilogue.bias, epilogue.residual, epilogue.mask, y],
    params: {
      u32: [
        ...p.input,
        ...p.output.slice(1),
        p.group,
        ...p.grid,
        ...p.outStep,
        ...p.outFirst,
        ...p.inStep,
        ...p.before,
        ...p.taps,
        ...p.tapStep,
        p.weights.base,
        p.weights.group,
        p.weights.out,
        p.weights.in,
        ...p.weights.tap,
        Math.ceil(outputs / (variant === 'tiled' ? 16 : 8)),
        flags,
        imagesPerCandidate,
      ], // prettier-ignore
    },
    workgroups: [Math.ceil(columns / 64), rows, 1],
  }
}
