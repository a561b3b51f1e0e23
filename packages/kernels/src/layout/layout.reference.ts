/** Tensors rearranged in plain loops. */
import { elements, type NdArray, type Shape } from '../operation.js'

/** Visits every coordinate of a shape in row-major order. */
export function eachCoordinate(shape: Shape, visit: (coordinate: readonly number[], index: number) => void): void {
  const coordinate = shape.map(() => 0)
  for (let index = 0; index < elements(shape); index++) {
    visit(coordinate, index)
    for (let axis = shape.length - 1; axis >= 0 && ++coordinate[axis] === shape[axis]; axis--) coordinate[axis] = 0
  }
}

export function indexOf(shape: Shape, coordinate: readonly number[]): number {
  return coordinate.reduce((index, at, axis) => index * shape[axis] + at, 0)
}

/** y[c] = x[source(c)], or `value` where there is no source. */
export function gather(
  x: NdArray,
  shape: Shape,
  source: (coordinate: readonly number[]) => readonly number[] | undefined,
  value = 0,
): NdArray {
  const data = new Float64Array(elements(shape))
  eachCoordinate(shape, (coordinate, index) => {
    const at = source(coordinate)
    data[index] = at ? x.data[indexOf(x.shape, at)] : value
  })
  return { shape, data }
}

/** x repeated along its dimensions of size 1 (and missing leading ones). */
export function broadcastTo(x: NdArray, shape: Shape): NdArray {
  return gather(x, shape, (coordinate) =>
    x.shape.map((dimension, axis) => (dimension === 1 ? 0 : coordinate[axis + shape.length - x.shape.length])),
  )
}
