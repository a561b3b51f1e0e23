import { expect, test } from 'vitest'
import type { Environment } from './environment.js'
import { type Iteration, type LearnOptions, learn } from './learn.js'
import { createRandom } from './random.js'
import { evaluateEpisodes, pruning } from './testing/cases.js'

/** Ten coin flips: action 1 earns 2 and costs 1 (first cost) and 3 (second). With probability p of it, J_r = 20 p, J_c = 10 p and 30 p. */
const flips = (costs = 2): Environment => {
  let t = 0
  return {
    observationSize: 1,
    actions: { kind: 'discrete', n: 2 },
    costs,
    reset: () => {
      t = 0
      return [1]
    },
    step: (action) => ({
      observation: [1],
      reward: 2 * (action as number),
      costs: [action as number, 3 * (action as number)].slice(0, costs),
      terminated: ++t === 10,
      truncated: false,
    }),
  }
}

const base = {
  algorithm: 'cpo',
  environment: () => flips(),
  hidden: [],
  gamma: 1,
  costGamma: 1,
  collect: { episodes: 600 },
  seed: 2,
} as const

/** Every iteration with the probability of action 1 after it. */
async function watch(options: LearnOptions): Promise<(Iteration & { p: number })[]> {
  const seen: (Iteration & { p: number })[] = []
  await learn({
    ...options,
    onIteration: ({ policy, checkpoint, ...iteration }) => {
      seen.push({ ...iteration, p: policy.probabilities([1])[1] })
    },
  })
  return seen
}

test('costs are those of an episode: a bound step changes J_c by what is missing to the limit, as predicted', async () => {
  for (const [costLimits, binding] of [
    [[4.6, 1000], 0],
    [[1000, 13.8], 1],
  ] as const) {
    const [first, second] = await watch({ ...base, costLimits, steps: 12_000 })
    expect(first.trustRegion!.kind).toBe('bound')
    expect(first.trustRegion!.share).toBe(1)
    const unit = binding ? 30 : 10
    const excess = first.trustRegion!.excess[binding]
    expect(excess).toBeGreaterThan(0)
    expect(first.trustRegion!.predictedCostChange[binding] / -excess).toBeCloseTo(1, 4)
    expect((unit * (first.p - 0.5)) / -excess).toBeCloseTo(1, 0.7)
    expect(first.trustRegion!.surrogateCostChange[binding] / (unit * (first.p - 0.5))).toBeCloseTo(1, 0.7)
    expect(second.p * unit).toBeCloseTo(costLimits[binding], 0)
    // The multiplier is the price of the cost: 2 of reward for 1 (or 3) of cost.
    expect(second.multipliers[binding]).toBeGreaterThan(0.7 * (binding ? 2 / 3 : 2))
    expect(second.multipliers[binding]).toBeLessThan(1.3 * (binding ? 2 / 3 : 2))
    expect(second.multipliers[1 - binding]).toBe(0)
  }
})

test('far above the limits: recovery, with the whole trust region; far below: the step of TRPO', async () => {
  const [above] = await watch({ ...base, costLimits: [1, 1000], steps: 6000 })
  expect(above.trustRegion!.kind).toBe('recovery')
  // KL = (p - 0.5)^2 / (2 x 0.25): with delta = 0.01, p moves by 0.07 and a cost of ten flips by 0.7
  expect(above.trustRegion!.predictedCostChange[0]).toBeCloseTo(-0.7, 1)
  expect(above.p).toBeCloseTo(0.43, 1.5)
  const [below] = await watch({ ...base, costLimits: [1000, 1000], steps: 6000 })
  expect(below.trustRegion!.kind).toBe('free')
  expect(below.p).toBeCloseTo(0.57, 1.5)
  expect(below.kl).toBeLessThanOrEqual(0.01)
})

test('costs have their own discount: with costGamma 0 the price of an early action that is paid later is not seen', async () => {
  // One choice, then a second step at which the choice is paid.
  const environment = (): Environment => {
    let chosen = -1
    return {
      observationSize: 1,
      actions: { kind: 'discrete', n: 2 },
      costs: 1,
      reset: () => {
        chosen = -1
        return [1]
      },
      step: (action) => {
        const done = chosen >= 0
        if (!done) chosen = action as number
        return { observation: [0], reward: done ? chosen : 0, costs: [done ? chosen : 0], terminated: done, truncated: false }
      },
    }
  }
  const options = { algorithm: 'cpo', environment, hidden: [], costLambda: 1, lambda: 1, collect: { episodes: 400 }, steps: 800 } as const
  const seen = async (discounts: object) => (await watch({ ...options, ...discounts, costLimits: [0.1] }))[0].p
  expect(await seen({ gamma: 0, costGamma: 1 })).toBeLessThan(0.45)
  expect(await seen({ gamma: 1, costGamma: 0 })).toBeGreaterThan(0.47)
})

test('after a failed line search the policy is as it was, to the bit', async () => {
  for (const algorithm of ['trpo', 'cpo'] as const) {
    const environment = () => flips(algorithm === 'cpo' ? 2 : 0)
    const options = {
      ...base,
      algorithm,
      environment,
      collect: { episodes: 20 },
      steps: 4000,
      hidden: [4],
      normaliseObservations: false,
      backtrackSteps: 1,
    }
    const limits = algorithm === 'cpo' ? { costLimits: [4, 12], costTolerance: 0 } : {}
    const seen = await watch({ ...options, ...limits } as unknown as LearnOptions)
    const failed = seen.flatMap(({ trustRegion }, i) => (trustRegion!.share === 0 && i > 0 ? [i] : []))
    expect(failed.length, algorithm).toBeGreaterThan(0)
    for (const i of failed) {
      expect(seen[i].p).toBe(seen[i - 1].p)
      expect(seen[i].kl).toBe(0)
    }
    expect(seen.every(({ kl }) => kl! <= 0.01)).toBe(true)
  }
})

test('trpo keeps its trust region and finds what pays', async () => {
  const seen = await watch({ algorithm: 'trpo', environment: () => flips(0), hidden: [8], steps: 20_000, collect: { episodes: 50 } })
  expect(seen.every(({ kl }) => kl! <= 0.01)).toBe(true)
  expect(seen.at(-1)!.p).toBeGreaterThan(0.95)
})

/** Three layers, as in learn.test.ts; keeping at most 0.51 costs a reward of at least 0.5488. */
const toy = pruning({ T: 3, n: [0.25, 0.375, 0.375], w: [1, 0.75, 0.75], a_max: 0.9, B: 0.5 })

for (const algorithm of ['pid-lag', 'trpo-lag', 'cpo'] as const) {
  test(`${algorithm}: a pruning problem in three layers, within 10% of the optimum and of the limit`, async () => {
    const { policy } = await learn({
      algorithm,
      environment: toy,
      environments: 8,
      costLimits: [0.01],
      steps: 12_000,
      collect: { wholeEpisodeSteps: 300 },
      gamma: 1,
      costGamma: 1,
    })
    const found = await evaluateEpisodes(toy, policy, 1, createRandom(0), true)
    expect(found.return).toBeGreaterThan(-0.5488 * 1.1)
    expect(found.costs[0]).toBeLessThanOrEqual(0.02)
  })
}
