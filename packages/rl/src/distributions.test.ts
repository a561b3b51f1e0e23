import { describe, expect, test } from 'vitest'
import { categorical, type Distribution, diagonalGaussian } from './distributions.js'
import { createRandom } from './random.js'
import { readCase, sharedExists } from './testing/cases.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const testShared: (name: string, body: () => void | Promise<void>) => void = sharedExists ? test : () => {}

const floats = (...values: number[]) => Float64Array.from(values)
const none = floats()

describe('distributions', () => {
  test('log-probabilities have their closed forms', () => {
    // N(1, 0.5) at 2 and N(-1, 2) at 0: densities 0.107981933 and 0.176032663
    const gaussian = diagonalGaussian(2).logProbability(floats(1, -1), floats(Math.log(0.5), Math.log(2)), 0, floats(2, 0))
    expect(gaussian).toBeCloseTo(Math.log(0.10798193302637613 * 0.17603266338214976), 12)
    const logits = floats(9, 9, 9, Math.log(1), Math.log(2), Math.log(5)) // second row: 1/8, 2/8, 5/8
    expect(categorical(3).logProbability(logits, none, 1, floats(0, 2))).toBeCloseTo(Math.log(5 / 8), 12)
  })

  testShared('entropy and KL of the shared unit vectors', () => {
    for (const vector of readCase('unit_fisher_kl').vectors) {
      const discrete = vector.dist === 'categorical'
      const n = discrete ? vector.logits.length : vector.mean.length
      const distribution = discrete ? categorical(n) : diagonalGaussian(n)
      const old = floats(...(discrete ? vector.logits : vector.mean))
      const oldFree = floats(...(discrete ? [] : vector.log_std))
      const outputs = floats(...(discrete ? vector.logits_new : vector.mean_new))
      const free = floats(...(discrete ? [] : vector.log_std_new))
      expect(distribution.divergence(old, oldFree, outputs, free, 0)).toBeCloseTo(vector.kl_old_new, 10)
      expect(distribution.divergence(old, oldFree, old, oldFree, 0)).toBeCloseTo(0, 14)
      expect(distribution.entropy(old, oldFree, 0)).toBeCloseTo(vector.entropy, 9)
    }
  })

  const gradients = (distribution: Distribution, outputs: Float64Array, free: Float64Array, actions: Float64Array) => {
    const row = 1
    for (const [f, gradient] of [
      [
        () => distribution.logProbability(outputs, free, row, actions),
        (a: Float64Array, b: Float64Array) => distribution.logProbabilityGradient(outputs, free, row, actions, 0.7, a, b),
      ],
      [
        () => distribution.entropy(outputs, free, row),
        (a: Float64Array, b: Float64Array) => distribution.entropyGradient(outputs, free, row, 0.7, a, b),
      ],
    ] as const) {
      const dOutputs = new Float64Array(outputs.length)
      const dFree = new Float64Array(free.length)
      gradient(dOutputs, dFree)
      for (const [values, found] of [
        [outputs, dOutputs],
        [free, dFree],
      ]) {
        for (let i = 0; i < values.length; i++) {
          const held = values[i]
          values[i] = held + 1e-5
          const up = f()
          values[i] = held - 1e-5
          const down = f()
          values[i] = held
          expect(found[i]).toBeCloseTo((0.7 * (up - down)) / 2e-5, 7)
        }
      }
    }
  }

  test('gradients are central differences', () => {
    gradients(diagonalGaussian(2), floats(5, 5, 0.3, -1), floats(-0.4, 0.2), floats(0, 0, 0.9, -0.2))
    gradients(categorical(3), floats(1, 2, 3, 0.2, -1, 0.6), none, floats(0, 2))
  })

  test('samples have the probabilities they claim, and the mode is the most probable action', () => {
    const random = createRandom(3)
    const logits = floats(Math.log(0.2), Math.log(0.5), Math.log(0.3))
    const counts = [0, 0, 0]
    const action = floats(0)
    for (let i = 0; i < 20000; i++) {
      categorical(3).sample(logits, none, 0, random, action)
      counts[action[0]]++
    }
    counts.forEach((count, i) => {
      expect(Math.abs(count / 20000 - [0.2, 0.5, 0.3][i])).toBeLessThan(0.014)
    })
    categorical(3).mode(logits, 0, action)
    expect(action[0]).toBe(1)
    let squares = 0
    for (let i = 0; i < 20000; i++) {
      diagonalGaussian(1).sample(floats(2), floats(Math.log(3)), 0, random, action)
      squares += (action[0] - 2) ** 2
    }
    expect(Math.abs(squares / 20000 - 9)).toBeLessThan(0.36)
    diagonalGaussian(1).mode(floats(2), 0, action)
    expect(action[0]).toBe(2)
  })

  test('extreme logits stay finite', () => {
    const distribution = categorical(2)
    const logits = floats(1000, -1000)
    expect(distribution.logProbability(logits, none, 0, floats(1))).toBe(-2000)
    expect(distribution.entropy(logits, none, 0)).toBe(0)
    expect(distribution.divergence(logits, none, floats(-1000, 1000), none, 0)).toBe(2000)
  })
})
