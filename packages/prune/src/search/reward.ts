/** What a search maximises. */
import { InputError, type Judgement } from '@espalier/nn'

/** `-entropy` is that of arXiv 2312.04918 (low is good); `entropy` is its opposite, the control that a report on it needs. */
export const rewards = ['accuracy', '-entropy', 'entropy', 'accuracy*log-macs'] as const
export type Reward = (typeof rewards)[number]

/** `entropy` in nats, where it was asked for. */
export type Judged = Judgement & { readonly entropy?: number }

export const needsEntropy = (reward: Reward): boolean => reward === 'entropy' || reward === '-entropy'

/**
 * Accuracy in percent; entropy in nats; or -(1 - accuracy) ln MACs, which rewards small networks too (AMC, arXiv 1802.03494, eq. 4).
 * @param macs of the candidate
 */
export function rewardOf(reward: Reward, { accuracy, entropy }: Judged, macs: () => number): number {
  if (reward === 'accuracy') return 100 * accuracy
  if (reward === 'accuracy*log-macs') return -(1 - accuracy) * Math.log(macs())
  if (entropy === undefined || !Number.isFinite(entropy))
    throw new InputError('the network has no activation maps to take an entropy of', {
      field: '--reward',
      expected: 'accuracy, or a network whose convolutions may be cut',
      found: reward,
    })
  return reward === 'entropy' ? entropy : -entropy
}

/** What an agent without multipliers loses by being beyond the budgets by as much as the limit, in the units of the reward. */
export const penaltyOf: Readonly<Record<Reward, number>> = { accuracy: 100, 'accuracy*log-macs': 10, entropy: 1, '-entropy': 1 }
