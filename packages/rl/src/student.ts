import { logGamma } from './special.js'

/** Mean, sample standard deviation (n - 1; 0 for one value) and the two-sided confidence interval of the mean by Student's t. */
export interface Summary {
  readonly n: number
  readonly mean: number
  readonly std: number
  /** [low, high]; both infinite for a single value, which says nothing about its spread. */
  readonly interval: readonly [number, number]
}

/** @throws TypeError for no values at all */
export function summarise(values: ArrayLike<number>, confidence = 0.95): Summary {
  const n = values.length
  if (n === 0) throw new TypeError('summarise: expected at least 1 value, found 0')
  let mean = 0
  for (let i = 0; i < n; i++) mean += values[i]
  mean /= n
  let squares = 0
  for (let i = 0; i < n; i++) squares += (values[i] - mean) ** 2
  if (n === 1) return { n, mean, std: 0, interval: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] }
  const std = Math.sqrt(squares / (n - 1))
  const half = (studentQuantile((1 + confidence) / 2, n - 1) * std) / Math.sqrt(n)
  return { n, mean, std, interval: [mean - half, mean + half] }
}

/** The t with P(T <= t) = p for 0.5 <= p < 1, by bisection to the last bit; relative error about 1e-13. */
export function studentQuantile(p: number, degrees: number): number {
  let low = 0
  let high = 1
  while (studentCdf(high, degrees) < p) high *= 2
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (studentCdf(middle, degrees) < p) low = middle
    else high = middle
  }
  return high
}

/** P(T <= t) for t >= 0: 1 - I_x(degrees / 2, 1 / 2) / 2 with x = degrees / (degrees + t^2) (Abramowitz and Stegun 26.7.1). */
function studentCdf(t: number, degrees: number): number {
  return 1 - incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
}

/** I_x(a, b), regularised, by its continued fraction (Abramowitz and Stegun 26.5.8; Lentz's method). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  let c = 1
  let d = 1 / (1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / (1 + even * d)
    c = 1 + even / c
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / (1 + odd * d)
    c = 1 + odd / c
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-16) break
  }
  return front * fraction
}
