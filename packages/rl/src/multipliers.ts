import type { Estimate } from './algorithm.js'
import { meanOf } from './algorithm.js'
import type { Dual } from './dual.js'
import { dot } from './mlp.js'
import type { Batch } from './rollout.js'
import type { Saved } from './saved.js'

/**
 * The Lagrangian side of ppo-lag, pid-lag and trpo-lag: multipliers from the measured episode costs of a batch, and the advantage they mix.
 *
 * Free of units (ours; published step sizes are tuned to one benchmark): the dual works in steps of the natural size of a multiplier, the
 * ratio of the spreads of return and cost, for violations in units of max(|d|, spread of the episode cost, |violation|). A multiplier far
 * above its natural size, left from a start far outside the limits, falls in proportion to itself.
 */
export interface Multipliers {
  readonly values: Float64Array
  /** One dual step. @throws Error when no episode ended in the batch */
  update(batch: Batch): void
  /** (A_r - sum_k lambda_k A_ck) / (1 + sum_k lambda_k), from raw advantages: lambda stays the true dual variable. */
  mix(estimates: { readonly reward: Estimate; readonly costs: readonly Estimate[] }): Float64Array
  state(): Saved
  restore(state: Saved): void
}

/** `initial` null: where the first batch exceeds a limit the multipliers start at the prices that it shows, else at 0. */
export function createMultipliers(dual: Dual, costLimits: readonly number[], initial: number | null, name: string): Multipliers {
  const returnSpread = createSpread()
  const costSpreads = costLimits.map(createSpread)
  return {
    values: dual.values,
    update(batch) {
      requireEpisodes(batch, name)
      const first = !returnSpread.state().seen
      returnSpread.update(batch.episodes.map((episode) => episode.return))
      const costs = episodeCosts(batch, costLimits.length)
      const scales = costLimits.map((limit, k) => {
        const spread = costSpreads[k].update(batch.episodes.map((episode) => episode.costs[k]))
        const violation = costs[k] - limit
        const natural = returnSpread.value() / spread
        return Math.max(natural, violation < 0 ? dual.values[k] : 0) / Math.max(spread, Math.abs(limit), Math.abs(violation))
      })
      if (first && initial === null) dual.start(prices(batch, costLimits))
      dual.update(costs, costLimits, scales)
    },
    mix({ reward, costs }) {
      const weight = 1 + dual.values.reduce((sum, value) => sum + value, 0)
      return reward.advantages.map((advantage, t) => {
        let sum = advantage
        for (let k = 0; k < costs.length; k++) sum -= dual.values[k] * costs[k].advantages[t]
        return sum / weight
      })
    },
    state: () => ({
      dual: dual.state() as unknown as Saved,
      spreads: [returnSpread, ...costSpreads].map((spread) => spread.state() as unknown as Saved),
    }),
    restore(saved) {
      const state = saved as unknown as { dual: ReturnType<Dual['state']>; spreads: SpreadState[] }
      dual.restore(state.dual)
      for (const [i, spread] of [returnSpread, ...costSpreads].entries()) spread.restore(state.spreads[i])
    },
  }
}

/**
 * What a unit of each cost was worth in the episodes of a batch: the slopes, none of them negative, of the return's least-squares regression on the
 * costs, by coordinate descent. 0 for a cost that did not vary, and for all where every limit is kept (complementary slackness): a price would
 * drive the first policies into cheap actions, out of which a discrete one comes too late (cmdp4_random5x3/slack, 3 seeds of 5).
 */
export function prices(batch: Batch, limits: readonly number[]): Float64Array {
  const { episodes } = batch
  const count = limits.length
  if (episodeCosts(batch, count).every((cost, k) => cost <= limits[k])) return new Float64Array(count)
  const centred = (read: (episode: Batch['episodes'][number]) => number) => {
    const values = Float64Array.from(episodes, read)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return values.map((value) => value - mean)
  }
  const costs = Array.from({ length: count }, (_, k) => centred((episode) => episode.costs[k]))
  const left = centred((episode) => episode.return) // what the slopes so far do not explain
  const slopes = new Float64Array(count)
  for (let round = 0; round < 100; round++) {
    for (const [k, cost] of costs.entries()) {
      const squares = dot(cost, cost)
      if (squares === 0) continue
      const slope = Math.max(0, slopes[k] + dot(left, cost) / squares)
      for (let e = 0; e < left.length; e++) left[e] += (slopes[k] - slope) * cost[e]
      slopes[k] = slope
    }
  }
  return slopes
}

/** J_ck: mean undiscounted cost of the episodes that ended in the batch. */
export function episodeCosts(batch: Batch, count: number): number[] {
  return Array.from({ length: count }, (_, k) => meanOf(batch, (episode) => episode.costs[k])!)
}

export function requireEpisodes(batch: Batch, name: string): void {
  if (batch.episodes.length > 0) return
  throw new Error(
    `${name}: no episode ended within ${batch.size} steps, so that no episode cost is known; collect whole episodes (collect: { wholeEpisodeSteps }) or more steps`,
  )
}

interface SpreadState {
  readonly seen: boolean
  readonly mean: number
  readonly variance: number
}

/** Standard deviation of a stream, forgetting with a factor of 0.9 a batch. Where nothing varied yet, the size of the values, or 1. */
function createSpread() {
  let state: SpreadState = { seen: false, mean: 0, variance: 0 }
  const value = () => Math.max(Math.sqrt(state.variance), 1e-6 * Math.abs(state.mean)) || 1
  return {
    value,
    update(values: readonly number[]): number {
      const average = values.reduce((sum, v) => sum + v, 0) / values.length
      const centre = state.seen ? state.mean : average
      const squares = values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / values.length
      const keep = state.seen ? 0.9 : 0
      state = { seen: true, mean: keep * centre + (1 - keep) * average, variance: keep * state.variance + (1 - keep) * squares }
      return value()
    },
    state: () => state,
    restore(saved: SpreadState) {
      state = saved
    },
  }
}
