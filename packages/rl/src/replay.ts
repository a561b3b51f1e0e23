import type { Random } from './random.js'
import { loadFloats, type Saved, saveFloats } from './saved.js'

/** Rows of transitions (s, a, r, s', terminated); actions in units where the box is [-1, 1]. */
export interface Transitions {
  readonly observations: Float64Array
  readonly actions: Float64Array
  readonly rewards: Float64Array
  readonly next: Float64Array
  /** 1 where the episode terminated with the step, so that nothing follows; 0 at a time limit. */
  readonly terminated: Float64Array
}

/** The last `capacity` transitions, drawn uniformly with replacement (Lin 1992). Memory grows by doubling up to the capacity, then never. */
export interface Replay {
  readonly size: number
  /** Takes row `row` of `from`. */
  add(from: Transitions, row: number): void
  /** Draws `n` transitions into the rows of `into`. */
  sample(n: number, random: Random, into: Transitions): void
  state(): ReplayState
  restore(state: ReplayState): void
}

export interface ReplayState {
  readonly [column: string]: Saved
  readonly size: number
  readonly at: number
}

export function createTransitions(rows: number, observationSize: number, actionSize: number): Transitions {
  return {
    observations: new Float64Array(rows * observationSize),
    actions: new Float64Array(rows * actionSize),
    rewards: new Float64Array(rows),
    next: new Float64Array(rows * observationSize),
    terminated: new Float64Array(rows),
  }
}

export function createReplay(capacity: number, observationSize: number, actionSize: number): Replay {
  const names = ['observations', 'actions', 'rewards', 'next', 'terminated'] as const
  const widths = [observationSize, actionSize, 1, observationSize, 1]
  let room = Math.min(capacity, 1024)
  let rows = createTransitions(room, observationSize, actionSize)
  let size = 0
  let at = 0
  const reserve = (count: number) => {
    if (count <= room) return
    room = Math.min(capacity, Math.max(count, 2 * room))
    const longer = createTransitions(room, observationSize, actionSize)
    for (const name of names) longer[name].set(rows[name])
    rows = longer
  }
  const copy = (source: Transitions, from: number, target: Transitions, to: number) => {
    for (let c = 0; c < names.length; c++) {
      const a = source[names[c]]
      const b = target[names[c]]
      for (let i = 0, p = from * widths[c], q = to * widths[c]; i < widths[c]; i++) b[q + i] = a[p + i]
    }
  }
  return {
    get size() {
      return size
    },
    add(from, row) {
      reserve(at + 1)
      copy(from, row, rows, at)
      at = (at + 1) % capacity
      size = Math.min(size + 1, capacity)
    },
    sample(n, random, into) {
      for (let i = 0; i < n; i++) copy(rows, random.integer(size), into, i)
    },
    state: () => ({
      size,
      at,
      ...Object.fromEntries(names.map((name, c) => [name, saveFloats(rows[name].subarray(0, size * widths[c]))])),
    }),
    restore(state) {
      if (!(state.size <= capacity)) throw new TypeError(`resume: the replay has ${state.size} transitions, expected at most ${capacity}`)
      reserve(state.size)
      names.forEach((name, c) => {
        const values = loadFloats(state[name] as string)
        if (values.length !== state.size * widths[c]) {
          throw new TypeError(`resume: replay ${name} has ${values.length} numbers, expected ${state.size * widths[c]}`)
        }
        rows[name].set(values)
      })
      size = state.size
      at = state.at
    },
  }
}
