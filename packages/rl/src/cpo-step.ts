/**
 * The step of CPO (Achiam et al. 2017, arXiv 1705.10528, section 5 and appendix 10.2) for any number of constraints:
 *
 *   max_x  g'x   s.t.   c_k + b_k'x <= 0 for every k,   1/2 x'Hx <= delta            (equation 10)
 *
 * g: gradient of the REWARD (not of a loss: with the other sign of g the sign of r below changes, which is where published code went wrong),
 * b_k: gradient of J_ck, c_k = J_ck - d_k. All that matters of them are the products
 *
 *   q = g'H^-1 g      r_k = g'H^-1 b_k      S_kl = b_k'H^-1 b_l      and      x = alpha H^-1 g - sum_k beta_k H^-1 b_k
 *
 * With W the constraints that hold with equality, S, r, c restricted to them, a = S^-1 r, p = S^-1 c:
 *
 *   A = q - r'a    B = 2 delta - c'p    lambda = sqrt(A / B)    nu = a + lambda p        (equations 11 and 12)
 *   x = (1 / lambda) H^-1 (g - sum nu_k b_k)                                             p alone where A = 0: nothing is left to gain
 *
 * For one constraint W is empty or full, which is the closed form of the paper. For several, every W is tried (2^m small systems): the problem
 * is convex, so the best of those steps that keep the other constraints is the optimum, without any iteration or tolerance to tune.
 * Where no step keeps all constraints: recovery, the point nearest in H that would keep them, as far towards it as delta allows, which
 * takes the same share of every violation away (for one constraint equation 14, -sqrt(2 delta / s) H^-1 b).
 *
 * Everything is computed for vectors scaled to length 1 in H, so that no result depends on the units of rewards and costs.
 */
export interface CpoStep {
  /**
   * 'free': no constraint binds, TRPO's step. 'bound': some do. 'recovery': they cannot all be kept, violations are reduced. 'stuck': a violated
   * cost that this batch cannot change (or constraints that contradict each other exactly): no step.
   */
  readonly kind: 'free' | 'bound' | 'recovery' | 'stuck'
  readonly alpha: number
  readonly beta: Float64Array
  /** Multipliers: of delta, and of each constraint in units of reward per cost. 0 unless 'free' or 'bound'. */
  readonly lambda: number
  readonly nu: Float64Array
}

/** @throws RangeError for more than 12 constraints */
export function cpoStep(q: number, r: ArrayLike<number>, S: readonly ArrayLike<number>[], c: ArrayLike<number>, delta: number): CpoStep {
  const m = c.length
  if (m > 12) throw new RangeError(`cpo: expected at most 12 costs (every set of binding ones is tried), found ${m}`)
  const beta = new Float64Array(m)
  const nu = new Float64Array(m)
  const nothing: CpoStep = { kind: 'stuck', alpha: 0, beta, lambda: 0, nu }

  // In units of the trust region: c_k becomes its distance in H over its radius. Constraints that no step can change are left out.
  const radius = Math.sqrt(2 * delta)
  const length = Array.from(c, (_, k) => Math.sqrt(Math.max(S[k][k], 0)))
  const movable: number[] = []
  for (let k = 0; k < m; k++) {
    if (radius * length[k] > 1e-12 * Math.abs(c[k])) movable.push(k)
    else if (c[k] > 0) return nothing
  }
  const n = movable.length
  const gLength = Math.sqrt(Math.max(q, 0))
  const rho = movable.map((k) => (gLength > 0 ? r[k] / (gLength * length[k]) : 0))
  const gram = movable.map((k) => movable.map((l) => S[k][l] / (length[k] * length[l])))
  const gamma = movable.map((k) => c[k] / (radius * length[k]))

  /** Whether t g - sum y_k b_k keeps every constraint. */
  const keeps = (t: number, y: Float64Array) =>
    gamma.every((distance, j) => {
      let value = distance + t * rho[j]
      for (let k = 0; k < n; k++) value -= y[k] * gram[j][k]
      return value <= 1e-10 * (1 + Math.abs(distance))
    })
  let best: { gain: number; t: number; y: Float64Array; lambda: number; nu: Float64Array } | null = null
  let nearest: { distance: number; y: Float64Array } | null = null
  for (let set = 0; set < 2 ** n; set++) {
    const W = movable.map((_, i) => i).filter((i) => (set >> i) & 1)
    const solved = solve(gram, W, rho, gamma)
    if (!solved) continue // dependent constraints: a smaller set has the same solution
    const [a, p] = solved
    const A = (gLength > 0 ? 1 : 0) - pick(W, rho, a)
    const distance = pick(W, gamma, p)
    if (keeps(0, p) && (!nearest || distance < nearest.distance)) nearest = { distance, y: p }
    const B = 1 - distance
    if (B < -1e-12) continue
    const t = A > 1e-12 ? Math.sqrt(Math.max(B, 0) / A) : 0
    const y = a.map((value, i) => t * value + p[i])
    const gain = t * A - pick(W, rho, p)
    if (!keeps(t, y) || (best && gain <= best.gain + 1e-12)) continue
    const lambda = t > 0 ? 1 / t : 0
    best = { gain, t, y, lambda, nu: a.map((value, i) => value + lambda * p[i]) }
  }

  if (best) {
    const { t, y, lambda } = best
    const multipliers = best.nu
    movable.forEach((k, i) => {
      beta[k] = (y[i] * radius) / length[k]
      nu[k] = (multipliers[i] * gLength) / length[k]
    })
    const kind = y.some((value) => value !== 0) ? 'bound' : 'free'
    return { kind, alpha: gLength > 0 ? (t * radius) / gLength : 0, beta, lambda: (lambda * gLength) / radius, nu }
  }
  // A constraint set without any point at all: downhill on the sum of the squared violations.
  const towards = nearest?.y ?? Float64Array.from(gamma, (distance) => Math.max(distance, 0))
  let squares = 0
  for (let k = 0; k < n; k++) for (let l = 0; l < n; l++) squares += towards[k] * towards[l] * gram[k][l]
  if (!(squares > 1e-24)) return nothing
  movable.forEach((k, i) => {
    beta[k] = (towards[i] * radius) / (Math.sqrt(squares) * length[k])
  })
  return { kind: 'recovery', alpha: 0, beta, lambda: 0, nu }
}

const pick = (W: readonly number[], a: ArrayLike<number>, b: ArrayLike<number>) => W.reduce((sum, i) => sum + a[i] * b[i], 0)

/** Solutions of gram_WW x = (first, second)_W by Cholesky, 0 outside W; null where gram_WW is singular. */
function solve(gram: readonly number[][], W: readonly number[], first: number[], second: number[]): [Float64Array, Float64Array] | null {
  const n = W.length
  const L = W.map(() => new Float64Array(n))
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[W[i]][W[j]]
      for (let k = 0; k < j; k++) sum -= L[i][k] * L[j][k]
      if (i === j && sum < 1e-12) return null
      L[i][j] = i === j ? Math.sqrt(sum) : sum / L[j][j]
    }
  }
  const back = (right: number[]) => {
    const x = new Float64Array(right.length)
    for (let i = 0; i < n; i++) {
      let sum = right[W[i]]
      for (let k = 0; k < i; k++) sum -= L[i][k] * x[W[k]]
      x[W[i]] = sum / L[i][i]
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[W[i]]
      for (let k = i + 1; k < n; k++) sum -= L[k][i] * x[W[k]]
      x[W[i]] = sum / L[i][i]
    }
    return x
  }
  return [back(first), back(second)]
}
