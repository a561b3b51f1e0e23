import { describe, expect, test } from 'vitest'
import { createRandom, randomFromState } from './random.js'

describe('random', () => {
  test('xoshiro128** gives the published sequence', () => {
    // outputs of the authors' C code for the state 1, 2, 3, 4
    const random = randomFromState([1, 2, 3, 4])
    expect(Array.from({ length: 6 }, () => random.bits())).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492])
  })

  test('a saved state continues the same draws, whatever they are', () => {
    const random = createRandom(7, 3)
    random.normal()
    const again = randomFromState(JSON.parse(JSON.stringify(random.state())))
    const draws = (r: typeof random) => [r(), r.normal(), r.integer(5), r.uniform(), r.bits()]
    expect(draws(again)).toEqual(draws(random))
  })

  test('seeds and streams are different sequences', () => {
    const firsts = [0, 1, 2 ** 32, 2 ** 40].flatMap((seed) => [0, 1, 2].map((stream) => createRandom(seed, stream)()))
    expect(new Set(firsts).size).toBe(firsts.length)
  })

  test('draws have the moments of their distributions', () => {
    const random = createRandom(1)
    const n = 40000
    let sum = 0
    let normalSum = 0
    let normalSquares = 0
    const counts = [0, 0, 0]
    for (let i = 0; i < n; i++) {
      sum += random()
      const z = random.normal()
      normalSum += z
      normalSquares += z * z
      counts[random.integer(3)]++
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.006) // 4 standard errors
    expect(Math.abs(normalSum / n)).toBeLessThan(0.02)
    expect(Math.abs(normalSquares / n - 1)).toBeLessThan(0.03)
    for (const count of counts) expect(Math.abs(count / n - 1 / 3)).toBeLessThan(0.01)
  })

  test('shuffle permutes', () => {
    const values = Int32Array.from({ length: 50 }, (_, i) => i)
    createRandom(2).shuffle(values)
    expect(values).not.toEqual(values.toSorted())
    expect(values.toSorted()).toEqual(Int32Array.from({ length: 50 }, (_, i) => i))
  })

  test('bad seeds and states are refused', () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => createRandom(seed)).toThrow(/seed: expected an integer/)
    for (const state of [
      [1, 2, 3],
      [0, 0, 0, 0],
      [1, 2, 3, -4],
    ])
      expect(() => randomFromState(state)).toThrow(/random state/)
  })
})
