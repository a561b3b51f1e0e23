// CPO's problem with nothing sampled: a table, a softmax policy of free logits, exact expectations under it. Test support only.
import type { CpoProblem } from '../cpo.js'
import { softmax } from '../distributions.js'
import type { Table } from './cases.js'

/** Logits [time][state][action] (one time where the horizon is open); what follows from them is recomputed by `solve`. */
export function exactOracle(table: Table, logits: Float64Array) {
  const { nS, nA, horizon, initial, P } = table
  const times = horizon ?? 1
  const signals = [table.R, ...table.C]
  // Kept between calls: where the horizon is open they are the start of the next fixed-point iteration.
  const visited = new Float64Array(times * nS)
  const V = signals.map(() => new Float64Array((times + 1) * nS))

  /** Probabilities, expected visits of every (time, state), their sum (the length of an episode), and Q of every signal. */
  const solve = () => {
    const p = new Float64Array(logits.length)
    for (let at = 0; at < p.length; at += nA) softmax(logits, at, nA, p.subarray(at, at + nA))
    const Q = signals.map(() => new Float64Array(logits.length))
    const step = (s: number, a: number, value: Float64Array, from: number) => {
      let sum = 0
      for (let next = 0; next < nS; next++) sum += P[s][a][next] * value[from + next]
      return sum
    }
    // An open horizon: the same two recursions until nothing changes. Every step may end the episode, so they converge.
    const rounds = horizon ? 1 : 1000
    for (let round = 0; round < rounds; round++) {
      let change = 0
      for (let t = times - 1; t >= 0; t--) {
        for (const [i, signal] of signals.entries()) {
          const after = horizon ? (t + 1) * nS : 0
          for (let s = 0; s < nS; s++) {
            let value = 0
            for (let a = 0; a < nA; a++) {
              const at = (t * nS + s) * nA + a
              Q[i][at] = signal[s][a] + step(s, a, V[i], after)
              value += p[at] * Q[i][at]
            }
            change = Math.max(change, Math.abs(value - V[i][t * nS + s]))
            V[i][t * nS + s] = value
          }
        }
      }
      for (let t = 0; t < times; t++) {
        const arrive = Float64Array.from(horizon && t > 0 ? new Float64Array(nS) : initial)
        const from = horizon ? t - 1 : 0
        if (from >= 0) {
          for (let s = 0; s < nS; s++) {
            for (let a = 0; a < nA; a++) {
              const mass = visited[from * nS + s] * p[(from * nS + s) * nA + a]
              for (let next = 0; next < nS; next++) arrive[next] += mass * P[s][a][next]
            }
          }
        }
        for (let s = 0; s < nS; s++) change = Math.max(change, Math.abs(arrive[s] - visited[t * nS + s]))
        visited.set(arrive, t * nS)
      }
      if (change < 1e-14) break
    }
    const J = V.map((value) => initial.reduce((sum, mass, s) => sum + mass * value[s], 0))
    const A = Q.map((q, i) => q.map((value, at) => value - V[i][Math.floor(at / nA)]))
    const visits = visited.slice()
    return { p, visits, length: visits.reduce((sum, mass) => sum + mass, 0), J, A }
  }

  /** J of the reward and of every cost. */
  const evaluate = () => solve().J

  const problem = (limits: readonly number[], damping: number): CpoProblem => {
    const { p, visits, length, J, A } = solve()
    // dJ / d logit = visits x p x advantage (the policy gradient theorem; p'A = 0)
    const gradients = A.map((advantage) => advantage.map((value, at) => visits[Math.floor(at / nA)] * p[at] * value))
    return {
      parameters: logits,
      gradient: gradients[0],
      costGradients: gradients.slice(1),
      costs: J.slice(1),
      limits,
      product(v, out) {
        for (let row = 0; row < visits.length; row++) {
          let mean = 0
          for (let a = 0; a < nA; a++) mean += p[row * nA + a] * v[row * nA + a]
          for (let a = 0; a < nA; a++) {
            const at = row * nA + a
            out[at] = (visits[row] / length) * p[at] * (v[at] - mean) + damping * v[at]
          }
        }
      },
      measure() {
        const now = new Float64Array(nA)
        const changes = A.map(() => 0)
        let kl = 0
        for (let row = 0; row < visits.length; row++) {
          softmax(logits, row * nA, nA, now)
          for (let a = 0; a < nA; a++) {
            const at = row * nA + a
            if (p[at] > 0) kl += (visits[row] / length) * p[at] * Math.log(p[at] / now[a])
            for (const [i, advantage] of A.entries()) changes[i] += visits[row] * now[a] * advantage[at]
          }
        }
        return { kl, gain: changes[0], costChanges: changes.slice(1) }
      },
    }
  }
  return { evaluate, problem }
}
