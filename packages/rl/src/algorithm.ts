import type { Acting, Actor } from './actor.js'
import type { Critic } from './critic.js'
import type { Problem } from './environment.js'
import type { Advantages, Discounts } from './gae.js'
import { gae, valuesAfter } from './gae.js'
import type { Batch, CollectPlan } from './rollout.js'
import type { Saved } from './saved.js'

/** What every algorithm is made from. */
export interface Setup {
  readonly problem: Problem
  /** Copies of the environment. */
  readonly copies: number
  readonly costLimits: readonly number[]
  readonly seed: number
}

/** An algorithm between `learn` (which collects, reports and saves) and the networks. */
export interface Algorithm {
  readonly actor: Acting
  readonly plan: CollectPlan
  /** Whether the observation normaliser learns at every step of the collection (otherwise the algorithm feeds it). */
  readonly normaliseEachStep: boolean
  /** Current multipliers, one per cost; empty where there are none. */
  readonly multipliers: ArrayLike<number>
  /** One update from one batch. `progress` is the share of the training that is over, in [0, 1). */
  update(batch: Batch, progress: number): UpdateMetrics
  state(): Saved
  restore(state: Saved): void
}

export interface CriticMetrics {
  /** Mean squared errors of the critics before their own step, in squared units of the (possibly normalised) return and costs. */
  readonly valueLoss: number
  readonly costValueLosses: readonly number[]
  /** Of the critic before the update; null where returns do not vary. */
  readonly explainedVariance: number | null
  readonly costExplainedVariance: readonly (number | null)[]
}

export interface UpdateMetrics extends CriticMetrics {
  /** The loss that the policy minimises, mean over the minibatches. */
  readonly policyLoss: number
  /** KL(old policy || new policy), mean over the batch, sum over action dimensions, exact; null for deterministic policies. */
  readonly kl: number | null
  /** Mean entropy of the new policy over the batch, in nats; null for deterministic policies. */
  readonly entropy: number | null
  /** Share of samples whose ratio the clip cut off; null where nothing is clipped. */
  readonly clipFraction: number | null
  /** Epochs of policy updates before the KL stop, or all of them; 1 for one step in a trust region. */
  readonly epochs: number
  /** Of the policy; of the critics where the policy has none (trust regions). */
  readonly learningRate: number
  /** Algorithms with a trust region only. */
  readonly trustRegion?: TrustRegionMetrics
}

export interface TrustRegionMetrics {
  /** Which case of its problem the step solved; 'trpo' for the one of TRPO. */
  readonly kind: string
  /** The share of the step that the line search took; 0: none, the policy is as before. */
  readonly share: number
  /** J_c - d before the step, and what the linear model and the surrogate said about the change of J_c. One per limited cost. */
  readonly excess: readonly number[]
  readonly predictedCostChange: readonly number[]
  readonly surrogateCostChange: readonly number[]
}

/** Values and advantages of a batch: for the reward with (gamma, lambda), for each cost with (costGamma, costLambda). */
export function estimate(
  batch: Batch,
  critics: { readonly reward: Critic; readonly costs: readonly Critic[] },
  signals: { readonly rewards: Float64Array; readonly costs: readonly Float64Array[] },
  discounts: Discounts,
): { reward: Estimate; costs: Estimate[] } {
  const one = (critic: Critic, signal: Float64Array, gamma: number, lambda: number) => {
    const values = critic.values(batch.inputs, batch.size)
    const after = valuesAfter(batch, values, batch.endRows, critic.values(batch.endInputs, batch.endRows.length))
    return { values, ...gae(batch, signal, values, after, gamma, lambda) }
  }
  return {
    reward: one(critics.reward, signals.rewards, discounts.gamma, discounts.lambda),
    costs: critics.costs.map((critic, k) => one(critic, signals.costs[k], discounts.costGamma, discounts.costLambda)),
  }
}

export interface Estimate extends Advantages {
  readonly values: Float64Array
}

/** Mean over finished episodes of their return or of one cost; null where none finished. */
export function meanOf(batch: Batch, read: (episode: Batch['episodes'][number]) => number): number | null {
  if (batch.episodes.length === 0) return null
  let sum = 0
  for (const episode of batch.episodes) sum += read(episode)
  return sum / batch.episodes.length
}

/** Copies the rows `indices[from..to)` of `source` [size][width] into `target`. */
export function gather(source: Float64Array, width: number, indices: Int32Array, from: number, to: number, target: Float64Array): void {
  for (let i = from, at = 0; i < to; i++) {
    const row = indices[i] * width
    for (let j = 0; j < width; j++) target[at++] = source[row + j]
  }
}

/** Mean exact KL(old || new) and entropy of the new policy over the batch, given the outputs of the old one. */
export function compare(actor: Actor, batch: Batch, oldOutputs: Float64Array, oldFree: Float64Array): { kl: number; entropy: number } {
  const outputs = actor.outputs(batch.inputs, batch.size)
  let kl = 0
  for (let r = 0; r < batch.size; r++) kl += actor.distribution.divergence(oldOutputs, oldFree, outputs, actor.free, r)
  return { kl: kl / batch.size, entropy: actor.entropy(batch.size) }
}

/** @throws Error when an update left numbers that are not finite, naming them */
export function checkFinite(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new Error(
        `${what}[${i}] became ${String(values[i])} in the update: lower the learning rate, or check the scale of rewards and costs`,
      )
  }
}
