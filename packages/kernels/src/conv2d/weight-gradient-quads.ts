/** The weight gradient of dense convolutions on CPUs (weight-gradient-quads.wgsl): what a workgroup takes. */
import type { Dispatch, Shader, Target, Tensor } from '../operation.js'
import { scratch } from '../operation.js'
import { type ConvGeometry, geometryParams } from './geometry.js'
import quadsCode from './weight-gradient-quads.wgsl'
import sumCode from './weight-gradient-quads-sum.wgsl'

const quadsShader: Shader = { name: 'conv2d-weight-gradient-quads', code: quadsCode, access: ['read', 'read', 'write'] }
const sumShader: Shader = { name: 'conv2d-weight-gradient-quads-sum', code: sumCode, access: ['read', 'write'] }

/**
 * Vectors of 4 words in a tile, workgroups that keep some threads evenly busy, and words of all parts together. A tile of 640 KB leaves room for the rest in a
 * cache of 1 MB; the more channels it has, the fewer times dy is read.
 */
const mostVectors = 40960
const wantedWorkgroups = 16
const mostParts = 2 ** 21
/** Pairs of quads of a workgroup; the second where workgroups would be too few. */
const mostPairs = 24
const fewPairs = 8
/** Pixels below which a copy for every tap, and so one long loop, is worth its while. */
const fewPixels = 32

/** One dispatch for the parts, one that adds them; undefined where a row is too long for workgroup memory. */
export function quadsWeightGradient(g: ConvGeometry, x: Tensor, dy: Tensor, dw: Tensor, target: Target): Dispatch[] | undefined {
  const channels = g.c / g.group
  const area = g.kh * g.kw
  const limit = Math.min(mostVectors, Math.floor((target.workgroupBytes ?? 16384) / 16))
  const everyTap = area === 1 || g.oh * g.ow <= fewPixels
  const copies = g.kw * (everyTap ? g.kh : 1)
  const phases = everyTap ? 1 : g.strideH
  const phaseRowsOf = (rows: number) => (everyTap ? rows : rows + Math.floor(((g.kh - 1) * g.dilationH) / g.strideH))
  const vectorsOf = (quads: number, images: number, rows: number) => ({
    tile: copies * quads * images * phases * phaseRowsOf(rows) * g.ow + 4,
    gradients: images * rows * g.ow + 4,
  })
  const fits = (quads: number, images: number, rows: number) => {
    const { tile, gradients } = vectorsOf(quads, images, rows)
    return tile + gradients <= limit
  }
  const allPairs = Math.ceil(channels / 8)
  const balanced = (most: number) => Math.ceil(allPairs / Math.ceil(allPairs / most))
  let pairs = balanced(g.n * g.group >= wantedWorkgroups ? mostPairs : fewPairs)
  let tileRows = g.oh
  // Rows first, for their borders cost; then fewer channels.
  while (!fits(2 * pairs, 1, tileRows)) {
    if (tileRows > 8) tileRows = Math.ceil(tileRows / 2)
    else if (pairs > 1) pairs = balanced(pairs - 1)
    else if (tileRows > 1) tileRows = Math.ceil(tileRows / 2)
    else return undefined
  }
  const quads = 2 * pairs
  const chunks = Math.ceil(allPairs / pairs)
  const allQuads = chunks * quads
  const perPart = g.m * area * allQuads * 4
  const most = Math.max(1, Math.min(g.n, Math.floor(mostParts / perPart)))
  const imagesPerPart = Math.ceil(g.n / Math.min(most, Math.ceil(wantedWorkgroups / (chunks * g.group))))
  const parts = Math.ceil(g.n / imagesPerPart)
  let tileImages = 1
  while (tileRows === g.oh && 2 * tileImages <= imagesPerPart && fits(quads, 2 * tileImages, tileRows)) tileImages *= 2
  const { tile, gradients } = vectorsOf(quads, tileImages, tileRows)
  const partial = scratch('weight gradient parts', [parts, g.m, area, allQuads * 4])
  const phaseRows = phaseRowsOf(tileRows)
  const classOf = (vectors: number) => 2 ** Math.ceil(Math.log2(Math.max(256, vectors)))
  const both = classOf(tile) + classOf(gradients) <= limit ? [classOf(tile), classOf(gradients)] : [tile, gradients]
  const columns = Math.min(g.m, target.maxWorkgroupsPerDimension)
  return [
    {
      shader: quadsShader,
      constants: { stepX: g.strideW, everyTap: Number(everyTap), words: both[0], gradientWords: both[1] },
      operands: [x, dy, partial],
      params: { u32: [...geometryParams(g), quads, allQuads, imagesPerPart, tileImages, tileRows, phases * phaseRows, phaseRows] },
      workgroups: [chunks, g.group, parts],
    },
    {
      shader: sumShader,
      operands: [partial, dw],
      params: { u32: [parts, g.m, area, channels, allQuads * 4] },
      workgroups: [columns, Math.ceil(g.m / columns), 1],
    },
  ]
}

/** Whether it is worth its while: groups of a few channels are for other kernels. */
export const isForQuads = (g: ConvGeometry, target: Target): boolean =>
  target.kind === 'cpu' && !target.refused?.has(quadsShader.name) && (g.group === 1 || g.c / g.group >= 4)
