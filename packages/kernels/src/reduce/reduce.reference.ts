/** Sums over dimensions in float64. */
import { eachCoordinate, indexOf } from '../layout/layout.reference.js'
import { elements, type NdArray, type Shape } from '../operation.js'

/** factor x (sum of x over the dimensions where `kept`, of x's rank or less, is 1). */
export function sumOver(x: NdArray, kept: Shape, factor: number): NdArray {
  const data = new Float64Array(elements(kept))
  const leading = x.shape.length - kept.length
  eachCoordinate(x.shape, (coordinate, index) => {
    data[
      indexOf(
        kept,
        kept.map((dimension, axis) => (dimension === 1 ? 0 : coordinate[axis + leading])),
      )
    ] += factor * x.data[index]
  })
  return { shape: kept, data }
}
