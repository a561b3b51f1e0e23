import { describe, expect, test } from 'vitest'
import { amcSettings, truncatedNormal } from './ddpg.js'
import type { Environment } from './environment.js'
import { learn } from './learn.js'
import { backward, createTape, forward, initialiseUniform, inputGradient, mlpSize } from './mlp.js'
import { polyak, tdTargets, transitions } from './off-policy.js'
import { createRandom } from './random.js'
import { createReplay, createTransitions } from './replay.js'
import type { Batch } from './rollout.js'
import { evaluateEpisodes, pruning, readCase, sharedExists } from './testing/cases.js'

/** Not registered where the shared cases are not (learn.test.ts says so). */
const testShared: (name: string, body: () => void | Promise<void>) => void = sharedExists ? test : () => {}
/** `ESPALIER_SEEDS=5 npx vitest run packages/rl/src/off-policy.test.ts`: the shared problem by five seeds (a minute or two); left out otherwise. */
const seeds = Number(process.env.ESPALIER_SEEDS ?? 0)

testShared('targets and their slow copies: the shared unit vectors', () => {
  const { reward, terminated, q1, q2, gamma, y_ddpg, y_td3, polyak: slow } = readCase('unit_td_targets')
  const y = new Float64Array(reward.length)
  tdTargets(reward, terminated, [q1], gamma, y.length, y)
  for (let i = 0; i < y.length; i++) expect(Math.abs(y[i] - y_ddpg[i])).toBeLessThan(1e-9)
  tdTargets(reward, terminated, [q1, q2], gamma, y.length, y)
  for (let i = 0; i < y.length; i++) expect(Math.abs(y[i] - y_td3[i])).toBeLessThan(1e-9)
  const target = Float64Array.from(slow.target)
  polyak(target, Float64Array.from(slow.online), slow.tau)
  for (let i = 0; i < target.length; i++) expect(Math.abs(target[i] - slow.after[i])).toBeLessThan(1e-9)
})

describe('networks with ReLU', () => {
  const sizes = [3, 7, 5, 2]
  const random = createRandom(1)
  const mlp = {
    sizes,
    parameters: new Float64Array(mlpSize(sizes)),
    gradient: new Float64Array(mlpSize(sizes)),
    activation: 'relu' as const,
  }
  initialiseUniform(mlp, random)
  const n = 6
  const tape = createTape(sizes, n)
  const x = Float64Array.from({ length: n * 3 }, () => random.normal())
  const weights = Float64Array.from({ length: n * 2 }, () => random.normal())
  const loss = () => forward(mlp, x, n, tape).reduce((sum, y, i) => sum + (i < n * 2 ? weights[i] * y : 0), 0)
  const difference = (values: Float64Array, i: number) => {
    const held = values[i]
    values[i] = held + 1e-6
    const up = loss()
    values[i] = held - 1e-6
    const down = loss()
    values[i] = held
    return (up - down) / 2e-6
  }

  test('gradients of parameters and inputs against central differences', () => {
    const dInput = new Float64Array(x.length)
    loss()
    backward(mlp, x, n, tape, weights)
    inputGradient(mlp, n, tape, weights, dInput)
    mlp.parameters.forEach((_, i) => {
      expect(mlp.gradient[i]).toBeCloseTo(difference(mlp.parameters, i), 6)
    })
    x.forEach((_, i) => {
      expect(dInput[i]).toBeCloseTo(difference(x, i), 6)
    })
  })
})

describe('replay', () => {
  test('keeps the last ones, draws all of them, and goes on from its state as it was', () => {
    const from = createTransitions(7, 2, 1)
    for (let t = 0; t < 7; t++) {
      from.observations.set([t, -t], 2 * t)
      from.rewards[t] = t
      from.actions[t] = t / 10
    }
    const replay = createReplay(4, 2, 1)
    for (let t = 0; t < 7; t++) replay.add(from, t)
    expect(replay.size).toBe(4)
    const drawn = createTransitions(64, 2, 1)
    replay.sample(64, createRandom(0), drawn)
    expect([...new Set(drawn.rewards)].toSorted()).toEqual([3, 4, 5, 6])
    for (let i = 0; i < 64; i++) {
      expect(drawn.observations[2 * i + 1]).toBe(-drawn.rewards[i])
      expect(drawn.actions[i]).toBe(drawn.rewards[i] / 10)
    }
    const other = createReplay(4, 2, 1)
    other.restore(JSON.parse(JSON.stringify(replay.state())))
    replay.add(from, 0)
    other.add(from, 0)
    const again = createTransitions(64, 2, 1)
    replay.sample(64, createRandom(1), drawn)
    other.sample(64, createRandom(1), again)
    expect(again).toEqual(drawn)
  })

  test('transitions hold what was executed; a time limit has an observation after it, an end has not', () => {
    const batch = {
      size: 4,
      observations: Float64Array.of(0, 1, 2, 3),
      executed: Float64Array.of(1, 2, 3, 4),
      rewards: Float64Array.of(1, 10, 100, 1000),
      next: Int32Array.of(1, -1, 3, -1),
      terminated: Uint8Array.of(0, 1, 0, 0),
      ended: Uint8Array.of(0, 1, 0, 1),
      endRows: [3],
      endInputs: Float64Array.of(4),
    } as unknown as Batch
    const box = { kind: 'box', size: 1, low: Float32Array.of(0), high: Float32Array.of(4) } as const
    const problem = { observationSize: 1, actions: box, costs: 0 }
    const rows = transitions(batch, problem, 'step')
    expect([...rows.actions]).toEqual([-0.5, 0, 0.5, 1])
    expect([...rows.next]).toEqual([1, 0, 3, 4])
    expect([...rows.terminated]).toEqual([0, 1, 0, 0])
    expect([...rows.rewards]).toEqual([1, 10, 100, 1000])
    expect([...transitions(batch, problem, 'episode').rewards]).toEqual([11, 11, 1100, 1100])
  })
})

test('the truncated normal has its moments', () => {
  // mean 0.5, sigma 1 on [-1, 1]: mean m + s (phi(a) - phi(b)) / (Phi(b) - Phi(a)), a = -1.5, b = 0.5
  const random = createRandom(2)
  const n = 100_000
  let mean = 0
  let largest = 0
  for (let i = 0; i < n; i++) {
    const x = truncatedNormal(0.5, 1, random)
    mean += x / n
    largest = Math.max(largest, Math.abs(x))
  }
  const phi = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)
  expect(Math.abs(mean - (0.5 + (phi(-1.5) - phi(0.5)) / (0.6914624612740131 - 0.06680720126885807)))).toBeLessThan(0.006)
  expect(largest).toBeLessThanOrEqual(1)
})

/** For short episodes with a reward at the end. */
const methods = {
  ddpg: { algorithm: 'ddpg' },
  td3: {
    algorithm: 'td3',
    rewards: 'episode',
    gamma: 0,
    collect: { episodes: 1 },
    hidden: [64, 64],
    learningRate: 1e-3,
    criticLearningRate: 1e-3,
    minibatch: 64,
    replay: 2000,
    sigma: 0.2,
  },
} as const

describe.each(Object.entries(methods))('%s', (_, method) => {
  test('three layers with a wall that keeps half of the budget in reach: within 10% of the optimum after 400 episodes', async () => {
    const found = await play(pruning({ T: 3, n: [0.25, 0.375, 0.375], w: [1, 0.75, 0.75], a_max: 0.9, B: 0.5, wall: true }), 1200, 0)
    // mu = 2 (0.5) / sum n^2 / w = 2.286, a = mu n / (2 w) = 0.286, 0.571, 0.571; nothing until forced: -0.85
    expect(found).toBeGreaterThan(-0.5714 * 1.1)
  })

  for (let seed = 0; seed < seeds; seed++) {
    testShared(`prune10_action_wall, 800 episodes, seed ${seed}: within 15% of the optimum`, async () => {
      const { params, acceptance, optimum } = readCase('prune10_action_wall')
      const found = await play(pruning({ ...params, wall: true }), 8000, seed)
      process.stdout.write(`${method.algorithm}, seed ${seed}: ${found.toFixed(4)}, optimum ${optimum.J_r.toFixed(4)}\n`)
      expect(found).toBeGreaterThanOrEqual(acceptance.min_return)
    })
  }

  const play = async (environment: () => Environment, steps: number, seed: number) => {
    const { policy } = await learn({ ...method, environment, steps, seed })
    return (await evaluateEpisodes(environment, policy, 1, createRandom(0), true)).return
  }
})

test("AMC's own settings run: a discount of 1, target networks, the moving baseline", async () => {
  const environment = pruning({ T: 3, n: [0.25, 0.375, 0.375], w: [1, 0.75, 0.75], a_max: 0.9, B: 0.5, wall: true })
  const settings = { ...amcSettings(3), hidden: [16], warmup: 5, minibatch: 16 }
  const { history } = await learn({ algorithm: 'ddpg', environment, steps: 60, ...settings })
  expect(history.map(({ epochs }) => epochs)).toEqual([...new Array(5).fill(0), ...new Array(15).fill(3)])
  expect(history.at(-1)!.valueLoss).toBeGreaterThan(0)
})
