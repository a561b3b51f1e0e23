/** 3 x 3 convolutions of stride 1 of many images on CPUs by Winograd's F(4 x 4, 3 x 3) (winograd-4x4.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type Epilogue, epilogueConstants, tileParams } from './tile.js'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
import winogradCode from './winograd-4x4.wgsl'
import tilesCode from './winograd-4x4-tiles.wgsl'
import weightsCode from './winograd-4x4-weights.wgsl'

const access = ['read', 'read', 'read', 'read', 'read', 'write', 'read'] as const
const winograd: Shader = { name: 'conv2d-winograd-4x4', code: paramsCode + tilesCode + winogradCode, access }
const weights: Shader = { name: 'conv2d-winograd-4x4-weights', code: paramsCode + weightsCode, access }

/** Words of transformed tiles: beyond these they leave the caches of a core. */
const mostWords = 163840
const wantedWorkgroups = 16

/** Below so many channels or outputs the transforms cost more than multiplications are spared. */
const fewestChannels = 3

/**
 * Whether it is worth its while: 36 multiplications for each tile of four images, full or not, against winograd.wgsl's 16 for each of its four times as many.
 * Grids of one tile have too few (tile, image) for each weight that is read (measured: 4 x 4 of 128 channels takes 1.3 times as long).
 */
export function isBest4x4(p: TileProblem, images: number): boolean {
  const tiles = (size: number) => p.grid.reduce((product, each) => product * Math.ceil(each / size), 1)
  const wide = p.input[1] / p.group >= fewestChannels && p.output[1] / p.group >= 4
  return wide && tiles(4) > 1 && 36 * tiles(4) * 4 * Math.ceil(images / 4) <= 16 * tiles(2) * images
}

/** Whether the kernel computes the problem. */
export function isForWinograd4x4(p: TileProblem, target: Target): boolean {
  const all = (pair: readonly [number, number], value: number) => pair.every((each) => each === value)
  const shape = all(p.taps, 3) && all(p.tapStep, 1) && all(p.inStep, 1) && all(p.outStep, 1) && all(p.outFirst, 0)
  const covered = p.output[2] === p.grid[0] && p.output[3] === p.grid[1] && p.before[1] >= 0
  return target.kind === 'cpu' && shape && covered && !target.refused?.has(winograd.name)
}

/** The weights' transform, then the convolution; undefined where not even two tiles of all channels fit. */
export function winograd4x4Conv(
  p: TileProblem,
  x: Tensor,
  w: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  target: Target,
): Dispatch[] | undefined {
  const candidates = epilogue.lists?.shape[0] ?? 1
  const channels = p.input[1] / p.group
  const [tilesY, tilesX] = [Math.ceil(p.grid[0] / 4), Math.ceil(p.grid[1] / 4)]
  const pitch = Math.max(p.before[1] + 4 * Math.ceil(p.input[3] / 4), 4 * tilesX + 2)
  const limit = Math.min(mostWords, (target.workgroupBytes ?? 16384) / 4 - 1152 - 64 - 144)
  const roomOf = (images: number, rows: number) => 8 * Math.ceil((Math.ceil(images / 4) * rows * tilesX) / 2)
  const wordsOf = (room: number) => 36 * (channels * room + 16)
  const stagedOf = (rows: number) => 2 ** Math.ceil(Math.log2((4 * rows + 2) * pitch))
  const fits = (images: number, rows: number) => wordsOf(roomOf(images, rows)) + 4 * stagedOf(rows) <= limit
  const images = p.input[0] / candidates
  const workgroups = (rows: number, each: number) => candidates * Math.ceil(images / each) * Math.ceil(tilesY / rows)
  let tileRows = tilesY
  const isTooMuch = (rows: number) => !fits(4, rows) || roomOf(4, rows) > 64 || workgroups(rows, 4) < wantedWorkgroups
  while (tileRows > 1 && isTooMuch(tileRows)) tileRows = Math.ceil(tileRows / 2)
  if (!fits(4, tileRows)) return undefined
  let tileImages = 4
  const more = () => tileRows === tilesY && tileImages < images && fits(2 * tileImages, tileRows) && roomOf(2 * tileImages, tileRows) <= 64
  while (more() && (workgroups(tileRows, 2 * tileImages) >= wantedWorkgroups || roomOf(tileImages, tileRows) < 16)) tileImages *= 2
  const blocks = Math.ceil(p.output[1] / p.group / 4)
  const chunks = Math.min(blocks, Math.max(1, Math.round(wantedWorkgroups / (workgroups(tileRows, tileImages) * p.group))))
  const tileBlocks = Math.ceil(blocks / chunks)
  const packedBlock = 36 * channels * 4
  const packed = scratch('transformed weights', [candidates * p.group * blocks, packedBlock])
  const rowTiles = Math.ceil(tilesY / tileRows)
  const room = roomOf(tileImages, tileRows)
  const params = { u32: tileParams(p, epilogue, 0, [pitch, rowTiles, tileRows, tileImages, room, packedBlock, tileBlocks]) }
  const { bias, residual, mask, lists } = epilogue
  const words = Math.min(limit - 4 * stagedOf(tileRows), 2 ** Math.ceil(Math.log2(Math.max(2048, wordsOf(room)))))
  return [
    {
      shader: weights,
      constants: { listed: lists ? 1 : 0 },
      operands: [undefined, w, undefined, undefined, undefined, packed, lists],
      params,
      workgroups: [blocks, p.group, candidates],
    },
    {
      shader: winograd,
      constants: { ...epilogueConstants(epilogue), words, stagedWords: stagedOf(tileRows), whole: p.grid[1] % 4 === 0 ? 1 : 0 },
      operands: [x, packed, bias, residual, mask, y, lists],
      params,
      workgroups: [rowTiles * Math.ceil(images / tileImages), p.group * Math.ceil(blocks / tileBlocks), candidates],
    },
  ]
}
