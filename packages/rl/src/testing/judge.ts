// The problems of shared/cases/rl with the judgement that each file asks for. Test support only.
import type { Environment } from '../environment.js'
import type { LearnOptions } from '../learn.js'
import type { Policy } from '../policy.js'
import { createRandom } from '../random.js'
import { evaluateEpisodes, evaluateTable, lqr, pointMass, pruning, readCase, tabular } from './cases.js'

/** One algorithm on one budget of one problem. */
export interface Pair {
  /** `cmdp1_bandit/binding`, `lqr_energy_budget`. */
  readonly problem: string
  readonly algorithm: 'ppo-lag' | 'pid-lag' | 'trpo-lag' | 'cpo'
}

interface Problem {
  readonly environment: () => Environment
  readonly limits: readonly number[]
  readonly optimum: number
  /** Least return and greatest costs that pass. */
  readonly minReturn: number
  readonly maxCosts: readonly number[]
  /** The share of the training at whose end the average is judged. */
  readonly tail: number
  readonly algorithms: readonly string[]
  /** Return and costs as the file says they are judged: exact from tables, else by episodes. `thorough` for the last policy. */
  evaluate(policy: Policy, thorough: boolean): Promise<{ return: number; costs: readonly number[] }>
}

const names: Record<string, Pair['algorithm']> = {
  ppo_lagrangian: 'ppo-lag',
  pid_lagrangian: 'pid-lag',
  trpo_lagrangian: 'trpo-lag',
  cpo: 'cpo',
}
const tables = ['cmdp1_bandit', 'cmdp2_risky_shortcut', 'cmdp3_slippery_grid', 'cmdp4_random5x3', 'cmdp5_two_constraints']
const others = ['lqr_energy_budget', 'pointmass_energy_budget', 'prune10_hinge', 'prune10_clipped', 'prune10_dense', 'prune10_coupled']

/** Every pair that the files call fair; those that do not say are fair to all that keep limits. */
export function pairs(): Pair[] {
  const listed: Pair[] = []
  for (const name of tables) {
    for (const { name: variant, for_algorithms } of readCase(name).budget_variants) {
      for (const each of for_algorithms ?? []) listed.push({ problem: `${name}/${variant}`, algorithm: names[each] })
    }
  }
  for (const problem of others) for (const algorithm of Object.values(names)) listed.push({ problem, algorithm })
  return listed
}

export function problemOf(problem: string): Problem {
  const [name, variantName] = problem.split('/')
  const file = readCase(name)
  if (variantName) {
    const variant = file.budget_variants.find((each: { name: string }) => each.name === variantName)
    return {
      environment: tabular(file),
      limits: variant.budget,
      optimum: variant.J_r,
      minReturn: variant.acceptance.min_return_normalised ?? variant.acceptance.min_return,
      maxCosts: variant.acceptance.max_cost,
      tail: /TIME AVERAGE/.test(variant.note ?? '') ? 0.5 : 0.2,
      algorithms: variant.for_algorithms,
      evaluate: async (policy) => evaluateTable(file, policy),
    }
  }
  const environment = name.startsWith('lqr')
    ? lqr(file.params)
    : name.startsWith('pointmass')
      ? pointMass(file.params)
      : pruning(file.params)
  const stochastic = name.startsWith('lqr')
  return {
    environment,
    limits: [file.params.budget],
    optimum: file.optimum.J_r,
    minReturn: file.acceptance.min_return,
    maxCosts: [file.acceptance.max_cost],
    tail: 0.2,
    algorithms: Object.keys(names),
    evaluate: (policy, thorough) =>
      evaluateEpisodes(environment, policy, stochastic ? (thorough ? 20_000 : 400) : 1, createRandom(123), true),
  }
}

const baselineNames: Record<Pair['algorithm'], string> = { 'ppo-lag': 'ppolag', 'pid-lag': 'ppopid', 'trpo-lag': 'ppolag', cpo: 'cpo' }

/**
 * What the reference agents used on this problem: steps of a whole run, and the median of those up to the first policy that passed. A budget or
 * algorithm that they did not run gets the steps of one that they did: the same problem's other budgets, ppo-lag for trpo-lag, cmdp4 for cmdp5.
 */
export function baseline({ problem, algorithm }: Pair): { steps: number; firstPass: number | null } {
  // biome-ignore lint/suspicious/noExplicitAny: a list of runs of two shapes
  const runs: any[] = readCase('baseline_runs_sampled')
  const own = runs.filter((run) => run.case === problem && run.algo === baselineNames[algorithm])
  const name = problem.split('/')[0].replace('cmdp5_two_constraints', 'cmdp4_random5x3')
  const similar = own.length > 0 ? own : runs.filter((run) => run.case.split('/')[0] === name && run.env_steps)
  const passes = own.map((run) => run.first_pass_env_steps ?? Number.POSITIVE_INFINITY)
  const firstPass = algorithm === 'trpo-lag' || passes.length === 0 ? null : median(passes)
  return { steps: Math.max(...similar.map((run) => run.env_steps)), firstPass }
}

/** The settings that all pairs share: what the problems have in common, nothing tuned to one of them. */
export function optionsOf({ problem, algorithm }: Pair, seed: number): LearnOptions {
  const { environment, limits } = problemOf(problem)
  const { steps } = baseline({ problem, algorithm })
  return { algorithm, environment, environments: 8, costLimits: limits, steps, seed, gamma: 1, costGamma: 1 } as LearnOptions
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
