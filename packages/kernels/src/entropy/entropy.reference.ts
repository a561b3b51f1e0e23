import type { NdArray } from '../operation.js'

export type Definition = 'aura' | 'aura-matrix'

const entropyOf = (counts: Map<number, number>, all: number) => {
  let sum = 0
  for (const count of counts.values()) sum -= (count / all) * Math.log(count / all)
  return sum
}

/**
 * Spatial entropy, in nats, of every map of x [N, C, H, W] after per-map min-max quantisation to `levels` levels:
 * - `aura`: mean over the offsets up, down, left, right of the relative joint entropy (H(k,l) - H(0)) / H(0), cut to [0, 1]
 *   (Volden, Giraudon and Berthod 1995; Razlighi and Kehtarnavaz 2009). Opposite offsets have transposed counts, so right and down do.
 * - `aura-matrix`: entropy of the normalised symmetric 4-neighbour co-occurrence matrix (Elfadel and Picard 1994).
 * A constant map has 0; a map with NaN or infinity has NaN. Offsets without any pair (H or W of 1) do not count.
 */
export function spatialEntropies(x: NdArray, levels: number, definition: Definition): NdArray {
  const [images, channels, height, width] = x.shape
  const size = height * width
  const data = new Float64Array(images * channels)
  for (let m = 0; m < data.length; m++) data[m] = mapEntropy(x.data.subarray(m * size, (m + 1) * size), height, width, levels, definition)
  return { shape: [images, channels], data }
}

function mapEntropy(map: Float64Array, height: number, width: number, levels: number, definition: Definition): number {
  if (!map.every(Number.isFinite)) return Number.NaN
  const low = Math.min(...map)
  const high = Math.max(...map)
  if (low === high) return 0
  // Quantised in float32, as the shader does: a value on the edge of two levels must fall on the same side.
  const scale = Math.fround(levels / Math.fround(high - low))
  const level = Array.from(map, (value) => Math.min(levels - 1, Math.floor(Math.fround(Math.fround(value - low) * scale))))
  const count = (counts: Map<number, number>, key: number) => counts.set(key, (counts.get(key) ?? 0) + 1)
  const pairs = [
    { dy: 0, dx: 1, counts: new Map<number, number>(), all: height * (width - 1) },
    { dy: 1, dx: 0, counts: new Map<number, number>(), all: (height - 1) * width },
  ]
  const both = new Map<number, number>()
  for (const { dy, dx, counts } of pairs) {
    for (let v = 0; v + dy < height; v++) {
      for (let u = 0; u + dx < width; u++) {
        const [a, b] = [level[v * width + u], level[(v + dy) * width + u + dx]]
        count(counts, a * levels + b)
        count(both, a * levels + b)
        count(both, b * levels + a)
      }
    }
  }
  if (definition === 'aura-matrix') return entropyOf(both, 2 * (pairs[0].all + pairs[1].all))
  const own = entropyOf(
    level.reduce((counts, key) => count(counts, key), new Map<number, number>()),
    level.length,
  )
  const relative = pairs
    .filter(({ all }) => all > 0)
    .map(({ counts, all }) => Math.min(1, Math.max(0, (entropyOf(counts, all) - own) / own)))
  return relative.reduce((a, b) => a + b, 0) / relative.length
}
