import { restoreFloats, saveFloats } from './saved.js'

/**
 * Running mean and variance of vectors, merged batch by batch (Chan, Golub and LeVeque 1979), population variance.
 * Starts as mean 0, variance 1 with the weight of 1e-4 samples, as OpenAI baselines and Stable-Baselines3 do.
 */
export interface RunningMoments {
  readonly mean: Float64Array
  readonly variance: Float64Array
  /** Merges `n` rows [n][size]. */
  update(rows: Float64Array, n: number): void
  state(): MomentsState
  restore(state: MomentsState): void
}

export interface MomentsState {
  readonly count: number
  readonly mean: string
  readonly variance: string
}

export function runningMoments(size: number): RunningMoments {
  const mean = new Float64Array(size)
  const variance = new Float64Array(size).fill(1)
  let count = 1e-4
  return {
    mean,
    variance,
    update(rows, n) {
      if (n === 0) return
      const total = count + n
      for (let i = 0; i < size; i++) {
        let sum = 0
        for (let r = 0; r < n; r++) sum += rows[r * size + i]
        const batchMean = sum / n
        let squares = 0
        for (let r = 0; r < n; r++) squares += (rows[r * size + i] - batchMean) ** 2
        const delta = batchMean - mean[i]
        variance[i] = (variance[i] * count + squares + (delta * delta * count * n) / total) / total
        mean[i] += (delta * n) / total
      }
      count = total
    },
    state: () => ({ count, mean: saveFloats(mean), variance: saveFloats(variance) }),
    restore(state) {
      restoreFloats(mean, state.mean, 'normaliser')
      restoreFloats(variance, state.variance, 'normaliser')
      count = state.count
    },
  }
}

const limit = 10
const epsilon = 1e-8

/** (x - mean) / sqrt(variance + 1e-8), clipped to +-10, of `n` rows, in place. */
export function normalise(rows: Float64Array, n: number, { mean, variance }: RunningMoments): void {
  const size = mean.length
  for (let i = 0; i < size; i++) {
    const scale = 1 / Math.sqrt(variance[i] + epsilon)
    for (let at = i; at < n * size; at += size) rows[at] = clip((rows[at] - mean[i]) * scale)
  }
}

/**
 * Scales a reward or cost by the running standard deviation of its discounted sum, clipped to +-10 (detail 9 of the continuous ones in
 * "The 37 implementation details of PPO"; `VecNormalize` of Stable-Baselines3). The mean is left alone: it would change the problem.
 */
export interface SignalScaler {
  /** The signals of one step of all copies: `values[i]` belongs to copy `copies[i]`, whose episode ended with it where `ended[i]`. Scales in place. */
  step(values: Float64Array, copies: Int32Array, ended: Uint8Array, n: number): void
  /** The standard deviation that the next values are divided by. */
  scale(): number
  state(): SignalScalerState
  restore(state: SignalScalerState): void
}

export interface SignalScalerState {
  readonly sums: string
  readonly moments: MomentsState
}

export function signalScaler(copies: number, gamma: number): SignalScaler {
  const moments = runningMoments(1)
  const sums = new Float64Array(copies)
  const batch = new Float64Array(copies)
  return {
    step(values, which, ended, n) {
      for (let i = 0; i < n; i++) batch[i] = sums[which[i]] = sums[which[i]] * gamma + values[i]
      moments.update(batch, n)
      const scale = 1 / Math.sqrt(moments.variance[0] + epsilon)
      for (let i = 0; i < n; i++) {
        values[i] = clip(values[i] * scale)
        if (ended[i]) sums[which[i]] = 0
      }
    },
    scale: () => Math.sqrt(moments.variance[0] + epsilon),
    state: () => ({ sums: saveFloats(sums), moments: moments.state() }),
    restore(state) {
      restoreFloats(sums, state.sums, 'signal scaler')
      moments.restore(state.moments)
    },
  }
}

/** The rows of a batch, tick by tick, all copies of a tick at once: through the scaler, which learns from them and scales `signal` in place. */
export function scaleBatch(
  scaler: SignalScaler,
  { size, ticks, copies, ended }: { size: number; ticks: Int32Array; copies: Int32Array; ended: Uint8Array },
  signal: Float64Array,
): void {
  for (let from = 0, to = 0; from < size; from = to) {
    while (to < size && ticks[to] === ticks[from]) to++
    scaler.step(signal.subarray(from, to), copies.subarray(from, to), ended.subarray(from, to), to - from)
  }
}

/** x limited to +-10. */
export function clip(x: number): number {
  return Math.min(limit, Math.max(-limit, x))
}
