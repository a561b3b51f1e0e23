// Distributions over an interval, for actions that have bounds: nothing is lost by clipping, and no probability lies outside.
import { type Distribution, diagonalGaussian } from './distributions.js'
import type { Random } from './random.js'
import { digamma, logGamma, trigamma } from './special.js'

/** A distribution whose drawn coordinate `unit` maps into [-1, 1], where the box is. */
export interface BoundedDistribution extends Distribution {
  unit(drawn: number): number
}

/**
 * u = tanh(z) with z normal, independently per dimension (Haarnoja et al. 2018, arXiv 1801.01290, appendix C). The drawn action is z, from
 * which u follows, never the other way around (atanh loses everything near the bounds). Densities are those of u:
 *
 *   log p(u) = log N(z; m, s) - log(1 - tanh(z)^2)     KL and Fisher information: those of the normals, a bijection changes neither
 *   H(u)     = H(z) + E[log(1 - tanh(z)^2)]
 *
 * The expectation has no closed form. The trapezoidal rule in the standardised z converges exponentially for it: absolute error below 1e-12.
 */
export function squashedGaussian(size: number): BoundedDistribution {
  const gaussian = diagonalGaussian(size)
  return {
    ...gaussian,
    unit: Math.tanh,
    logProbability(mean, logStd, row, z) {
      let sum = gaussian.logProbability(mean, logStd, row, z)
      for (let i = row * size; i < (row + 1) * size; i++) sum -= logSlope(z[i])
      return sum
    },
    entropy(mean, logStd, row) {
      let sum = gaussian.entropy(mean, logStd, row)
      for (let i = 0; i < size; i++) {
        const m = mean[row * size + i]
        const s = Math.exp(logStd[i])
        sum += expectation(s, (x) => logSlope(m + s * x))
      }
      return sum
    },
    entropyGradient(mean, logStd, row, scale, dMean, dLogStd) {
      for (let i = 0; i < size; i++) {
        const m = mean[row * size + i]
        const s = Math.exp(logStd[i])
        dMean[row * size + i] += scale * expectation(s, (x) => -2 * Math.tanh(m + s * x))
        dLogStd[i] += scale * (1 + expectation(s, (x) => -2 * Math.tanh(m + s * x) * s * x))
      }
    },
  }
}

/** log(1 - tanh(z)^2) = 2 (log 2 - |z| - log(1 + exp(-2 |z|))), without overflow or cancellation. */
function logSlope(z: number): number {
  const a = Math.abs(z)
  return 2 * (Math.LN2 - a - Math.log1p(Math.exp(-2 * a)))
}

/** E[f(x)] for x standard normal, where f has its nearest pole at distance pi / (2 std), as functions of tanh(mean + std x) have. */
function expectation(std: number, f: (x: number) => number): number {
  const step = Math.min(0.5, 0.3 / std)
  const steps = Math.ceil(8.5 / step)
  let sum = f(0)
  for (let k = 1; k <= steps; k++) sum += Math.exp(-0.5 * (k * step) ** 2) * (f(k * step) + f(-k * step))
  return (sum * step) / Math.sqrt(2 * Math.PI)
}

/**
 * Independent Beta distributions over [0, 1] (Chou, Maturana and Scherer 2017, "Improving Stochastic Policy Gradients in Continuous Control with
 * Deep RL using the Beta Distribution", section 4): the network gives two numbers per dimension, all alphas first,
 *
 *   alpha = 1 + softplus(o_alpha),  beta = 1 + softplus(o_beta)      > 1: one mode, within the interval
 *   log p(x) = (alpha - 1) log x + (beta - 1) log(1 - x) - log B(alpha, beta)
 *   H        = log B - (alpha - 1) psi(alpha) - (beta - 1) psi(beta) + (alpha + beta - 2) psi(alpha + beta)
 *   KL(p||q) = log B_q - log B_p + (alpha_p - alpha_q) psi(alpha_p) + (beta_p - beta_q) psi(beta_p)
 *              + (alpha_q - alpha_p + beta_q - beta_p) psi(alpha_p + beta_p)
 *   F        = diag(psi'(alpha), psi'(beta)) - psi'(alpha + beta), with respect to alpha and beta
 *
 * Densities are those of the drawn x; of the action in [-1, 1] they are lower by log 2 per dimension.
 */
export function betaDistribution(size: number): BoundedDistribution {
  const alphaOf = (outputs: Float64Array, row: number, i: number) => 1 + softplus(outputs[2 * row * size + i])
  const betaOf = (outputs: Float64Array, row: number, i: number) => 1 + softplus(outputs[(2 * row + 1) * size + i])
  /** Adds a gradient with respect to alpha and beta to that of the outputs. */
  const back = (outputs: Float64Array, row: number, i: number, dAlpha: number, dBeta: number, into: Float64Array) => {
    const a = 2 * row * size + i
    into[a] += dAlpha * sigmoid(outputs[a])
    into[a + size] += dBeta * sigmoid(outputs[a + size])
  }
  return {
    outputs: 2 * size,
    free: 0,
    actionSize: size,
    unit: (x) => 2 * x - 1,
    sample(outputs, _free, row, random, actions) {
      for (let i = 0; i < size; i++) {
        const x = gammaDraw(alphaOf(outputs, row, i), random)
        const y = gammaDraw(betaOf(outputs, row, i), random)
        // Within the open interval: the logarithms of x and 1 - x have to be finite.
        actions[row * size + i] = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, x / (x + y)))
      }
    },
    mode(outputs, row, actions) {
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i) - 1
        const b = betaOf(outputs, row, i) - 1
        actions[row * size + i] = a + b > 0 ? a / (a + b) : 0.5
      }
    },
    logProbability(outputs, _free, row, actions) {
      let sum = 0
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i)
        const b = betaOf(outputs, row, i)
        const x = actions[row * size + i]
        sum += (a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logBeta(a, b)
      }
      return sum
    },
    entropy(outputs, _free, row) {
      let sum = 0
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i)
        const b = betaOf(outputs, row, i)
        sum += logBeta(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)
      }
      return sum
    },
    divergence(old, _oldFree, outputs, _free, row) {
      let sum = 0
      for (let i = 0; i < size; i++) {
        const [ap, bp] = [alphaOf(old, row, i), betaOf(old, row, i)]
        const [aq, bq] = [alphaOf(outputs, row, i), betaOf(outputs, row, i)]
        sum += logBeta(aq, bq) - logBeta(ap, bp) + (ap - aq) * digamma(ap) + (bp - bq) * digamma(bp)
        sum += (aq - ap + bq - bp) * digamma(ap + bp)
      }
      return sum
    },
    logProbabilityGradient(outputs, _free, row, actions, scale, dOutputs) {
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i)
        const b = betaOf(outputs, row, i)
        const x = actions[row * size + i]
        const both = digamma(a + b)
        back(outputs, row, i, scale * (Math.log(x) - digamma(a) + both), scale * (Math.log1p(-x) - digamma(b) + both), dOutputs)
      }
    },
    entropyGradient(outputs, _free, row, scale, dOutputs) {
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i)
        const b = betaOf(outputs, row, i)
        const both = (a + b - 2) * trigamma(a + b)
        back(outputs, row, i, scale * (both - (a - 1) * trigamma(a)), scale * (both - (b - 1) * trigamma(b)), dOutputs)
      }
    },
    fisher(outputs, _free, row, direction) {
      for (let i = 0; i < size; i++) {
        const a = alphaOf(outputs, row, i)
        const b = betaOf(outputs, row, i)
        const [atA, atB] = [2 * row * size + i, (2 * row + 1) * size + i]
        const dAlpha = sigmoid(outputs[atA]) * direction[atA]
        const dBeta = sigmoid(outputs[atB]) * direction[atB]
        const both = trigamma(a + b) * (dAlpha + dBeta)
        direction[atA] = direction[atB] = 0
        back(outputs, row, i, trigamma(a) * dAlpha - both, trigamma(b) * dBeta - both, direction)
      }
    },
  }
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))
}

/** Gamma(shape, 1) for shape >= 1 (Marsaglia and Tsang 2000). */
function gammaDraw(shape: number, random: Random): number {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
