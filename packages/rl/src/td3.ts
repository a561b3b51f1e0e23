/**
 * Twin delayed deep deterministic policy gradient (Fujimoto, van Hoof and Meger 2018, arXiv 1802.09477, algorithm 1). After every step, on a
 * minibatch from the replay:
 *
 *   a' = clip(mu'(s') + clip(N(0, 0.2), -0.5, 0.5), -1, 1)     target policy smoothing, in units where the box is [-1, 1]
 *   y  = r + gamma (1 - terminated) min(Q1'(s', a'), Q2'(s', a'))
 *   critics: minimise mean (Q_k(s, a) - y)^2
 *   every second time:  actor: maximise mean Q1(s, mu(s));     all targets <- (1 - tau) target + tau online
 *
 * A time limit is not an end: the sum goes on from the observation it cut at. Exploration adds N(0, 0.1) and clips; the first `warmup` steps are uniform.
 *
 * Defaults: the authors' code (sfujim/TD3 `TD3.py`, `main.py`): [256, 256], learning rates 3e-4, minibatch 256, tau 0.005, gamma 0.99, replay of
 * 1e6. The 25,000 steps of warm-up are at most an eighth of the run here. Steps are collected 50 at a time, then as many updates are made (Spinning Up's
 * `update_every`). For short episodes with a reward at the end: `rewards: 'episode', gamma: 0, collect: { episodes: 1 }` (ddpg.ts says why).
 */
import type { Algorithm, Setup } from './algorithm.js'
import { type AgentState, createAgent, deterministicActor, type OffPolicySettings } from './off-policy.js'
import type { Saved } from './saved.js'

export interface Td3Settings extends OffPolicySettings {
  /** Environment steps of uniform actions, without updates. */
  readonly warmup: number
  /** Standard deviations, in units where the box is [-1, 1]: of the exploration, and of the target's smoothing with its bound. */
  readonly sigma: number
  readonly targetSigma: number
  readonly targetClip: number
  /** Updates of the critics for each of the actor and the targets. */
  readonly delay: number
}

export const td3Defaults = (steps: number): Td3Settings => ({
  hidden: [256, 256],
  collect: { stepsPerEnvironment: 50 },
  learningRate: 3e-4,
  criticLearningRate: 3e-4,
  gamma: 0.99,
  tau: 0.005,
  minibatch: 256,
  replay: 1_000_000,
  rewards: 'step',
  warmup: Math.min(25_000, Math.ceil(steps / 8)),
  sigma: 0.1,
  targetSigma: 0.2,
  targetClip: 0.5,
  delay: 2,
})

interface Td3State extends AgentState {
  readonly steps: number
  readonly updates: number
}

export function td3(setup: Setup, settings: Td3Settings): Algorithm {
  const { collect, warmup, sigma, targetSigma, targetClip, delay } = settings
  const agent = createAgent(setup, settings, 2)
  let steps = 0
  let updates = 0
  const actor = deterministicActor('td3', setup.problem, agent.policy, (mean, random) =>
    steps < warmup ? 2 * random.uniform() - 1 : clip(mean + sigma * random.normal(), 1),
  )

  const smooth = (actions: Float64Array) => {
    for (let i = 0; i < actions.length; i++) actions[i] = clip(actions[i] + clip(targetSigma * agent.draws.normal(), targetClip), 1)
  }
  const update = () => {
    agent.sample()
    const valueLoss = agent.improveCritics(agent.targets(smooth))
    return { valueLoss, policyLoss: ++updates % delay === 0 ? agent.improvePolicy() : null }
  }

  return {
    actor,
    plan: collect,
    normaliseEachStep: false,
    multipliers: [],
    update(batch) {
      agent.add(batch)
      steps += batch.size
      let valueLoss = 0
      let policyLoss = 0
      let moves = 0
      const count = steps > warmup ? batch.size : 0
      for (let i = 0; i < count; i++) {
        const losses = update()
        valueLoss += losses.valueLoss / count
        if (losses.policyLoss === null) continue
        policyLoss += losses.policyLoss
        moves++
      }
      return agent.metrics(moves > 0 ? policyLoss / moves : 0, valueLoss, count)
    },
    state: () => ({ ...agent.state(), steps, updates }) satisfies Td3State as unknown as Saved,
    restore(saved) {
      const state = saved as unknown as Td3State
      agent.restore(state)
      steps = state.steps
      updates = state.updates
    },
  }
}

function clip(x: number, bound: number): number {
  return Math.min(bound, Math.max(-bound, x))
}
