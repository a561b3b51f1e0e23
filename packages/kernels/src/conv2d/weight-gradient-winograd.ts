/** The weight gradient of 3 x 3 convolutions of stride 1 on CPUs by Winograd's minimal filtering (weight-gradient-winograd.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type ConvGeometry, geometryParams } from './geometry.js'
import mainCode from './weight-gradient-winograd.wgsl'
import sumCode from './weight-gradient-winograd-sum.wgsl'
import type { TileSize } from './winograd.js'
import twoCode from './winograd-2x2-gradient.wgsl'
import twoSumCode from './winograd-2x2-sum.wgsl'
import fourCode from './winograd-4x4-gradient.wgsl'
import fourSumCode from './winograd-4x4-sum.wgsl'
import fourTilesCode from './winograd-4x4-tiles.wgsl'
import stageCode from './winograd-stage.wgsl'

const mainShader = (size: string, code: string): Shader => ({
  name: `conv2d-weight-gradient-winograd-${size}`,
  code: stageCode + code + mainCode,
  access: ['read', 'read', 'write'],
})
const sumShader = (size: string, code: string): Shader => ({
  name: `conv2d-weight-gradient-winograd-${size}-sum`,
  code: code + sumCode,
  access: ['read', 'write'],
})
const kernels = {
  2: { main: mainShader('2x2', twoCode), sum: sumShader('2x2', twoSumCode) },
  4: { main: mainShader('4x4', fourTilesCode + fourCode), sum: sumShader('4x4', fourSumCode) },
} as const

/** Vectors of 4 words in transformed tiles, workgroups that keep some threads evenly busy, and words of all parts together. */
const mostVectors = 32768
const wantedWorkgroups = 16
const mostParts = 2 ** 22
/** Tiles that pay for the sums' way through memory. */
const fewestTiles = 16
/** Below so many channels or outputs the transforms cost more than multiplications are spared. */
const fewestChannels = 3

/** Whether the kernels compute the problem. */
export function isForWinogradGradient(g: ConvGeometry, target: Target, size: TileSize): boolean {
  const plain = g.kh === 3 && g.kw === 3 && [g.strideH, g.strideW, g.dilationH, g.dilationW].every((each) => each === 1)
  return target.kind === 'cpu' && plain && g.padLeft >= 0 && !target.refused?.has(kernels[size].main.name)
}

/** The size of the tiles that multiply least, where it is worth its while. */
export function winogradGradientSize(g: ConvGeometry, target: Target): TileSize | undefined {
  const cost = (size: TileSize) => (size + 2) ** 2 * Math.ceil(g.oh / size) * Math.ceil(g.ow / size)
  const wide = Math.min(g.c, g.m) / g.group >= fewestChannels
  const size = cost(4) <= cost(2) ? 4 : 2
  return wide && isForWinogradGradient(g, target, size) ? size : undefined
}

/** One dispatch for the parts, one that adds and transforms them; undefined where a row of tiles is too long for workgroup memory. */
export function winogradWeightGradient(
  g: ConvGeometry,
  x: Tensor,
  dy: Tensor,
  dw: Tensor,
  target: Target,
  size: TileSize,
): Dispatch[] | undefined {
  const { main, sum } = kernels[size]
  const points = (size + 2) ** 2
  const channels = g.c / g.group
  const most = Math.min(mostVectors, Math.floor((target.workgroupBytes ?? 16384) / 16)) - 64
  const [tilesY, tilesX] = [Math.ceil(g.oh / size), Math.ceil(g.ow / size)]
  const pitch = Math.max(g.padLeft + 4 * Math.ceil(g.w / 4), 4 * Math.ceil(g.ow / 4), size * tilesX + 2)
  const roomOf = (images: number, rows: number) => images * rows * tilesX
  const stagedOf = (rows: number) => (size * rows + 2) * pitch
  const wordsOf = (quads: number, room: number) => points * ((quads + 1) * room + 4)
  const fits = (quads: number, images: number, rows: number) => wordsOf(quads, roomOf(images, rows)) + stagedOf(rows) <= most
  const allPairs = Math.ceil(channels / 8)
  let pairs = Math.min(allPairs, 8)
  let tileRows = tilesY
  while (!fits(2 * pairs, 1, tileRows)) {
    if (tileRows > 1 && Math.ceil(tileRows / 2) * tilesX >= fewestTiles) tileRows = Math.ceil(tileRows / 2)
    else if (pairs > 1) pairs = Math.ceil(pairs / 2)
    else if (tileRows > 1) tileRows = Math.ceil(tileRows / 2)
    else return undefined
  }
  const chunks = Math.ceil(allPairs / pairs)
  const quads = 2 * pairs
  const allQuads = chunks * quads
  const mostAtOnce = Math.max(1, Math.min(g.n, Math.floor(mostParts / (g.m * points * allQuads * 4))))
  const wanted = Math.ceil(g.n / Math.min(mostAtOnce, Math.ceil(wantedWorkgroups / (chunks * g.group))))
  const imagesPerPart = Math.min(g.n, Math.max(wanted, Math.ceil(fewestTiles / (tilesY * tilesX))))
  const parts = Math.ceil(g.n / imagesPerPart)
  let tileImages = 1
  while (tileRows === tilesY && 2 * tileImages <= imagesPerPart && fits(quads, 2 * tileImages, tileRows)) tileImages *= 2
  const room = roomOf(tileImages, tileRows)
  const partial = scratch('transformed weight gradient parts', [parts, g.m, points, allQuads * 4])
  const columns = Math.min(g.m, target.maxWorkgroupsPerDimension)
  const classOf = (vectors: number) => 2 ** Math.ceil(Math.log2(Math.max(256, vectors)))
  const exact = [wordsOf(quads, room), stagedOf(tileRows)]
  const classes = exact.map(classOf)
  const [words, stagedWords] = classes[0] + classes[1] + 64 <= Math.floor((target.workgroupBytes ?? 16384) / 16) ? classes : exact
  return [
    {
      shader: main,
      constants: { words, stagedWords },
      operands: [x, dy, partial],
      params: { u32: [...geometryParams(g), quads, allQuads, imagesPerPart, tileImages, tileRows, room, pitch] },
      workgroups: [chunks, g.group, parts],
    },
    {
      shader: sum,
      operands: [partial, dw],
      params: { u32: [parts, g.m, channels, allQuads * 4] },
      workgroups: [columns, Math.ceil(g.m / columns), 1],
    },
  ]
}
