import { expect, test } from 'vitest'
import { createRandom, philox, portableLog } from './random.js'

const hex = (words: Uint32Array) => [...words].map((w) => w.toString(16).padStart(8, '0')).join(' ')

test('philox 4x32-10 gives the known answers of Random123', () => {
  const out = new Uint32Array(4)
  philox([0, 0, 0, 0], [0, 0], out)
  expect(hex(out)).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
  const ones = 0xffffffff
  philox([ones, ones, ones, ones], [ones, ones], out)
  expect(hex(out)).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd')
  philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], out)
  expect(hex(out)).toBe('d16cfe09 94fdcceb 5001e420 24126ea1')
})

test('same seed and stream repeat, others differ, a position resumes', () => {
  const draw = (seed: number, stream: string) => {
    const random = createRandom(seed, stream)
    return Array.from({ length: 5 }, random.uint32)
  }
  expect(draw(1, 'a')).toEqual(draw(1, 'a'))
  expect(new Set([draw(1, 'a'), draw(2, 'a'), draw(1, 'b'), draw(-1, 'a'), draw(1, ''), draw(1 + 2 ** 33, 'a')].map(String)).size).toBe(6)
  const whole = createRandom(3, 's')
  whole.normal()
  whole.integer(7)
  whole.uniform()
  const resumed = createRandom(3, 's', whole.position)
  expect([resumed.uint32(), resumed.normal(), resumed.integer(100)]).toEqual([whole.uint32(), whole.normal(), whole.integer(100)])
  expect(() => createRandom(0.5)).toThrow('safe integer, found 0.5')
})

test('uniform, normal and integer have their moments and bounds', () => {
  const random = createRandom(0, 'moments')
  const n = 40_000
  const moments = (draw: () => number) => {
    const values = Array.from({ length: n }, draw)
    const mean = values.reduce((a, b) => a + b) / n
    const central = (k: number) => values.reduce((a, b) => a + (b - mean) ** k, 0) / n
    return {
      mean,
      variance: central(2),
      kurtosis: central(4) / central(2) ** 2,
      min: Math.min(...values.slice(0, 9999)),
      max: Math.max(...values.slice(0, 9999)),
    }
  }
  const uniform = moments(() => random.uniform(-1, 3))
  expect(uniform.mean).toBeCloseTo(1, 1)
  expect(uniform.variance).toBeCloseTo(16 / 12, 1)
  expect(uniform.min).toBeGreaterThanOrEqual(-1)
  expect(uniform.max).toBeLessThan(3)
  const normal = moments(() => random.normal(5, 2))
  expect(Math.abs(normal.mean - 5)).toBeLessThan(0.04)
  expect(Math.abs(normal.variance - 4)).toBeLessThan(0.12)
  expect(Math.abs(normal.kurtosis - 3)).toBeLessThan(0.15)
  const counts = new Array(6).fill(0)
  for (let i = 0; i < 60_000; i++) counts[random.integer(6)]++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
  expect(random.integer(1)).toBe(0)
  expect(() => random.integer(0)).toThrow('expected an integer')
})

test('permutation holds every index once', () => {
  const order = createRandom(4, 'p').permutation(1000)
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  expect(order[0] + order[1]).not.toBe(1)
  expect([...createRandom(4, 'p').permutation(0)]).toEqual([])
})

test('the portable logarithm agrees with Math.log', () => {
  for (const x of [1, 0.999999, 0.75, Math.SQRT1_2, 0.7, 0.1, 1e-5, 2 ** -33, 2 ** -62]) {
    expect(Math.abs(portableLog(x) - Math.log(x))).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(Math.log(x))))
  }
})
