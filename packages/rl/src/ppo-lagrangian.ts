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
 * reward part keeps the cost part from running away. The scales s_k make the step of the dual free of units (multipliers.ts).
 *
 * Lagrangian methods converge in their last iterate only where the optimum is a deterministic policy; elsewhere judge time averages.
 * Defaults: found on the constrained problems with known optima that the tests use, 100 to 200 updates each: whole episodes, learning rate
 * 3e-3 falling to 0, 8 epochs of minibatches of 128, gamma 0.995 (1 is right for short episodes that end by themselves), lambda 0.97 (Safety
 * Starter Agents), multipliers that start at what the first episodes say a unit of cost is worth, which keeps the first policies from running far beyond
 * the limits, and eta 0.2: at 0.1 a multiplier that is too high when a discrete policy settles does not come down within the training
 * (cmdp5_two_constraints, 2 seeds of 3), at 0.2 its last swing is still under way at the end of cmdp1_bandit (1 seed of 5).
 * A little entropy keeps discrete policies from settling before the multipliers do. Observations are taken as they are and should be of order 1 (one-hot vectors suffer from running normalisation).
 */
import type { Algorithm, Setup } from './algorithm.js'
import { projectedDual } from './dual.js'
import type { Problem } from './environment.js'
import { createMultipliers, type Multipliers } from './multipliers.js'
import { createLearner, type Learner, type LearnerSettings, type PpoSettings } from './ppo.js'
import type { Saved } from './saved.js'

export interface PpoLagrangianSettings extends PpoSettings {
  readonly multiplier: {
    /** In units of reward per unit of cost; null: the slope of the return on the cost over the episodes of the first batch. */
    readonly initial: number | null
    /** eta above, without units. */
    readonly learningRate: number
  }
}

export const lagrangianDefaults = (steps: number) =>
  ({
    hidden: [32, 32],
    collect: { wholeEpisodeSteps: Math.min(1024, Math.max(256, Math.ceil(steps / 200))) },
    criticLearningRate: 3e-3,
    schedule: 'linear',
    epochs: 8,
    minibatch: 128,
    gamma: 0.995,
    lambda: 0.97,
    costGamma: 0.995,
    costLambda: 0.97,
    logStd: -0.7,
    normaliseObservations: false,
    normaliseRewards: false,
    normaliseCosts: false,
    policy: 'gaussian',
    multiplier: { initial: null, learningRate: 0.2 },
  }) satisfies LearnerSettings & Pick<PpoLagrangianSettings, 'multiplier'>

export const ppoLagrangianDefaults = ({ actions }: Problem, steps: number): PpoLagrangianSettings => ({
  ...lagrangianDefaults(steps),
  learningRate: 3e-3,
  clip: 0.2,
  clipSchedule: 'constant',
  targetKl: 0.015,
  entropyCoefficient: actions.kind === 'discrete' ? 0.01 : 0,
  maxGradientNorm: 0.5,
})

export function ppoLagrangian(setup: Setup, settings: PpoLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const { initial, learningRate } = settings.multiplier
  const dual = projectedDual(costLimits.length, { initial: initial ?? 0, learningRate })
  return lagrangian(createLearner(setup, settings), createMultipliers(dual, costLimits, initial, 'ppo-lag'), settings)
}

/** The iteration above for any rule of the multipliers and any step of the policy. */
export function lagrangian(
  learner: Learner,
  multipliers: Multipliers,
  settings: LearnerSettings,
  improve: Learner['improve'] = learner.improve,
): Algorithm {
  return {
    actor: learner.actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: multipliers.values,
    update(batch, progress) {
      multipliers.update(batch)
      const estimates = learner.estimate(batch)
      return improve(batch, multipliers.mix(estimates), estimates, progress)
    },
    state: () => ({ learner: learner.state(), multipliers: multipliers.state() }),
    restore(saved) {
      const state = saved as { learner: Saved; multipliers: Saved }
      learner.restore(state.learner)
      multipliers.restore(state.multipliers)
    },
  }
}
