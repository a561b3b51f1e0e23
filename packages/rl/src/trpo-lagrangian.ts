/**
 * TRPO-Lagrangian (Ray, Achiam and Amodei 2019, "Benchmarking Safe Exploration"): the multipliers of ppo-lagrangian.ts around the step of trpo.ts.
 *
 *   lambda_k <- max(0, lambda_k + eta s_k (J_ck - d_k))
 *   A = (A_r - sum_k lambda_k A_ck) / (1 + sum_k lambda_k)
 *   max_theta mean_t r_t A_t   s.t.   KL <= delta                       then least squares for V_r and every V_ck
 *
 * Defaults: batches, discounts, critics and multipliers of ppo-lagrangian.ts, trust region of trpo.ts; delta falls with the square of the
 * training that is left (`schedule` 'linear': the step, like a learning rate, goes linearly to 0), so that the last iterates settle.
 */
import type { Algorithm, Setup } from './algorithm.js'
import { projectedDual } from './dual.js'
import type { Problem } from './environment.js'
import { createMultipliers } from './multipliers.js'
import { createLearner } from './ppo.js'
import { type PpoLagrangianSettings, ppoLagrangianDefaults } from './ppo-lagrangian.js'
import type { Saved } from './saved.js'
import { type TrpoSettings, trpoStep } from './trpo.js'
import { trustRegionDefaults } from './trust-region.js'

export type TrpoLagrangianSettings = TrpoSettings & Pick<PpoLagrangianSettings, 'multiplier'>

export const trpoLagrangianDefaults = (problem: Problem, steps: number): TrpoLagrangianSettings => {
  const { learningRate, clip, clipSchedule, targetKl, entropyCoefficient, maxGradientNorm, ...rest } = ppoLagrangianDefaults(problem, steps)
  return { ...rest, ...trustRegionDefaults }
}

export function trpoLagrangian(setup: Setup, settings: TrpoLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const { initial, learningRate } = settings.multiplier
  const learner = createLearner(setup, settings)
  const dual = projectedDual(costLimits.length, { initial: initial ?? 0, learningRate })
  const multipliers = createMultipliers(dual, costLimits, initial, 'trpo-lag')
  return {
    actor: learner.actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: multipliers.values,
    update(batch, progress) {
      multipliers.update(batch)
      const estimates = learner.estimate(batch)
      const left = settings.schedule === 'linear' ? 1 - progress : 1
      const region = { ...settings, targetKl: settings.targetKl * left * left }
      const policy = trpoStep(learner.actor, batch, multipliers.mix(estimates), region)
      return { ...policy, ...learner.regress(batch, estimates, progress), learningRate: settings.criticLearningRate * left }
    },
    state: () => ({ learner: learner.state(), multipliers: multipliers.state() }),
    restore(saved) {
      const state = saved as { learner: Saved; multipliers: Saved }
      learner.restore(state.learner)
      multipliers.restore(state.multipliers)
    },
  }
}
