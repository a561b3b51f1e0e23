/** 3 x 3 convolutions of stride 1 on CPUs by Winograd's minimal filtering (winograd.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type Epilogue, epilogueConstants, tileParams } from './tile.js'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
import winogradCode from './winograd.wgsl'
import twoCode from './winograd-2x2.wgsl'
import twoWeightsCode from './winograd-2x2-weights.wgsl'
import fourCode from './winograd-4x4.wgsl'
import fourTilesCode from './winograd-4x4-tiles.wgsl'
import fourWeightsCode from './winograd-4x4-weights.wgsl'
import stageCode from './winograd-stage.wgsl'
import weightsCode from './winograd-weights.wgsl'

/** Rows and columns of outputs of a tile: F(2 x 2, 3 x 3) or F(4 x 4, 3 x 3). */
export type TileSize = 2 | 4

const access = ['read', 'read', 'read', 'read', 'read', 'write', 'read'] as const
const shader = (name: string, ...code: string[]): Shader => ({ name, code: paramsCode + code.join(''), access })
const kernels = {
  2: {
    convolution: shader('conv2d-winograd-2x2', twoCode, winogradCode),
    weights: shader('conv2d-winograd-2x2-weights', twoWeightsCode, weightsCode),
    /** Images whose tiles lie side by side in the lanes. */
    together: 1,
    fewestChannels: 16,
    /** Tiles below which a workgroup reads its weights for too few. */
    fewestTiles: 8,
  },
  4: {
    convolution: shader('conv2d-winograd-4x4', stageCode, fourTilesCode, fourCode, winogradCode),
    weights: shader('conv2d-winograd-4x4-weights', fourWeightsCode, weightsCode),
    together: 4,
    fewestChannels: 3,
    fewestTiles: 16,
  },
} as const

/** Words of transformed tiles: beyond these they leave the caches of a core. */
const mostWords = 163840
/** Tiles that a workgroup transforms at once. */
const mostTiles = 64
const wantedWorkgroups = 16

const tilesOf = (grid: readonly [number, number], size: TileSize): number => Math.ceil(grid[0] / size) * Math.ceil(grid[1] / size)
const multiplications = (size: TileSize): number => (size + 2) ** 2

/** Whether the kernel computes the problem. */
export function isForWinograd(p: TileProblem, target: Target, size: TileSize): boolean {
  const all = (pair: readonly [number, number], value: number) => pair.every((each) => each === value)
  const shape = all(p.taps, 3) && all(p.tapStep, 1) && all(p.inStep, 1) && all(p.outStep, 1) && all(p.outFirst, 0)
  const covered = p.output[2] === p.grid[0] && p.output[3] === p.grid[1]
  const fits = size === 2 ? p.grid.every((each) => each % 2 === 0) : p.before[1] >= 0
  return target.kind === 'cpu' && shape && covered && fits && !target.refused?.has(kernels[size].convolution.name)
}

/**
 * The size of the tiles that multiply least, where it is worth its while: with few channels or outputs the transforms cost more than is spared. Grids of one tile of 4 x 4
 * have too few for each weight that is read (measured: 4 x 4 of 128 channels takes 1.3 times as long as in tiles of 2 x 2).
 */
export function winogradSize(p: TileProblem, images: number, target: Target): TileSize | undefined {
  const isWide = (size: TileSize) =>
    Math.min(p.input[1], p.output[1]) / p.group >= kernels[size].fewestChannels && p.output[1] / p.group >= 4
  const able = (size: TileSize) => isWide(size) && isForWinograd(p, target, size)
  const cost = (size: TileSize) => {
    const { together } = kernels[size]
    return multiplications(size) * tilesOf(p.grid, size) * together * Math.ceil(images / together)
  }
  if (able(4) && tilesOf(p.grid, 4) > 1 && cost(4) <= cost(2)) return 4
  return able(2) ? 2 : undefined
}

/** The weights' transform, then the convolution; undefined where not even 8 tiles of all channels fit. */
export function winogradConv(
  p: TileProblem,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  target: Target,
  size: TileSize,
): Dispatch[] | undefined {
  const { convolution, weights, together, fewestTiles } = kernels[size]
  const points = multiplications(size)
  const candidates = epilogue.lists?.shape[0] ?? 1
  const channels = p.input[1] / p.group
  const [tilesY, tilesX] = [Math.ceil(p.grid[0] / size), Math.ceil(p.grid[1] / size)]
  const pitch = Math.max(p.before[1] + 4 * Math.ceil(p.input[3] / 4), size * tilesX + 2)
  const limit = (target.workgroupBytes ?? 16384) / 4 - 32 * points - 256
  const countOf = (images: number, rows: number) => Math.ceil(images / together) * together * rows * tilesX
  const roomOf = (images: number, rows: number) => 8 * Math.ceil(countOf(images, rows) / 8)
  const wordsOf = (room: number) => points * (channels * room + 16)
  const stagedOf = (rows: number) => (size === 4 ? 2 ** Math.ceil(Math.log2((4 * rows + 2) * pitch)) : 0)
  const mostOf = (rows: number) => Math.min(mostWords, limit - 4 * stagedOf(rows))
  const fits = (images: number, rows: number) => wordsOf(roomOf(images, rows)) <= mostOf(rows)
  const images = p.input[0] / candidates
  const workgroups = (rows: number, each: number) => candidates * Math.ceil(images / each) * Math.ceil(tilesY / rows)
  const isTooMuch = (rows: number) =>
    !fits(together, rows) || roomOf(together, rows) > mostTiles || workgroups(rows, together) < wantedWorkgroups
  let tileRows = tilesY
  while (tileRows > 1 && isTooMuch(tileRows)) tileRows = Math.ceil(tileRows / 2)
  if (!fits(together, tileRows)) return undefined
  let tileImages: number = together
  const more = () =>
    tileRows === tilesY && tileImages < images && fits(2 * tileImages, tileRows) && roomOf(2 * tileImages, tileRows) <= mostTiles
  const isEnough = () => workgroups(tileRows, 2 * tileImages) >= wantedWorkgroups || countOf(tileImages, tileRows) < fewestTiles
  while (more() && isEnough()) tileImages *= 2
  const blocks = Math.ceil(p.output[1] / p.group / 4)
  const ofAllOutputs = workgroups(tileRows, tileImages) * p.group
  const chunks = Math.min(blocks, Math.max(1, Math.round(wantedWorkgroups / ofAllOutputs)))
  const tileBlocks = Math.ceil(blocks / chunks)
  const packedBlock = points * channels * 4
  const packed = scratch('transformed weights', [candidates * p.group * blocks, packedBlock])
  const rowTiles = Math.ceil(tilesY / tileRows)
  const room = roomOf(tileImages, tileRows)
  const params = { u32: tileParams(p, epilogue, 0, [pitch, rowTiles, tileRows, tileImages, room, packedBlock, tileBlocks]) }
  const { bias, residual, mask, lists } = epilogue
  const words = Math.min(mostOf(tileRows), 2 ** Math.ceil(Math.log2(Math.max(2048, wordsOf(room)))))
  const ofSize: Record<string, number> =
    size === 4 ? { stagedWords: stagedOf(tileRows), whole: p.grid[1] % 4 === 0 ? 1 : 0 } : { aligned: tilesX % 4 === 0 ? 1 : 0 }
  return [
    {
      shader: weights,
      constants: { listed: lists ? 1 : 0 },
      operands: [undefined, w, undefined, undefined, undefined, packed, lists],
      params,
      workgroups: [blocks, p.group, candidates],
    },
    {
      shader: convolution,
      constants: { ...epilogueConstants(epilogue), words, ...ofSize },
      operands: [x, packed, bias, residual, mask, y, lists],
      params,
      workgroups: [rowTiles * Math.ceil(images / tileImages), p.group * Math.ceil(blocks / tileBlocks), candidates],
    },
  ]
}
