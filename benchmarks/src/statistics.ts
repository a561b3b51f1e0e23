/** Order statistics of a few measurements. */

export interface Summary {
  readonly median: number
  /** First and third quartile (linear between order statistics). */
  readonly low: number
  readonly high: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** The q-th quantile, 0 <= q <= 1, linear between order statistics (type 7 of Hyndman and Fan 1996). */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('quantile: expected at least 1 value, found none')
  if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile: expected q in 0 .. 1, found ${q}`)
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}

export function summarise(values: readonly number[]): Summary {
  return {
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  }
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('mean: expected at least 1 value, found none')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Quotients round by round: what the machine did in a round, it did to both. */
export function paired(numerators: readonly number[], denominators: readonly number[]): number[] {
  if (numerators.length !== denominators.length)
    throw new RangeError(`paired: expected equal numbers of rounds, found ${numerators.length} and ${denominators.length}`)
  return numerators.map((value, i) => value / denominators[i])
}

/** Largest absolute difference, relative to the largest absolute value of the reference (at least 1). NaN where any is NaN. */
export function disagreement(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (values.length !== reference.length) throw new RangeError(`disagreement: expected ${reference.length} values, found ${values.length}`)
  let difference = 0
  let scale = 1
  for (let i = 0; i < values.length; i++) {
    const each = Math.abs(values[i] - reference[i])
    if (!(each <= difference)) difference = each
    if (Number.isNaN(each)) return Number.NaN
    scale = Math.max(scale, Math.abs(reference[i]))
  }
  return difference / scale
}

/** Spearman's rank correlation; equal values share the mean of their ranks. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length < 2)
    throw new RangeError(`rankCorrelation: expected two lists of the same length from 2, found ${a.length} and ${b.length}`)
  const [x, y] = [ranks(a), ranks(b)]
  const mean = (a.length - 1) / 2
  const sum = (f: (i: number) => number) => x.reduce((total, _, i) => total + f(i), 0)
  return sum((i) => (x[i] - mean) * (y[i] - mean)) / Math.sqrt(sum((i) => (x[i] - mean) ** 2) * sum((i) => (y[i] - mean) ** 2))
}

const ranks = (values: readonly number[]) =>
  values.map((value) => values.filter((other) => other < value).length + (values.filter((other) => other === value).length - 1) / 2)
