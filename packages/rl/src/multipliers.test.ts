import { expect, test } from 'vitest'
import { projectedDual } from './dual.js'
import { createMultipliers, prices } from './multipliers.js'
import type { Batch } from './rollout.js'

const batch = (episodes: readonly (readonly [number, ...number[]])[]) =>
  ({ episodes: episodes.map(([value, ...costs]) => ({ return: value, costs, length: 1 })) }) as unknown as Batch

test('prices are the slopes of the return on the costs, jointly, and none is negative', () => {
  // return = 7 + 2 c1 + 0.5 c2, whose costs go together
  const costs = [
    [0, 1],
    [1, 1],
    [2, 3],
    [4, 2],
    [5, 6],
  ]
  const both = prices(batch(costs.map(([a, b]) => [7 + 2 * a + 0.5 * b, a, b])), [0, 0])
  expect(both[0]).toBeCloseTo(2, 6)
  expect(both[1]).toBeCloseTo(0.5, 6)
  // A second cost that is worth less than nothing is left out, and the first gets its own slope.
  const [first, second] = prices(batch(costs.map(([a, b]) => [6 * a - b, a, b])), [0, 0])
  const [alone] = prices(batch(costs.map(([a, b]) => [6 * a - b, a])), [0])
  expect(second).toBe(0)
  expect(first).toBeCloseTo(alone, 10)
  expect(alone).toBeGreaterThan(4)
})

test('a cost that does not vary has no price, nor has anything in a single episode', () => {
  const [fixed, free] = prices(
    batch([
      [1, 3, 0],
      [5, 3, 2],
    ]),
    [0, 0],
  )
  expect([fixed, free]).toEqual([0, 2])
  expect(Array.from(prices(batch([[1, 2]]), [0]))).toEqual([0])
})

test('where every limit is kept nothing has a price', () => {
  const episodes = batch([
    [7, 1, 0],
    [1, 0, 1],
    [10, 2, 2],
  ])
  expect(Array.from(prices(episodes, [0.9, 1]))).not.toEqual([0, 0])
  expect(Array.from(prices(episodes, [1, 1]))).toEqual([0, 0])
})

test('multipliers start at the prices of the first batch, of the first only, or where they are told to', () => {
  const first = batch([
    [1, 0],
    [4, 1],
  ])
  const later = batch([
    [1, 1],
    [5, 2],
  ])
  const start = (initial: number | null) => {
    const dual = projectedDual(1, { initial: initial ?? 0, learningRate: 0 })
    const multipliers = createMultipliers(dual, [0.4], initial, 'ppo-lag')
    return [first, later].map((each) => {
      multipliers.update(each)
      return multipliers.values[0]
    })
  }
  expect(start(null)).toEqual([3, 3])
  expect(start(0.25)).toEqual([0.25, 0.25])
  expect(() => createMultipliers(projectedDual(1, { initial: 0, learningRate: 0 }), [0.5], null, 'pid-lag').update(batch([]))).toThrow(
    /pid-lag: no episode ended/,
  )
})
