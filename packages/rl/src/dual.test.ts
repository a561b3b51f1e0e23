import { describe, expect, test } from 'vitest'
import { adam, clipNorm } from './adam.js'
import { pidDual, projectedDual, softplusDual } from './dual.js'
import { readCase, sharedExists } from './testing/cases.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const describeShared: (name: string, body: () => void) => void = sharedExists ? describe : () => {}

/** To 1e-9: the files have ten digits. */
const close = (found: number, expected: number) => expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(expected)))

describeShared('multipliers: shared unit vectors', () => {
  const { cost, limit, sgd, adam: adams, pid } = sharedExists ? readCase('unit_dual') : { cost: [], limit: 0, sgd: [], adam: [], pid: [] }

  test('projected ascent', () => {
    for (const { lr, init, lambda_ } of sgd) {
      const dual = projectedDual(1, { initial: init, learningRate: lr })
      cost.forEach((measured: number, i: number) => {
        dual.update([measured], [limit])
        close(dual.values[0], lambda_[i])
      })
    }
  })

  test('PID control', () => {
    expect(pid.length).toBe(3)
    for (const { kp, ki, kd, delay, ema_p, ema_d, init, lambda_ } of pid) {
      const make = () => pidDual(1, { initial: init, kp, ki, kd, delay, emaP: ema_p, emaD: ema_d })
      let dual = make()
      cost.forEach((measured: number, i: number) => {
        dual.update([measured], [limit])
        close(dual.values[0], lambda_[i])
        const state = JSON.stringify(dual.state())
        dual = make()
        dual.restore(JSON.parse(state))
      })
    }
  })

  test('Adam on a clamped multiplier', () => {
    for (const { lr, init, lambda_ } of adams) {
      const lambda = Float64Array.of(init)
      const optimiser = adam(1)
      cost.forEach((measured: number, i: number) => {
        optimiser.step(lambda, Float64Array.of(limit - measured), lr)
        lambda[0] = Math.max(0, lambda[0])
        close(lambda[0], lambda_[i])
      })
    }
  })
})

describe('multipliers', () => {
  test('softplus starts at its initial value and moves by Adam on x', () => {
    const dual = softplusDual(2, { initial: 1, learningRate: 0.5 })
    expect([...dual.values]).toEqual([expect.closeTo(1, 14), expect.closeTo(1, 14)])
    dual.update([12, 3], [10, 10]) // the first Adam step is the learning rate, towards the sign of the violation
    const x = Math.log(Math.E - 1)
    expect(dual.values[0]).toBeCloseTo(Math.log(1 + Math.exp(x + 0.5)), 7)
    expect(dual.values[1]).toBeCloseTo(Math.log(1 + Math.exp(x - 0.5)), 7)
  })

  test('softplus: gradient is -(C - b) sigmoid(x)', () => {
    // Two steps tell the gradient's size apart from its sign: Adam's second step depends on the ratio of the two gradients.
    const dual = softplusDual(1, { initial: 1, learningRate: 0.5 })
    dual.update([12], [10])
    dual.update([11], [10])
    const x0 = Math.log(Math.E - 1)
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
    const g1 = -2 * sigmoid(x0)
    const g2 = -sigmoid(x0 + 0.5)
    const m = (0.9 * 0.1 * g1 + 0.1 * g2) / (1 - 0.81)
    const v = (0.999 * 0.001 * g1 * g1 + 0.001 * g2 * g2) / (1 - 0.998001)
    expect(dual.values[0]).toBeCloseTo(Math.log(1 + Math.exp(x0 + 0.5 - (0.5 * m) / Math.sqrt(v))), 7)
  })

  test('multipliers are never negative, steps scale, states restore', () => {
    for (const make of [projectedDual, softplusDual]) {
      const dual = make(1, { initial: 0.5, learningRate: 1 })
      for (let i = 0; i < 50; i++) dual.update([0], [5])
      expect(dual.values[0]).toBeGreaterThanOrEqual(0)
      expect(dual.values[0]).toBeLessThan(1e-3)
      const copy = make(1, { initial: 0.5, learningRate: 1 })
      copy.restore(JSON.parse(JSON.stringify(dual.state())))
      dual.update([9], [5])
      copy.update([9], [5])
      expect(copy.values[0]).toBe(dual.values[0])
    }
    const pid = { kp: 2, ki: 1, kd: 0, delay: 1, emaP: 0, emaD: 0 }
    const controlled = pidDual(2, { initial: 0, ...pid })
    controlled.start([0, 4])
    controlled.update([2, 2], [1, 3], [1, 0.5]) // P = 2 and -1, I = 1 and 3.5
    expect([...controlled.values]).toEqual([3, 2.5])
    expect(() => pidDual(1, { initial: 0, ...pid }).restore(projectedDual(1, { initial: 0, learningRate: 1 }).state())).toThrow(
      /no controller/,
    )
    const scaled = projectedDual(2, { initial: 0, learningRate: 0.1 })
    scaled.update([2, 2], [1, 1], [1, 10])
    expect([...scaled.values]).toEqual([0.1, 1])
    expect(() => softplusDual(1, { initial: 0, learningRate: 1 })).toThrow(/multiplier.initial/)
  })

  test('a lead leaves out of the sum what ends by itself, above the limit and below it', () => {
    const gains = { kp: 0, ki: 1, kd: 0, delay: 1, emaP: 0, emaD: 0 }
    const sums = (lead: number, costs: readonly number[]) => {
      const dual = pidDual(1, { initial: 10, ...gains, lead })
      return costs.map((cost) => {
        dual.update([cost], [4])
        return dual.values[0]
      })
    }
    // 8 comes first: all of it counts. Then it falls by 1, and in two updates will be at 5, not 7. By 2: it is on its way. Still there: all counts.
    expect(sums(2, [8, 7, 5, 5, 6])).toEqual([14, 15, 15, 16, 18])
    expect(sums(0, [8, 7, 5, 5, 6])).toEqual([14, 17, 18, 19, 21])
    // Below: rising fast enough, then too slowly, then falling.
    expect(sums(2, [4, 1, 3, 3.25, 2])).toEqual([10, 7, 7, 6.75, 4.75])
  })

  test('gradient norms are clipped from above only', () => {
    const gradient = Float64Array.of(3, -4)
    expect(clipNorm(gradient, 10)).toBe(5)
    expect([...gradient]).toEqual([3, -4])
    clipNorm(gradient, 1)
    expect(Math.hypot(...gradient)).toBeCloseTo(1, 5)
  })
})
