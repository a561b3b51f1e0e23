import type { Acting } from './actor.js'
import {
  type Action,
  checkSpec,
  isPromise,
  type Observation,
  type Problem,
  type StepResult,
  type VectorEnvironment,
} from './environment.js'
import type { Trajectories } from './gae.js'
import { createRandom, type Random, type RandomState, streams } from './random.js'
import { loadFloats, type Saved, saveFloats } from './saved.js'

/**
 * How much to collect before an update: a fixed number of steps in every copy, episodes going on across updates; or whole episodes,
 * a fixed number of them or as many as it takes to reach a number of steps in all (episodes begun are finished).
 */
export type CollectPlan = { readonly stepsPerEnvironment: number } | { readonly episodes: number } | { readonly wholeEpisodeSteps: number }

/** Sums over one finished episode, undiscounted and raw. */
export interface Episode {
  readonly return: number
  readonly costs: readonly number[]
  readonly length: number
}

/** One update's worth of experience. Arrays are views that the next collection overwrites. */
export interface Batch extends Trajectories {
  /** As the environment gave them, and as the networks got them (the same array without a normaliser). [size][observationSize] */
  readonly observations: Float64Array
  readonly inputs: Float64Array
  /** As drawn, before clipping. [size][actionSize] */
  readonly actions: Float64Array
  /** What the environment did: after clipping, in its own units, as it says itself where it differs. [size][actionSize] */
  readonly executed: Float64Array
  readonly logProbabilities: Float64Array
  /** Raw. [size] */
  readonly rewards: Float64Array
  /** Raw, one array [size] per cost. */
  readonly costs: readonly Float64Array[]
  /** The copy of the environment and the step of the lockstep that the row comes from; whether the episode ended with it. */
  readonly copies: Int32Array
  readonly ticks: Int32Array
  readonly ended: Uint8Array
  /** Rows that were truncated or cut, and the network inputs of the observations that followed them. */
  readonly endRows: readonly number[]
  readonly endInputs: Float64Array
  /** Episodes that finished here. */
  readonly episodes: readonly Episode[]
}

export interface World {
  readonly problem: Problem
  readonly copies: number
  collect(actor: Acting, plan: CollectPlan, random: Random, normaliseEachStep: boolean): Promise<Batch>
  state(): Promise<WorldState>
  restore(state: WorldState): Promise<void>
}

export interface WorldState {
  readonly copies: readonly CopyState[]
  readonly snapshot: Saved
}

/** A copy between two collections. In the middle of an episode: its generator at the reset, and the actions since, to replay. */
export interface CopyState {
  readonly running: boolean
  readonly random: RandomState
  readonly actions: string
  readonly observation: string
  readonly return: number
  readonly costs: readonly number[]
  readonly length: number
}

interface Copy {
  readonly random: Random
  running: boolean
  atReset: RandomState
  actions: Float64Array
  observation: Float64Array
  return: number
  costs: number[]
  length: number
}

/** The environment with its generators and running episodes. */
export function createWorld(environment: VectorEnvironment, seed: number): World {
  const problem = checkSpec(environment)
  const { observationSize, costs: costCount } = problem
  const actionSize = problem.actions.kind === 'box' ? problem.actions.size : 1
  const replays = !(environment.snapshot && environment.restore)
  const copies = Array.from({ length: environment.copies }, (_, i): Copy => {
    const random = createRandom(seed, streams.environment + i)
    const observation = new Float64Array(observationSize)
    return { random, running: false, atReset: random.state(), actions: new Float64Array(64), observation, return: 0, costs: [], length: 0 }
  })
  const rows = createRows(observationSize, actionSize, costCount)

  const reset = async (which: number[]) => {
    for (const c of which) copies[c].atReset = copies[c].random.state()
    const answer = environment.reset(
      which,
      which.map((c) => copies[c].random),
    )
    const observations = isPromise(answer) ? await answer : answer
    if (observations?.length !== which.length) {
      throw new TypeError(`environment.reset: expected ${which.length} observations, found ${String(observations?.length)}`)
    }
    which.forEach((c, i) => {
      const copy = copies[c]
      readObservation(observations[i], copy.observation, `environment.reset: copy ${c}`)
      copy.running = true
      copy.return = 0
      copy.costs = new Array(costCount).fill(0)
      copy.length = 0
    })
  }

  /** Steps the copies that have an action, checks what comes back; results of the others are undefined. */
  const step = async (actions: (Action | null)[]) => {
    const answer = environment.step(actions)
    const results = isPromise(answer) ? await answer : answer
    if (results?.length !== actions.length) {
      throw new TypeError(`environment.step: expected ${actions.length} results, found ${String(results?.length)}`)
    }
    actions.forEach((action, c) => {
      if (action === null) return
      const copy = copies[c]
      const where = `environment.step: copy ${c}, step ${copy.length} of the episode`
      checkResult(results[c], problem, where)
      readObservation(results[c]!.observation, copy.observation, where)
      if (replays) {
        const at = copy.length * actionSize
        if (at + actionSize > copy.actions.length) {
          const longer = new Float64Array(2 * copy.actions.length + actionSize)
          longer.set(copy.actions)
          copy.actions = longer
        }
        if (typeof action === 'number') copy.actions[at] = action
        else copy.actions.set(action, at)
      }
      copy.length++
      copy.return += results[c]!.reward
      for (let k = 0; k < costCount; k++) copy.costs[k] += results[c]!.costs![k]
    })
    return results
  }

  const collect: World['collect'] = async (actor, plan, random, normaliseEachStep) => {
    rows.clear()
    const episodes: Episode[] = []
    const endRows: number[] = []
    const endObservations: number[] = []
    const lastRow = new Int32Array(copies.length).fill(-1)
    const steps = 'stepsPerEnvironment' in plan ? plan.stepsPerEnvironment : Number.POSITIVE_INFINITY
    let started = 0
    const mayStart = () => {
      if ('stepsPerEnvironment' in plan) return true
      return 'episodes' in plan ? started < plan.episodes : rows.size < plan.wholeEpisodeSteps
    }
    const patience = 1_000_000
    if (!('stepsPerEnvironment' in plan)) for (const copy of copies) copy.running = false
    for (let tick = 0; tick < steps; tick++) {
      const toReset: number[] = []
      for (let c = 0; c < copies.length; c++) {
        if (!copies[c].running && mayStart()) {
          toReset.push(c)
          started++
        }
      }
      if (toReset.length > 0) await reset(toReset)
      const active: number[] = []
      for (let c = 0; c < copies.length; c++) if (copies[c].running) active.push(c)
      if (active.length === 0) break

      // Observe and act, all active copies at once.
      const base = rows.add(active.length)
      active.forEach((c, i) => {
        rows.observations.set(copies[c].observation, (base + i) * observationSize)
      })
      const raw = rows.observations.subarray(base * observationSize, rows.size * observationSize)
      const inputs = rows.inputs.subarray(base * observationSize, rows.size * observationSize)
      if (normaliseEachStep) actor.normaliser?.update(raw, active.length)
      inputs.set(raw)
      actor.normalise(inputs, active.length)
      const outputs = actor.outputs(inputs, active.length)
      const drawn = rows.actions.subarray(base * actionSize, rows.size * actionSize)
      const actions: (Action | null)[] = new Array(copies.length).fill(null)
      for (let i = 0; i < active.length; i++) {
        actor.distribution.sample(outputs, actor.free, i, random, drawn)
        rows.logProbabilities[base + i] = actor.distribution.logProbability(outputs, actor.free, i, drawn)
        actions[active[i]] = actor.executed(drawn, i)
      }

      const results = await step(actions)
      for (let i = 0; i < active.length; i++) {
        const c = active[i]
        const row = base + i
        const copy = copies[c]
        const { reward, costs, terminated, truncated, executed = actions[c]! } = results[c]!
        rows.rewards[row] = reward
        if (typeof executed === 'number') rows.executed[row] = executed
        else rows.executed.set(executed, row * actionSize)
        for (let k = 0; k < costCount; k++) rows.costs[k][row] = costs![k]
        rows.terminated[row] = terminated ? 1 : 0
        rows.ended[row] = terminated || truncated ? 1 : 0
        rows.copies[row] = c
        rows.ticks[row] = tick
        rows.next[row] = -1
        if (lastRow[c] >= 0) rows.next[lastRow[c]] = row
        lastRow[c] = row
        if (terminated || truncated) {
          episodes.push({ return: copy.return, costs: copy.costs, length: copy.length })
          copy.running = false
          lastRow[c] = -1
        } else if (copy.length > patience) {
          throw new Error(`environment: copy ${c} has not ended its episode after ${patience} steps`)
        }
        // The value of what follows: after a time limit, and where the collection cuts a running episode.
        if (!terminated && (truncated || tick === steps - 1)) {
          endRows.push(row)
          for (const value of copy.observation) endObservations.push(value)
        }
      }
    }
    const endInputs = Float64Array.from(endObservations)
    actor.normalise(endInputs, endRows.length)
    return { ...rows.view(), endRows, endInputs, episodes }
  }

  return {
    problem,
    copies: copies.length,
    collect,
    async state() {
      return {
        snapshot: replays ? null : await environment.snapshot!(),
        copies: copies.map((copy) => ({
          running: copy.running,
          random: copy.running && replays ? copy.atReset : copy.random.state(),
          actions: saveFloats(replays && copy.running ? copy.actions.subarray(0, copy.length * actionSize) : []),
          observation: saveFloats(copy.running ? copy.observation : []),
          return: copy.return,
          costs: [...copy.costs],
          length: copy.length,
        })),
      }
    },
    async restore(state) {
      if (state.copies.length !== copies.length) {
        throw new TypeError(`resume: the checkpoint has ${state.copies.length} environments, expected ${copies.length}`)
      }
      state.copies.forEach((saved, c) => {
        copies[c].random.restore(saved.random)
      })
      const running = copies.flatMap((_, c) => (state.copies[c].running ? [c] : []))
      if (!replays) {
        await environment.restore!(
          state.snapshot,
          copies.map((copy) => copy.random),
        )
      } else if (running.length > 0) {
        await reset(running)
        const played = state.copies.map((saved) => loadFloats(saved.actions))
        const longest = Math.max(...running.map((c) => state.copies[c].length))
        for (let t = 0; t < longest; t++) {
          await step(
            copies.map((_, c) => {
              if (!state.copies[c].running || t >= state.copies[c].length) return null
              return problem.actions.kind === 'discrete'
                ? played[c][t]
                : Float32Array.from(played[c].subarray(t * actionSize, (t + 1) * actionSize))
            }),
          )
        }
      }
      state.copies.forEach((saved, c) => {
        const copy = copies[c]
        copy.running = saved.running
        copy.return = saved.return
        copy.costs = [...saved.costs]
        copy.length = saved.length
        if (!saved.running) return
        const observation = loadFloats(saved.observation)
        if (replays && !observation.every((value, i) => value === copy.observation[i])) {
          throw new Error(
            `resume: replaying the actions of copy ${c} gave another observation than before; the environment does not depend on its generator and actions alone and must offer snapshot() and restore()`,
          )
        }
        copy.observation.set(observation)
      })
    },
  }
}

function readObservation(observation: Observation | undefined, target: Float64Array, where: string): void {
  if (observation?.length !== target.length) {
    throw new TypeError(
      `${where}: expected an observation of ${target.length} numbers, found ${String(observation?.length ?? observation)}`,
    )
  }
  for (let i = 0; i < target.length; i++) {
    if (!Number.isFinite(observation[i]))
      throw new TypeError(`${where}: observation[${i}] is ${String(observation[i])}, expected a finite number`)
    target[i] = observation[i]
  }
}

function checkResult(result: StepResult | null | undefined, { costs: costCount, actions }: Problem, where: string): void {
  if (!result) throw new TypeError(`${where}: expected { observation, reward, costs, terminated, truncated }, found ${String(result)}`)
  if (!Number.isFinite(result.reward)) throw new TypeError(`${where}: reward is ${String(result.reward)}, expected a finite number`)
  const found = result.costs?.length ?? 0
  if (found !== costCount) throw new TypeError(`${where}: expected ${costCount} costs (environment.costs), found ${found}`)
  for (let k = 0; k < costCount; k++) {
    if (!Number.isFinite(result.costs![k]))
      throw new TypeError(`${where}: costs[${k}] is ${String(result.costs![k])}, expected a finite number`)
  }
  if (result.executed !== undefined) checkExecuted(result.executed, actions, where)
  for (const name of ['terminated', 'truncated'] as const) {
    if (typeof result[name] !== 'boolean') throw new TypeError(`${where}: ${name} is ${String(result[name])}, expected true or false`)
  }
}

function checkExecuted(executed: Action, actions: Problem['actions'], where: string): void {
  const values = typeof executed === 'number' ? [executed] : Array.from(executed)
  const size = actions.kind === 'box' ? actions.size : 1
  if ((typeof executed === 'number') !== (actions.kind === 'discrete') || values.length !== size || !values.every(Number.isFinite)) {
    throw new TypeError(`${where}: executed is ${String(executed)}, expected an action as step() gets it, ${size} finite numbers`)
  }
}

/** Columns that grow by doubling and are used again by every collection. */
function createRows(observationSize: number, actionSize: number, costCount: number) {
  let capacity = 0
  const floats = (width: number) => new Float64Array(capacity * width)
  const make = () => ({
    observations: floats(observationSize),
    inputs: floats(observationSize),
    actions: floats(actionSize),
    executed: floats(actionSize),
    logProbabilities: floats(1),
    rewards: floats(1),
    costs: Array.from({ length: costCount }, () => floats(1)),
    terminated: new Uint8Array(capacity),
    ended: new Uint8Array(capacity),
    copies: new Int32Array(capacity),
    ticks: new Int32Array(capacity),
    next: new Int32Array(capacity),
  })
  const columns = make()
  const rows = {
    ...columns,
    size: 0,
    clear() {
      rows.size = 0
    },
    /** Makes room for n more rows; gives the first. */
    add(n: number) {
      const first = rows.size
      rows.size += n
      if (rows.size > capacity) {
        capacity = Math.max(256, 2 * capacity, rows.size)
        const longer = make()
        for (const name of Object.keys(columns) as (keyof typeof columns)[]) {
          if (name === 'costs') for (const [k, column] of rows.costs.entries()) longer.costs[k].set(column)
          else longer[name].set(rows[name])
        }
        Object.assign(rows, longer)
      }
      return first
    },
    view() {
      const { size } = rows
      return {
        size,
        observations: rows.observations.subarray(0, size * observationSize),
        inputs: rows.inputs.subarray(0, size * observationSize),
        actions: rows.actions.subarray(0, size * actionSize),
        executed: rows.executed.subarray(0, size * actionSize),
        logProbabilities: rows.logProbabilities.subarray(0, size),
        rewards: rows.rewards.subarray(0, size),
        costs: rows.costs.map((column) => column.subarray(0, size)),
        terminated: rows.terminated.subarray(0, size),
        ended: rows.ended.subarray(0, size),
        copies: rows.copies.subarray(0, size),
        ticks: rows.ticks.subarray(0, size),
        next: rows.next.subarray(0, size),
      }
    },
  }
  return rows
}
