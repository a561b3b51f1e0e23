import { describe, expect, test } from 'vitest'
import { type CpoStep, cpoStep } from './cpo-step.js'
import { dot } from './mlp.js'
import { createRandom, type Random } from './random.js'
import { readCase, sharedExists } from './testing/cases.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const testShared: (name: string, body: () => void) => void = sharedExists ? test : () => {}

interface Problem {
  readonly H: number[][]
  readonly g: number[]
  readonly B: number[][]
  readonly c: number[]
  readonly delta: number
}

/** The step in full, from dense H by Gaussian elimination. */
function solve({ H, g, B, c, delta }: Problem): { step: CpoStep; x: number[] } {
  const v = eliminate(H, g)
  const w = B.map((b) => eliminate(H, b))
  const step = cpoStep(
    dot(g, v),
    w.map((each) => dot(g, each)),
    B.map((b) => w.map((each) => dot(b, each))),
    c,
    delta,
  )
  return { step, x: g.map((_, i) => step.alpha * v[i] - w.reduce((sum, each, k) => sum + step.beta[k] * each[i], 0)) }
}

function eliminate(matrix: number[][], right: number[]): number[] {
  const n = right.length
  const rows = matrix.map((row, i) => [...row, right[i]])
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const factor = rows[j][i] / rows[i][i]
      for (let k = i; k <= n; k++) rows[j][k] -= factor * rows[i][k]
    }
  }
  const x = new Array<number>(n).fill(0)
  for (let i = n - 1; i >= 0; i--) x[i] = (rows[i][n] - rows[i].slice(0, n).reduce((sum, value, k) => sum + value * x[k], 0)) / rows[i][i]
  return x
}

const times = (H: number[][], x: ArrayLike<number>) => H.map((row) => dot(row, x))

function randomProblem(random: Random, m: number): Problem {
  const n = 2 + random.integer(5)
  const normals = (count: number, scale = 1) => Array.from({ length: count }, () => scale * random.normal())
  const half = Array.from({ length: n }, () => normals(n))
  const H = half.map((_, i) => half.map((__, j) => half.reduce((sum, row) => sum + row[i] * row[j], i === j ? 0.3 : 0)))
  const delta = 0.01
  const B = Array.from({ length: m }, () => normals(n, 10 ** (2 * random.normal()))) // any units
  // c in all sizes, within and beyond what the trust region reaches
  const c = B.map((b) => Math.sqrt(2 * delta * dot(b, eliminate(H, b))) * random.normal() * (random() < 0.5 ? 0.4 : 1.5))
  return { H, g: normals(n, 10 ** random.normal()), B, c, delta }
}

testShared('steps, multipliers and cases of the shared unit vectors, to 1e-9', () => {
  const { vectors } = readCase('unit_cpo_qp')
  expect(vectors.length).toBe(48)
  for (const { case: name, H, g, b, c, delta, x, lambda_, nu } of vectors) {
    const { step, x: found } = solve({ H, g, B: [b], c: [c], delta })
    expect(step.kind).toBe(name === 'infeasible' ? 'recovery' : name.startsWith('active') ? 'bound' : 'free')
    x.forEach((value: number, i: number) => {
      expect(Math.abs(found[i] - value)).toBeLessThanOrEqual(1e-9)
    })
    if (name === 'infeasible') continue
    expect(Math.abs(step.lambda - lambda_)).toBeLessThanOrEqual(1e-9 * Math.max(1, lambda_))
    expect(Math.abs(step.nu[0] - nu)).toBeLessThanOrEqual(1e-9 * Math.max(1, nu))
  }
})

describe('10,000 random problems', () => {
  test('the step keeps trust region and constraints, satisfies the optimality conditions, and no sampled feasible point does better', () => {
    const random = createRandom(1)
    const kinds = { free: 0, bound: 0, recovery: 0, stuck: 0 }
    const broken: string[] = []
    const check = (holds: boolean, what: string) => {
      if (!holds) broken.push(what)
    }
    let sampled = 0
    for (let trial = 0; trial < 10_000; trial++) {
      const m = 1 + (trial % 4)
      const problem = randomProblem(random, m)
      const { H, g, B, c, delta } = problem
      const n = g.length
      const { step, x } = solve(problem)
      kinds[step.kind]++
      const radius = Math.sqrt(2 * delta)
      const reach = B.map((b) => radius * Math.sqrt(dot(b, eliminate(H, b)))) // what the trust region can do to each cost
      const most = radius * Math.sqrt(dot(g, eliminate(H, g))) // and to the reward
      const above = (y: ArrayLike<number>) => Math.max(...B.map((b, k) => (c[k] + dot(b, y)) / reach[k]))
      const gain = dot(g, x)
      const Hx = times(H, x)
      const kl = 0.5 * dot(x, Hx)
      check(kl <= delta * (1 + 1e-9), `${trial}: trust region`)
      if (step.kind === 'recovery') {
        check(Math.abs(kl / delta - 1) < 1e-9, `${trial}: recovery uses the whole trust region`)
        if (m === 1) check(Math.abs(dot(B[0], x) / reach[0] + 1) < 1e-9, `${trial}: recovery lowers the cost as far as possible`)
      } else {
        check(above(x) <= 1e-9, `${trial}: constraints`)
        // Stationary: g = lambda H x + sum nu b, with nu >= 0 and 0 where the constraint does not bind.
        B.forEach((b, k) => {
          const weight = (step.nu[k] * reach[k]) / most
          check(weight >= -1e-9, `${trial}: multiplier ${k} is negative`)
          if (weight > 1e-9) check((c[k] + dot(b, x)) / reach[k] > -1e-9, `${trial}: constraint ${k} has a multiplier but does not bind`)
        })
        if (step.lambda > 0) {
          const left = g.map((value, i) => value - step.lambda * Hx[i] - B.reduce((sum, b, k) => sum + step.nu[k] * b[i], 0))
          const size = Math.sqrt(dot(g, g)) + step.lambda * Math.sqrt(dot(Hx, Hx))
          check(Math.sqrt(dot(left, left)) < 1e-8 * size, `${trial}: not stationary`)
        }
      }
      // Points of the trust region: anywhere on its border, anywhere inside, near the step.
      for (let i = 0; i < 40; i++) {
        const direction = Array.from({ length: n }, () => random.normal())
        const y = i % 2 ? direction : direction.map((value, j) => x[j] + 0.03 * random() * value)
        const norm = Math.sqrt(dot(y, times(H, y)))
        const factor = (i % 4 < 2 ? 1 : random()) * (radius / norm)
        if (i % 2 || norm > radius) for (let j = 0; j < n; j++) y[j] *= factor
        if (above(y) > 0) continue
        sampled++
        check(step.kind !== 'recovery', `${trial}: recovery, though there is a feasible point`)
        check(dot(g, y) <= gain + 1e-9 * most, `${trial}: a feasible point is better by ${(dot(g, y) - gain) / most}`)
      }
    }
    expect(broken).toEqual([])
    expect(kinds.free).toBeGreaterThan(500)
    expect(kinds.bound).toBeGreaterThan(2000)
    expect(kinds.recovery).toBeGreaterThan(500)
    expect(kinds.stuck).toBe(0)
    expect(sampled).toBeGreaterThan(20_000)
  })
})

describe('corners', () => {
  const identity = [
    [1, 0],
    [0, 1],
  ]
  const base = { H: identity, g: [1, 0], delta: 0.5 } // a trust region of radius 1

  test('the sign of r: a cost that falls with the reward leaves the step free, one that rises turns it', () => {
    expect(solve({ ...base, B: [[-1, 0]], c: [0] })).toMatchObject({ step: { kind: 'free' }, x: [1, 0] })
    const turned = solve({ ...base, B: [[1, 1]], c: [0] })
    expect(turned.step.kind).toBe('bound')
    expect(turned.x[0]).toBeCloseTo(Math.SQRT1_2, 12)
    expect(turned.x[1]).toBeCloseTo(-Math.SQRT1_2, 12)
    expect(turned.step.nu[0]).toBeCloseTo(0.5, 12)
  })

  test('costs without a gradient: no matter while kept, stuck once violated', () => {
    expect(solve({ ...base, B: [[0, 0]], c: [-1] })).toMatchObject({ step: { kind: 'free' }, x: [1, 0] })
    expect(solve({ ...base, B: [[0, 0]], c: [0] })).toMatchObject({ step: { kind: 'free' }, x: [1, 0] })
    expect(solve({ ...base, B: [[0, 0]], c: [0.1] })).toMatchObject({ step: { kind: 'stuck' }, x: [0, 0] })
    expect(solve({ ...base, B: [[1e-9, 0]], c: [1e6] }).step.kind).toBe('stuck')
    expect(cpoStep(0, [0], [[0]], [-1], 0.01)).toMatchObject({ kind: 'free', alpha: 0 })
  })

  test('nothing to gain: the nearest point that keeps the constraint', () => {
    const { step, x } = solve({ ...base, g: [0, 0], B: [[2, 0]], c: [1] })
    expect(step.kind).toBe('bound')
    expect(x).toEqual([-0.5, 0])
    const parallel = solve({ ...base, B: [[3, 0]], c: [-1.5] }) // the reward's own direction, limited
    expect(parallel.x[0]).toBeCloseTo(0.5, 12)
    expect(parallel.x[1]).toBeCloseTo(0, 12)
  })

  test('recovery takes the same share of every violation; the same constraint twice is one; contradictions are stuck', () => {
    const { step, x } = solve({
      ...base,
      B: [
        [1, 0],
        [0, 2],
      ],
      c: [2, 4],
    })
    expect(step.kind).toBe('recovery')
    expect(x[0]).toBeCloseTo(-Math.SQRT1_2, 12)
    expect(x[1]).toBeCloseTo(-Math.SQRT1_2, 12)
    const once = solve({ ...base, B: [[1, 1]], c: [-0.2] })
    const twice = solve({
      ...base,
      B: [
        [1, 1],
        [10, 10],
      ],
      c: [-0.2, -2],
    })
    expect(twice.x[0]).toBeCloseTo(once.x[0], 12)
    expect(twice.x[1]).toBeCloseTo(once.x[1], 12)
    expect(
      solve({
        ...base,
        B: [
          [1, 0],
          [-1, 0],
        ],
        c: [1, 1],
      }).step.kind,
    ).toBe('stuck')
    expect(
      solve({
        ...base,
        B: [
          [1, 0],
          [-1, 0],
        ],
        c: [1.5, 0.5],
      }),
    ).toMatchObject({ step: { kind: 'recovery' }, x: [-1, 0] })
    expect(() => cpoStep(1, new Array(13).fill(0), [], new Array(13).fill(-1), 0.01)).toThrow(/at most 12 costs/)
  })
})
