import { expect, test } from 'vitest'
import type { Environment } from './environment.js'
import { evaluate, evaluateSeeds } from './evaluate.js'
import { learn } from './learn.js'
import type { Random } from './random.js'
import { studentQuantile, summarise } from './student.js'

test("Student's quantiles are those of the tables", () => {
  // 0.975: Abramowitz and Stegun 26.10 and R's qt
  for (const [degrees, t] of [
    [1, 12.706204736174698],
    [2, 4.302652729749464],
    [4, 2.7764451051977934],
    [9, 2.2621571627982053],
    [30, 2.042272456301238],
    [1000, 1.9623390808264078],
  ]) {
    expect(studentQuantile(0.975, degrees) / t).toBeCloseTo(1, 11)
  }
  expect(studentQuantile(0.95, 5)).toBeCloseTo(2.015048373, 8)
})

test('mean, standard deviation and interval by hand', () => {
  const { n, mean, std, interval } = summarise([1, 2, 3, 6])
  expect([n, mean]).toEqual([4, 3])
  expect(std).toBeCloseTo(Math.sqrt(14 / 3), 14)
  expect(interval[1] - 3).toBeCloseTo((3.182446305 * std) / 2, 8)
  expect(interval[0] + interval[1]).toBeCloseTo(6, 12)
  expect(summarise([5]).interval).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  expect(() => summarise([])).toThrow(/at least 1 value/)
})

/** Two steps; reward and cost are the action and its square, with a little noise of the environment's own. */
const environment = (): Environment => {
  let random: Random
  let t = 0
  return {
    observationSize: 1,
    actions: { kind: 'box', low: -1, high: 1 },
    costs: 1,
    reset(generator) {
      random = generator
      t = 0
      return [0]
    },
    async step(action) {
      const [a] = action as Float32Array
      return { observation: [++t], reward: a + 0.01 * random.normal(), costs: [a * a], terminated: false, truncated: t === 2 }
    },
  }
}
const train = (seed: number) => learn({ algorithm: 'ppo', environment, steps: 64, collect: { episodes: 8 }, hidden: [4], seed })

test('episodes of one policy: the same again with the same seeds, spread by drawn actions', async () => {
  const { policy } = await train(0)
  const options = { episodes: 20, seeds: [1, 2] }
  const first = await evaluate(policy, environment, options)
  expect(await evaluate(policy, environment, options)).toEqual(first)
  expect(first.return.n).toBe(40)
  expect(first.length).toMatchObject({ mean: 2, std: 0 })
  expect(first.costs.length).toBe(1)
  const drawn = await evaluate(policy, environment, { ...options, deterministic: false })
  expect(drawn.return.std).toBeGreaterThan(10 * first.return.std)
  expect(await evaluate(policy, environment, { ...options, deterministic: false })).toEqual(drawn)
  expect(await evaluate(policy, environment, { ...options, seeds: [3] })).not.toEqual(first)
  await expect(evaluate(policy, environment, { episodes: 0 })).rejects.toThrow(/episodes: expected an integer >= 1, found 0/)
})

test('several training seeds: the interval is over the means of their policies', async () => {
  const { over, runs } = await evaluateSeeds([0, 1, 2], train, environment, { episodes: 4 })
  expect(runs.length).toBe(3)
  expect(over.return).toEqual(summarise(runs.map((run) => run.return.mean)))
  expect(over.costs[0].n).toBe(3)
})
