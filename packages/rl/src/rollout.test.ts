import { describe, expect, test } from 'vitest'
import { actorShape, createActor, initialiseActor } from './actor.js'
import { type Action, checkSpec, type Environment, type StepResult, type VectorEnvironment, vectorise } from './environment.js'
import { runningMoments } from './normaliser.js'
import { createRandom, type Random } from './random.js'
import { createWorld } from './rollout.js'

/** Counts steps; the episode ends after `length`, as asked. Observation [copy's first draw, time]. */
function counter(length: number, end: 'terminated' | 'truncated', costs = 1): () => Environment {
  return () => {
    let start = 0
    let t = 0
    return {
      observationSize: 2,
      actions: { kind: 'box', low: [-1, 0.1], high: [1, 0.3] },
      costs,
      reset(random) {
        start = random()
        t = 0
        return [start, 0]
      },
      step() {
        t++
        const over = t === length
        const flags = { terminated: over && end === 'terminated', truncated: over && end === 'truncated' }
        return { observation: [start, t], reward: t, costs: new Array(costs).fill(10 * t), ...flags }
      },
    }
  }
}

function actorFor(environment: VectorEnvironment) {
  const problem = checkSpec(environment)
  const { size } = actorShape(problem, [4])
  const settings = { hidden: [4], logStd: 0, unitBox: true, normaliser: null }
  const actor = createActor(problem, settings, new Float64Array(size), new Float64Array(size))
  initialiseActor(actor, 0, createRandom(1))
  return actor
}

const sampling = () => createRandom(9)

describe('collection', () => {
  test('a truncated episode keeps the observation it ended in, not that of the reset; a terminated one keeps none', async () => {
    for (const end of ['truncated', 'terminated'] as const) {
      const environment = vectorise(counter(3, end), 1)
      const batch = await createWorld(environment, 0).collect(actorFor(environment), { stepsPerEnvironment: 5 }, sampling(), false)
      expect([...batch.next]).toEqual([1, 2, -1, 4, -1])
      expect([...batch.terminated]).toEqual(end === 'terminated' ? [0, 0, 1, 0, 0] : [0, 0, 0, 0, 0])
      expect([...batch.ended]).toEqual([0, 0, 1, 0, 0])
      // the last row is cut in the middle of the second episode
      expect(batch.endRows).toEqual(end === 'truncated' ? [2, 4] : [4])
      const times = [...batch.endInputs].filter((_, i) => i % 2 === 1)
      expect(times).toEqual(end === 'truncated' ? [3, 2] : [2])
      expect(batch.episodes).toEqual([{ return: 6, costs: [60], length: 3 }])
      expect([...batch.observations].filter((_, i) => i % 2 === 1)).toEqual([0, 1, 2, 0, 1])
    }
  })

  test('episodes that both terminate and truncate are terminated', async () => {
    const environment = vectorise(counter(2, 'terminated'), 1)
    const both: VectorEnvironment = {
      ...environment,
      step: (actions) => (environment.step(actions) as StepResult[]).map((result) => ({ ...result, truncated: result.terminated })),
    }
    const batch = await createWorld(both, 0).collect(actorFor(environment), { stepsPerEnvironment: 2 }, sampling(), false)
    expect([...batch.terminated, ...batch.endRows]).toEqual([0, 1])
  })

  test('steps in lockstep go on with running episodes at the next collection', async () => {
    const environment = vectorise(counter(3, 'terminated'), 2)
    const world = createWorld(environment, 0)
    const actor = actorFor(environment)
    const first = await world.collect(actor, { stepsPerEnvironment: 2 }, sampling(), false)
    expect([...first.copies]).toEqual([0, 1, 0, 1])
    expect([...first.next]).toEqual([2, 3, -1, -1])
    expect(first.episodes).toEqual([])
    const second = await world.collect(actor, { stepsPerEnvironment: 2 }, sampling(), false)
    expect([...second.rewards]).toEqual([3, 3, 1, 1])
    expect(second.episodes.map((episode) => episode.return)).toEqual([6, 6])
  })

  test('whole episodes: as many as asked, and copies wait with null when there is nothing left to start', async () => {
    const lengths = [2, 5]
    const seen: (Action | null)[][] = []
    const times = [0, 0]
    const environment: VectorEnvironment = {
      observationSize: 1,
      actions: { kind: 'discrete', n: 2 },
      copies: 2,
      reset: (copies) => {
        for (const copy of copies) times[copy] = 0
        return copies.map(() => [0])
      },
      step(actions) {
        seen.push([...actions])
        return actions.map((action, copy) =>
          action === null ? null : { observation: [++times[copy]], reward: 1, terminated: times[copy] === lengths[copy], truncated: false },
        )
      },
    }
    const world = createWorld(environment, 0)
    const batch = await world.collect(actorFor(environment), { episodes: 3 }, sampling(), false)
    expect(batch.episodes.map((episode) => episode.length)).toEqual([2, 2, 5])
    expect(seen.map((actions) => actions.map((action) => action !== null))).toEqual([
      [true, true],
      [true, true],
      [true, true],
      [true, true],
      [false, true],
    ])
    expect(batch.endRows).toEqual([])
    const more = await world.collect(actorFor(environment), { wholeEpisodeSteps: 8 }, sampling(), false)
    expect(more.size).toBe(9) // copy 0: two episodes, then 8 rows are reached and it waits; copy 1: one
  })

  test('box actions stay within their bounds as float32 and are scaled from [-1, 1]', async () => {
    const seen: Float32Array[] = []
    const environment = vectorise(() => {
      const inner = counter(50, 'terminated')()
      return {
        ...inner,
        step: (action) => {
          seen.push(action as Float32Array)
          return inner.step(action)
        },
      }
    }, 1)
    await createWorld(environment, 0).collect(actorFor(environment), { episodes: 4 }, sampling(), false)
    expect(seen.length).toBe(200)
    expect(Math.max(...seen.map((action) => action[1]))).toBeLessThanOrEqual(0.3) // float32 of 0.3 would be above
    expect(Math.max(...seen.map((action) => action[1]))).toBeGreaterThan(0.29)
    expect(Math.min(...seen.map((action) => action[1]))).toBeGreaterThanOrEqual(0.1)
    const mean = seen.reduce((sum, action) => sum + action[1], 0) / seen.length
    expect(Math.abs(mean - 0.2)).toBeLessThan(0.02)
  })

  test('the normaliser learns step by step only when asked, and inputs are what it gives', async () => {
    const environment = vectorise(counter(4, 'truncated'), 2)
    const problem = checkSpec(environment)
    const { size } = actorShape(problem, [4])
    for (const each of [true, false]) {
      const normaliser = runningMoments(2)
      const actor = createActor(
        problem,
        { hidden: [4], logStd: 0, unitBox: true, normaliser },
        new Float64Array(size),
        new Float64Array(size),
      )
      const batch = await createWorld(environment, 0).collect(actor, { stepsPerEnvironment: 4 }, sampling(), each)
      expect(normaliser.mean[1]).toBeCloseTo(each ? 1.5 : 0, 3)
      expect(batch.inputs[1]).toBe(0)
      if (!each) expect(batch.inputs[0]).toBeCloseTo(batch.observations[0], 7) // mean 0, variance 1 still
    }
  })

  test('asynchronous environments give the same as synchronous ones', async () => {
    const make = counter(3, 'truncated')
    const slow = (): Environment => {
      const inner = make()
      return { ...inner, reset: async (random: Random) => inner.reset(random), step: async (action: Action) => inner.step(action) }
    }
    const [a, b] = await Promise.all(
      [make, slow].map(async (maker) => {
        const environment = vectorise(maker, 2)
        const batch = await createWorld(environment, 4).collect(actorFor(environment), { stepsPerEnvironment: 7 }, sampling(), false)
        return { inputs: batch.inputs, actions: batch.actions, rewards: batch.rewards, next: batch.next }
      }),
    )
    expect(b).toEqual(a)
  })

  test('what the environment gives is checked, naming field, copy and step', async () => {
    const good = { observation: [0, 0], reward: 0, costs: [0], terminated: false, truncated: false }
    const cases: [object, RegExp][] = [
      [{ ...good, reward: Number.NaN }, /copy 0, step 0 of the episode: reward is NaN, expected a finite number/],
      [{ ...good, costs: [Number.POSITIVE_INFINITY] }, /costs\[0\] is Infinity, expected a finite number/],
      [{ ...good, costs: [1, 2] }, /expected 1 costs \(environment.costs\), found 2/],
      [{ ...good, costs: undefined }, /expected 1 costs \(environment.costs\), found 0/],
      [{ ...good, observation: [0] }, /expected an observation of 2 numbers, found 1/],
      [{ ...good, observation: undefined }, /expected an observation of 2 numbers, found undefined/],
      [{ ...good, observation: [0, 'x'] }, /observation\[1\] is x, expected a finite number/],
      [{ ...good, truncated: undefined }, /truncated is undefined, expected true or false/],
    ]
    for (const [result, message] of cases) {
      const environment = vectorise(() => ({ ...counter(3, 'terminated')(), step: () => result as StepResult }), 1)
      await expect(createWorld(environment, 0).collect(actorFor(environment), { episodes: 1 }, sampling(), false)).rejects.toThrow(message)
    }
    const unset = vectorise(() => ({ ...counter(3, 'terminated')(), reset: () => [1] }), 1)
    await expect(createWorld(unset, 0).collect(actorFor(unset), { episodes: 1 }, sampling(), false)).rejects.toThrow(
      /environment.reset: copy 0: expected an observation of 2/,
    )
  })

  test('specifications are checked', () => {
    const spec = { observationSize: 2, actions: { kind: 'box', low: 0, high: [1, 2] }, costs: 0 } as const
    expect(checkSpec(spec).actions).toEqual({ kind: 'box', size: 2, low: Float32Array.of(0, 0), high: Float32Array.of(1, 2) })
    expect(checkSpec({ observationSize: 1, actions: { kind: 'box', low: -1, high: 1 } }).actions).toMatchObject({ size: 1 })
    expect(() => checkSpec({ ...spec, observationSize: 0 })).toThrow(/observationSize: expected an integer >= 1, found 0/)
    expect(() => checkSpec({ ...spec, costs: -1 })).toThrow(/environment.costs: expected an integer >= 0, found -1/)
    expect(() => checkSpec({ ...spec, actions: { kind: 'discrete', n: 1.5 } })).toThrow(/actions.n: expected an integer >= 1, found 1.5/)
    expect(() => checkSpec({ ...spec, actions: { kind: 'box', low: 1, high: 1 } })).toThrow(
      /expected low < high in dimension 0, found 1 and 1/,
    )
    expect(() => checkSpec({ ...spec, actions: { kind: 'box', low: [0], high: [1, 2] } })).toThrow(
      /actions.high: expected a number or 1 numbers, found 2/,
    )
    expect(() => checkSpec({ ...spec, actions: { kind: 'grid' } as never })).toThrow(/expected 'discrete' or 'box', found "grid"/)
    expect(() => vectorise(counter(1, 'terminated'), 0)).toThrow(/environments: expected an integer >= 1, found 0/)
  })
})
