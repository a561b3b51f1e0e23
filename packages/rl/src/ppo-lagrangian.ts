/**
 * PPO-Lagrangian, the common clipped form (Ray, Achiam and Amodei 2019, "Benchmarking Safe Exploration"; OmniSafe `ppo_lag.py`):
 *
 *   max_theta min_{lambda >= 0}  J_r - sum_k lambda_k (J_ck - d_k)      J: expected UNDISCOUNTED sums over an episode
 *
 * per iteration, all from the same batch of whole episodes:
 *   lambda_k <- max(0, lambda_k + eta s_k (J_ck - d_k))                 projected ascent, before the policy
 *   A = (A_r - sum_k lambda_k A_ck) / (1 + sum_k lambda_k)              raw advantages, mixed first, then standardised
 *   PPO's clipped step on A (ppo.ts), least squares for V_r and every V_ck
 *
 * Mixing before standardising keeps lambda the true dual variable, in units of reward per cost; clipping the mixture rather than its
 * reward part keeps the cost part from running away. The step of the dual is free of units and bounded (ours; published step sizes are
 * tuned to one benchmark): a violation counts in units of max(|d|, spread of the episode cost), no more than 1, and moves lambda by eta times its
 * natural size, the ratio of the spreads of return and cost. A multiplier far above that size, left from a start far outside the
 * limits, falls in proportion to itself.
 *
 * Lagrangian methods converge in their last iterate only where the optimum is a deterministic policy; elsewhere judge time averages.
 * Defaults: found on the constrained problems with known optima that the tests use, 100 to 200 updates each: whole episodes, learning rate
 * 3e-3 falling to 0, 8 epochs of minibatches of 128, gamma 0.995 (1 is right for short episodes that end by themselves), lambda 0.97 (Safety
 * Starter Agents), multipliers that start at their natural size, which keeps the first policies from running far beyond the limits.
 * A little entropy keeps discrete policies from settling before the multipliers do. Observations are taken as they are and should be of order 1 (one-hot vectors suffer from running normalisation).
 */
import { type Algorithm, estimate, meanOf, type Setup } from './algorithm.js'
import { type DualState, projectedDual } from './dual.js'
import type { Problem } from './environment.js'
import { createLearner, type PpoSettings } from './ppo.js'
import type { Saved } from './saved.js'

export interface PpoLagrangianSettings extends PpoSettings {
  readonly multiplier: {
    /** In units of reward per unit of cost; null: the ratio of the spreads of return and cost in the first batch. */
    readonly initial: number | null
    /** eta above, without units. */
    readonly learningRate: number
  }
}

export const ppoLagrangianDefaults = ({ actions }: Problem, steps: number): PpoLagrangianSettings => ({
  hidden: [32, 32],
  collect: { wholeEpisodeSteps: Math.min(1024, Math.max(256, Math.ceil(steps / 200))) },
  learningRate: 3e-3,
  criticLearningRate: 3e-3,
  schedule: 'linear',
  epochs: 8,
  minibatch: 128,
  clip: 0.2,
  targetKl: 0.015,
  gamma: 0.995,
  lambda: 0.97,
  costGamma: 0.995,
  costLambda: 0.97,
  entropyCoefficient: actions.kind === 'discrete' ? 0.01 : 0,
  maxGradientNorm: 0.5,
  logStd: -0.7,
  normaliseObservations: false,
  policy: 'gaussian',
  multiplier: { initial: null, learningRate: 0.2 },
})

export function ppoLagrangian(setup: Setup, settings: PpoLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const learner = createLearner(setup, settings)
  const { initial, learningRate } = settings.multiplier
  const dual = projectedDual(costLimits.length, { initial: initial ?? 0, learningRate })
  const returnSpread = createSpread()
  const costSpreads = costLimits.map(createSpread)
  return {
    actor: learner.actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: dual.values,
    update(batch, progress) {
      if (batch.episodes.length === 0) {
        throw new Error(
          `ppo-lag: no episode ended within ${batch.size} steps, so that no episode cost is known; collect whole episodes (collect: { wholeEpisodeSteps }) or more steps`,
        )
      }
      const first = !returnSpread.state().seen
      returnSpread.update(batch.episodes.map((episode) => episode.return))
      const costs = costLimits.map((_, k) => meanOf(batch, (episode) => episode.costs[k])!)
      const scales = costLimits.map((limit, k) => {
        const spread = costSpreads[k].update(batch.episodes.map((episode) => episode.costs[k]))
        const violation = costs[k] - limit
        const natural = returnSpread.value() / spread
        if (first && initial === null) dual.values[k] = natural
        return Math.max(natural, violation < 0 ? dual.values[k] : 0) / Math.max(spread, Math.abs(limit), Math.abs(violation))
      })
      dual.update(costs, costLimits, scales)

      const estimates = estimate(batch, learner.critics, batch, settings)
      const weight = 1 + dual.values.reduce((sum, value) => sum + value, 0)
      const mixed = estimates.reward.advantages.map((advantage, t) => {
        let sum = advantage
        for (let k = 0; k < costLimits.length; k++) sum -= dual.values[k] * estimates.costs[k].advantages[t]
        return sum / weight
      })
      return learner.improve(batch, mixed, estimates, progress)
    },
    state: () => ({
      learner: learner.state(),
      dual: dual.state() as unknown as Saved,
      spreads: [returnSpread, ...costSpreads].map((spread) => spread.state() as unknown as Saved),
    }),
    restore(saved) {
      const state = saved as unknown as { learner: Saved; dual: DualState; spreads: SpreadState[] }
      learner.restore(state.learner)
      dual.restore(state.dual)
      for (const [i, spread] of [returnSpread, ...costSpreads].entries()) spread.restore(state.spreads[i])
    },
  }
}

interface SpreadState {
  readonly seen: boolean
  readonly mean: number
  readonly variance: number
}

/** Standard deviation of a stream, forgetting with a factor of 0.9 a batch. Where nothing varied yet, the size of the values, or 1. */
function createSpread() {
  let state: SpreadState = { seen: false, mean: 0, variance: 0 }
  const value = () => Math.max(Math.sqrt(state.variance), 1e-6 * Math.abs(state.mean)) || 1
  return {
    value,
    update(values: readonly number[]): number {
      const average = values.reduce((sum, v) => sum + v, 0) / values.length
      const centre = state.seen ? state.mean : average
      const squares = values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / values.length
      const keep = state.seen ? 0.9 : 0
      state = { seen: true, mean: keep * centre + (1 - keep) * average, variance: keep * state.variance + (1 - keep) * squares }
      return value()
    },
    state: () => state,
    restore(saved: SpreadState) {
      state = saved
    },
  }
}
