import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import type { Activation } from './conv2d.reference.js'
import depthwiseCode from './depthwise.wgsl'
import depthwise3x3Code from './depthwise-3x3.wgsl'
import depthwiseStride2Code from './depthwise-3x3-stride2.wgsl'
import narrowCode from './narrow.wgsl'
import noQuadCode from './no-quad.wgsl'
import quadCode from './quad.wgsl'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
import tiledCode from './tiled.wgsl'
import tiled3x3Code from './tiled-3x3.wgsl'
import workgroupCode from './workgroup.wgsl'
import workgroupTileCode from './workgroup-tile.wgsl'

/** What happens to a sum before it is stored: y = mask[p, m] * act(sum + bias + residual), p = image div (N / P). */
export interface Epilogue {
  readonly bias?: Tensor
  readonly residual?: Tensor
  readonly mask?: Tensor
  /** Which channels are read and made, as `FusedConv` has it. */
  readonly lists?: Tensor
  readonly activation: Activation
}

/** Flags and images per candidate, as the shaders want them. */
export function epilogueParams(images: number, { bias, residual, mask, lists, activation }: Epilogue): [number, number] {
  const flags = (bias ? 1 : 0) | (residual ? 2 : 0) | (mask ? 4 : 0) | { none: 0, relu: 8, relu6: 16 }[activation] | (lists ? 32 : 0)
  return [flags, images / ((lists ?? mask)?.shape[0] ?? 1)]
}

/** The pipeline's constants: what of the epilogue there is, and whether channels are listed. */
export function epilogueConstants({ bias, residual, mask, lists, activation }: Epilogue): Record<string, number> {
  return { fused: bias || activation !== 'none' ? 1 : 0, adds: residual ? 1 : 0, masks: mask ? 1 : 0, ...(lists && { listed: 1 }) }
}

export type TileVariant = 'tiled' | 'tiled-3x3' | 'narrow' | 'depthwise-3x3' | 'depthwise-3x3-stride2' | 'workgroup'

const access = ['read', 'read', 'read', 'read', 'read', 'write', 'read'] as const
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
  'depthwise-3x3': withoutLanes('depthwise-3x3', depthwiseCode + depthwise3x3Code),
  'depthwise-3x3-stride2': withoutLanes('depthwise-3x3-stride2', depthwiseCode + depthwiseStride2Code),
  workgroup: { ...withoutLanes('workgroup', workgroupTileCode + workgroupCode), outputs: 64 },
}

function withoutLanes(name: TileVariant, code: string) {
  const both = shader(name, paramsCode + code)
  return { outputs: 1, quad: both, plain: both }
}

/** Which tiled kernels can compute a problem; those for few outputs per group know no lists of channels. */
export function tileVariants(p: TileProblem, target: Target, listed = false): TileVariant[] {
  const all3x3 = [...p.outStep, ...p.tapStep].every((step) => step === 1) && p.taps.every((taps) => taps === 3)
  const strided = (step: number) => all3x3 && p.inStep.every((each) => each === step)
  const plain3x3 = strided(1)
  const depthwise = p.input[1] === p.group && !listed
  const variants: TileVariant[] = listed ? ['tiled', 'workgroup'] : ['tiled', 'narrow', 'workgroup']
  if (plain3x3 && target.subgroups) variants.push('tiled-3x3')
  if (plain3x3 && depthwise) variants.push('depthwise-3x3')
  if (strided(2) && depthwise) variants.push('depthwise-3x3-stride2')
  return variants
}

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to

/**
 * Time of a kernel relative to `tiled` on full tiles, from loads per multiply-add (a load is 40 multiply-adds on software
 * adapters): times what its tiles cover, less than which they cannot do.
 */
function cost(p: TileProblem, variant: Exclude<TileVariant, 'workgroup'>): number {
  const outputs = roundUp(p.output[1] / p.group, kernels[variant].outputs)
  const pixels = p.grid[0] * p.grid[1]
  const tiles4x4 = roundUp(p.grid[0], 4) * roundUp(p.grid[1], 4)
  const perOutput = {
    tiled: pixels,
    'tiled-3x3': 0.7 * tiles4x4,
    narrow: 9 * roundUp(pixels, 8),
    'depthwise-3x3': 2 * tiles4x4,
    'depthwise-3x3-stride2': 5 * tiles4x4,
  }
  return outputs * perOutput[variant]
}

/** Workgroups below which tiles of workgroup memory leave hardware idle, and channels below which they are mostly empty (guesses until measured). */
const fewestWorkgroups = 64
const fewestChannels = 8

/** The kernel that should be the fastest for a problem's shape, among those that have not failed on this adapter; undefined when all have. */
export function chooseTileVariant(p: TileProblem, target: Target, listed = false): TileVariant | undefined {
  const able = tileVariants(p, target, listed).filter((variant) => !target.refused?.has(kernels[variant].quad.name))
  // Barriers are what software adapters do worst: they never take the tiles of workgroup memory.
  if (target.kind === 'hardware' && able.includes('workgroup')) {
    const [columns, rows] = tileInvocations(p, 'workgroup')
    const wide = Math.min(p.input[1], p.output[1]) / p.group >= fewestChannels
    if (wide && (columns / 128) * rows >= fewestWorkgroups) return 'workgroup'
  }
  const cheapest = able.filter((variant) => variant !== 'workgroup').sort((a, b) => cost(p, a) - cost(p, b))
  return cheapest[0]
}

/** The kernel for a problem, or none where all are refused, or where they would leave hardware idle: below 4096 invocations (a guess, not yet measured). */
export function usefulTileVariant(p: TileProblem, target: Target, listed = false): TileVariant | undefined {
  const variant = chooseTileVariant(p, target, listed)
  if (!variant || target.kind !== 'hardware') return variant
  const [columns, rows] = tileInvocations(p, variant)
  return columns * rows < 4096 ? undefined : variant
}

/** Invocations of a variant: along x, and along y (workgroups of chunks of output channels). Few of them leave hardware idle. */
export function tileInvocations(p: TileProblem, variant: TileVariant): [number, number] {
  const [n] = p.input
  const [gh, gw] = p.grid
  const chunks = p.group * Math.ceil(p.output[1] / p.group / kernels[variant].outputs)
  switch (variant) {
    case 'tiled':
      return [Math.ceil((n * gh * gw) / 8), chunks]
    case 'workgroup':
      return [roundUp(n * gh * gw, 128), chunks]
    case 'tiled-3x3':
      return [n * Math.ceil(gh / 4) * Math.ceil(gw / 4), chunks]
    case 'narrow':
      return [n * p.output[1] * Math.ceil((gh * gw) / 8), 1]
    case 'depthwise-3x3':
    case 'depthwise-3x3-stride2':
      return [n * p.output[1] * Math.ceil(gh / 8) * Math.ceil(gw / 4), 1]
  }
}

/** The scalars of tile-params.wgsl; `tiles` are those of rows.wgsl. */
export function tileParams(p: TileProblem, epilogue: Epilogue, chunks: number, tiles: readonly number[] = Array(7).fill(0)): number[] {
  const { base, group, out, in: input, tap } = p.weights
  const positions = [p.grid, p.outStep, p.outFirst, p.inStep, p.before, p.taps, p.tapStep].flat()
  const epilogues = epilogueParams(p.input[0], epilogue)
  return [...p.input, ...p.output.slice(1), p.group, ...positions, base, group, out, input, ...tap, chunks, ...epilogues, ...tiles]
}

/** One dispatch of a tiled kernel. */
export function tiledConv(
  p: TileProblem,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  target: Target,
  variant: TileVariant,
): Dispatch {
  const candidates = epilogue.lists?.shape[0] ?? 1
  const [columns, rows] = tileInvocations({ ...p, input: [p.input[0] / candidates, ...p.input.slice(1)] }, variant)
  const chunks = Math.ceil(p.output[1] / p.group / kernels[variant].outputs)
  const { quad, plain } = kernels[variant]
  return {
    shader: target.subgroups ? quad : plain!,
    constants: epilogueConstants(epilogue),
    operands: [x, w, epilogue.bias, epilogue.residual, epilogue.mask, y, epilogue.lists],
    params: { u32: tileParams(p, epilogue, chunks) },
    workgroups: [Math.ceil(columns / (variant === 'workgroup' ? 128 : 64)), rows, candidates],
  }
}
