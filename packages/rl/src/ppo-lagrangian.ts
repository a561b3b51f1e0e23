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
 * reward part keeps the cost part from running away. s_k = std(episode return) / var(episode cost k), over all episodes so far, makes eta
 * free of units: a violation of one standard deviation moves lambda_k by eta of its natural scale.
 *
 * Lagrangian methods converge in their last iterate only where the optimum is a deterministic policy; elsewhere judge time averages.
 * Defaults: found on the constrained problems with known optima that the tests use (whole episodes, learning rate 3e-3 falling to 0, minibatch 256, 8 epochs).
 */
import { type Algorithm, estimate, meanOf, type Setup } from './algorithm.js'
import { type DualState, projectedDual } from './dual.js'
import { createLearner, type PpoSettings } from './ppo.js'
import type { Saved } from './saved.js'

export interface PpoLagrangianSettings extends PpoSettings {
  readonly multiplier: {
    /** In units of reward per unit of cost. */
    readonly initial: number
    /** eta above, without units. */
    readonly learningRate: number
  }
}

export const ppoLagrangianDefaults = (): PpoLagrangianSettings => ({
  hidden: [64, 64],
  collect: { wholeEpisodeSteps: 1024 },
  learningRate: 3e-3,
  criticLearningRate: 3e-3,
  schedule: 'linear',
  epochs: 8,
  minibatch: 256,
  clip: 0.2,
  targetKl: 0.02,
  gamma: 0.99,
  lambda: 0.97,
  costGamma: 0.99,
  costLambda: 0.97,
  entropyCoefficient: 0,
  maxGradientNorm: 0.5,
  logStd: -0.7,
  normaliseObservations: true,
  multiplier: { initial: 0, learningRate: 0.05 },
})

export function ppoLagrangian(setup: Setup, settings: PpoLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const learner = createLearner(setup, settings)
  const dual = projectedDual(costLimits.length, settings.multiplier)
  const spread = { return: welford(), costs: costLimits.map(welford) }
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
      for (const episode of batch.episodes) {
        spread.return.add(episode.return)
        spread.costs.forEach((cost, k) => {
          cost.add(episode.costs[k])
        })
      }
      const scales = spread.costs.map((cost) => spread.return.std() / cost.std() ** 2)
      const costs = costLimits.map((_, k) => meanOf(batch, (episode) => episode.costs[k])!)
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
      spread: [spread.return, ...spread.costs].map((moments) => moments.state()),
    }),
    restore(saved) {
      const state = saved as unknown as { learner: Saved; dual: DualState; spread: number[][] }
      learner.restore(state.learner)
      dual.restore(state.dual)
      for (const [i, moments] of [spread.return, ...spread.costs].entries()) moments.restore(state.spread[i])
    },
  }
}

/** Mean and standard deviation of a stream (Welford 1962). Where nothing varies the size of the values stands in for their spread. */
function welford() {
  let count = 0
  let mean = 0
  let squares = 0
  return {
    add(value: number) {
      count++
      const delta = value - mean
      mean += delta / count
      squares += delta * (value - mean)
    },
    std() {
      const std = Math.sqrt(squares / count)
      return std > 1e-6 * Math.abs(mean) ? std : Math.abs(mean) || 1
    },
    state: () => [count, mean, squares],
    restore(state: readonly number[]) {
      ;[count, mean, squares] = state
    },
  }
}
