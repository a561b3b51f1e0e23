import type { NdArray } from '../operation.js'
import type { GemmGeometry } from './matmul.js'

/** Y [batches, M, N] = alpha * A' B' + beta * C with C broadcast; the dimensions of Y are the caller's. */
export function gemmReference(g: GemmGeometry, a: NdArray, b: NdArray, c?: NdArray): NdArray {
  const y = new Float64Array(g.batches * g.m * g.n)
  for (let batch = 0; batch < g.batches; batch++) {
    for (let i = 0; i < g.m; i++) {
      for (let j = 0; j < g.n; j++) {
        let sum = 0
        for (let k = 0; k < g.k; k++)
          sum += a.data[batch * g.aBatch + i * g.aRow + k * g.aColumn] * b.data[batch * g.bBatch + k * g.bRow + j * g.bColumn]
        y[(batch * g.m + i) * g.n + j] = g.alpha * sum + (c ? g.beta * c.data[i * g.cRow + j * g.cColumn] : 0)
      }
    }
  }
  return { shape: [g.m, g.n], data: y }
}
