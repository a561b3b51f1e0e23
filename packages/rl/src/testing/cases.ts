// The constrained problems of shared/cases/rl as environments, with exact evaluation where tables allow it. Test support only.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../environment.js'
import type { Policy } from '../policy.js'
import type { Random } from '../random.js'

const shared = process.env.ESPALIER_SHARED ?? fileURLToPath(new URL('../../../../../shared', import.meta.url))

/** Whether the folder of shared cases is here; when it is, a missing file is an error. */
export const sharedExists = existsSync(shared)

// biome-ignore lint/suspicious/noExplicitAny: the cases are JSON of many shapes
export function readCase(name: string): any {
  return JSON.parse(readFileSync(`${shared}/cases/rl/${name}.json`, 'utf8'))
}

export interface Table {
  readonly nS: number
  readonly nA: number
  readonly horizon: number | null
  readonly initial: number[]
  readonly P: number[][][]
  readonly R: number[][]
  readonly C: number[][][]
}

function observe(table: Table, state: number, time: number): Float64Array {
  const observation = new Float64Array(table.nS + (table.horizon ?? 0))
  observation[state] = 1
  if (table.horizon) observation[table.nS + time] = 1
  return observation
}

/** Index drawn with the given weights; `weights.length` when the missing mass is hit. */
function draw(weights: readonly number[], random: Random): number {
  let u = random()
  let i = 0
  while (i < weights.length && u >= weights[i]) u -= weights[i++]
  return i
}

export function tabular(table: Table): () => Environment {
  return () => {
    let random: Random
    let state = 0
    let time = 0
    return {
      observationSize: table.nS + (table.horizon ?? 0),
      actions: { kind: 'discrete', n: table.nA },
      costs: table.C.length,
      reset(generator) {
        random = generator
        time = 0
        state = Math.min(draw(table.initial, random), table.nS - 1)
        return observe(table, state, time)
      },
      step(action) {
        const a = action as number
        const reward = table.R[state][a]
        const costs = table.C.map((cost) => cost[state][a])
        const next = draw(table.P[state][a], random)
        time++
        const terminated = next >= table.nS || time === table.horizon
        if (!terminated) state = next
        return { observation: observe(table, state, terminated ? 0 : time), reward, costs, terminated, truncated: false }
      },
    }
  }
}

/** Exact expected return and costs of a stochastic policy. */
export function evaluateTable(table: Table, policy: Policy): { return: number; costs: number[] } {
  let occupancy = table.initial.slice()
  let total = 0
  const costs = table.C.map(() => 0)
  const times = Array.from({ length: table.horizon ?? 1 }, (_, t) => t)
  const chosen = times.map((t) => table.initial.map((_, s) => policy.probabilities(observe(table, s, t))))
  for (let t = 0; t < (table.horizon ?? 2000); t++) {
    const next = new Array<number>(table.nS).fill(0)
    for (let s = 0; s < table.nS; s++) {
      if (occupancy[s] === 0) continue
      const p = chosen[table.horizon ? t : 0][s]
      for (let a = 0; a < table.nA; a++) {
        const mass = occupancy[s] * p[a]
        total += mass * table.R[s][a]
        for (let k = 0; k < costs.length; k++) costs[k] += mass * table.C[k][s][a]
        for (let n = 0; n < table.nS; n++) next[n] += mass * table.P[s][a][n]
      }
    }
    occupancy = next
  }
  return { return: total, costs }
}

export interface Pruning {
  readonly T: number
  readonly w: number[]
  readonly a_max: number
  readonly n?: number[]
  readonly B?: number
  readonly cost?: string
  readonly f?: number[]
  readonly F?: number
  /** The least that must be removed (B), kept by the environment: an action below what keeps it within reach is raised, and `executed` says so. */
  readonly wall?: boolean
}

/**
 * prune10_*: one share to remove per layer, everything paid at the end (or the kept share per step: dense_linear).
 * percent_kept is paper 1's cost: T x (percent kept) at the end, so that the mean per step is the percent kept.
 */
export function pruning(params: Pruning): () => Environment {
  const { T, w, a_max } = params
  const size = params.n ?? params.f!
  return () => {
    const shares = new Array<number>(T).fill(0)
    let layer = 0
    const observation = () => {
      const x = new Float64Array(5 + T)
      const i = Math.min(layer, T - 1)
      x[0] = i / T
      x[1] = size[i] / Math.max(...size)
      for (let j = 0; j < i; j++) x[2] += size[j] * shares[j]
      for (let j = i + 1; j < T; j++) x[3] += size[j]
      x[4] = i > 0 ? shares[i - 1] : 0
      x[5 + i] = 1
      return x
    }
    const cost = (done: boolean) => {
      if (params.cost === 'dense_linear') return size[layer - 1] * (1 - shares[layer - 1])
      if (!done) return 0
      if (params.cost === 'percent_kept') return 100 * T * size.reduce((sum, n, i) => sum + n * (1 - shares[i]), 0)
      if (params.f) return Math.max(0, size.reduce((sum, f, i) => sum + f * (i ? 1 - shares[i - 1] : 1) * (1 - shares[i]), 0) - params.F!)
      return Math.max(0, params.B! - size.reduce((sum, n, i) => sum + n * shares[i], 0))
    }
    return {
      observationSize: 5 + T,
      actions: { kind: 'box', low: [0], high: [a_max] },
      costs: params.wall ? 0 : 1,
      reset() {
        layer = 0
        return observation()
      },
      step(action) {
        let share = (action as Float32Array)[0]
        if (params.wall) {
          const later = size.slice(layer + 1).reduce((sum, n) => sum + a_max * n, 0)
          const before = size.slice(0, layer).reduce((sum, n, i) => sum + n * shares[i], 0)
          share = Math.max(share, (params.B! - before - later) / size[layer])
        }
        shares[layer++] = share
        const done = layer === T
        const reward = done ? -shares.reduce((sum, a, i) => sum + w[i] * a * a, 0) : 0
        return {
          observation: observation(),
          reward,
          costs: params.wall ? [] : [cost(done)],
          terminated: done,
          truncated: false,
          ...(params.wall && { executed: Float32Array.of(share) }),
        }
      },
    }
  }
}

/** lqr_energy_budget and pointmass_energy_budget, from their params. */
export function lqr(p: Record<string, number>): () => Environment {
  return () => {
    let random: Random
    let x = 0
    let t = 0
    return {
      observationSize: 2,
      actions: { kind: 'box', low: [p.action_low], high: [p.action_high] },
      costs: 1,
      reset(generator) {
        random = generator
        t = 0
        x = p.mu0 + p.sigma0 * random.normal()
        return [x, 0]
      },
      step(action) {
        const u = (action as Float32Array)[0]
        x = p.a * x + p.b * u + p.sigma_w * random.normal()
        t++
        return { observation: [x, t / p.T], reward: -x * x, costs: [u * u], terminated: t === p.T, truncated: false }
      },
    }
  }
}

export function pointMass(p: {
  T: number
  dt: number
  target: number[]
  weights: number[]
  action_low: number
  action_high: number
}): () => Environment {
  return () => {
    let q = 0
    let v = 0
    let t = 0
    return {
      observationSize: 3,
      actions: { kind: 'box', low: [p.action_low], high: [p.action_high] },
      costs: 1,
      reset() {
        q = v = t = 0
        return [q, v, 0]
      },
      step(action) {
        const u = (action as Float32Array)[0]
        q += v * p.dt
        v += u * p.dt
        const done = ++t === p.T
        const reward = done ? -(p.weights[0] * (q - p.target[0]) ** 2 + p.weights[1] * (v - p.target[1]) ** 2) : 0
        return { observation: [q, v, t / p.T], reward, costs: [u * u], terminated: done, truncated: false }
      },
    }
  }
}

/** Mean return and costs of the policy over `episodes` episodes. */
export async function evaluateEpisodes(make: () => Environment, policy: Policy, episodes: number, random: Random, deterministic: boolean) {
  const environment = make()
  let total = 0
  const costs = new Array<number>(environment.costs ?? 0).fill(0)
  for (let e = 0; e < episodes; e++) {
    let observation = await environment.reset(random)
    for (let ended = false; !ended; ) {
      const result = await environment.step(policy.act(observation, { deterministic, random }))
      observation = result.observation
      total += result.reward / episodes
      for (let k = 0; k < costs.length; k++) costs[k] += result.costs![k] / episodes
      ended = result.terminated || result.truncated
    }
  }
  return { return: total, costs }
}
