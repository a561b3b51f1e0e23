/**
 * TRPO-Lagrangian (Ray, Achiam and Amodei 2019, "Benchmarking Safe Exploration"): multipliers around the step of trpo.ts.
 *
 *   I_k <- max(0, I_k + eta s_k e_k)                       lambda_k = max(0, I_k + K s_k (J_ck - d_k))
 *   A = (A_r - sum_k lambda_k A_ck) / (1 + sum_k lambda_k)
 *   max_theta mean_t r_t A_t   s.t.   KL <= delta                       then least squares for V_r and every V_ck
 *
 *   e_k = J_ck - d_k, limited to between 0 and J_ck - d_k + L (change of J_ck since the batch before)
 *
 * The term with K is not theirs: the P of pid-lagrangian.ts, without smoothing. A step of a given KL is slow where the policy has become
 * narrow, and an integrator (K = 0) then swings around the limit to the end: on prune10_hinge lambda went from 4 to 9, the cost 20% above its limit and
 * below it; with K lambda ends within 6% of the true price.
 *
 * Nor is L, against wind-up: what ends by itself within L batches is not summed up. Exploration alone costs 38 times the limit of lqr_energy_budget and 8
 * times that of pointmass_energy_budget; within a trust region it takes 25 batches to become narrow, and by then a plain integrator had lambda at 9 and
 * 12 times its price, and needed 50 to 70 more to come down. With L = 10 both are at their price from then on, and the first policies that pass come
 * after 43,000 steps instead of 155,000, and 20,000 instead of 45,000. It works both ways, so that noise in J_c does not move lambda.
 *
 * Defaults: batches, discounts and critics of ppo-lagrangian.ts, eta 0.2 as there, K = 10 eta as pid-lagrangian.ts (with eta 0.1, one of three seeds ended 5.7%
 * above the limit on lqr_energy_budget, with 0.2 3%), L = 10 = K / eta, the batches in which the sum makes up what the term with K is; trust region of
 * trpo.ts, but delta 0.02 (with 0.01 three seeds of five reach what cmdp4_random5x3/slack asks for, where nothing binds; with 0.02 four); delta falls with the
 * square of the training that is left (`schedule` 'linear': the step, like a learning rate, goes linearly to 0), so that the last iterates settle.
 */
import type { Algorithm, Setup } from './algorithm.js'
import { pidDual } from './dual.js'
import { createMultipliers } from './multipliers.js'
import { createLearner } from './ppo.js'
import { lagrangian, lagrangianDefaults, type PpoLagrangianSettings } from './ppo-lagrangian.js'
import { type TrpoSettings, trpoStep } from './trpo.js'
import { trustRegionDefaults } from './trust-region.js'

export type TrpoLagrangianSettings = TrpoSettings & {
  readonly multiplier: PpoLagrangianSettings['multiplier'] & {
    /** K above, without units; 0: the plain integrator. */
    readonly damping: number
    /** L above, in batches; 0: all of the violation is summed up. */
    readonly lead: number
  }
}

export const trpoLagrangianDefaults = (steps: number): TrpoLagrangianSettings => ({
  ...lagrangianDefaults(steps),
  ...trustRegionDefaults,
  targetKl: 0.02,
  multiplier: { initial: null, learningRate: 0.2, damping: 2, lead: 10 },
})

export function trpoLagrangian(setup: Setup, settings: TrpoLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const { initial, learningRate, damping, lead } = settings.multiplier
  const learner = createLearner(setup, settings)
  const gains = { kp: damping, ki: learningRate, kd: 0, delay: 1, emaP: 0, emaD: 0, lead }
  const dual = pidDual(costLimits.length, { initial: initial ?? 0, ...gains })
  return lagrangian(
    learner,
    createMultipliers(dual, costLimits, initial, 'trpo-lag'),
    settings,
    (batch, advantages, estimates, progress) => {
      const left = settings.schedule === 'linear' ? 1 - progress : 1
      const policy = trpoStep(learner.actor, batch, advantages, { ...settings, targetKl: settings.targetKl * left * left })
      return { ...policy, ...learner.regress(batch, estimates, progress), learningRate: settings.criticLearningRate * left }
    },
  )
}
