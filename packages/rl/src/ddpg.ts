/**
 * Deep deterministic policy gradient (Lillicrap et al. 2016, arXiv 1509.02971) as AMC has it (He et al. 2018, arXiv 1802.03494, section 3.3,
 * and the authors' code `lib/agent.py`, `amc_search.py`). After every episode, one update per step of it, each on a minibatch from the replay:
 *
 *   y = r - b + gamma (1 - terminated) Q'(s', mu'(s'))         b <- b + w (mean of the minibatch's r - b), a moving baseline
 *   critic:  minimise mean (Q(s, a) - y)^2                     actor:  maximise mean Q(s, mu(s))
 *   Q', mu' <- (1 - tau) Q', mu' + tau Q, mu
 *
 * Every step of an episode gets the reward of the whole episode (`rewards: 'episode'`): a reward at the end alone does not find its way to
 * the first steps within the few hundred episodes that can be judged. Actions are uniform for `warmup` episodes, then drawn from
 * a normal around mu(s), truncated to the box, with standard deviation sigma x decay^(episodes since), in shares of the width of the box.
 *
 * `amcSettings` are AMC's own. The defaults are ours, for searches of a few hundred short episodes with a reward at the end, where AMC's reach a good
 * policy with every other seed only (prune10_action_wall, 800 episodes; here with all): gamma = 0, so that Q(s, a) is simply the
 * regression of the episode's return on its steps and no error of the targets adds up over them; no baseline, which moves the targets of a
 * regression all the time; two layers of 64, learning rates 1e-3, slower decay of the exploration. The rest is AMC's, but for one thing: the replay
 * holds the action that was EXECUTED, where the environment says that it changed the one it was given (AMC keeps the one given).
 */
import type { Algorithm, Setup } from './algorithm.js'
import { type AgentState, createAgent, deterministicActor, type OffPolicySettings } from './off-policy.js'
import type { Random } from './random.js'
import type { Saved } from './saved.js'

export interface DdpgSettings extends OffPolicySettings {
  /** Weight of a new minibatch in the moving baseline; 0: no baseline. */
  readonly baseline: number
  /** Episodes of uniform actions, without updates. */
  readonly warmup: number
  /** Standard deviation of the exploration in shares of the box's width, and its factor from episode to episode. */
  readonly sigma: number
  readonly decay: number
}

export const ddpgDefaults = (): DdpgSettings => ({
  hidden: [64, 64],
  collect: { episodes: 1 },
  learningRate: 1e-3,
  criticLearningRate: 1e-3,
  gamma: 0,
  tau: 0.01,
  minibatch: 64,
  replay: 2000,
  rewards: 'episode',
  baseline: 0,
  warmup: 100,
  sigma: 0.5,
  decay: 0.99,
})

/** What AMC's code runs with for a network of `layers` layers, to be spread into the options of `learn`. */
export const amcSettings = (layers: number) => ({
  hidden: [300, 300],
  learningRate: 1e-4,
  criticLearningRate: 1e-3,
  gamma: 1,
  tau: 0.01,
  minibatch: 64,
  replay: 100 * layers,
  baseline: 0.5,
  warmup: 100,
  sigma: 0.5,
  decay: 0.95,
})

interface DdpgState extends AgentState {
  readonly baseline: number | null
  readonly episodes: number
}

export function ddpg(setup: Setup, settings: DdpgSettings): Algorithm {
  const { collect, minibatch, baseline, warmup, sigma, decay } = settings
  const agent = createAgent(setup, settings, 1)
  let episodes = 0
  let b: number | null = null
  const actor = deterministicActor('ddpg', setup.problem, agent.policy, (mean, random) =>
    episodes < warmup ? 2 * random.uniform() - 1 : truncatedNormal(mean, 2 * sigma * decay ** (episodes - warmup), random),
  )

  const update = () => {
    agent.sample()
    const { rewards } = agent.drawn
    const mean = rewards.reduce((sum, r) => sum + r, 0) / minibatch
    b = b === null ? (baseline > 0 ? mean : 0) : b + baseline * (mean - b)
    for (let i = 0; i < minibatch; i++) rewards[i] -= b
    const valueLoss = agent.improveCritics(agent.targets())
    return { valueLoss, policyLoss: agent.improvePolicy() }
  }

  return {
    actor,
    plan: collect,
    normaliseEachStep: false,
    multipliers: [],
    update(batch) {
      episodes += batch.episodes.length
      const learns = episodes > warmup
      let valueLoss = 0
      let policyLoss = 0
      agent.add(batch, () => {
        if (!learns) return
        const losses = update()
        valueLoss += losses.valueLoss / batch.size
        policyLoss += losses.policyLoss / batch.size
      })
      return agent.metrics(policyLoss, valueLoss, learns ? batch.size : 0)
    },
    state: () => ({ ...agent.state(), baseline: b, episodes }) satisfies DdpgState as unknown as Saved,
    restore(saved) {
      const state = saved as unknown as DdpgState
      agent.restore(state)
      b = state.baseline
      episodes = state.episodes
    },
  }
}

/** A normal around `mean` in [-1, 1], truncated to [-1, 1], by rejection: at least one draw in 3 is kept while sigma <= 2. */
export function truncatedNormal(mean: number, sigma: number, random: Random): number {
  if (sigma > 2) return 2 * random.uniform() - 1 // hardly another distribution
  for (;;) {
    const x = mean + sigma * random.normal()
    if (x >= -1 && x <= 1) return x
  }
}
