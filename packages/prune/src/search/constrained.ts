/**
 * The constrained agents' loop (arXiv 2110.08558): an episode is one pass over the channel groups, the reward at its end is what the masked network is
 * worth, and every budget is a cost at the end with a multiplier of its own. What an action says of a group is the mode's: `crl.ts`, `crl-fine.ts`.
 *
 * What differs from the paper, because judging a candidate is dear and the budgets are hard:
 * - The state also says which group it is, one number for each: with it a hundred candidates suffice to learn something, without it they do not.
 * - The agent starts at a solution within the budgets (`Search.start`, the uniform one by default): action 0 is what it has. It starts where the baseline ends.
 * - What it proposes beyond the exact budgets (params, macs, bytes, memory) is scaled back to them, as AMC clips its actions, and this network is judged: every
 *   evaluation may be the result. The cost it is charged is that of the proposal, so that the multipliers teach it to stay within.
 * - Custom budgets are only called: their candidates are judged as proposed, and the multipliers alone keep the agent within.
 * - Costs are value / limit with the limit 1, not T x percent kept.
 */
import { type IterationEvent, learn, type VectorEnvironment } from '@espalier/rl'
import { isExact, relativeCost } from '../budgets/budgets.js'
import type { Algorithm } from '../job/options.js'
import { type Cut, sharesOf, type Widths } from '../space/space.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** How an agent goes over the groups of a network. */
export interface Mode {
  readonly observationSize: number
  /** Numbers of an action, each from -1 to 1. */
  readonly actionSize: number
  pass(): Pass
}

/** One pass over the groups. */
export interface Pass {
  done(): boolean
  observation(): readonly number[]
  act(action: Float32Array): void
  /** Kept shares; the widths that were proposed; and what is within the exact budgets, to be judged. */
  result(): { readonly shares: readonly number[]; readonly proposed: Widths; readonly cut: Cut }
}

/** Episodes of one update, where there are enough in all: with a hundred in all, many small updates learn more than few good ones. */
const episodesPerUpdate = 8

export async function searchConstrained(search: Search, mode: Mode): Promise<void> {
  const { space, start, budgets, episodes, candidates, seed, signal } = search
  await search.judge([{ source: search.startsUniform ? 'uniform' : 'start', shares: sharesOf(space, start), widths: start }])
  await search.metric(metricsOf(search, 1, nothing(budgets.length)))
  const begun = search.records.all.length
  // One more is kept for what the policy finds most probable in the end.
  const free = episodes - begun - 1
  if (free < 1) return
  const updates = Math.max(1, Math.round(free / episodesPerUpdate))
  const perUpdate = Math.floor(free / updates)

  let multipliers: readonly number[] = budgets.map(() => 0)
  const { policy } = await learn({
    ...updateOf(search.algorithm),
    vectorEnvironment: environment(search, mode, Math.min(candidates, perUpdate), () => multipliers),
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
    const pass = mode.pass()
    while (!pass.done()) pass.act(policy.act(pass.observation(), { deterministic }) as Float32Array)
    await search.judge([await proposalOf(search, pass, deterministic ? 'policy' : 'agent', multipliers)])
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
      return { algorithm, targetKl: 0.3, multiplier: { initial: 0, learningRate: 0.2, damping: 0, lead: 0 } } as const
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

async function proposalOf(
  { space, budgets, costs }: Search,
  pass: Pass,
  source: Proposal['source'],
  multipliers: readonly number[],
): Promise<Proposal> {
  const { shares, proposed, cut } = pass.result()
  const beyond = space.candidate(proposed)
  const values = budgets.every(isExact) ? [] : await costs.of(cut.widths, cut.kept)
  const signals = budgets.map((budget, k) => relativeCost(isExact(budget) ? beyond[budget.kind] : values[k], budget.limit))
  return { source, shares, ...cut, signals, multipliers }
}

function environment(search: Search, mode: Mode, copies: number, multipliers: () => readonly number[]): VectorEnvironment {
  const running = Array.from({ length: copies }, () => mode.pass())
  return {
    copies,
    observationSize: mode.observationSize,
    actions: { kind: 'box', low: -1, high: 1, size: mode.actionSize },
    costs: search.budgets.length,
    reset: (which) =>
      which.map((copy) => {
        running[copy] = mode.pass()
        return running[copy].observation()
      }),
    async step(actions) {
      const finished: { copy: number; proposal: Proposal }[] = []
      for (const [copy, action] of actions.entries()) {
        if (action === null) continue
        running[copy].act(action as Float32Array)
        if (running[copy].done()) finished.push({ copy, proposal: await proposalOf(search, running[copy], 'agent', multipliers()) })
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
