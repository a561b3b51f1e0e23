/** The weight gradient of 3 x 3 convolutions of stride 1 on CPUs by Winograd's F(4 x 4, 3 x 3) (weight-gradient-winograd-4x4.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type ConvGeometry, geometryParams } from './geometry.js'
import winogradCode from './weight-gradient-winograd-4x4.wgsl'
import sumCode from './weight-gradient-winograd-4x4-sum.wgsl'
import tilesCode from './winograd-4x4-tiles.wgsl'

const main: Shader = { name: 'conv2d-weight-gradient-winograd-4x4', code: tilesCode + winogradCode, access: ['read', 'read', 'write'] }
const sum: Shader = { name: 'conv2d-weight-gradient-winograd-4x4-sum', code: sumCode, access: ['read', 'write'] }

/** Vectors of 4 words in transformed tiles, workgroups that keep some threads evenly busy, and words of all parts together. */
const mostVectors = 32768
const wantedWorkgroups = 16
const mostParts = 2 ** 22
/** Tiles that pay for a part's sums. */
const fewestTiles = 16

/** Below so many channels or outputs the transforms cost more than multiplications are spared. */
const fewestChannels = 3

/** Whether it is worth its while: 36 multiplications for each tile, full or not, against the 16 of weight-gradient-winograd.wgsl for each of its smaller ones. */
export function isBest4x4Gradient(g: ConvGeometry): boolean {
  const tiles = (size: number) => Math.ceil(g.oh / size) * Math.ceil(g.ow / size)
  return Math.min(g.c, g.m) / g.group >= fewestChannels && 36 * tiles(4) <= 16 * tiles(2)
}

/** Whether the kernel computes the problem. */
export function isForWinograd4x4Gradient(g: ConvGeometry, target: Target): boolean {
  const plain = g.kh === 3 && g.kw === 3 && [g.strideH, g.strideW, g.dilationH, g.dilationW].every((each) => each === 1)
  return target.kind === 'cpu' && plain && g.padLeft >= 0 && !target.refused?.has(main.name)
}

/** One dispatch for the parts, one that adds and transforms them; undefined where a row of tiles is too long for workgroup memory. */
export function winograd4x4WeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] | undefined {
  const channels = g.c / g.group
  const most = Math.min(mostVectors, Math.floor((target.workgroupBytes ?? 16384) / 16)) - 64
  const [tilesY, tilesX] = [Math.ceil(g.oh / 4), Math.ceil(g.ow / 4)]
  const pitch = Math.max(g.padLeft + 4 * Math.ceil(g.w / 4), 4 * tilesX + 2)
  const roomOf = (images: number, rows: number) => images * rows * tilesX
  const stagedOf = (rows: number) => (4 * rows + 2) * pitch
  const fits = (quads: number, images: number, rows: number) => 36 * ((quads + 1) * roomOf(images, rows) + 4) + stagedOf(rows) <= most
  const allPairs = Math.ceil(channels / 8)
  let pairs = Math.min(allPairs, 8)
  let tileRows = tilesY
  // Some 16 tiles pay for the sums' way through memory; then more channels.
  while (!fits(2 * pairs, 1, tileRows)) {
    if (tileRows > 1 && Math.ceil(tileRows / 2) * tilesX >= 16) tileRows = Math.ceil(tileRows / 2)
    else if (pairs > 1) pairs = Math.ceil(pairs / 2)
    else if (tileRows > 1) tileRows = Math.ceil(tileRows / 2)
    else return undefined
  }
  const perPart = (chunks: number) => g.m * 36 * chunks * 2 * pairs * 4
  const chunks = Math.ceil(allPairs / pairs)
  const mostAtOnce = Math.max(1, Math.min(g.n, Math.floor(mostParts / perPart(chunks))))
  const wanted = Math.ceil(g.n / Math.min(mostAtOnce, Math.ceil(wantedWorkgroups / (chunks * g.group))))
  const imagesPerPart = Math.min(g.n, Math.max(wanted, Math.ceil(fewestTiles / (tilesY * tilesX))))
  const parts = Math.ceil(g.n / imagesPerPart)
  let tileImages = 1
  while (tileRows === tilesY && 2 * tileImages <= imagesPerPart && fits(2 * pairs, 2 * tileImages, tileRows)) tileImages *= 2
  const quads = 2 * pairs
  const allQuads = chunks * quads
  const room = roomOf(tileImages, tileRows)
  const partial = scratch('transformed weight gradient parts', [parts, g.m, 36, allQuads * 4])
  const columns = Math.min(g.m, target.maxWorkgroupsPerDimension)
  const classOf = (vectors: number) => 2 ** Math.ceil(Math.log2(Math.max(256, vectors)))
  const exact = [36 * (quads * room + 4), 36 * room, stagedOf(tileRows)]
  const classes = exact.map(classOf)
  const [words, gradientWords, stagedWords] =
    classes.reduce((total, each) => total + each, 36) <= Math.floor((target.workgroupBytes ?? 16384) / 16) ? classes : exact
  return [
    {
      shader: main,
      constants: { words, gradientWords, stagedWords },
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
