import { describe, expect, test } from 'vitest'
import { createCritic, criticSize, explainedVariance, initialiseCritic } from './critic.js'
import { normalise, runningMoments, signalScaler } from './normaliser.js'
import { createRandom } from './random.js'

describe('normalisers', () => {
  test('moments merged in batches are those of all rows', () => {
    const rows = Float64Array.of(1, 10, 2, 20, 6, 60, 7, 20, 4, 10)
    const running = runningMoments(2)
    running.update(rows, 2)
    running.update(rows.subarray(4), 3)
    expect(running.mean[0]).toBeCloseTo(4, 3) // the starting weight of 1e-4 samples shows in the fourth digit
    expect(running.variance[0]).toBeCloseTo(5.2, 3)
    expect(running.mean[1]).toBeCloseTo(24, 2)
    const x = Float64Array.of(4 + Math.sqrt(5.2), 24, 1e6, -1e6)
    normalise(x, 2, running)
    expect([...x]).toEqual([expect.closeTo(1, 3), expect.closeTo(0, 3), 10, -10])
  })

  test('signals are divided by the spread of their discounted sums, which start anew with an episode', () => {
    const scaler = signalScaler(2, 0.5)
    const copies = Int32Array.of(0, 1)
    const first = Float64Array.of(2, 4)
    scaler.step(first, copies, Uint8Array.of(0, 1), 2)
    const again = signalScaler(2, 0.5)
    again.restore(JSON.parse(JSON.stringify(scaler.state())))
    const second = Float64Array.of(2, 4)
    scaler.step(second, copies, Uint8Array.of(0, 0), 2)
    // sums seen: 2, 4, then 2 * 0.5 + 2 = 3 and, after the end, 4
    const expected = runningMoments(1)
    expected.update(Float64Array.of(2, 4), 2)
    expected.update(Float64Array.of(3, 4), 2)
    expect(second[0]).toBeCloseTo(2 / Math.sqrt(expected.variance[0]), 6)
    const same = Float64Array.of(2, 4)
    again.step(same, copies, Uint8Array.of(0, 0), 2)
    expect(same).toEqual(second)
  })
})

describe('critic', () => {
  const make = () => {
    const size = criticSize(2, [4])
    const critic = createCritic(2, [4], new Float64Array(size), new Float64Array(size))
    initialiseCritic(critic, createRandom(1))
    return critic
  }
  const inputs = Float64Array.of(0.1, 0.2, -1, 2, 0.5, 0.3)

  test('rescaling keeps the function and makes large targets small', () => {
    const critic = make()
    const before = critic.values(inputs, 3)
    critic.rescale(Float64Array.of(1000, 3000))
    critic.values(inputs, 3).forEach((value, i) => {
      expect(value).toBeCloseTo(before[i], 9)
    })
    critic.rescale(Float64Array.of(1000, 3000))
    critic.values(inputs, 3).forEach((value, i) => {
      expect(value).toBeCloseTo(before[i], 9)
    })
  })

  test('the gradient is that of the squared error in units of the spread', () => {
    const critic = make()
    critic.rescale(Float64Array.of(-1, 5, 3))
    const targets = Float64Array.of(1, -2, 4)
    const loss = () => critic.values(inputs, 3).reduce((sum, v, i) => sum + (v - targets[i]) ** 2 / 3, 0)
    critic.network.gradient.fill(0)
    expect(critic.accumulate(inputs, targets, 3, 0.5)).toBeCloseTo(loss(), 10)
    const variance = 56 / 9 // of -1, 5, 3
    const { parameters, gradient } = critic.network
    for (let i = 0; i < parameters.length; i++) {
      const held = parameters[i]
      parameters[i] = held + 1e-5
      const up = loss()
      parameters[i] = held - 1e-5
      const down = loss()
      parameters[i] = held
      expect(gradient[i]).toBeCloseTo((0.5 * (up - down)) / 2e-5 / variance, 7)
    }
  })

  test('explained variance', () => {
    const returns = Float64Array.of(1, 2, 3)
    expect(explainedVariance(returns, returns)).toBe(1)
    expect(explainedVariance(Float64Array.of(2, 2, 2), returns)).toBeCloseTo(0, 12)
    expect(explainedVariance(returns, Float64Array.of(2, 2, 2))).toBe(null)
  })
})
