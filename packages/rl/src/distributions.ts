import type { Random } from './random.js'

/**
 * A family of distributions over actions. A network gives `outputs` numbers per state; `free` more parameters do not depend on the
 * state (log standard deviations). Every function works on row `row` of flat arrays: outputs [rows][outputs], actions [rows][actionSize].
 * Sums run over action dimensions: log-probabilities, entropies and divergences are those of the whole action.
 * Actions here are those that were drawn; what the environment gets (clipped, scaled) is the business of the action space.
 */
export interface Distribution {
  readonly outputs: number
  readonly free: number
  readonly actionSize: number
  sample(outputs: Float64Array, free: Float64Array, row: number, random: Random, actions: Float64Array): void
  /** The most probable action. */
  mode(outputs: Float64Array, row: number, actions: Float64Array): void
  logProbability(outputs: Float64Array, free: Float64Array, row: number, actions: Float64Array): number
  entropy(outputs: Float64Array, free: Float64Array, row: number): number
  /** KL(old || new) of row `row` of both. */
  divergence(old: Float64Array, oldFree: Float64Array, outputs: Float64Array, free: Float64Array, row: number): number
  /** Adds scale * d log p / d outputs to `dOutputs`, and the same for the free parameters to `dFree`. */
  logProbabilityGradient(
    outputs: Float64Array,
    free: Float64Array,
    row: number,
    actions: Float64Array,
    scale: number,
    dOutputs: Float64Array,
    dFree: Float64Array,
  ): void
  /** Adds scale * d entropy / d outputs to `dOutputs`, and the same for the free parameters to `dFree`. */
  entropyGradient(outputs: Float64Array, free: Float64Array, row: number, scale: number, dOutputs: Float64Array, dFree: Float64Array): void
  /** Fisher information of an output, where it is that of a mean: 1 / sigma^2, mean over the dimensions. Distributions of no such outputs have none. */
  precision?(free: Float64Array): number
  /**
   * The Fisher information of row `row` times a direction: the second derivative of KL(old || new) at new = old. Overwrites row `row` of
   * `outputDirection` with the product, and adds that of `freeDirection` to `freeProduct`.
   */
  fisher(
    outputs: Float64Array,
    free: Float64Array,
    row: number,
    outputDirection: Float64Array,
    freeDirection: Float64Array,
    freeProduct: Float64Array,
  ): void
}

const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI)

/** Independent normals: the network gives the means, the log standard deviations are free parameters. */
export function diagonalGaussian(size: number): Distribution {
  return {
    outputs: size,
    free: size,
    actionSize: size,
    sample(mean, logStd, row, random, actions) {
      for (let i = 0; i < size; i++) actions[row * size + i] = mean[row * size + i] + Math.exp(logStd[i]) * random.normal()
    },
    mode(mean, row, actions) {
      for (let i = row * size; i < (row + 1) * size; i++) actions[i] = mean[i]
    },
    logProbability(mean, logStd, row, actions) {
      let sum = 0
      for (let i = 0; i < size; i++) {
        const z = (actions[row * size + i] - mean[row * size + i]) * Math.exp(-logStd[i])
        sum -= 0.5 * z * z + logStd[i] + halfLogTwoPi
      }
      return sum
    },
    entropy(_mean, logStd) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += logStd[i] + 0.5 + halfLogTwoPi
      return sum
    },
    divergence(oldMean, oldLogStd, mean, logStd, row) {
      let sum = 0
      for (let i = 0; i < size; i++) {
        const difference = oldMean[row * size + i] - mean[row * size + i]
        sum += logStd[i] - oldLogStd[i] + (Math.exp(2 * oldLogStd[i]) + difference * difference) / (2 * Math.exp(2 * logStd[i])) - 0.5
      }
      return sum
    },
    logProbabilityGradient(mean, logStd, row, actions, scale, dMean, dLogStd) {
      for (let i = 0; i < size; i++) {
        const inverse = Math.exp(-logStd[i])
        const z = (actions[row * size + i] - mean[row * size + i]) * inverse
        dMean[row * size + i] += scale * z * inverse
        dLogStd[i] += scale * (z * z - 1)
      }
    },
    entropyGradient(_mean, _logStd, _row, scale, _dMean, dLogStd) {
      for (let i = 0; i < size; i++) dLogStd[i] += scale
    },
    precision(logStd) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += Math.exp(-2 * logStd[i])
      return sum / size
    },
    // 1 / sigma^2 for a mean, 2 for a log standard deviation, nothing between them
    fisher(_mean, logStd, row, dMean, dLogStd, product) {
      for (let i = 0; i < size; i++) {
        dMean[row * size + i] *= Math.exp(-2 * logStd[i])
        product[i] += 2 * dLogStd[i]
      }
    },
  }
}

/** One of n actions: the network gives logits; the drawn action is stored as its index. */
export function categorical(n: number): Distribution {
  const p = new Float64Array(n)
  const q = new Float64Array(n)
  return {
    outputs: n,
    free: 0,
    actionSize: 1,
    sample(logits, _free, row, random, actions) {
      softmax(logits, row * n, n, p)
      let u = random.uniform()
      let action = 0
      while (action < n - 1 && u >= p[action]) u -= p[action++]
      actions[row] = action
    },
    mode(logits, row, actions) {
      let best = 0
      for (let i = 1; i < n; i++) if (logits[row * n + i] > logits[row * n + best]) best = i
      actions[row] = best
    },
    logProbability(logits, _free, row, actions) {
      return logits[row * n + actions[row]] - logSumExp(logits, row * n, n)
    },
    entropy(logits, _free, row) {
      softmax(logits, row * n, n, p)
      const total = logSumExp(logits, row * n, n)
      let sum = 0
      for (let i = 0; i < n; i++) sum -= p[i] * (logits[row * n + i] - total)
      return sum
    },
    divergence(old, _oldFree, logits, _free, row) {
      softmax(old, row * n, n, q)
      const offset = logSumExp(logits, row * n, n) - logSumExp(old, row * n, n)
      let sum = 0
      for (let i = 0; i < n; i++) sum += q[i] * (old[row * n + i] - logits[row * n + i] + offset)
      return sum
    },
    logProbabilityGradient(logits, _free, row, actions, scale, dLogits) {
      softmax(logits, row * n, n, p)
      for (let i = 0; i < n; i++) dLogits[row * n + i] -= scale * p[i]
      dLogits[row * n + actions[row]] += scale
    },
    entropyGradient(logits, _free, row, scale, dLogits) {
      softmax(logits, row * n, n, p)
      const total = logSumExp(logits, row * n, n)
      let entropy = 0
      for (let i = 0; i < n; i++) entropy -= p[i] * (logits[row * n + i] - total)
      for (let i = 0; i < n; i++) dLogits[row * n + i] -= scale * p[i] * (logits[row * n + i] - total + entropy)
    },
    // diag(p) - p p'
    fisher(logits, _free, row, direction) {
      softmax(logits, row * n, n, p)
      let mean = 0
      for (let i = 0; i < n; i++) mean += p[i] * direction[row * n + i]
      for (let i = 0; i < n; i++) direction[row * n + i] = p[i] * (direction[row * n + i] - mean)
    },
  }
}

/** Probabilities of the n logits at `at`, into `out` [n]. */
export function softmax(logits: Float64Array, at: number, n: number, out: Float64Array): void {
  let max = logits[at]
  for (let i = 1; i < n; i++) if (logits[at + i] > max) max = logits[at + i]
  let sum = 0
  for (let i = 0; i < n; i++) sum += out[i] = Math.exp(logits[at + i] - max)
  for (let i = 0; i < n; i++) out[i] /= sum
}

function logSumExp(logits: Float64Array, at: number, n: number): number {
  let max = logits[at]
  for (let i = 1; i < n; i++) if (logits[at + i] > max) max = logits[at + i]
  let sum = 0
  for (let i = 0; i < n; i++) sum += Math.exp(logits[at + i] - max)
  return max + Math.log(sum)
}
