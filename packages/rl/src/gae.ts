/**
 * Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438, equation 16), for the reward and for every cost alike:
 *
 *   delta_t = r_t + gamma V(s_{t+1}) (1 - terminated_t) - V(s_t)
 *   A_t     = delta_t + gamma lambda A_{t+1}     within an episode, A_t = delta_t at its last row
 *   return  = A_t + V(s_t)                       the target of the critic, TD(lambda)
 *
 * A terminated episode is worth nothing after its end. A truncated one (time limit), and one cut by the end of the batch, goes on
 * elsewhere: its last row is completed with the value of the observation it ended in.
 */
export interface Trajectories {
  /** Number of rows, one per environment step, in the order of collection. */
  readonly size: number
  readonly terminated: Uint8Array
  /** The row of the following step of the same episode, -1 where the episode ended or was cut. Always larger than the row itself. */
  readonly next: Int32Array
}

export interface Advantages {
  readonly advantages: Float64Array
  readonly returns: Float64Array
}

export function gae(
  trajectories: Trajectories,
  signal: Float64Array,
  values: Float64Array,
  nextValues: Float64Array,
  gamma: number,
  lambda: number,
): Advantages {
  const { size, terminated, next } = trajectories
  const advantages = new Float64Array(size)
  const returns = new Float64Array(size)
  for (let t = size - 1; t >= 0; t--) {
    const delta = signal[t] + (terminated[t] ? 0 : gamma * nextValues[t]) - values[t]
    advantages[t] = next[t] < 0 ? delta : delta + gamma * lambda * advantages[next[t]]
    returns[t] = advantages[t] + values[t]
  }
  return { advantages, returns }
}

/** V(s_{t+1}) of every row, from V(s_t) of every row and V of the observations in which episodes were truncated or cut. */
export function valuesAfter(
  trajectories: Trajectories,
  values: Float64Array,
  endRows: ArrayLike<number>,
  endValues: Float64Array,
): Float64Array {
  const after = new Float64Array(trajectories.size)
  for (let t = 0; t < trajectories.size; t++) if (trajectories.next[t] >= 0) after[t] = values[trajectories.next[t]]
  for (let i = 0; i < endRows.length; i++) after[endRows[i]] = endValues[i]
  return after
}

export interface Discounts {
  readonly gamma: number
  readonly lambda: number
  readonly costGamma: number
  readonly costLambda: number
}

/** Mean and standard deviation (dividing by n - 1, as PyTorch does; 0 for a single value). */
export function moments(values: ArrayLike<number>): { mean: number; std: number } {
  const n = values.length
  let mean = 0
  for (let i = 0; i < n; i++) mean += values[i]
  mean /= n
  let squares = 0
  for (let i = 0; i < n; i++) squares += (values[i] - mean) ** 2
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 }
}
