/** Dense convolution on CPUs (rows.wgsl): what a workgroup takes, and the packed weights it reads. */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import packCode from './pack-weights.wgsl'
import rowsCode from './rows.wgsl'
import { type Epilogue, epilogueConstants, tileParams } from './tile.js'
import paramsCode from './tile-params.wgsl'
import type { TileProblem } from './tile-problem.js'
import { winogradConv, winogradSize } from './winograd.js'

const rows: Shader = { name: 'conv2d-rows', code: paramsCode + rowsCode, access: ['read', 'read', 'read', 'read', 'read', 'write', 'read'] }
const pack: Shader = { name: 'conv2d-pack', code: paramsCode + packCode, access: rows.access }

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to

/** Words of a tile: the longer the runs that are copied of each channel, the better memory is streamed, and 640 KB leave room for the rest in a cache of 1 MB. */
const mostWords = 163840
/** Words of a tile where larger ones would leave too few workgroups. */
const fewWords = 32768
/** Words of a line of all channels, where pixels can be seen as lines. */
const rowWords = 40960
/** Workgroups that keep some threads evenly busy. */
const wantedWorkgroups = 16

interface Tiling {
  readonly grid: readonly [number, number]
  readonly x: readonly [number, number]
  readonly y: readonly [number, number]
  /** A lane is an image; a vector pairs with that of the next row. */
  readonly byImages: boolean
  readonly pairs: boolean
  readonly width: number
  readonly inRows: number
  readonly tileRows: number
  readonly tileImages: number
  readonly tileBlocks: number
  readonly words: number
}

/** An image as rows of other lengths where taps do not care: 1 x 1 convolutions see pixels in a line. */
function asLines(p: TileProblem, mostColumns: number): [number, number] | undefined {
  const same = (pair: readonly [number, number], value: number) => pair.every((each) => each === value)
  const plain = same(p.taps, 1) && same(p.inStep, 1) && same(p.outStep, 1) && same(p.before, 0) && same(p.outFirst, 0)
  const pixels = p.grid[0] * p.grid[1]
  if (!plain || pixels !== p.input[2] * p.input[3] || pixels !== p.output[2] * p.output[3]) return undefined
  for (let columns = Math.min(pixels, roundUp(mostColumns, 8)); columns >= 8; columns--)
    if (pixels % columns === 0 && columns % 8 === 0) return [pixels / columns, columns]
  return undefined
}

/** How the problem falls into workgroups; undefined where not even one row fits. */
function tilingOf(p: TileProblem, target: Target, candidates: number): Tiling | undefined {
  const limit = Math.min(mostWords, (target.workgroupBytes ?? 16384) / 4)
  const channels = p.input[1] / p.group
  const lines = asLines(p, Math.max(8, Math.min(256, Math.floor(rowWords / channels / 8) * 8)))
  const grid = lines ?? p.grid
  const images = p.input[0] / candidates
  const byImages = grid[1] < 3 && images >= 4
  const pairs = !byImages && grid[1] <= 4 && grid[0] > 1
  const reach = Math.floor((Math.max(0, p.taps[1] - 1) * p.tapStep[1]) / p.inStep[1])
  // Lines of all channels whose distance is a power of two would share a few sets of the first cache.
  const padding = grid[1] % 128 === 0 ? 16 : 0
  const width = byImages ? grid[1] + reach : roundUp(grid[1], pairs ? 4 : 8) + roundUp(reach, 4) + padding
  const perRow = channels * p.inStep[1] * width * (byImages ? 8 : 1)
  const rowsOf = (gridRows: number) => (gridRows - 1) * p.inStep[0] + Math.max(0, p.taps[0] - 1) * p.tapStep[0] + 1
  const fits = (gridRows: number, tileImages: number, most: number) => rowsOf(gridRows) * perRow * (byImages ? 1 : tileImages) + 16 <= most
  let tileRows = pairs ? roundUp(grid[0], 2) : grid[0]
  const least = pairs ? 2 : 1
  const workgroups = (rows: number, each: number) => candidates * Math.ceil(images / each) * Math.ceil(grid[0] / rows)
  const mostOf = (rows: number) => (workgroups(rows, byImages ? 8 : 1) < wantedWorkgroups ? Math.min(limit, fewWords) : limit)
  while (tileRows > least && !fits(tileRows, 1, mostOf(tileRows))) tileRows = pairs ? roundUp(tileRows / 2, 2) : Math.ceil(tileRows / 2)
  if (!fits(tileRows, 1, limit)) return undefined
  let tileImages = byImages ? 8 : 1
  if (!byImages && tileRows >= grid[0])
    while (2 * tileImages <= images && fits(tileRows, 2 * tileImages, limit) && workgroups(tileRows, 2 * tileImages) >= wantedWorkgroups)
      tileImages *= 2
  const blocks = Math.ceil(p.output[1] / p.group / 4)
  const chunks = Math.min(blocks, Math.ceil(wantedWorkgroups / (workgroups(tileRows, tileImages) * p.group)))
  const used = rowsOf(tileRows) * perRow * (byImages ? 1 : tileImages) + 16
  const words = Math.min(limit, 2 ** Math.ceil(Math.log2(Math.max(2048, used))))
  return {
    grid,
    x: lines ?? [p.input[2], p.input[3]],
    y: lines ?? [p.output[2], p.output[3]],
    byImages,
    pairs,
    width,
    inRows: rowsOf(tileRows),
    tileRows,
    tileImages,
    tileBlocks: Math.ceil(blocks / chunks),
    words,
  }
}

/** The weights in packed order, then the convolution; undefined where a row of all channels is too long for workgroup memory. */
export function rowsConv(p: TileProblem, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, target: Target): Dispatch[] | undefined {
  const candidates = epilogue.lists?.shape[0] ?? 1
  const tiling = tilingOf(p, target, candidates)
  if (!tiling) return undefined
  const { inRows, tileRows, tileImages, width, tileBlocks, words } = tiling
  const blocks = Math.ceil(p.output[1] / p.group / 4)
  const packedBlock = 4 * (p.input[1] / p.group) * p.taps[0] * p.taps[1]
  const packed = scratch('packed weights', [candidates * p.group * blocks, Math.max(1, packedBlock)])
  const seen: TileProblem = {
    ...p,
    input: [p.input[0], p.input[1], ...tiling.x],
    output: [p.output[0], p.output[1], ...tiling.y],
    grid: tiling.grid,
  }
  const rowTiles = Math.ceil(tiling.grid[0] / tileRows)
  const params = { u32: tileParams(seen, epilogue, 0, [inRows, rowTiles, tileRows, tileImages, width, packedBlock, tileBlocks]) }
  const { bias, residual, mask, lists } = epilogue
  const images = p.input[0] / candidates
  const listed = lists ? 1 : 0
  return [
    {
      shader: pack,
      constants: { listed },
      operands: [undefined, w, undefined, undefined, undefined, packed, lists],
      params,
      workgroups: [blocks, p.group, candidates],
    },
    {
      shader: rows,
      constants: {
        ...epilogueConstants(epilogue),
        words,
        stepX: p.inStep[1],
        outStepX: p.outStep[1],
        byImages: Number(tiling.byImages),
        pairs: Number(tiling.pairs),
      },
      operands: [x, packed, bias, residual, mask, y, lists],
      params,
      workgroups: [rowTiles * Math.ceil(images / tileImages), p.group * Math.ceil(blocks / tileBlocks), candidates],
    },
  ]
}

/** Whether it is worth its while: groups of a few channels are for other kernels. */
const isForRows = (p: TileProblem, target: Target): boolean =>
  target.kind === 'cpu' && !target.refused?.has(rows.name) && (p.group === 1 || p.input[1] / p.group >= 4)

/** The kernels for CPUs where they are worth their while; undefined elsewhere. */
export function cpuConv(p: TileProblem, x: Tensor, w: Tensor, y: Tensor, epilogue: Epilogue, target: Target): Dispatch[] | undefined {
  const size = winogradSize(p, p.input[0] / (epilogue.lists?.shape[0] ?? 1), target)
  const found = size && winogradConv(p, x, w, y, epilogue, target, size)
  return found ?? (isForRows(p, target) ? rowsConv(p, x, w, y, epilogue, target) : undefined)
}
