/** Sums and other reductions over dimensions in float64. */
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

const sum = (values: readonly number[], f = (value: number) => value) => values.reduce((total, value) => total + f(value), 0)
const extremum = (pick: (a: number, b: number) => number) => (values: readonly number[]) => values.reduce((a, b) => pick(a, b))

/** log(sum of exp), shifted by the greatest where that is finite. */
function logSumExp(values: readonly number[]): number {
  const most = extremum(Math.max)(values)
  const shift = Number.isFinite(most) ? most : 0
  return shift + Math.log(sum(values, (value) => Math.exp(value - shift)))
}

export const reductions = {
  ReduceMax: extremum(Math.max),
  ReduceMin: extremum(Math.min),
  ReduceProd: (values) => values.reduce((a, b) => a * b),
  ReduceL1: (values) => sum(values, Math.abs),
  ReduceL2: (values) => Math.sqrt(sum(values, (value) => value * value)),
  ReduceSumSquare: (values) => sum(values, (value) => value * value),
  ReduceLogSum: (values) => Math.log(sum(values)),
  ReduceLogSumExp: logSumExp,
} as const satisfies Record<string, (values: readonly number[]) => number>

/** `reduce` over the dimensions where `kept`, of x's rank, is 1. */
export function reduceOver(x: NdArray, kept: Shape, reduce: (values: readonly number[]) => number): NdArray {
  const values = Array.from({ length: elements(kept) }, (): number[] => [])
  eachCoordinate(x.shape, (coordinate, index) => {
    values[
      indexOf(
        kept,
        coordinate.map((at, axis) => (kept[axis] === 1 ? 0 : at)),
      )
    ].push(x.data[index])
  })
  return { shape: kept, data: Float64Array.from(values, reduce) }
}
