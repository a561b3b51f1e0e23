import { describe, expect, test } from 'vitest'
import { estimate } from './algorithm.js'
import type { Critic } from './critic.js'
import { gae, moments, valuesAfter } from './gae.js'
import type { Batch } from './rollout.js'
import { readCase, sharedExists } from './testing/cases.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const describeShared: (name: string, body: () => void) => void = sharedExists ? describe : () => {}

interface Vector {
  gamma: number
  lam: number
  reward: number[]
  cost: number[]
  value: number[]
  cost_value: number[]
  next_value: number[]
  next_cost_value: number[]
  terminated: number[]
  truncated: number[]
  adv: number[]
  ret: number[]
  adv_cost: number[]
  ret_cost: number[]
}

/** The rows of a vector as a batch whose observations are row numbers, so that a critic is a look-up. */
function batchOf({ reward, terminated, truncated }: Vector): Batch {
  const size = reward.length
  const ends = terminated.map((t, i) => t || truncated[i] || i === size - 1)
  const endRows = ends.flatMap((end, i) => (end && !terminated[i] ? [i] : []))
  return {
    size,
    terminated: Uint8Array.from(terminated),
    next: Int32Array.from(ends, (end, i) => (end ? -1 : i + 1)),
    inputs: Float64Array.from({ length: size }, (_, i) => i),
    endRows,
    endInputs: Float64Array.from(endRows, (row) => -1 - row), // what follows row i is "observation" -1 - i
  } as unknown as Batch
}

const critic = (values: number[], after: number[]) =>
  ({ values: (inputs: Float64Array, n: number) => inputs.slice(0, n).map((x) => (x < 0 ? after[-1 - x] : values[x])) }) as unknown as Critic

const close = (found: Float64Array, expected: number[]) => {
  expect(found.length).toBe(expected.length)
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(value)))
  })
}

describeShared('generalised advantage estimation: shared unit vectors', () => {
  const vectors: Vector[] = sharedExists ? readCase('unit_gae').vectors : []

  test('there are vectors', () => expect(vectors.length).toBeGreaterThan(3))

  // The reward takes the discounts of one vector and the cost those of another: neither may use the other's.
  vectors.forEach((reward, i) => {
    const cost = vectors[(i + 2) % vectors.length]
    test(`reward (${reward.gamma}, ${reward.lam}), cost (${cost.gamma}, ${cost.lam})`, () => {
      const estimates = estimate(
        batchOf(reward),
        { reward: critic(reward.value, reward.next_value), costs: [critic(cost.cost_value, cost.next_cost_value)] },
        { rewards: Float64Array.from(reward.reward), costs: [Float64Array.from(cost.cost)] },
        { gamma: reward.gamma, lambda: reward.lam, costGamma: cost.gamma, costLambda: cost.lam },
      )
      close(estimates.reward.advantages, reward.adv)
      close(estimates.reward.returns, reward.ret)
      close(estimates.costs[0].advantages, cost.adv_cost)
      close(estimates.costs[0].returns, cost.ret_cost)
    })
  })
})

describe('generalised advantage estimation', () => {
  test('episodes of two copies may be interleaved', () => {
    // rows of copy 0: 0, 2 (terminated); of copy 1: 1, 3 (cut, worth 10)
    const trajectories = { size: 4, terminated: Uint8Array.of(0, 0, 1, 0), next: Int32Array.of(2, 3, -1, -1) }
    const values = new Float64Array(4)
    const { returns } = gae(
      trajectories,
      Float64Array.of(1, 2, 4, 8),
      values,
      valuesAfter(trajectories, values, [3], Float64Array.of(10)),
      1,
      1,
    )
    expect([...returns]).toEqual([5, 20, 4, 18])
  })

  test('moments divide by n - 1', () => {
    expect(moments([1, 2, 3, 6])).toEqual({ mean: 3, std: Math.sqrt(14 / 3) })
    expect(moments([5])).toEqual({ mean: 5, std: 0 })
  })
})
