import type { NdArray } from '../operation.js'

/** New values of the counters: + 1 for each valid image whose class is among the k of highest logits (the lowest index wins ties, a NaN in the row loses). */
export function countHits(k: number, logits: NdArray, labels: NdArray, accumulator: NdArray, valid?: NdArray): NdArray {
  const classes = logits.shape[1]
  const batch = labels.shape[0]
  const data = accumulator.data.map((hits, p) => {
    for (let b = 0; b < Math.min(batch, valid?.data[0] ?? batch); b++) {
      const row = logits.data.subarray((p * batch + b) * classes, (p * batch + b + 1) * classes)
      const label = labels.data[b]
      const before = row.filter((value, i) => value > row[label] || (value === row[label] && i < label)).length
      if (label < classes && !row.some(Number.isNaN) && before < k) hits++
    }
    return hits
  })
  return { shape: accumulator.shape, data }
}
