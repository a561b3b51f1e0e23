import { describe, expect, test } from 'vitest'
import { clippedSurrogate } from './ppo.js'
import { paperSurrogate } from './ppo-lagrangian-paper.js'

// ratios 1, 1.5, 0.5, 1.5, 0.5 and a fifth number beyond n that must not count
const logRatios = Float64Array.of(0, Math.log(1.5), Math.log(0.5), Math.log(1.5), Math.log(0.5), 9)
const n = 5

const checkGradient = (loss: () => number, weights: Float64Array) => {
  for (let i = 0; i < n; i++) {
    const held = logRatios[i]
    logRatios[i] = held + 1e-6
    const up = loss()
    logRatios[i] = held - 1e-6
    const down = loss()
    logRatios[i] = held
    expect(weights[i]).toBeCloseTo((up - down) / 2e-6, 8)
  }
}

describe('surrogates', () => {
  test('clipped: cut only where the advantage pushes beyond the clip', () => {
    const advantages = Float64Array.of(1, 2, 3, -4, -5, 9)
    const weights = new Float64Array(6)
    const run = (out = new Float64Array(6)) => clippedSurrogate(logRatios, advantages, n, 0.2, out)
    const { loss, clipped } = run(weights)
    // 1, 2 x 1.2 (cut), 3 x 0.5, -4 x 1.5, -5 x 0.8 (cut)
    expect(loss).toBeCloseTo(-(1 + 2.4 + 1.5 - 6 - 4) / 5, 12)
    expect(clipped).toBe(2)
    checkGradient(() => run().loss, weights)
  })

  test('paper: reward part normalised and clipped, cost part centred, neither scaled nor clipped, over 1 + sum of multipliers', () => {
    const advantages = Float64Array.of(12, 14, 16, 2, 6, 99) // mean 10, standard deviation sqrt(34)
    const costs = [Float64Array.of(3, 1, 2, 5, 9, 99), Float64Array.of(10, 30, 20, 0, 40, 99)] // means 4 and 20
    const multipliers = Float64Array.of(2, 0.5)
    const weights = new Float64Array(6)
    const run = (out = new Float64Array(6)) => paperSurrogate(logRatios, advantages, costs, multipliers, n, 0.2, out)
    const { loss, clipped } = run(weights)
    const reward = (2 + 4 * 1.2 + 6 * 0.5 - 8 * 1.5 - 4 * 0.8) / 5 / Math.sqrt(34)
    const cost = (2 * (-1 - 3 * 1.5 - 2 * 0.5 + 1 * 1.5 + 5 * 0.5) + 0.5 * (-10 + 10 * 1.5 + 0 - 20 * 1.5 + 20 * 0.5)) / 5
    expect(loss).toBeCloseTo((-reward + cost) / 3.5, 7)
    expect(clipped).toBe(2)
    checkGradient(() => run().loss, weights)
  })
})
