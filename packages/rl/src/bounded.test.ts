import { describe, expect, test } from 'vitest'
import { type BoundedDistribution, betaDistribution, squashedGaussian } from './bounded.js'
import { createRandom } from './random.js'
import { digamma, logGamma, trigamma } from './special.js'

const floats = (...values: number[]) => Float64Array.from(values)
/** softplus(x) = y */
const inverseSoftplus = (y: number) => Math.log(Math.expm1(y))

describe('special functions', () => {
  test('known values', () => {
    const gamma = 0.5772156649015329
    const close = (found: number, exact: number) => expect(Math.abs(found - exact)).toBeLessThan(2e-14 * Math.max(1, Math.abs(exact)))
    close(logGamma(0.5), 0.5 * Math.log(Math.PI))
    close(logGamma(1), 0)
    close(logGamma(2), 0)
    close(logGamma(11), Math.log(3628800))
    close(logGamma(171), 706.5730622457874) // ln 170!
    close(digamma(1), -gamma)
    close(digamma(0.5), -gamma - 2 * Math.LN2)
    close(digamma(10), 2.251752589066721)
    close(trigamma(1), Math.PI ** 2 / 6)
    close(trigamma(0.5), Math.PI ** 2 / 2)
    close(trigamma(2), Math.PI ** 2 / 6 - 1)
    for (const x of [0.1, 1.7, 11.9, 12.1, 40]) {
      close(logGamma(x + 1) - logGamma(x), Math.log(x))
      close(digamma(x + 1) - digamma(x), 1 / x)
      close(trigamma(x) - trigamma(x + 1), 1 / (x * x))
    }
  })
})

/** Two rows, of which the second is looked at. */
const cases: [string, BoundedDistribution, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array][] = [
  [
    'squashed',
    squashedGaussian(2),
    floats(9, 9, 0.4, -1.3),
    floats(-0.5, 0.3),
    floats(9, 9, 0.1, -1),
    floats(-0.3, 0.1),
    floats(9, 9, 0.7, -2.5),
  ],
  [
    'beta',
    betaDistribution(2),
    floats(9, 9, 9, 9, 0.4, 2, -1, 0.7),
    floats(),
    floats(9, 9, 9, 9, 0.1, 2.5, -0.6, 0.2),
    floats(),
    floats(9, 9, 0.3, 0.8),
  ],
]

describe.each(cases)('%s', (name, distribution, outputs, free, newOutputs, newFree, actions) => {
  /** Integral over the drawn coordinates of row 1, one at a time, of w(x) with the density of the drawn: dimensions are independent. */
  const integrate = (dimension: number, f: (x: number, p: number) => number, o = outputs, l = free) => {
    const one = name === 'beta' ? betaDistribution(1) : squashedGaussian(1)
    const pick =
      name === 'beta'
        ? floats(o[distribution.outputs + dimension], o[distribution.outputs + 2 + dimension])
        : floats(o[distribution.outputs + dimension])
    const own = name === 'beta' ? floats() : floats(l[dimension])
    const n = 20_000
    let sum = 0
    for (let k = 0; k < n; k++) {
      // the midpoint rule in u in (0, 1), or in z where u = tanh(z)
      const x = name === 'beta' ? (k + 0.5) / n : -12 + (24 * (k + 0.5)) / n
      const slope = name === 'beta' ? 1 / n : (24 / n) * (1 - Math.tanh(x) ** 2)
      sum += f(x, Math.exp(one.logProbability(pick, own, 0, floats(x)))) * slope
    }
    return sum
  }

  test('densities sum to 1; entropy and KL are their integrals', () => {
    let entropy = 0
    for (const d of [0, 1]) {
      expect(integrate(d, (_, p) => p)).toBeCloseTo(1, 5)
      entropy -= integrate(d, (_, p) => (p > 0 ? p * Math.log(p) : 0))
    }
    expect(distribution.entropy(outputs, free, 1)).toBeCloseTo(entropy, 5)
    expect(distribution.divergence(outputs, free, outputs, free, 1)).toBeCloseTo(0, 13)
    const one = name === 'beta' ? betaDistribution(1) : squashedGaussian(1)
    let kl = 0
    for (const d of [0, 1]) {
      const pick =
        name === 'beta'
          ? floats(newOutputs[distribution.outputs + d], newOutputs[distribution.outputs + 2 + d])
          : floats(newOutputs[distribution.outputs + d])
      const own = name === 'beta' ? floats() : floats(newFree[d])
      kl += integrate(d, (x, p) => (p > 0 ? p * (Math.log(p) - one.logProbability(pick, own, 0, floats(x))) : 0))
    }
    expect(distribution.divergence(outputs, free, newOutputs, newFree, 1)).toBeCloseTo(kl, 5)
  })

  test('gradients against central differences', () => {
    const check = (f: () => number, gradient: (a: Float64Array, b: Float64Array) => void) => {
      const dOutputs = new Float64Array(outputs.length)
      const dFree = new Float64Array(free.length)
      gradient(dOutputs, dFree)
      for (const [values, found] of [
        [outputs, dOutputs],
        [free, dFree],
      ]) {
        for (let i = 0; i < values.length; i++) {
          const held = values[i]
          values[i] = held + 1e-5
          const up = f()
          values[i] = held - 1e-5
          const down = f()
          values[i] = held
          expect(found[i]).toBeCloseTo((0.7 * (up - down)) / 2e-5, 8)
        }
      }
    }
    check(
      () => distribution.logProbability(outputs, free, 1, actions),
      (a, b) => distribution.logProbabilityGradient(outputs, free, 1, actions, 0.7, a, b),
    )
    check(
      () => distribution.entropy(outputs, free, 1),
      (a, b) => distribution.entropyGradient(outputs, free, 1, 0.7, a, b),
    )
  })

  test('draws have the mean of the density and lie within the bounds, as the mode does', () => {
    const random = createRandom(3)
    const drawn = new Float64Array(4)
    const n = 40_000
    const mean = [0, 0]
    let largest = 0
    for (let k = 0; k < n; k++) {
      distribution.sample(outputs, free, 1, random, drawn)
      for (const d of [0, 1]) {
        const u = distribution.unit(drawn[2 + d])
        largest = Math.max(largest, Math.abs(u))
        mean[d] += u / n
      }
    }
    expect(largest).toBeLessThanOrEqual(1)
    for (const d of [0, 1]) expect(Math.abs(mean[d] - integrate(d, (x, p) => p * distribution.unit(x)))).toBeLessThan(0.01)
    distribution.mode(outputs, 1, drawn)
    for (const d of [0, 1]) expect(Math.abs(distribution.unit(drawn[2 + d]))).toBeLessThan(1)
  })
})

test('Beta(2, 3) by hand: log p(0.4) = log(12 x 0.4 x 0.36), entropy -0.2349066, mode 1/3', () => {
  const beta = betaDistribution(1)
  const outputs = floats(inverseSoftplus(1), inverseSoftplus(2))
  expect(beta.logProbability(outputs, floats(), 0, floats(0.4))).toBeCloseTo(Math.log(12 * 0.4 * 0.36), 13)
  // log B - psi(2) - 2 psi(3) + 3 psi(5), with psi(n) = H_(n-1) - gamma
  const gamma = 0.5772156649015329
  const exact = -Math.log(12) - (1 - gamma) - 2 * (1.5 - gamma) + 3 * (25 / 12 - gamma)
  expect(beta.entropy(outputs, floats(), 0)).toBeCloseTo(exact, 13)
  const drawn = floats(0)
  beta.mode(outputs, 0, drawn)
  expect(drawn[0]).toBeCloseTo(1 / 3, 13)
})

test('squashed: finite and right far out, where 1 - tanh^2 is 0 in float64; a wide normal has the entropy of its integral', () => {
  const squashed = squashedGaussian(1)
  // log N(30; 30, 1) - log(4 exp(-60)) to within exp(-60)
  expect(squashed.logProbability(floats(30), floats(0), 0, floats(30))).toBeCloseTo(-0.5 * Math.log(2 * Math.PI) + 60 - 2 * Math.LN2, 11)
  const wide = squashed.entropy(floats(0.3), floats(Math.log(4)), 0)
  let sum = 0
  const step = 1e-3
  for (let z = -40; z < 40; z += step) {
    const p = Math.exp(-0.5 * ((z - 0.3) / 4) ** 2) / (4 * Math.sqrt(2 * Math.PI))
    sum += p * step * 2 * (Math.LN2 - Math.abs(z) - Math.log1p(Math.exp(-2 * Math.abs(z))))
  }
  expect(wide).toBeCloseTo(0.5 * Math.log(2 * Math.PI * Math.E) + Math.log(4) + sum, 9)
})
