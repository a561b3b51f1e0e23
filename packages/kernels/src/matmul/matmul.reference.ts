import { broadcastTo } from '../layout/layout.reference.js'
import { elements, type NdArray } from '../operation.js'
import type { GemmGeometry, ProductGeometry } from './geometry.js'

/** Y [M, N] = alpha * A' B' + beta * C with C broadcast. */
export function gemmReference(g: GemmGeometry, a: NdArray, b: NdArray, c?: NdArray): NdArray {
  const y = new Float64Array(g.m * g.n)
  for (let i = 0; i < g.m; i++) {
    for (let j = 0; j < g.n; j++) {
      let sum = 0
      for (let k = 0; k < g.k; k++) sum += a.data[i * g.aRow + k * g.aColumn] * b.data[k * g.bRow + j * g.bColumn]
      y[i * g.n + j] = g.alpha * sum + (c ? g.beta * c.data[i * g.cRow + j * g.cColumn] : 0)
    }
  }
  return { shape: [g.m, g.n], data: y }
}

/** Y[b] = A[b] B[b] over broadcast leading dimensions. */
export function productReference({ m, n, k, batch, y }: ProductGeometry, a: NdArray, b: NdArray): NdArray {
  const [p, q] = [broadcastTo(a, [...batch, m, k]).data, broadcastTo(b, [...batch, k, n]).data]
  const data = new Float64Array(elements(y))
  for (let at = 0; at < elements(batch); at++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        for (let r = 0; r < k; r++) data[(at * m + i) * n + j] += p[(at * m + i) * k + r] * q[(at * k + r) * n + j]
      }
    }
  }
  return { shape: y, data }
}
