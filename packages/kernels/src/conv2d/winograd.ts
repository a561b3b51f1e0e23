/** 3 x 3 convolutions of stride 1 on CPUs by Winograd's minimal filtering (winograd.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type Epilogue, epilogueConstants, tileParams } from './tile.js'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
import winogradCode from './winograd.wgsl'
import tilesCode from './winograd-tiles.wgsl'
import weightsCode from './winograd-weights.wgsl'

const access = ['read', 'read', 'read', 'read', 'read', 'write', 'read'] as const
const winograd: Shader = { name: 'conv2d-winograd', code: paramsCode + tilesCode + winogradCode, access }
const weights: Shader = { name: 'conv2d-winograd-weights', code: paramsCode + weightsCode, access }

/** Words of transformed tiles: beyond these they leave the caches of a core. */
const mostWords = 131072
const wantedWorkgroups = 16
/** Below so many channels or outputs the transforms cost more than multiplications are spared. */
const fewestChannels = 16

/** Whether the kernel computes the problem, and is worth its while. */
export function isForWinograd(p: TileProblem, target: Target, fewest = fewestChannels): boolean {
  const all = (pair: readonly [number, number], value: number) => pair.every((each) => each === value)
  const shape = all(p.taps, 3) && all(p.tapStep, 1) && all(p.inStep, 1) && all(p.outStep, 1) && all(p.outFirst, 0)
  const even = p.grid.every((each) => each % 2 === 0) && p.output[2] === p.grid[0] && p.output[3] === p.grid[1]
  const wide = Math.min(p.input[1], p.output[1]) / p.group >= fewest
  return target.kind === 'cpu' && shape && even && wide && !target.refused?.has(winograd.name)
}

/** The weights' transform, then the convolution; undefined where not even 8 tiles of all channels fit. */
export function winogradConv(p: TileProblem, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, target: Target): Dispatch[] | undefined {
  const candidates = epilogue.lists?.shape[0] ?? 1
  const limit = Math.min(mostWords, (target.workgroupBytes ?? 16384) / 4 - 512)
  const channels = p.input[1] / p.group
  const mostTiles = Math.floor((limit / 16 - 16) / channels)
  if (mostTiles < 8) return undefined
  const [tilesY, tilesX] = [p.grid[0] / 2, p.grid[1] / 2]
  if (tilesX > mostTiles) return undefined
  const images = p.input[0] / candidates
  const workgroups = (rows: number, each: number) => candidates * Math.ceil(images / each) * Math.ceil(tilesY / rows)
  let tileRows = tilesY
  while (tileRows > 1 && tileRows * tilesX > Math.min(mostTiles, 64)) tileRows = Math.ceil(tileRows / 2)
  let tileImages = 1
  const more = () => tileRows === tilesY && 2 * tileImages <= images && 2 * tileImages * tilesY * tilesX <= Math.min(mostTiles, 64)
  while (more() && (workgroups(tileRows, 2 * tileImages) >= wantedWorkgroups || tileImages * tilesY * tilesX < 8)) tileImages *= 2
  const room = Math.ceil((tileImages * tileRows * tilesX) / 8) * 8
  if (room > mostTiles) return undefined
  const blocks = Math.ceil(p.output[1] / p.group / 4)
  const chunks = Math.min(blocks, Math.ceil(wantedWorkgroups / (workgroups(tileRows, tileImages) * p.group)))
  const tileBlocks = Math.ceil(blocks / chunks)
  const packedBlock = 16 * channels * 4
  const packed = scratch('transformed weights', [candidates * p.group * blocks, packedBlock])
  const rowTiles = Math.ceil(tilesY / tileRows)
  const params = { u32: tileParams(p, epilogue, 0, [0, rowTiles, tileRows, tileImages, room, packedBlock, tileBlocks]) }
  const { bias, residual, mask, lists } = epilogue
  const words = Math.min(limit, 2 ** Math.ceil(Math.log2(Math.max(2048, 16 * (channels * room + 16)))))
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
      constants: { ...epilogueConstants(epilogue), words, aligned: tilesX % 4 === 0 ? 1 : 0 },
      operands: [x, packed, bias, residual, mask, y, lists],
      params,
      workgroups: [rowTiles * Math.ceil(images / tileImages), p.group * Math.ceil(blocks / tileBlocks), candidates],
    },
  ]
}
