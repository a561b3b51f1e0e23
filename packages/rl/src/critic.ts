import { backward, createTape, forward, initialise, type Mlp, mlpSize } from './mlp.js'
import type { Random } from './random.js'
import { restoreFloats, saveFloats } from './saved.js'

/**
 * A state value function V(s) = mean + std x network(s). Mean and standard deviation follow the returns seen so far, and whenever they
 * move the last layer is changed so that V stays the same (PopArt: van Hasselt et al. 2016, arXiv 1602.07714, equations 8 and 9).
 * The network then always learns targets of order 1, whatever the units of rewards and costs. Without `rescale` calls it is a plain network.
 */
export interface Critic {
  readonly network: Mlp
  /** Values of `n` rows [n][observationSize]; a fresh array. */
  values(inputs: Float64Array, n: number): Float64Array
  /** Takes the returns of a batch into mean and standard deviation, keeping the function the same. */
  rescale(returns: Float64Array): void
  /** Adds the gradient of coefficient x mean((V - target)^2), in units of std^2, over n rows; gives that mean in the units of the targets. */
  accumulate(inputs: Float64Array, targets: Float64Array, n: number, coefficient: number): number
  state(): CriticState
  restore(state: CriticState): void
}

export interface CriticState {
  /** count, mean, sum of squared deviations */
  readonly moments: string
}

const rowsAtOnce = 256

export function criticSize(observationSize: number, hidden: readonly number[]): number {
  return mlpSize([observationSize, ...hidden, 1])
}

/** Makes a critic over views of a larger vector (`parameters` and `gradient`, both `criticSize` long). */
export function createCritic(observationSize: number, hidden: readonly number[], parameters: Float64Array, gradient: Float64Array): Critic {
  const sizes = [observationSize, ...hidden, 1]
  const network = { sizes, parameters, gradient }
  const tape = createTape(sizes, rowsAtOnce)
  const dOutput = new Float64Array(rowsAtOnce)
  const moments = new Float64Array(3)
  let mean = 0
  let std = 1
  const refresh = () => {
    const [count, average, squares] = moments
    mean = average
    std = count > 1 && squares > 0 ? Math.max(Math.sqrt(squares / count), 1e-4 * Math.abs(average)) : 1
  }
  return {
    network,
    values(inputs, n) {
      const values = new Float64Array(n)
      for (let at = 0; at < n; at += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, n - at)
        const output = forward(network, inputs.subarray(at * observationSize), rows, tape)
        for (let r = 0; r < rows; r++) values[at + r] = mean + std * output[r]
      }
      return values
    },
    rescale(returns) {
      const before = { mean, std }
      for (const value of returns) {
        moments[0]++
        const delta = value - moments[1]
        moments[1] += delta / moments[0]
        moments[2] += delta * (value - moments[1])
      }
      refresh()
      const last = parameters.length - 1 // bias; the weights of the one output are just before it
      for (let i = last - sizes[sizes.length - 2]; i < last; i++) parameters[i] *= before.std / std
      parameters[last] = (before.std * parameters[last] + before.mean - mean) / std
    },
    accumulate(inputs, targets, n, coefficient) {
      let squares = 0
      for (let at = 0; at < n; at += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, n - at)
        const x = inputs.subarray(at * observationSize)
        const output = forward(network, x, rows, tape)
        for (let r = 0; r < rows; r++) {
          const error = output[r] - (targets[at + r] - mean) / std
          squares += error * error
          dOutput[r] = (2 * coefficient * error) / n
        }
        backward(network, x, rows, tape, dOutput)
      }
      return (squares / n) * std * std
    },
    state: () => ({ moments: saveFloats(moments) }),
    restore(state) {
      restoreFloats(moments, state.moments, 'critic')
      refresh()
    },
  }
}

export function initialiseCritic(critic: Critic, random: Random): void {
  initialise(critic.network, 1, random)
}

/** 1 - Var(returns - values) / Var(returns): 1 is a perfect critic, 0 no better than a constant; null where returns do not vary. */
export function explainedVariance(values: Float64Array, returns: Float64Array): number | null {
  const n = returns.length
  let meanReturn = 0
  let meanError = 0
  for (let i = 0; i < n; i++) {
    meanReturn += returns[i] / n
    meanError += (returns[i] - values[i]) / n
  }
  let total = 0
  let left = 0
  for (let i = 0; i < n; i++) {
    total += (returns[i] - meanReturn) ** 2
    left += (returns[i] - values[i] - meanError) ** 2
  }
  return total > 0 ? 1 - left / total : null
}
