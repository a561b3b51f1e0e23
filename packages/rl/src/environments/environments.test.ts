import { describe, expect, test } from 'vitest'
import type { Environment, StepResult } from '../environment.js'
import { evaluate } from '../evaluate.js'
import { type LearnOptions, learn } from '../learn.js'
import { createRandom, type Random } from '../random.js'
import { cartPole } from './cart-pole.js'
import { pendulum } from './pendulum.js'

/** Draws that make `reset` start where it is told: numbers in [0, 1). */
const scripted = (...draws: number[]) => Object.assign(() => 0, { uniform: () => draws.shift()! }) as unknown as Random
const play = (environment: Environment, actions: (number | Float32Array)[]) => {
  let result: StepResult | undefined
  let total = 0
  for (const action of actions) {
    result = environment.step(action) as StepResult
    total += result.reward
  }
  return { observation: result!.observation as number[], total }
}
const close = (found: ArrayLike<number>, expected: number[]) => {
  for (let i = 0; i < expected.length; i++) expect(found[i]).toBeCloseTo(expected[i], 12)
}

describe('steps against the equations worked out in Python', () => {
  test('cart and pole', () => {
    const environment = cartPole()
    close(environment.reset(scripted(...[0.01, -0.02, 0.03, 0.04].map((x) => (x + 0.05) / 0.1))) as number[], [0.01, -0.02, 0.03, 0.04])
    const { observation, total } = play(environment, [1, 1, 0, 1, 0])
    close(observation, [0.03133333989170178, 0.17349499275068458, 0.0006599578018961928, -0.21681286835696206])
    expect(total).toBe(5)
  })

  test('pendulum', () => {
    const environment = pendulum()
    environment.reset(scripted((2.5 / Math.PI + 1) / 2, 0.25))
    const actions = [2, -1, 0.5].map((torque) => Float32Array.of(torque))
    const { observation, total } = play(environment, actions)
    close(observation, [-0.8524513732958765, 0.5228065188633115, 1.0400029653422396])
    expect(total).toBeCloseTo(-19.076811878893484, 12)
  })
})

test('the pole falls (terminated) or the time is over (truncated)', () => {
  const environment = cartPole()
  environment.reset(createRandom(0))
  let steps = 0
  let result: StepResult
  do {
    result = environment.step(1) as StepResult
    steps++
  } while (!result.terminated)
  expect(result.truncated).toBe(false)
  expect(steps).toBeLessThan(15)
  for (const [make, length] of [
    [pendulum, 200],
    [() => cartPole({ limit: 3 }), 3],
  ] as const) {
    const limited = make()
    limited.reset(createRandom(0))
    const action = limited.actions.kind === 'box' ? Float32Array.of(0) : 0
    for (let t = 1; t <= length; t++) {
      const { terminated, truncated } = limited.step(action) as StepResult
      expect([terminated, truncated]).toEqual([false, t === length])
    }
  }
})

/** `ESPALIER_SEEDS=1 npx vitest run packages/rl/src/environments`: half a minute a seed and problem; left out otherwise. */
const seeds = Number(process.env.ESPALIER_SEEDS ?? 0)
const problems: [string, () => Environment, number, Partial<LearnOptions>][] = [
  // Settings of RL Baselines3 Zoo: 500 within 100,000 steps.
  [
    'CartPole-v1',
    () => cartPole(),
    475,
    { environments: 8, collect: { stepsPerEnvironment: 32 }, minibatch: 256, epochs: 20, gamma: 0.98, lambda: 0.8, learningRate: 1e-3 },
  ],
  // The same steps as there; batches of 2048 and a discount of 0.95 in place of 4096 and 0.9.
  ['Pendulum-v1', () => pendulum(), -200, { environments: 4, collect: { stepsPerEnvironment: 512 }, gamma: 0.95, learningRate: 1e-3 }],
]
for (const [name, environment, goal, options] of problems) {
  for (let seed = 0; seed < seeds; seed++) {
    test(`${name}, seed ${seed}: PPO reaches ${goal} in 100,000 steps, mean of 100 episodes`, async () => {
      const { policy } = await learn({ algorithm: 'ppo', environment, steps: 100_000, seed, ...options } as LearnOptions)
      const found = await evaluate(policy, environment, { episodes: 100, seeds: [1000] })
      process.stdout.write(
        `${name}, seed ${seed}: ${found.return.mean.toFixed(1)}, 95%: ${found.return.interval.map((x) => x.toFixed(1)).join(' .. ')}\n`,
      )
      expect(found.return.mean).toBeGreaterThanOrEqual(goal)
    }, 600_000)
  }
}
