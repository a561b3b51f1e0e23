/**
 * PPO with a PID-controlled multiplier (Stooke, Achiam and Abbeel 2020, "Responsive Safety in Reinforcement Learning by PID Lagrangian
 * Methods", arXiv 2007.03964, algorithms 1 and 2). Per iteration, from the same batch of whole episodes, with e_k = J_ck - d_k:
 *
 *   I_k <- max(0, I_k + K_i e_k)        P_k, C_k: moving averages of e_k and J_ck        D_k = max(0, C_k - C_k `delay` updates ago)
 *   lambda_k = max(0, K_p P_k + I_k + K_d D_k)                                           (dual.ts)
 *   A = (A_r - sum_k lambda_k A_ck) / (1 + sum_k lambda_k)                               and PPO's clipped step on it (ppo.ts)
 *
 * I alone is the plain projected ascent of ppo-lagrangian.ts, a pure integrator, whose cost swings around the limit by a quarter period late;
 * P damps the swing, D answers a rise before the limit is reached.
 *
 * Defaults: those of ppo-lagrangian.ts; gains 10 : 1 : 10 as found on the constrained problems with known optima that the tests
 * use, in the units of multipliers.ts; smoothing 0.95, delay 10 (OmniSafe, rlpyt).
 */
import type { Algorithm, Setup } from './algorithm.js'
import { type PidGains, pidDual } from './dual.js'
import type { Problem } from './environment.js'
import { createMultipliers } from './multipliers.js'
import { createLearner, type PpoSettings } from './ppo.js'
import { lagrangian, ppoLagrangianDefaults } from './ppo-lagrangian.js'

export interface PidLagrangianSettings extends PpoSettings {
  /** `initial`: of I; null: as ppo-lagrangian.ts. The gains have no units. */
  readonly multiplier: PidGains & { readonly initial: number | null }
}

export const pidLagrangianDefaults = (problem: Problem, steps: number): PidLagrangianSettings => ({
  ...ppoLagrangianDefaults(problem, steps),
  multiplier: { initial: null, kp: 1, ki: 0.1, kd: 1, delay: 10, emaP: 0.95, emaD: 0.95 },
})

export function pidLagrangian(setup: Setup, settings: PidLagrangianSettings): Algorithm {
  const { costLimits } = setup
  const { initial, ...gains } = settings.multiplier
  const dual = pidDual(costLimits.length, { initial: initial ?? 0, ...gains })
  return lagrangian(createLearner(setup, settings), createMultipliers(dual, costLimits, initial, 'pid-lag'), settings)
}
