/**
 * How good a policy is, and how good an algorithm: two questions. `evaluate` answers the first by episodes of one policy, `evaluateSeeds` the second by
 * policies of several training seeds, each judged by its mean: what varies there is the training, and the interval is over seeds.
 */
import { type Environment, isPromise } from './environment.js'
import type { Policy } from './policy.js'
import { createRandom, streams } from './random.js'
import { type Summary, summarise } from './student.js'

export interface EvaluateOptions {
  /** Episodes for each seed; 10 by default. */
  readonly episodes?: number
  /** Seeds of environment and policy, not those of the training; [0] by default. */
  readonly seeds?: readonly number[]
  /** The most probable action always (default), or drawn ones. The limits of a stochastic policy hold for its drawn actions. */
  readonly deterministic?: boolean
  /** 0.95 by default. */
  readonly confidence?: number
}

/** Undiscounted and raw, over episodes (`evaluate`) or over training seeds (`evaluateSeeds`). */
export interface Evaluation {
  readonly return: Summary
  readonly costs: readonly Summary[]
  readonly length: Summary
}

/** Plays whole episodes of a fresh environment for each seed. The same seeds give the same episodes to the bit. */
export async function evaluate(
  policy: Policy,
  environment: () => Environment,
  { episodes = 10, seeds = [0], deterministic = true, confidence = 0.95 }: EvaluateOptions = {},
): Promise<Evaluation> {
  if (!Number.isInteger(episodes) || episodes < 1) throw new TypeError(`episodes: expected an integer >= 1, found ${String(episodes)}`)
  if (seeds.length === 0) throw new TypeError('seeds: expected at least 1, found none')
  const returns: number[] = []
  const lengths: number[] = []
  const costs: number[][] = Array.from({ length: environment().costs ?? 0 }, () => [])
  for (const seed of seeds) {
    const member = environment()
    const world = createRandom(seed, streams.evaluate)
    const random = createRandom(seed, streams.act)
    for (let e = 0; e < episodes; e++) {
      const first = member.reset(world)
      let observation = isPromise(first) ? await first : first
      const sums = costs.map(() => 0)
      let total = 0
      let length = 0
      for (let ended = false; !ended; ) {
        const answer = member.step(policy.act(observation, { deterministic, random }))
        const result = isPromise(answer) ? await answer : answer
        observation = result.observation
        total += result.reward
        for (let k = 0; k < sums.length; k++) sums[k] += result.costs![k]
        ended = result.terminated || result.truncated
        if (++length > 1_000_000) throw new Error('evaluate: the environment has not ended its episode after 1000000 steps')
      }
      returns.push(total)
      lengths.push(length)
      sums.forEach((sum, k) => {
        costs[k].push(sum)
      })
    }
  }
  return {
    return: summarise(returns, confidence),
    costs: costs.map((values) => summarise(values, confidence)),
    length: summarise(lengths, confidence),
  }
}

/** Trains once for each seed, one after the other, and judges the policies: `over` is over the seeds' means, `runs` one by one. */
export async function evaluateSeeds(
  seeds: readonly number[],
  train: (seed: number) => Promise<{ readonly policy: Policy }>,
  environment: () => Environment,
  options: EvaluateOptions = {},
): Promise<{ readonly over: Evaluation; readonly runs: readonly Evaluation[] }> {
  if (seeds.length === 0) throw new TypeError('seeds: expected at least 1, found none')
  const runs: Evaluation[] = []
  for (const seed of seeds) runs.push(await evaluate((await train(seed)).policy, environment, options))
  const means = (read: (run: Evaluation) => Summary) =>
    summarise(
      runs.map((run) => read(run).mean),
      options.confidence,
    )
  return {
    runs,
    over: {
      return: means((run) => run.return),
      costs: runs[0].costs.map((_, k) => means((run) => run.costs[k])),
      length: means((run) => run.length),
    },
  }
}
