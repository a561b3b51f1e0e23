/**
 * What TRPO and CPO share: natural gradients by conjugate gradient, and the search along a step.
 *
 *   g = d/dtheta (1/M) sum_t r_t A_t           r_t = pi(a_t | s_t) / pi_old(a_t | s_t), at pi = pi_old
 *   H = Fisher information, mean over the M states, summed over action dimensions, + damping D
 *   D = I; for the weights of a network that gives the means of a normal, max(1, mean of 1 / sigma^2) I
 *   H^-1 g by conjugate gradient (Hestenes and Stiefel 1952); H only by its products (actor.ts)
 *
 * D is ours. Such weights act on the KL by (change of a mean / sigma)^2, so that a damping without 1 / sigma^2 is nothing to them once the policy is narrow.
 * Steps then go along directions that the batch says hardly anything about, as far as the KL allows: on lqr_energy_budget (sigma ends at 1% to 2% of the
 * box) cpo came to -1.4 and fell to -2.0 again; with D it ends at -1.16, where -1.14 is the optimum. Discrete actions are as they were.
 *
 * Defaults: 15 iterations, stop at |residual|^2 < 1e-10 |g|^2 (relative, because the gradient of a cost can be of any size); damping 0.01, not
 * the usual 0.1, which on small problems takes ten times as many updates; backtracking by 0.8, at most 15 steps (Safety Starter Agents: 10,
 * Achiam's own CPO: 15).
 */
import type { Actor } from './actor.js'
import { type CriticMetrics, compare, type TrustRegionMetrics, type UpdateMetrics } from './algorithm.js'
import { dot } from './mlp.js'
import type { Batch } from './rollout.js'

export interface TrustRegionSettings {
  /** delta: the largest KL(old || new), mean over states, summed over action dimensions. */
  readonly targetKl: number
  readonly damping: number
  readonly conjugateGradientSteps: number
  /** Shares of the step that are tried: backtrack^j, j = 0 .. backtrackSteps - 1. */
  readonly backtrack: number
  readonly backtrackSteps: number
}

export const trustRegionDefaults: TrustRegionSettings = {
  targetKl: 0.01,
  damping: 0.01,
  conjugateGradientSteps: 15,
  backtrack: 0.8,
  backtrackSteps: 15,
}

/** `product(v, out)`: a symmetric positive definite matrix times v. */
export type Product = (direction: Float64Array, product: Float64Array) => void

/** x with `product`(x) = b, from x = 0, after at most `steps` iterations. */
export function conjugateGradient(product: Product, b: Float64Array, steps: number): Float64Array {
  const n = b.length
  const x = new Float64Array(n)
  // The solution for b / |b|, times |b|: nothing in between can underflow, however small the gradient is.
  const norm = Math.sqrt(dot(b, b))
  if (norm === 0) return x
  const residual = b.map((value) => value / norm)
  const p = residual.slice()
  const hp = new Float64Array(n)
  let squares = dot(residual, residual)
  for (let k = 0; k < steps && squares > 1e-10; k++) {
    product(p, hp)
    const alpha = squares / dot(p, hp)
    for (let i = 0; i < n; i++) {
      x[i] += alpha * p[i]
      residual[i] -= alpha * hp[i]
    }
    const next = dot(residual, residual)
    for (let i = 0; i < n; i++) p[i] = residual[i] + (next / squares) * p[i]
    squares = next
  }
  return x.map((value) => value * norm)
}

/**
 * Tries parameters = old + backtrack^j step until `accept` says yes to what is then in `parameters`. Gives the share of the step that was
 * taken; 0 when none was good, and then the old parameters are back to the bit.
 */
export function lineSearch(
  parameters: Float64Array,
  step: ArrayLike<number>,
  { backtrack, backtrackSteps }: Pick<TrustRegionSettings, 'backtrack' | 'backtrackSteps'>,
  accept: () => boolean,
): number {
  const old = parameters.slice()
  for (let j = 0, share = 1; j < backtrackSteps; j++, share *= backtrack) {
    for (let i = 0; i < old.length; i++) parameters[i] = old[i] + share * step[i]
    if (accept()) return share
  }
  parameters.set(old)
  return 0
}

/** A policy and the batch it collected, as a trust region sees them. */
export interface Region {
  /** d/dtheta of scale x sum_t r_t A_t, at the old policy, before `measure`. */
  gradient(advantages: Float64Array, scale: number): Float64Array
  /** H above, at the old policy, before `measure`. */
  readonly product: Product
  /** For the parameters as they are now: sets the ratios, gives the mean KL(old || now). */
  measure(): number
  /** After `measure`: scale x sum_t (r_t - 1) A_t, what the surrogate says that has been gained. */
  change(advantages: Float64Array, scale: number): number
  /** What an update reports, of the policy as it is now. `gain`: of the surrogate, by the share of the step that was taken. */
  outcome(gain: number, trustRegion: TrustRegionMetrics): Omit<UpdateMetrics, keyof CriticMetrics | 'learningRate'>
}

export function createRegion(actor: Actor, batch: Batch, damping: number): Region {
  const { inputs, actions, size } = batch
  const ratios = new Float64Array(size)
  const weights = new Float64Array(size)
  const oldOutputs = actor.outputs(inputs, size).slice()
  const oldFree = actor.free.slice()
  const inNetwork = actor.parameters.length - actor.free.length
  const networkDamping = damping * Math.max(1, actor.distribution.precision?.(actor.free) ?? 1)
  return {
    gradient(advantages, scale) {
      // d r = r d log pi, and r = 1
      for (let t = 0; t < size; t++) weights[t] = scale * advantages[t]
      actor.gradient.fill(0)
      actor.accumulate(inputs, actions, size, weights, 0)
      return actor.gradient.slice()
    },
    product(direction, product) {
      actor.fisherProduct(inputs, size, direction, product)
      for (let i = 0; i < product.length; i++) product[i] += (i < inNetwork ? networkDamping : damping) * direction[i]
    },
    measure() {
      const outputs = actor.outputs(inputs, size)
      let kl = 0
      for (let t = 0; t < size; t++) {
        ratios[t] = Math.exp(actor.distribution.logProbability(outputs, actor.free, t, actions) - batch.logProbabilities[t])
        kl += actor.distribution.divergence(oldOutputs, oldFree, outputs, actor.free, t)
      }
      return kl / size
    },
    change(advantages, scale) {
      let sum = 0
      for (let t = 0; t < size; t++) sum += (ratios[t] - 1) * advantages[t]
      return scale * sum
    },
    outcome: (gain, trustRegion) => ({
      policyLoss: trustRegion.share > 0 ? -gain : 0,
      ...compare(actor, batch, oldOutputs, oldFree),
      clipFraction: null,
      epochs: 1,
      trustRegion,
    }),
  }
}
