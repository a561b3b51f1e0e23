/**
 * Trust region policy optimisation (Schulman et al. 2015, arXiv 1502.05477, appendix C):
 *
 *   max_theta  mean_t r_t A_t    s.t.   mean_s KL(pi_old || pi) <= delta        r_t = pi(a_t | s_t) / pi_old(a_t | s_t)
 *
 *   v = H^-1 g                    by conjugate gradient (trust-region.ts)
 *   x = sqrt(2 delta / v'Hv) v    the largest step within the quadratic model of the KL
 *   theta <- theta + 0.8^j x      the first j with KL <= delta and a surrogate that is no worse; theta as it was where there is none
 *
 * then least squares for V. KL is summed over action dimensions and averaged over states.
 *
 * Defaults: those of trust-region.ts; gamma 0.99, lambda 0.97 and critic by Adam 1e-3 as Spinning Up; 2048 steps, normalised observations as ppo.ts.
 */
import type { Actor } from './actor.js'
import type { Algorithm, Setup } from './algorithm.js'
import { dot } from './mlp.js'
import { createLearner, type LearnerSettings, learnerDefaults, standardised } from './ppo.js'
import type { Batch } from './rollout.js'
import { conjugateGradient, createRegion, lineSearch, type TrustRegionSettings, trustRegionDefaults } from './trust-region.js'

export type TrpoSettings = LearnerSettings & TrustRegionSettings

export const trpoDefaults = (copies: number): TrpoSettings => ({
  ...learnerDefaults(copies),
  schedule: 'constant',
  lambda: 0.97,
  costLambda: 0.97,
  ...trustRegionDefaults,
})

export function trpo(setup: Setup, settings: TrpoSettings): Algorithm {
  const learner = createLearner({ ...setup, problem: { ...setup.problem, costs: 0 } }, settings)
  return {
    actor: learner.actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: [],
    update(batch, progress) {
      const estimates = learner.estimate(batch)
      const policy = trpoStep(learner.actor, batch, estimates.reward.advantages, settings)
      return { ...policy, ...learner.regress(batch, estimates, progress), learningRate: settings.criticLearningRate }
    },
    state: learner.state,
    restore: learner.restore,
  }
}

/** The step above. */
export function trpoStep(actor: Actor, batch: Batch, advantages: Float64Array, settings: TrustRegionSettings) {
  const { targetKl, damping, conjugateGradientSteps } = settings
  const region = createRegion(actor, batch, damping)
  const A = standardised(advantages)

  const g = region.gradient(A, 1 / batch.size)
  const v = conjugateGradient(region.product, g, conjugateGradientSteps)
  const Hv = new Float64Array(v.length)
  region.product(v, Hv)
  const vHv = dot(v, Hv)
  const scale = vHv > 0 ? Math.sqrt((2 * targetKl) / vHv) : 0
  const x = v.map((value) => scale * value)

  let gain = 0
  const share = lineSearch(actor.parameters, x, settings, () => {
    const kl = region.measure()
    gain = region.change(A, 1 / batch.size)
    return kl <= targetKl && gain >= 0
  })
  return region.outcome(gain, { kind: 'trpo', share, excess: [], predictedCostChange: [], surrogateCostChange: [] })
}
