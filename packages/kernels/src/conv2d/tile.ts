import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import type { Activation } from './conv2d.reference.js'
import depthwiseCode from './depthwise-3x3.wgsl'
import narrowCode from './narrow.wgsl'
import noQuadCode from './no-quad.wgsl'
import quadCode from './quad.wgsl'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
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

export type TileVariant = 'tiled' | 'tiled-3x3' | 'narrow' | 'depthwise-3x3'

const access = ['read', 'read', 'read', 'read', 'read', 'write'] as const
const shader = (name: TileVariant, code: string): Shader => ({ name: `conv2d-${name}`, code, access })

/** Output channels of an invocation, the shader with quad broadcasts, and the one without. */
const kernels: Record<TileVariant, { outputs: number; quad: Shader; plain?: Shader }> = {
  tiled: {
    outputs: 16,
    quad: shader('tiled', quadCode + paramsCode + tiledCode),
    plain: shader('tiled', noQuadCode + paramsCode + tiledCode),
  },
  // Without quads: 108 loads a channel instead of 54, and far slower to compile.
  'tiled-3x3': { outputs: 8, quad: shader('tiled-3x3', quadCode + paramsCode + tiled3x3Code) },
  narrow: withoutLanes('narrow', narrowCode),
  'depthwise-3x3': withoutLanes('depthwise-3x3', depthwiseCode),
}

function withoutLanes(name: TileVariant, code: string) {
  const both = shader(name, paramsCode + code)
  return { outputs: 1, quad: both, plain: both }
}

/** Which tiled kernels can compute a problem. */
export function tileVariants(p: TileProblem, target: Target): TileVariant[] {
  const ones = [...p.inStep, ...p.outStep, ...p.tapStep].every((step) => step === 1)
  const plain3x3 = ones && p.taps[0] === 3 && p.taps[1] === 3
  const variants: TileVariant[] = ['tiled', 'narrow']
  if (plain3x3 && target.subgroups) variants.push('tiled-3x3')
  if (plain3x3 && p.input[1] === p.group) variants.push('depthwise-3x3')
  return variants
}

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to

/**
 * Time of a kernel relative to `tiled` on full tiles, from loads per multiply-add (a load is 40 multiply-adds on software
 * adapters): times what its tiles cover, less than which they cannot do.
 */
function cost(p: TileProblem, variant: TileVariant): number {
  const outputs = roundUp(p.output[1] / p.group, kernels[variant].outputs)
  const pixels = p.grid[0] * p.grid[1]
  const tiles4x4 = roundUp(p.grid[0], 4) * roundUp(p.grid[1], 4)
  return outputs * { tiled: pixels, 'tiled-3x3': 0.7 * tiles4x4, narrow: 9 * roundUp(pixels, 8), 'depthwise-3x3': 2 * tiles4x4 }[variant]
}

/** The kernel that should be the fastest for a problem's shape. */
export function chooseTileVariant(p: TileProblem, target: Target): TileVariant {
  return tileVariants(p, target).reduce((best, variant) => (cost(p, variant) < cost(p, best) ? variant : best))
}

/** Invocations of a variant: along x, and along y (workgroups of chunks of output channels). Few of them leave hardware idle. */
export function tileInvocations(p: TileProblem, variant: TileVariant): [number, number] {
  const [n] = p.input
  const [gh, gw] = p.grid
  const chunks = p.group * Math.ceil(p.output[1] / p.group / kernels[variant].outputs)
  switch (variant) {
    case 'tiled':
      return [Math.ceil((n * gh * gw) / 8), chunks]
    case 'tiled-3x3':
      return [n * Math.ceil(gh / 4) * Math.ceil(gw / 4), chunks]
    case 'narrow':
      return [n * p.output[1] * Math.ceil((gh * gw) / 8), 1]
    case 'depthwise-3x3':
      return [n * p.output[1] * Math.ceil(gh / 8) * Math.ceil(gw / 4), 1]
  }
}

/** One dispatch of a tiled kernel. */
export function tiledConv(
  p: TileProblem,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  target: Target,
  variant = chooseTileVariant(p, target),
): Dispatch {
  const [columns, rows] = tileInvocations(p, variant)
  const chunks = Math.ceil(p.output[1] / p.group / kernels[variant].outputs)
  const { quad, plain } = kernels[variant]
  const [flags, imagesPerCandidate] = epilogueParams(p.input[0], epilogue)
  const { base, group, out, in: input, tap } = p.weights
  const positions = [p.grid, p.outStep, p.outFirst, p.inStep, p.before, p.taps, p.tapStep].flat()
  return {
    shader: target.subgroups ? quad : plain!,
    constants: { fused: flags ? 1 : 0 },
    operands: [x, w, epilogue.bias, epilogue.residual, epilogue.mask, y],
    params: {
      u32: [...p.input, ...p.output.slice(1), p.group, ...positions, base, group, out, input, ...tap, chunks, flags, imagesPerCandidate],
    },
    workgroups: [Math.ceil(columns / 64), rows, 1],
  }
}
