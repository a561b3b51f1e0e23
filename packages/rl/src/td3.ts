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
import {
  concatenate,
  createTrained,
  deterministicActor,
  improveCritic,
  improvePolicy,
  squash,
  type TrainedState,
  tdTargets,
  transitions,
} from './off-policy.js'
import { createRandom, type RandomState, streams } from './random.js'
import { createReplay, createTransitions, type ReplayState } from './replay.js'
import type { CollectPlan } from './rollout.js'
import type { Saved } from './saved.js'

export interface Td3Settings {
  readonly hidden: readonly number[]
  readonly collect: CollectPlan
  readonly learningRate: number
  readonly criticLearningRate: number
  readonly gamma: number
  readonly tau: number
  readonly minibatch: number
  /** Transitions in the replay. */
  readonly replay: number
  /** What a step is rewarded with: its own reward, or the return of its whole episode. */
  readonly rewards: 'step' | 'episode'
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

interface Td3State {
  readonly actor: TrainedState
  readonly critics: readonly TrainedState[]
  readonly replay: ReplayState
  readonly draws: RandomState
  readonly steps: number
  readonly updates: number
}

export function td3({ problem, seed }: Setup, settings: Td3Settings): Algorithm {
  const { hidden, learningRate, criticLearningRate, gamma, tau, minibatch: n, warmup, sigma, targetSigma, targetClip, delay } = settings
  const width = problem.observationSize
  const size = problem.actions.kind === 'box' ? problem.actions.size : 1
  const initial = createRandom(seed, streams.initialise)
  const draws = createRandom(seed, streams.shuffle)
  const mu = createTrained([width, ...hidden, size], n, initial)
  const critics = [0, 1].map(() => createTrained([width + size, ...hidden, 1], n, initial))
  const replay = createReplay(settings.replay, width, size)
  let steps = 0
  let updates = 0
  const actor = deterministicActor('td3', problem, mu, (mean, random) =>
    steps < warmup ? 2 * random.uniform() - 1 : clip(mean + sigma * random.normal(), 1),
  )

  const drawn = createTransitions(n, width, size)
  const work = {
    input: new Float64Array(n * (width + size)),
    dInput: new Float64Array(n * (width + size)),
    dQ: new Float64Array(n),
    dMean: new Float64Array(n * size),
  }
  const y = new Float64Array(n)
  /** Q1' and Q2' at s' and the smoothed action of mu'. */
  const after = (next: Float64Array) => {
    const a = squash(mu.target(next, n), n * size).subarray(0, n * size)
    for (let i = 0; i < a.length; i++) a[i] = clip(a[i] + clip(targetSigma * draws.normal(), targetClip), 1)
    concatenate(next, a, n, work.input)
    return critics.map((critic) => critic.target(work.input, n))
  }
  const update = () => {
    replay.sample(n, draws, drawn)
    const { observations, actions, rewards, next, terminated } = drawn
    tdTargets(rewards, terminated, gamma === 0 ? [] : after(next), gamma, n, y)
    concatenate(observations, actions, n, work.input)
    let valueLoss = 0
    for (const critic of critics) valueLoss += improveCritic(critic, work.input, y, n, criticLearningRate, work.dQ) / critics.length
    if (++updates % delay !== 0) return { valueLoss, policyLoss: null }
    const policyLoss = improvePolicy(mu, critics[0], observations, n, learningRate, work)
    for (const network of [mu, ...critics]) network.follow(tau)
    return { valueLoss, policyLoss }
  }

  return {
    actor,
    plan: settings.collect,
    normaliseEachStep: false,
    multipliers: [],
    update(batch) {
      const fresh = transitions(batch, problem, settings.rewards)
      for (let t = 0; t < batch.size; t++) replay.add(fresh, t)
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
      mu.check('policy parameters')
      critics.forEach((critic, k) => {
        critic.check(`critic ${k + 1} parameters`)
      })
      return {
        policyLoss: moves > 0 ? policyLoss / moves : 0,
        valueLoss,
        costValueLosses: [],
        kl: null,
        entropy: null,
        clipFraction: null,
        epochs: count,
        explainedVariance: null,
        costExplainedVariance: [],
        learningRate,
      }
    },
    state: () =>
      ({
        actor: mu.state(),
        critics: critics.map((critic) => critic.state()),
        replay: replay.state(),
        draws: draws.state(),
        steps,
        updates,
      }) satisfies Td3State as unknown as Saved,
    restore(saved) {
      const state = saved as unknown as Td3State
      mu.restore(state.actor)
      critics.forEach((critic, k) => {
        critic.restore(state.critics[k])
      })
      replay.restore(state.replay)
      draws.restore(state.draws)
      steps = state.steps
      updates = state.updates
    },
  }
}

function clip(x: number, bound: number): number {
  return Math.min(bound, Math.max(-bound, x))
}
