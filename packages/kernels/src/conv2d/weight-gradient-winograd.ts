/** The weight gradient of 3 x 3 convolutions of stride 1 on CPUs by Winograd's filtering (weight-gradient-winograd.wgsl). */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type ConvGeometry, geometryParams } from './geometry.js'
import winogradCode from './weight-gradient-winograd.wgsl'
import sumCode from './weight-gradient-winograd-sum.wgsl'
import tilesCode from './winograd-tiles.wgsl'

const main: Shader = { name: 'conv2d-weight-gradient-winograd', code: tilesCode + winogradCode, access: ['read', 'read', 'write'] }
const sum: Shader = { name: 'conv2d-weight-gradient-winograd-sum', code: sumCode, access: ['read', 'write'] }

/** Vectors of 4 words in transformed tiles, workgroups that keep some threads evenly busy, and words of all parts together. */
const mostVectors = 24576
const wantedWorkgroups = 16
const mostParts = 2 ** 22
/** Below so many channels or outputs the transforms cost more than multiplications are spared. */
const fewestChannels = 16

export function isForWinogradGradient(g: ConvGeometry, target: Target, fewest = fewestChannels): boolean {
  const plain = g.kh === 3 && g.kw === 3 && [g.strideH, g.strideW, g.dilationH, g.dilationW].every((each) => each === 1)
  const wide = Math.min(g.c, g.m) / g.group >= fewest && g.m / g.group >= 4
  return target.kind === 'cpu' && plain && wide && g.oh % 2 === 0 && g.ow % 2 === 0 && !target.refused?.has(main.name)
}

/** One dispatch for the parts, one that adds and transforms them; undefined where a row of tiles is too long for workgroup memory. */
export function winogradWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] | undefined {
  const channels = g.c / g.group
  const limit = Math.min(mostVectors, Math.floor((target.workgroupBytes ?? 16384) / 16))
  const [tilesY, tilesX] = [g.oh / 2, g.ow / 2]
  const roomOf = (images: number, rows: number) => Math.ceil((images * rows * tilesX) / 4) * 4
  const stagingOf = (quads: number) => 16 * (16 * quads + 16)
  const fits = (quads: number, images: number, rows: number) =>
    16 * ((quads + 1) * roomOf(images, rows) + 4) + stagingOf(quads) / 4 <= limit
  const allPairs = Math.ceil(channels / 8)
  let pairs = Math.min(allPairs, 8)
  let tileRows = tilesY
  // Some 32 tiles pay for the sums' way through memory; then more channels.
  while (!fits(2 * pairs, 1, tileRows)) {
    if (tileRows > 1 && Math.ceil(tileRows / 2) * tilesX >= 32) tileRows = Math.ceil(tileRows / 2)
    else if (pairs > 1) pairs = Math.ceil(pairs / 2)
    else if (tileRows > 1) tileRows = Math.ceil(tileRows / 2)
    else return undefined
  }
  const perPart = (chunks: number) => g.m * 16 * chunks * 2 * pairs * 4
  const chunks = Math.ceil(allPairs / pairs)
  const most = Math.max(1, Math.min(g.n, Math.floor(mostParts / perPart(chunks))))
  const imagesPerPart = Math.ceil(g.n / Math.min(most, Math.ceil(wantedWorkgroups / (chunks * g.group))))
  const parts = Math.ceil(g.n / imagesPerPart)
  let tileImages = 1
  while (tileRows === tilesY && 2 * tileImages <= imagesPerPart && fits(2 * pairs, 2 * tileImages, tileRows)) tileImages *= 2
  const quads = 2 * pairs
  const allQuads = chunks * quads
  const room = roomOf(tileImages, tileRows)
  const partial = scratch('transformed weight gradient parts', [parts, g.m, 16, allQuads * 4])
  const columns = Math.min(g.m, target.maxWorkgroupsPerDimension)
  const classOf = (vectors: number) => 2 ** Math.ceil(Math.log2(Math.max(256, vectors)))
  const exact = [16 * (quads * room + 4), 16 * room]
  const [words, gradientWords] =
    classOf(exact[0]) + classOf(exact[1]) + stagingOf(quads) / 4 <= Math.floor((target.workgroupBytes ?? 16384) / 16)
      ? exact.map(classOf)
      : exact
  return [
    {
      shader: main,
      constants: { aligned: tilesX % 4 === 0 ? 1 : 0, words, gradientWords, stagingWords: stagingOf(quads) },
      operands: [x, dy, partial],
      params: { u32: [...geometryParams(g), quads, allQuads, imagesPerPart, tileImages, tileRows, room] },
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
