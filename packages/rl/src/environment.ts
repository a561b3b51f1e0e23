import type { Random } from './random.js'
import type { Saved } from './saved.js'

/** Numbers in any form; they are copied before the environment is called again. */
export type Observation = ArrayLike<number>
/** The index of a discrete action, or the values of a box action, within the bounds. A box action is a fresh array: keep it if you like. */
export type Action = number | Float32Array

export type ActionSpec =
  | { readonly kind: 'discrete'; readonly n: number }
  | {
      readonly kind: 'box'
      /** Bounds per dimension, or one number for all `size` dimensions (1 where absent). Infinite bounds are allowed. */
      readonly low: number | ArrayLike<number>
      readonly high: number | ArrayLike<number>
      readonly size?: number
    }

export interface StepResult {
  /** Of the state after the action; for a finished episode the last one, not that of the next reset. */
  readonly observation: Observation
  readonly reward: number
  /** One number per cost; may be left out where the environment has none. */
  readonly costs?: ArrayLike<number>
  /** The task ended: nothing comes after. */
  readonly terminated: boolean
  /** The episode was cut (time limit) though the task goes on: the value of the last observation counts. */
  readonly truncated: boolean
  /**
   * The action that was carried out, where it is not the one that was asked for (walled, rounded). Off-policy algorithms learn from it:
   * a critic that is told of another action than the one it sees the reward of learns the wrong thing.
   */
  readonly executed?: Action
}

export interface EnvironmentSpec {
  readonly observationSize: number
  readonly actions: ActionSpec
  /** Number of cost signals; 0 where absent. */
  readonly costs?: number
}

/** What can be saved and restored in place of being replayed (see `Environment`). */
export interface Snapshots {
  /** Plain data from which `restore` continues to the bit, also in the middle of an episode. */
  snapshot?(): Saved | Promise<Saved>
}

/**
 * A constrained Markov decision process, one copy of it.
 * `reset` gets the copy's own generator, to keep for the whole episode: all randomness must come from it.
 *
 * Resuming in the middle of an episode replays its actions from the same generator state, which is exact for environments that are a
 * function of generator and actions. One that carries more (a counter across episodes) offers `snapshot` and `restore`.
 */
export interface Environment extends EnvironmentSpec, Snapshots {
  reset(random: Random): Observation | Promise<Observation>
  step(action: Action): StepResult | Promise<StepResult>
  /** In place of the replay; `random` is the generator of the running episode. */
  restore?(state: Saved, random: Random): void | Promise<void>
}

/**
 * `copies` episodes in lockstep, all actions at once: for environments that judge many candidates in one run of the GPU.
 */
export interface VectorEnvironment extends EnvironmentSpec, Snapshots {
  readonly copies: number
  /** Starts new episodes in the copies listed; observations in the same order. `random[i]` belongs to copy `copies[i]`. */
  reset(copies: readonly number[], random: readonly Random[]): readonly Observation[] | Promise<readonly Observation[]>
  /** One step of every copy; null for a copy that waits (its result is not looked at). */
  step(actions: readonly (Action | null)[]): readonly (StepResult | null)[] | Promise<readonly (StepResult | null)[]>
  /** In place of the replay; one generator per copy. */
  restore?(state: Saved, random: readonly Random[]): void | Promise<void>
}

/** An action space with its numbers checked and in one form. */
export type ActionSpace =
  | { readonly kind: 'discrete'; readonly n: number }
  | { readonly kind: 'box'; readonly size: number; readonly low: Float32Array; readonly high: Float32Array }

/** The checked sizes that a problem has. */
export interface Problem {
  readonly observationSize: number
  readonly actions: ActionSpace
  readonly costs: number
}

/** @throws TypeError naming the field, what was expected and what was found */
export function checkSpec(spec: EnvironmentSpec): Problem {
  const { observationSize, costs = 0 } = spec
  const actions = spec.actions as ActionSpec | undefined
  positiveInteger(observationSize, 'environment.observationSize')
  if (!Number.isInteger(costs) || costs < 0) throw new TypeError(`environment.costs: expected an integer >= 0, found ${String(costs)}`)
  if (actions?.kind === 'discrete') {
    positiveInteger(actions.n, 'environment.actions.n')
    return { observationSize, costs, actions: { kind: 'discrete', n: actions.n } }
  }
  if (actions?.kind !== 'box') {
    const found = (actions as { kind?: unknown } | undefined)?.kind
    throw new TypeError(`environment.actions.kind: expected 'discrete' or 'box', found ${JSON.stringify(found)}`)
  }
  const sizeOf = (bound: number | ArrayLike<number> | undefined) => (typeof bound === 'number' ? undefined : bound?.length)
  const size = actions.size ?? sizeOf(actions.low) ?? sizeOf(actions.high) ?? 1
  positiveInteger(size, 'environment.actions.size')
  const low = new Float32Array(size)
  const high = new Float32Array(size)
  for (const [name, bound] of [
    ['low', actions.low],
    ['high', actions.high],
  ] as [string, number | ArrayLike<number> | undefined][]) {
    if (typeof bound !== 'number' && bound?.length !== size) {
      throw new TypeError(`environment.actions.${name}: expected a number or ${size} numbers, found ${String(bound?.length ?? bound)}`)
    }
  }
  for (let i = 0; i < size; i++) {
    const from = typeof actions.low === 'number' ? actions.low : actions.low[i]
    const to = typeof actions.high === 'number' ? actions.high : actions.high[i]
    if (!(from < to))
      throw new TypeError(`environment.actions: expected low < high in dimension ${i}, found ${String(from)} and ${String(to)}`)
    low[i] = float32Inside(from, 1)
    high[i] = float32Inside(to, -1)
  }
  return { observationSize, costs, actions: { kind: 'box', size, low, high } }
}

/** The nearest float32 on the inner side of a bound: float32 of 0.3 is above 0.3, and no action may be. */
function float32Inside(bound: number, direction: 1 | -1): number {
  const nearest = Math.fround(bound)
  if (direction * (nearest - bound) >= 0 || !Number.isFinite(nearest)) return nearest
  const view = new Float32Array([nearest])
  const bits = new Int32Array(view.buffer)
  if (nearest === 0) return direction * 1.401298464324817e-45
  bits[0] += nearest > 0 ? direction : -direction
  return view[0]
}

function positiveInteger(value: number, name: string): void {
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${name}: expected an integer >= 1, found ${String(value)}`)
}

/**
 * `copies` environments of one maker as a vector environment: every copy steps at the same time, results in the order of the copies.
 * Environments that answer at once are called without promises, which is what makes cheap ones fast.
 */
export function vectorise(make: () => Environment, copies: number): VectorEnvironment {
  positiveInteger(copies, 'environments')
  if (typeof make !== 'function') throw new TypeError(`environment: expected a function that makes an environment, found ${typeof make}`)
  const members = Array.from({ length: copies }, make)
  const [first] = members
  const spec = JSON.stringify(checkSpec(first))
  for (const member of members) {
    if (JSON.stringify(checkSpec(member)) !== spec)
      throw new TypeError('environment: expected every copy to have the same sizes, found different ones')
  }
  const saves = members.every((member) => member.snapshot && member.restore)
  return {
    observationSize: first.observationSize,
    actions: first.actions,
    costs: first.costs,
    copies,
    reset: (which, random) => together(which.map((copy, i) => members[copy].reset(random[i]))),
    step: (actions) => together(actions.map((action, copy) => (action === null ? null : members[copy].step(action)))),
    ...(saves && {
      snapshot: () => together(members.map((member) => member.snapshot!())),
      restore: async (state: Saved, random: readonly Random[]) => {
        const states = state as readonly Saved[]
        await Promise.all(members.map((member, i) => member.restore!(states[i], random[i])))
      },
    }),
  }
}

/** The values at once when none is a promise, a promise of all of them otherwise. */
function together<T>(values: readonly (T | Promise<T>)[]): T[] | Promise<T[]> {
  return values.some(isPromise) ? Promise.all(values) : (values as T[])
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null)?.then === 'function'
}
