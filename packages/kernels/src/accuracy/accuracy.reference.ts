import type { NdArray } from '../operation.js'

/** New values of the counters: + 1 for each valid image whose class has the highest logit (the lowest index wins ties, a NaN in the row loses). */
export function countHits(logits: NdArray, labels: NdArray, accumulator: NdArray, valid?: NdArray): NdArray {
  const classes = logits.shape[1]
  const batch = labels.shape[0]
  const data = accumulator.data.map((hits, p) => {
    for (let b = 0; b < Math.min(batch, valid?.data[0] ?? batch); b++) {
      const row = logits.data.subarray((p * batch + b) * classes, (p * batch + b + 1) * classes)
      if (!row.some(Number.isNaN) && row.indexOf(Math.max(...row)) === labels.data[b]) hits++
    }
    return hits
  })
  return { shape: accumulator.shape, data }
}
