/**
 * Constrained RL, the coarse mode of arXiv 2110.08558 with filters in place of single weights. An episode is one pass over the channel groups: the
 * state tells the group, the action is the share of its channels to remove, the reward at the end is the validation accuracy in percent of the
 * masked network, and every budget is a cost at the end with a multiplier of its own. The algorithm is PPO-Lagrangian, or another of `@espalier/rl`.
 *
 * What differs from the paper, because judging a candidate is dear and the budgets are hard:
 * - The state also says which group it is, one number for each: with it a hundred candidates suffice to learn something, without it they do not.
 * - The agent starts at the uniform solution: action 0 is the share that uniform pruning would remove. It starts where the baseline ends.
 * - What it proposes beyond the exact budgets (params, macs, bytes, memory) is scaled back to them, as AMC clips its actions, and this network is judged: every
 *   evaluation may be the result. The cost it is charged is that of the proposal, so that the multipliers teach it to stay within.
 * - Custom budgets are only called: their candidates are judged as proposed, and the multipliers alone keep the agent within.
 * - Costs are value / limit with the limit 1, not T x percent kept.
 */
import { type IterationEvent, learn, type VectorEnvironment } from '@espalier/rl'
import { isExact, relativeCost } from '../budgets.js'
import { createStates, stateSize } from './observation.js'
import type { Algorithm } from './options.js'
import { projectShares } from './reach.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** The most of a group that one action removes, rising to 0.95 and beyond only where the budgets ask for it. */
const cap = 0.9

/** Episodes of one update, where there are enough in all: with a hundred in all, many small updates learn more than few good ones. */
const episodesPerUpdate = 8

export async function searchCrl(search: Search): Promise<void> {
  const { space, uniform, budgets, episodes, candidates, seed, signal } = search
  const sharesOf = (widths: readonly number[]) => widths.map((width, i) => width / space.open[i].group.channels)
  await search.judge([{ source: 'uniform', shares: sharesOf(uniform.widths), widths: uniform.widths }])
  await search.metric(metricsOf(search, 1, nothing(budgets.length)))
  // One more is kept for what the policy finds most probable in the end.
  const free = episodes - 2
  if (free < 1) return
  const updates = Math.max(1, Math.round(free / episodesPerUpdate))
  const perUpdate = Math.floor(free / updates)

  let multipliers: readonly number[] = budgets.map(() => 0)
  const { policy } = await learn({
    ...updateOf(search.algorithm),
    vectorEnvironment: environment(search, Math.min(candidates, perUpdate), () => multipliers),
    costLimits: budgets.map(() => 1),
    steps: updates * perUpdate * space.open.length,
    seed,
    signal,
    collect: { episodes: perUpdate },
    minibatch: perUpdate * space.open.length,
    hidden: [32, 32],
    criticLearningRate: 0.03,
    schedule: 'constant',
    epochs: 20,
    // The episodes are short, so nothing is discounted.
    gamma: 1,
    lambda: 1,
    costGamma: 1,
    costLambda: 1,
    logStd: -0.3,
    normaliseObservations: false,
    onIteration: async (event) => {
      multipliers = event.multipliers
      await search.metric(metricsOf(search, perUpdate, figures(event)))
    },
  })
  const act = async (deterministic: boolean) => {
    const pass = episode(search)
    while (!pass.done()) pass.act((policy.act(pass.observation(), { deterministic }) as Float32Array)[0])
    await search.judge([await pass.proposal(deterministic ? 'policy' : 'agent', multipliers)])
  }
  // What no whole update was left for.
  while (search.records.all.length < episodes - 1) await act(false)
  await act(true)
  await search.metric(metricsOf(search, 1, nothing(budgets.length)))
}

/**
 * Few updates of few episodes: large steps, held by the KL limit (for ppo-lag found on made-up sensitivities of layers, 10 seeds, on `tiny` and
 * `resnet20`; the trust regions of the others are as wide, and not tuned).
 */
function updateOf(algorithm: Algorithm) {
  switch (algorithm) {
    case 'ppo-lag':
      return { algorithm, learningRate: 0.03, targetKl: 1, multiplier: { initial: 0, learningRate: 0.2 } } as const
    case 'pid-lag':
      return { algorithm, learningRate: 0.03, targetKl: 1, multiplier: { initial: 0, delay: 1 } } as const
    case 'trpo-lag':
      return { algorithm, targetKl: 0.3, multiplier: { initial: 0, learningRate: 0.2 } } as const
    case 'cpo':
      return { algorithm, targetKl: 0.3 } as const
  }
}

const figures = (event: IterationEvent) => ({
  ...Object.fromEntries(event.multipliers.map((value, k) => [`multiplier ${k + 1}`, value])),
  ...Object.fromEntries(event.costs.map((value, k) => [`signal ${k + 1}`, value])),
  kl: event.kl,
  entropy: event.entropy,
})

const nothing = (budgets: number) => {
  const each = (name: string) => Array.from({ length: budgets }, (_, k) => [`${name} ${k + 1}`, null] as const)
  return Object.fromEntries([...each('multiplier'), ...each('signal'), ['kl', null] as const, ['entropy', null] as const])
}

/** One pass over the groups. */
function episode(search: Search) {
  const { space, uniform, budgets, costs } = search
  const states = createStates(space)
  const removed: number[] = []
  const start = 1 - uniform.share
  const most = Math.max(cap, Math.min(1, (1 + start) / 2))
  return {
    done: () => removed.length === space.open.length,
    observation: () => states(Math.min(removed.length, space.open.length - 1), removed),
    /** `action` in [-1, 1]: 0 removes what uniform pruning does, -1 nothing, 1 the most. */
    act(action: number) {
      removed.push(action < 0 ? start * (1 + action) : start + (most - start) * action)
    },
    async proposal(source: Proposal['source'], multipliers: readonly number[]): Promise<Proposal> {
      const shares = removed.map((share) => 1 - share)
      const widths = projectShares(space, shares, costs)
      const proposed = space.candidate(shares.map((share, i) => space.nearest(i, share)))
      const values = budgets.every(isExact) ? [] : await costs.of(widths)
      const signals = budgets.map((budget, k) => relativeCost(isExact(budget) ? proposed[budget.kind] : values[k], budget.limit))
      return { source, shares, widths, signals, multipliers }
    },
  }
}

function environment(search: Search, copies: number, multipliers: () => readonly number[]): VectorEnvironment {
  const running = Array.from({ length: copies }, () => episode(search))
  return {
    copies,
    observationSize: stateSize(search.space),
    actions: { kind: 'box', low: -1, high: 1, size: 1 },
    costs: search.budgets.length,
    reset: (which) =>
      which.map((copy) => {
        running[copy] = episode(search)
        return running[copy].observation()
      }),
    async step(actions) {
      const finished: { copy: number; proposal: Proposal }[] = []
      for (const [copy, action] of actions.entries()) {
        if (action === null) continue
        running[copy].act((action as Float32Array)[0])
        if (running[copy].done()) finished.push({ copy, proposal: await running[copy].proposal('agent', multipliers()) })
      }
      const judged = finished.length > 0 ? await search.judge(finished.map(({ proposal }) => proposal)) : []
      return actions.map((action, copy) => {
        if (action === null) return null
        const index = finished.findIndex((each) => each.copy === copy)
        const terminated = index >= 0
        return {
          observation: running[copy].observation(),
          reward: terminated ? judged[index].reward : 0,
          costs: terminated ? finished[index].proposal.signals! : search.budgets.map(() => 0),
          terminated,
          truncated: false,
        }
      })
    },
  }
}
