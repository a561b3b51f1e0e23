/**
 * ln Gamma and its first two derivatives for x > 0: raised by the recurrence to x >= 12, then the asymptotic series (Abramowitz and Stegun
 * 6.1.41, 6.3.18, 6.4.12). Relative error below 1e-14 (absolute where the value is smaller than 1), measured against 50 digits.
 */
const from = 12
const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI)

export function logGamma(x: number): number {
  let shift = 1
  while (x < from) shift *= x++
  const r = 1 / (x * x)
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - (r * 691) / 360360))))) / x
  return (x - 0.5) * Math.log(x) - x + halfLogTwoPi + series - Math.log(shift)
}

/** psi(x) = d ln Gamma / dx */
export function digamma(x: number): number {
  let shift = 0
  while (x < from) shift += 1 / x++
  const r = 1 / (x * x)
  const series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - (r * 691) / 32760)))))
  return Math.log(x) - 0.5 / x - series - shift
}

/** psi'(x) */
export function trigamma(x: number): number {
  let shift = 0
  for (; x < from; x++) shift += 1 / (x * x)
  const r = 1 / (x * x)
  const series = (r / x) * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * (5 / 66 - (r * 691) / 2730)))))
  return 1 / x + r / 2 + series + shift
}
