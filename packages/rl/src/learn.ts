import type { Algorithm, Setup, UpdateMetrics } from './algorithm.js'
import { meanOf } from './algorithm.js'
import { type CpoSettings, cpo, cpoDefaults } from './cpo.js'
import { type DdpgSettings, ddpg, ddpgDefaults } from './ddpg.js'
import { type Environment, type VectorEnvironment, vectorise } from './environment.js'
import { type PidLagrangianSettings, pidLagrangian, pidLagrangianDefaults } from './pid-lagrangian.js'
import { createPolicy, type Policy } from './policy.js'
import { type PpoSettings, ppo, ppoDefaults } from './ppo.js'
import { type PpoLagrangianSettings, ppoLagrangian, ppoLagrangianDefaults } from './ppo-lagrangian.js'
import { type PaperSettings, paperDefaults, ppoLagrangianPaper } from './ppo-lagrangian-paper.js'
import { createRandom, type RandomState, streams } from './random.js'
import { createWorld, type World, type WorldState } from './rollout.js'
import type { Saved } from './saved.js'
import { type Td3Settings, td3, td3Defaults } from './td3.js'
import { type TrpoSettings, trpo, trpoDefaults } from './trpo.js'
import { type TrpoLagrangianSettings, trpoLagrangian, trpoLagrangianDefaults } from './trpo-lagrangian.js'

/** Those that keep limits, and those that count costs and report them, nothing more. */
const constrained = ['ppo-lag', 'pid-lag', 'trpo-lag', 'cpo'] as const
export const algorithms = ['ppo', 'trpo', ...constrained, 'ddpg', 'td3'] as const

interface CommonOptions {
  /** Makes one copy of the environment; called `environments` times (1 by default, 3 in the paper's form). */
  readonly environment?: () => Environment
  readonly environments?: number
  /** In place of `environment`: all copies at once. */
  readonly vectorEnvironment?: VectorEnvironment
  /** Environment steps in all, over all copies; the last update finishes its batch. */
  readonly steps: number
  /** 0 by default. Same seed, same environment: the same result to the bit. */
  readonly seed?: number
  /** Called after every update; a promise is awaited. */
  readonly onIteration?: (event: IterationEvent) => void | Promise<void>
  /** Whether iterations are kept, in the result and in checkpoints (default); without them memory does not grow with the steps. */
  readonly history?: boolean
  /** Stops after the running iteration, without an error: `finished` is false and `checkpoint()` continues it. */
  readonly signal?: AbortSignal
  /** A checkpoint of a run with the same algorithm, settings and environment: continues it. */
  readonly resume?: Checkpoint
}

/** Maximises the return. Costs are counted and reported, nothing more. */
export type PpoOptions = CommonOptions & {
  readonly algorithm: 'ppo'
  readonly form?: undefined
  readonly costLimits?: readonly []
} & Partial<PpoSettings>

/** Limits on the expected undiscounted cost of an episode, one per cost. */
export type PpoLagrangianOptions = CommonOptions & {
  readonly algorithm: 'ppo-lag'
  readonly form?: 'clipped'
  readonly costLimits: readonly number[]
} & Changes<PpoLagrangianSettings>

/** The form of arXiv 2110.08558; limits on the mean cost per STEP, one per cost. */
export type PaperOptions = CommonOptions & {
  readonly algorithm: 'ppo-lag'
  readonly form: 'paper'
  readonly costLimits: readonly number[]
} & Changes<PaperSettings>

/** Limits as for 'ppo-lag'. */
export type PidLagrangianOptions = CommonOptions & {
  readonly algorithm: 'pid-lag'
  readonly form?: undefined
  readonly costLimits: readonly number[]
} & Changes<PidLagrangianSettings>

/** Maximises the return. Costs are counted and reported, nothing more. */
export type TrpoOptions = CommonOptions & {
  readonly algorithm: 'trpo'
  readonly form?: undefined
  readonly costLimits?: readonly []
} & Partial<TrpoSettings>

/** Limits as for 'ppo-lag'. */
export type TrpoLagrangianOptions = CommonOptions & {
  readonly algorithm: 'trpo-lag'
  readonly form?: undefined
  readonly costLimits: readonly number[]
} & Changes<TrpoLagrangianSettings>

/** Limits as for 'ppo-lag'. */
export type CpoOptions = CommonOptions & {
  readonly algorithm: 'cpo'
  readonly form?: undefined
  readonly costLimits: readonly number[]
} & Partial<CpoSettings>

/** Off-policy and deterministic, for box actions with finite bounds. Costs are counted and reported, nothing more. */
export type DdpgOptions = CommonOptions & {
  readonly algorithm: 'ddpg'
  readonly form?: undefined
  readonly costLimits?: readonly []
} & Partial<DdpgSettings>

/** As 'ddpg'. */
export type Td3Options = CommonOptions & {
  readonly algorithm: 'td3'
  readonly form?: undefined
  readonly costLimits?: readonly []
} & Partial<Td3Settings>

/** Some settings, and some of `multiplier`; the rest stays as the defaults have it. */
type Changes<T extends { readonly multiplier: object }> = Partial<Omit<T, 'multiplier'>> & {
  readonly multiplier?: Partial<T['multiplier']>
}

export type LearnOptions =
  | PpoOptions
  | PpoLagrangianOptions
  | PaperOptions
  | PidLagrangianOptions
  | TrpoOptions
  | TrpoLagrangianOptions
  | CpoOptions
  | DdpgOptions
  | Td3Options

/** Figures of one iteration, plain data. */
export interface Iteration extends UpdateMetrics {
  readonly iteration: number
  /** Environment steps and episodes so far. */
  readonly steps: number
  readonly episodes: number
  /** Means over the episodes that ended in this iteration, undiscounted and raw; null where none did. */
  readonly return: number | null
  readonly costs: readonly (number | null)[]
  readonly length: number | null
  /** After the update; empty for algorithms without. */
  readonly multipliers: readonly number[]
}

export interface IterationEvent extends Iteration {
  /** The policy as it is now; it goes on changing. */
  readonly policy: Policy
  checkpoint(): Promise<Checkpoint>
}

export interface LearnResult {
  readonly policy: Policy
  readonly history: readonly Iteration[]
  /** False when `signal` stopped the run before its steps were done. */
  readonly finished: boolean
  checkpoint(): Promise<Checkpoint>
}

/** Everything between two iterations, as plain data that survives JSON. */
export interface Checkpoint {
  readonly version: 3
  /** Algorithm, form and sizes; must be the same to resume. */
  readonly kind: string
  readonly seed: number
  readonly steps: number
  readonly episodes: number
  readonly iterations: number
  readonly history: readonly Iteration[]
  readonly sampling: RandomState
  readonly acting: RandomState
  readonly world: WorldState
  readonly algorithm: Saved
}

/**
 * Learns a policy for a (constrained) Markov decision process.
 * @throws TypeError | RangeError for options or environments that are not as declared, naming field, expectation and finding
 * @throws whatever the environment throws
 */
export async function learn(options: LearnOptions): Promise<LearnResult> {
  const { steps, seed = 0, onIteration, history: keeps = true, signal, resume } = options
  if (!Number.isInteger(steps) || steps < 1) throw new TypeError(`steps: expected an integer >= 1, found ${String(steps)}`)
  const sampling = createRandom(seed, streams.sample)
  const acting = createRandom(seed, streams.act)
  const { algorithm, world, kind } = prepare(options, seed)
  const policy = createPolicy(world.problem, algorithm.actor, acting)

  let done = 0
  let episodes = 0
  let iterations = 0
  const history: Iteration[] = []
  if (resume) {
    checkResume(resume, kind, seed)
    done = resume.steps
    episodes = resume.episodes
    iterations = resume.iterations
    history.push(...resume.history)
    sampling.restore(resume.sampling)
    acting.restore(resume.acting)
    algorithm.restore(resume.algorithm)
    await world.restore(resume.world)
  }
  const checkpoint = async (): Promise<Checkpoint> => ({
    version: 3,
    kind,
    seed,
    steps: done,
    episodes,
    iterations,
    history: [...history],
    sampling: sampling.state(),
    acting: acting.state(),
    algorithm: algorithm.state(),
    world: await world.state(),
  })

  let yielded = Date.now()
  while (done < steps && !signal?.aborted) {
    const batch = await world.collect(algorithm.actor, algorithm.plan, sampling, algorithm.normaliseEachStep)
    const metrics = algorithm.update(batch, Math.min(done / steps, 1))
    done += batch.size
    episodes += batch.episodes.length
    const iteration: Iteration = {
      iteration: ++iterations,
      steps: done,
      episodes,
      return: meanOf(batch, (episode) => episode.return),
      costs: Array.from({ length: world.problem.costs }, (_, k) => meanOf(batch, (episode) => episode.costs[k])),
      length: meanOf(batch, (episode) => episode.length),
      multipliers: Array.from(algorithm.multipliers),
      ...metrics,
    }
    if (keeps) history.push(iteration)
    if (onIteration) await onIteration({ ...iteration, policy, checkpoint })
    // A synchronous environment would never let timers, signals or a browser's frames run.
    if (Date.now() - yielded > 50) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      yielded = Date.now()
    }
  }
  return { policy, history, finished: done >= steps, checkpoint }
}

const commonNames = [
  'algorithm',
  'form',
  'environment',
  'environments',
  'vectorEnvironment',
  'costLimits',
  'steps',
  'seed',
  'onIteration',
  'history',
  'signal',
  'resume',
]

/** Checks the options and makes algorithm and world from them. */
function prepare(options: LearnOptions, seed: number): { algorithm: Algorithm; world: World; kind: string } {
  const { environment, vectorEnvironment } = options
  const name: string = options.algorithm
  if (!(algorithms as readonly string[]).includes(name)) {
    throw new TypeError(`algorithm: '${name}' is unknown; there are ${quoted(algorithms)}`)
  }
  const form = options.form ?? 'clipped'
  if (form !== 'clipped' && (form !== 'paper' || name !== 'ppo-lag')) {
    throw new TypeError(`form: '${String(form)}' is unknown for '${name}'; 'ppo-lag' has 'clipped' (default) and 'paper'`)
  }
  if (!environment === !vectorEnvironment) {
    throw new TypeError(`environment: expected either environment or vectorEnvironment, found ${environment ? 'both' : 'neither'}`)
  }
  if (vectorEnvironment && options.environments !== undefined && options.environments !== vectorEnvironment.copies) {
    throw new TypeError(`environments: vectorEnvironment has ${vectorEnvironment.copies} copies, found ${options.environments}`)
  }
  const world = createWorld(vectorEnvironment ?? vectorise(environment!, options.environments ?? (form === 'paper' ? 3 : 1)), seed)
  const { problem, copies } = world
  const costLimits: readonly number[] = options.costLimits ?? []
  if (!(constrained as readonly string[]).includes(name)) {
    if (costLimits.length > 0) {
      throw new TypeError(
        `costLimits: '${name}' knows no limits, expected none, found ${costLimits.length}; ${quoted(constrained)} keep limits`,
      )
    }
  } else {
    if (problem.costs === 0) throw new TypeError(`environment.costs: '${name}' expected at least 1 cost, found 0`)
    if (costLimits.length !== problem.costs) {
      throw new TypeError(`costLimits: expected ${problem.costs} limits, one per cost of the environment, found ${costLimits.length}`)
    }
    costLimits.forEach((limit, k) => {
      if (!Number.isFinite(limit)) throw new TypeError(`costLimits[${k}]: expected a finite number, found ${String(limit)}`)
    })
  }

  const setup = { problem, copies, costLimits, seed }
  const algorithm = build(options, setup, form)
  const space = problem.actions.kind === 'discrete' ? problem.actions.n : problem.actions.size
  const kind = `${name} ${form}: ${copies} copies, ${problem.observationSize} observations, ${space} ${problem.actions.kind} actions, ${problem.costs} costs`
  return { algorithm, world, kind }
}

function build(options: LearnOptions, setup: Setup, form: string): Algorithm {
  const { problem, copies } = setup
  switch (options.algorithm) {
    case 'ppo':
      return ppo(setup, merge(ppoDefaults(copies), options))
    case 'trpo':
      return trpo(setup, merge(trpoDefaults(copies), options))
    case 'ppo-lag':
      if (form === 'paper') return ppoLagrangianPaper(setup, merge(paperDefaults(), options))
      return ppoLagrangian(setup, merge(ppoLagrangianDefaults(problem, options.steps), options))
    case 'pid-lag':
      return pidLagrangian(setup, merge(pidLagrangianDefaults(problem, options.steps), options))
    case 'trpo-lag':
      return trpoLagrangian(setup, merge(trpoLagrangianDefaults(options.steps), options))
    case 'cpo':
      return cpo(setup, merge(cpoDefaults(options.steps), options))
    case 'ddpg':
      return ddpg(setup, merge(ddpgDefaults(), options))
    case 'td3':
      return td3(setup, merge(td3Defaults(options.steps), options))
  }
}

const choices: Record<string, readonly string[]> = {
  schedule: ['linear', 'constant'],
  clipSchedule: ['linear', 'constant'],
  rewards: ['step', 'episode'],
  policy: ['gaussian', 'squashed', 'beta'],
}
const counts = ['epochs', 'minibatch', 'replay', 'delay', 'conjugateGradientSteps', 'backtrackSteps']

/** The defaults with the options that were given, all of them known and of the default's kind. */
function merge<T extends object>(defaults: T, options: LearnOptions): T {
  const settings: Record<string, unknown> = Object.fromEntries(Object.entries(defaults))
  for (const [name, value] of Object.entries(options)) {
    if (commonNames.includes(name) || value === undefined) continue
    if (!(name in defaults))
      throw new TypeError(`${name}: no option of '${options.algorithm}'; there are ${Object.keys(defaults).join(', ')}`)
    const normal = settings[name]
    if (name === 'collect') checkPlan(Object(value))
    else if (name === 'hidden') checkHidden(value)
    else if (name in choices) {
      if (!choices[name].includes(value as string)) {
        throw new TypeError(`${name}: expected ${quoted(choices[name], ' or ')}, found ${String(value)}`)
      }
    } else if (typeof value !== typeof normal || (typeof value === 'number' && Number.isNaN(value))) {
      throw new TypeError(`${name}: expected a ${typeof normal}, found ${String(value)}`)
    }
    settings[name] = name === 'multiplier' ? { ...(normal as object), ...(value as object) } : value
  }
  for (const name of counts) {
    const value = settings[name] as number
    if (name in defaults && (!Number.isInteger(value) || value < 1))
      throw new TypeError(`${name}: expected an integer >= 1, found ${String(value)}`)
  }
  return settings as unknown as T
}

function quoted(names: readonly string[], separator = ', '): string {
  return names.map((name) => `'${name}'`).join(separator)
}

function checkPlan(plan: object): void {
  const entries = Object.entries(plan)
  const known = ['stepsPerEnvironment', 'episodes', 'wholeEpisodeSteps']
  const [[name, value] = ['', 0]] = entries
  if (entries.length !== 1 || !known.includes(name) || !Number.isInteger(value) || value < 1) {
    throw new TypeError(`collect: expected one of ${known.join(', ')} with an integer >= 1, found ${JSON.stringify(plan)}`)
  }
}

function checkHidden(value: unknown): void {
  if (!Array.isArray(value) || !value.every((size) => Number.isInteger(size) && size > 0)) {
    throw new TypeError(`hidden: expected an array of layer sizes, found ${JSON.stringify(value)}`)
  }
}

function checkResume(resume: Checkpoint, kind: string, seed: number): void {
  if (resume.version !== 3) throw new TypeError(`resume: expected a checkpoint of version 3, found ${String(resume.version)}`)
  if (resume.kind !== kind) throw new TypeError(`resume: the checkpoint is of '${resume.kind}', expected '${kind}'`)
  if (resume.seed !== seed) throw new TypeError(`resume: the checkpoint has seed ${resume.seed}, expected ${seed}`)
}
