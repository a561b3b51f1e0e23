import { type AdamState, adam } from './adam.js'
import { loadFloats, restoreFloats, saveFloats } from './saved.js'

/**
 * Lagrange multipliers, one per cost, raised while a cost is above its limit and lowered below it. Three rules:
 * `projected` is plain dual ascent, `softplus` is what paper 1 does, `pid` adds proportional and derivative control.
 */
export interface Dual {
  /** The multipliers, each >= 0, in units of reward per unit of cost. Do not write. */
  readonly values: Float64Array
  /** Sets the multipliers to start from, in place of their initial value. */
  start(values: ArrayLike<number>): void
  /** One dual step from the measured costs; `scales` multiply the step of each multiplier (1 where absent). */
  update(costs: ArrayLike<number>, limits: ArrayLike<number>, scales?: ArrayLike<number>): void
  state(): DualState
  restore(state: DualState): void
}

export interface DualState {
  readonly values: string
  readonly adam?: AdamState
  /** Averages and history of the PID controller. */
  readonly controller?: readonly string[]
}

/** lambda = max(0, lambda + learningRate * (J_c - d)): projected gradient ascent on the dual function. */
export function projectedDual(costs: number, { initial, learningRate }: { initial: number; learningRate: number }): Dual {
  const values = new Float64Array(costs).fill(initial)
  return {
    values,
    start: (initials) => values.set(Array.from(initials)),
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
  const inverse = (value: number) => (value > 30 ? value : Math.log(Math.expm1(value)))
  const x = new Float64Array(costs).fill(inverse(initial))
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
    start(initials) {
      x.set(Array.from(initials, inverse))
      refresh()
    },
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

export interface PidGains {
  /** Gains of the violation, its sum, and the rise of the cost over the last `delay` updates. */
  readonly kp: number
  readonly ki: number
  readonly kd: number
  readonly delay: number
  /** Shares that the moving averages keep: of the violation (P) and of the cost (D). 0: no smoothing. */
  readonly emaP: number
  readonly emaD: number
  /** How far ahead the sum looks for violations that end by themselves, in units of `delay`; absent or 0: not at all. */
  readonly lead?: number
}

/**
 * PID control of the multiplier (Stooke, Achiam and Abbeel 2020, arXiv 2007.03964, algorithm 2; smoothing and delay as in the authors' code, rlpyt
 * `cppo_pid.py`). With e = J_c - d:
 *
 *   I <- max(0, I + K_i e)      P <- a_p P + (1 - a_p) e      C <- a_d C + (1 - a_d) J_c      D = max(0, C - C `delay` updates ago)
 *   lambda = max(0, K_p P + I + K_d D)
 *
 * C starts at 0, so that the first D is the whole first cost, as theirs does; `scales` multiply the three gains. `lead` (ours) is conditional
 * integration: in place of e the sum gets e limited to between 0 and e + lead (C - C `delay` updates ago), nothing where the violation is on its way out.
 */
export function pidDual(costs: number, { initial, kp, ki, kd, delay, emaP, emaD, lead = 0 }: PidGains & { initial: number }): Dual {
  const integral = new Float64Array(costs).fill(initial)
  const proportional = new Float64Array(costs)
  const smooth = new Float64Array(costs)
  let history: Float64Array[] = [new Float64Array(costs)]
  const values = new Float64Array(costs).fill(initial)
  return {
    values,
    start(initials) {
      integral.set(Array.from(initials))
      values.set(integral)
    },
    update(measured, limits, scales) {
      for (let k = 0; k < costs; k++) {
        const scale = scales ? scales[k] : 1
        const error = measured[k] - limits[k]
        proportional[k] = emaP * proportional[k] + (1 - emaP) * error
        smooth[k] = emaD * smooth[k] + (1 - emaD) * measured[k]
        const rise = smooth[k] - history[0][k]
        const ahead = error + lead * rise
        const lasting = error > 0 ? limited(ahead, 0, error) : limited(ahead, error, 0)
        integral[k] = Math.max(0, integral[k] + ki * scale * lasting)
        values[k] = Math.max(0, kp * scale * proportional[k] + integral[k] + kd * scale * Math.max(0, rise))
      }
      history = [...history, smooth.slice()].slice(-delay)
    },
    state: () => ({ values: saveFloats(values), controller: [integral, proportional, smooth, ...history].map(saveFloats) }),
    restore(state) {
      if (!state.controller)
        throw new TypeError('resume: the multipliers of the checkpoint have no controller, expected one: another algorithm')
      const [i, p, c, ...past] = state.controller
      restoreFloats(values, state.values, 'multipliers')
      restoreFloats(integral, i, 'multipliers')
      restoreFloats(proportional, p, 'multipliers')
      restoreFloats(smooth, c, 'multipliers')
      history = past.map(loadFloats)
    },
  }
}

function limited(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
