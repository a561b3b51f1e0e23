/**
 * Constrained policy optimisation (Achiam et al. 2017, arXiv 1705.10528, algorithm 1), for any number of costs:
 *
 *   max_theta  J_r    s.t.   J_ck <= d_k,   mean_s KL(pi_old || pi) <= delta           J: expected UNDISCOUNTED sums over an episode
 *
 * by its linear and quadratic models at the old policy, from one batch of M steps whose episodes are L long on average:
 *
 *   g   = d/dtheta L/M sum_t r_t (A_r,t - mean)       b_k = d/dtheta L/M sum_t r_t (A_ck,t - mean)        c_k = J_ck - d_k
 *   x   = the solution of max g'x s.t. c_k + b_k'x <= 0, 1/2 x'Hx <= delta, or the recovery where there is none      (cpo-step.ts)
 *   theta <- theta + 0.8^j x, the first j with
 *     KL <= delta,  change of J_ck <= max(-c_k, 0) + tolerance |d_k|,  and J_r no worse where no limit was violated;
 *     theta as it was where there is none
 *
 * then least squares for V_r and every V_ck. b is the gradient of J_c itself: with a mean per STEP (without L) it would not fit c, which is
 * per episode. Nothing is divided by a standard deviation: nu comes out as the true dual variable, reward per cost.
 *
 * The tolerance of 1% of the limit is ours: without it (c ~ 0 on the boundary) every step along a curved boundary is refused, and CPO stands still
 * on half of the problems with known optima. The published implementations in OmniSafe and SafePO have the sign of r wrong; we follow the paper.
 * Defaults: delta 0.01 (all implementations); damping 0.01 and the line search of trust-region.ts; lambda 0.97 (Safety Starter Agents); gamma 0.995
 * for both as ppo-lagrangian.ts (1 for short episodes that end by themselves); whole episodes; critics by 5 epochs of minibatches of 256, Adam 3e-3.
 */
import type { Algorithm, Setup, TrustRegionMetrics } from './algorithm.js'
import { type CpoStep, cpoStep } from './cpo-step.js'
import { moments } from './gae.js'
import { dot } from './mlp.js'
import { episodeCosts, requireEpisodes } from './multipliers.js'
import { createLearner } from './ppo.js'
import type { Saved } from './saved.js'
import type { TrpoSettings } from './trpo.js'
import { conjugateGradient, createRegion, lineSearch, type Product, type TrustRegionSettings, trustRegionDefaults } from './trust-region.js'

export type CpoSettings = TrpoSettings & {
  /** By how much a step may raise a cost beyond its limit, as a share of the limit. */
  readonly costTolerance: number
}

export const cpoDefaults = (steps: number): CpoSettings => ({
  hidden: [32, 32],
  collect: { wholeEpisodeSteps: Math.min(2048, Math.max(256, Math.ceil(steps / 100))) },
  criticLearningRate: 3e-3,
  schedule: 'constant',
  epochs: 5,
  minibatch: 256,
  gamma: 0.995,
  lambda: 0.97,
  costGamma: 0.995,
  costLambda: 0.97,
  logStd: -0.7,
  normaliseObservations: false,
  normaliseRewards: false,
  normaliseCosts: false,
  policy: 'gaussian',
  ...trustRegionDefaults,
  costTolerance: 0.01,
})

export function cpo(setup: Setup, settings: CpoSettings): Algorithm {
  const { costLimits } = setup
  const learner = createLearner(setup, settings)
  const { actor } = learner
  const multipliers = new Float64Array(costLimits.length)
  return {
    actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers,
    update(batch, progress) {
      requireEpisodes(batch, 'cpo')
      const estimates = learner.estimate(batch)
      const region = createRegion(actor, batch, settings.damping)
      const centred = (advantages: Float64Array) => {
        const { mean } = moments(advantages)
        return advantages.map((value) => value - mean)
      }
      const rewards = centred(estimates.reward.advantages)
      const costs = estimates.costs.map(({ advantages }) => centred(advantages))
      const steps = batch.episodes.reduce((sum, { length }) => sum + length, 0)
      const perEpisode = steps / batch.episodes.length / batch.size // L / M

      let gain = 0
      const result = cpoUpdate(
        {
          parameters: actor.parameters,
          gradient: region.gradient(rewards, perEpisode),
          costGradients: costs.map((advantages) => region.gradient(advantages, perEpisode)),
          costs: episodeCosts(batch, costLimits.length),
          limits: costLimits,
          product: region.product,
          measure() {
            const kl = region.measure()
            gain = region.change(rewards, perEpisode)
            return { kl, gain, costChanges: costs.map((advantages) => region.change(advantages, perEpisode)) }
          },
        },
        settings,
      )
      multipliers.set(result.step.nu)
      return {
        ...region.outcome(gain, result.trustRegion),
        ...learner.regress(batch, estimates, progress),
        learningRate: settings.criticLearningRate,
      }
    },
    state: () => ({ learner: learner.state(), multipliers: Array.from(multipliers) }),
    restore(saved) {
      const state = saved as { learner: Saved; multipliers: number[] }
      learner.restore(state.learner)
      multipliers.set(state.multipliers)
    },
  }
}

/** What an update needs to know, sampled (above) or exact (from tables, in the tests). */
export interface CpoProblem {
  /** theta, changed in place. */
  readonly parameters: Float64Array
  /** g, b_k, J_ck and d_k: of J itself, per episode. */
  readonly gradient: Float64Array
  readonly costGradients: readonly Float64Array[]
  readonly costs: readonly number[]
  readonly limits: readonly number[]
  /** H times a direction. */
  readonly product: Product
  /** At the parameters as they are now, against the old ones: KL, and the changes of J_r and of every J_ck. */
  measure(): { readonly kl: number; readonly gain: number; readonly costChanges: readonly number[] }
}

/** One update of theta: the step and how much of it was taken. */
export function cpoUpdate(
  { parameters, gradient, costGradients, costs, limits, product, measure }: CpoProblem,
  settings: TrustRegionSettings & Pick<CpoSettings, 'costTolerance'>,
): { step: CpoStep; trustRegion: TrustRegionMetrics } {
  const { targetKl, conjugateGradientSteps, costTolerance } = settings
  const c = costs.map((cost, k) => cost - limits[k])
  const solve = (b: Float64Array) => {
    const inverse = conjugateGradient(product, b, conjugateGradientSteps)
    // H times what was found, not b: the quadratic form is then exact for the directions at hand, however early the iterations ended.
    const image = new Float64Array(b.length)
    product(inverse, image)
    return { inverse, image }
  }
  const v = solve(gradient)
  const w = costGradients.map(solve)
  const q = dot(v.inverse, v.image)
  const r = w.map(({ inverse }) => dot(inverse, v.image))
  const S = w.map(({ inverse }) => w.map(({ image }) => dot(inverse, image)))

  const step = cpoStep(q, r, S, c, targetKl)
  const x = v.inverse.map((value) => step.alpha * value)
  w.forEach(({ inverse }, k) => {
    for (let i = 0; i < x.length; i++) x[i] -= step.beta[k] * inverse[i]
  })

  const feasible = c.every((excess) => excess <= 0)
  let changes: readonly number[] = []
  const accept = () => {
    const { kl, gain, costChanges } = measure()
    changes = costChanges
    return (
      kl <= targetKl &&
      (gain >= 0 || !feasible) &&
      costChanges.every((change, k) => change <= Math.max(-c[k], 0) + costTolerance * Math.abs(limits[k]))
    )
  }
  const share = step.kind === 'stuck' ? 0 : lineSearch(parameters, x, settings, accept)
  return {
    step,
    trustRegion: {
      kind: step.kind,
      share,
      excess: c,
      predictedCostChange: costGradients.map((b) => share * dot(b, x)),
      surrogateCostChange: share > 0 ? changes : c.map(() => 0),
    },
  }
}
