import { expect, test } from 'vitest'
import { createRandom } from '../random.js'
import { type Lifetime, planMemory } from './plan.js'

test('tensors alive together never overlap, offsets are aligned, and the plan is near the lower bound', () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = createRandom(seed, 'plan')
    const lifetimes: Lifetime[] = Array.from({ length: 60 }, (_, i) => {
      const first = random.integer(50)
      return { name: `t${i}`, bytes: 256 * (1 + random.integer(64)), first, last: first + random.integer(8) }
    })
    const plan = planMemory(lifetimes, 256)
    for (const a of lifetimes) {
      expect(plan.offsets.get(a.name)! % 256).toBe(0)
      expect(plan.offsets.get(a.name)! + a.bytes).toBeLessThanOrEqual(plan.bytes)
      for (const b of lifetimes) {
        if (a === b || a.last < b.first || b.last < a.first) continue
        const [from, to] = [plan.offsets.get(a.name)!, plan.offsets.get(b.name)!]
        expect(from + a.bytes <= to || to + b.bytes <= from, `${a.name} and ${b.name}`).toBe(true)
      }
    }
    expect(plan.bytes).toBeGreaterThanOrEqual(plan.lowerBound)
    expect(plan.bytes).toBeLessThanOrEqual(1.3 * plan.lowerBound)
  }
})

test('a chain needs two neighbours only', () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ name: `t${i}`, bytes: 1000, first: i, last: i + 1 }))
  expect(planMemory(chain, 4)).toMatchObject({ bytes: 2000, lowerBound: 2000 })
})
