import { describe, expect, test } from 'vitest'
import { type Actor, actorShape, createActor, initialiseActor, type PolicyKind } from './actor.js'
import { compare } from './algorithm.js'
import { categorical, diagonalGaussian } from './distributions.js'
import type { ActionSpace } from './environment.js'
import { dot } from './mlp.js'
import { createRandom } from './random.js'
import type { Batch } from './rollout.js'
import { readCase, sharedExists } from './testing/cases.js'
import { conjugateGradient, createRegion, lineSearch, trustRegionDefaults } from './trust-region.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const testShared: (name: string, body: () => void) => void = sharedExists ? test : () => {}

const floats = (...values: number[]) => Float64Array.from(values)
const close = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i] - expected[i])).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected[i])))
}

const box: ActionSpace = { kind: 'box', size: 2, low: Float32Array.of(-1, -1), high: Float32Array.of(1, 1) }
const kinds: [name: string, space: ActionSpace, policy: PolicyKind][] = [
  ['discrete', { kind: 'discrete', n: 3 }, 'gaussian'],
  ['gaussian', box, 'gaussian'],
  ['squashed', box, 'squashed'],
  ['beta', box, 'beta'],
]

/** A policy with random parameters, and inputs and actions of 7 states. */
function some(actions: ActionSpace, policy: PolicyKind): { actor: Actor; batch: Batch } {
  const problem = { observationSize: 3, actions, costs: 0 }
  const { size } = actorShape(problem, [5, 4], policy)
  const settings = { hidden: [5, 4], logStd: -0.5, unitBox: true, normaliser: null, policy }
  const actor = createActor(problem, settings, new Float64Array(size), new Float64Array(size))
  const random = createRandom(5)
  initialiseActor(actor, -0.5, random)
  for (let i = 0; i < size; i++) actor.parameters[i] += 0.3 * random.normal()
  const inputs = Float64Array.from({ length: 7 * 3 }, () => random.normal())
  const drawn = new Float64Array(7 * actor.distribution.actionSize)
  const logProbabilities = new Float64Array(7)
  const outputs = actor.outputs(inputs, 7)
  for (let r = 0; r < 7; r++) {
    actor.distribution.sample(outputs, actor.free, r, random, drawn)
    logProbabilities[r] = actor.distribution.logProbability(outputs, actor.free, r, drawn)
  }
  return { actor, batch: { size: 7, inputs, actions: drawn, logProbabilities } as unknown as Batch }
}

describe('Fisher information', () => {
  testShared('of a distribution: shared unit vectors', () => {
    for (const vector of readCase('unit_fisher_kl').vectors) {
      const discrete = vector.dist === 'categorical'
      const distribution = discrete ? categorical(vector.logits.length) : diagonalGaussian(vector.mean.length)
      const outputs = floats(...(discrete ? vector.logits : vector.mean))
      const free = floats(...(discrete ? [] : vector.log_std))
      const product = floats(...(discrete ? vector.v : vector.v_mean))
      const freeProduct = new Float64Array(free.length)
      distribution.fisher(outputs, free, 0, product, floats(...(discrete ? [] : vector.v_log_std)), freeProduct)
      close(product, discrete ? vector.Fv : vector.Fv_mean)
      close(freeProduct, discrete ? [] : vector.Fv_log_std)
    }
  })

  for (const [name, space, policy] of kinds) {
    test(`of a ${name} policy: the second difference of the mean KL, along any direction`, () => {
      const { actor, batch } = some(space, policy)
      const n = actor.parameters.length
      const old = actor.parameters.slice()
      const outputs = actor.outputs(batch.inputs, batch.size).slice()
      const free = actor.free.slice()
      const random = createRandom(8)
      for (let trial = 0; trial < 5; trial++) {
        const [u, v] = [0, 1].map(() => Float64Array.from({ length: n }, () => random.normal() / 5))
        actor.parameters.set(old)
        actor.outputs(batch.inputs, batch.size)
        const product = new Float64Array(n)
        actor.fisherProduct(batch.inputs, batch.size, v, product)
        const uFv = dot(u, product)
        const vFv = dot(v, product)
        actor.fisherProduct(batch.inputs, batch.size, u, product)
        expect(dot(v, product)).toBeCloseTo(uFv, 12) // symmetric
        // KL(old || old + e x) = e^2 x'Fx / 2 + odd terms + e^4
        const kl = (x: Float64Array, e: number) => {
          for (let i = 0; i < n; i++) actor.parameters[i] = old[i] + e * x[i]
          return compare(actor, batch, outputs, free).kl
        }
        const second = (x: Float64Array) => {
          const at = (e: number) => (kl(x, e) + kl(x, -e)) / (e * e)
          return (4 * at(1e-3) - at(2e-3)) / 3
        }
        expect(second(v) / vFv).toBeCloseTo(1, 6)
        const sum = u.map((value, i) => value + v[i])
        const difference = u.map((value, i) => value - v[i])
        expect((second(sum) - second(difference)) / 4 / uFv).toBeCloseTo(1, 5)
      }
    })

    test(`damping of a ${name} policy is in units of what the Fisher information is made of`, () => {
      const { actor, batch } = some(space, policy)
      const v = actor.parameters.map((_, i) => Math.sin(i))
      const [undamped, damped] = [v.slice(), v.slice()]
      for (const [narrow, scale] of [
        [floats(-1, -3), (Math.exp(2) + Math.exp(6)) / 2],
        [floats(1, 2), 1],
      ] as const) {
        actor.free.set(narrow.subarray(0, actor.free.length))
        createRegion(actor, batch, 0).product(v, undamped)
        createRegion(actor, batch, 0.5).product(v, damped)
        const inNetwork = v.length - actor.free.length
        const expected = v.map((value, i) => 0.5 * value * (i < inNetwork && actor.free.length > 0 ? scale : 1))
        for (let i = 0; i < v.length; i++) expect(damped[i] - undamped[i]).toBeCloseTo(expected[i], 10)
      }
    })

    test(`the surrogate of a ${name} policy: gradient is its central difference, ratios 1 at the old policy`, () => {
      const { actor, batch } = some(space, policy)
      const region = createRegion(actor, batch, 0)
      const advantages = floats(1, -2, 0.5, 3, -1, 0, 2)
      const gradient = region.gradient(advantages, 0.4)
      expect(region.measure()).toBeCloseTo(0, 14)
      expect(region.change(advantages, 0.4)).toBeCloseTo(0, 14)
      for (let i = 0; i < gradient.length; i++) {
        const held = actor.parameters[i]
        const at = (value: number) => {
          actor.parameters[i] = value
          region.measure()
          return region.change(advantages, 0.4)
        }
        const found = (at(held + 1e-5) - at(held - 1e-5)) / 2e-5
        actor.parameters[i] = held
        expect(gradient[i]).toBeCloseTo(found, 7)
      }
    })
  }
})

describe('trust region', () => {
  test('conjugate gradient solves, for right sides of any size, and gives 0 for 0', () => {
    const random = createRandom(2)
    const n = 12
    const half = Array.from({ length: n }, () => Float64Array.from({ length: n }, () => random.normal()))
    const product = (v: Float64Array, out: Float64Array) => {
      const inner = half.map((row) => dot(row, v))
      for (let i = 0; i < n; i++) out[i] = 0.5 * v[i] + half.reduce((sum, row, k) => sum + row[i] * inner[k], 0)
    }
    for (const size of [1, 1e-160, 1e120]) {
      const b = Float64Array.from({ length: n }, () => size * random.normal())
      const back = new Float64Array(n)
      product(conjugateGradient(product, b, 3 * n), back)
      for (let i = 0; i < n; i++) expect(Math.abs(back[i] - b[i])).toBeLessThan(1e-4 * size)
    }
    expect([...conjugateGradient(product, new Float64Array(n), 5)]).toEqual(new Array(n).fill(0))
  })

  test('the line search takes the first share that is accepted; after a failure the parameters are as before, to the bit', () => {
    const parameters = floats(0.1, 1e-9, -3.3, -0)
    const old = parameters.slice()
    const step = [1 / 3, 7, 1e-3, 0.7]
    const tried: number[] = []
    const never = () => {
      tried.push(parameters[1])
      return false
    }
    expect(lineSearch(parameters, step, { ...trustRegionDefaults, backtrackSteps: 3 }, never)).toBe(0)
    tried.forEach((value, j) => {
      expect(value).toBeCloseTo(7 * 0.8 ** j, 8)
    })
    expect(tried.length).toBe(3)
    expect(parameters.every((value, i) => Object.is(value, old[i]))).toBe(true)
    let calls = 0
    expect(lineSearch(parameters, step, trustRegionDefaults, () => ++calls === 3)).toBeCloseTo(0.64, 12)
    expect(parameters[0]).toBeCloseTo(0.1 + 0.64 / 3, 12)
  })
})
