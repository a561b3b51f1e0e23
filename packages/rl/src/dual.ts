import { type AdamState, adam } from './adam.js'
import { restoreFloats, saveFloats } from './saved.js'

/**
 * Lagrange multipliers, one per cost, raised while a cost is above its limit and lowered below it. Two rules:
 * `projected` is plain dual ascent, `softplus` is what paper 1 does.
 */
export interface Dual {
  /** The multipliers, each >= 0, in units of reward per unit of cost. Do not write. */
  readonly values: Float64Array
  /** One dual step from the measured costs; `scales` multiply the step of each multiplier (1 where absent). */
  update(costs: ArrayLike<number>, limits: ArrayLike<number>, scales?: ArrayLike<number>): void
  state(): DualState
  restore(state: DualState): void
}

export interface DualState {
  readonly values: string
  readonly adam?: AdamState
}

/** lambda = max(0, lambda + learningRate * (J_c - d)): projected gradient ascent on the dual function. */
export function projectedDual(costs: number, { initial, learningRate }: { initial: number; learningRate: number }): Dual {
  const values = new Float64Array(costs).fill(initial)
  return {
    values,
    update(measured, limits, scales) {
      for (let k = 0; k < costs; k++) {
        values[k] = Math.max(0, values[k] + learningRate * (scales ? scales[k] : 1) * (measured[k] - limits[k]))
      }
    },
    state: () => ({ values: saveFloats(values) }),
    restore: (state) => restoreFloats(values, state.values, 'multipliers'),
  }
}

/**
 * nu = softplus(x), one Adam step on the loss -nu (C - b) (arXiv 2110.08558, authors' code `dual_variable.py`):
 * the gradient with respect to x is -(C - b) sigmoid(x). Adam makes the step about `learningRate` whatever the size of the violation.
 */
export function softplusDual(costs: number, { initial, learningRate }: { initial: number; learningRate: number }): Dual {
  if (!(initial > 0)) throw new RangeError(`multiplier.initial: expected a number > 0 (softplus never gives 0), found ${String(initial)}`)
  const x = new Float64Array(costs).fill(initial > 30 ? initial : Math.log(Math.expm1(initial)))
  const values = new Float64Array(costs)
  const gradient = new Float64Array(costs)
  const optimiser = adam(costs)
  const refresh = () => {
    // softplus without overflow, and without losing small values
    for (let k = 0; k < costs; k++) values[k] = Math.max(x[k], 0) + Math.log1p(Math.exp(-Math.abs(x[k])))
  }
  refresh()
  return {
    values,
    update(measured, limits) {
      for (let k = 0; k < costs; k++) gradient[k] = -(measured[k] - limits[k]) / (1 + Math.exp(-x[k]))
      optimiser.step(x, gradient, learningRate)
      refresh()
    },
    state: () => ({ values: saveFloats(x), adam: optimiser.state() }),
    restore(state) {
      restoreFloats(x, state.values, 'multipliers')
      if (!state.adam)
        throw new TypeError('resume: the multipliers of the checkpoint have no optimiser, expected one: another form of the algorithm')
      optimiser.restore(state.adam)
      refresh()
    },
  }
}
