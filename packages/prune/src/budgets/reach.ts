/** Within the budgets: the smallest network, the uniform one, and the way back from beyond the limits. */
import type { Kept, LayerCost } from '@espalier/nn'
import { type NearestValue, UnreachableError } from '../errors.js'
import { cutKey, keyOf, type Space, type Widths } from '../space/space.js'
import { type Budget, costValue, isExact, isMet } from './budgets.js'
import type { Candidate } from './candidate.js'
import { createLatencyTable, type LatencyTable, type PredictionError } from './latency-table.js'
import { createMeasurements, type Measurements } from './measurements.js'

/** Values of the budgets, in their order, computed once for each network. */
export interface Costs {
  of(widths: Widths, kept?: Kept): Promise<number[]>
  /** The same of a network that is really cut, as it would be written; measured on its own. `key` says which. */
  ofCut(key: string, candidate: Candidate): Promise<number[]>
  /** Whether the budgets that are counted exactly hold. */
  fitsExactly(widths: Widths): boolean
  /** Whether they do and latency is expected to: as measured, or else as learnt from what was measured. Custom budgets are not guessed. */
  fits(widths: Widths): boolean
  /** How far off the predictions of latency were; undefined where there were none. */
  latencyError(): PredictionError | undefined
}

export function createCosts(space: Space, budgets: readonly Budget[], measurements: Measurements = createMeasurements()): Costs {
  const known = new Map<string, number[]>()
  const fitting = new Map<string, boolean>()
  const layers = new Map<string, readonly LayerCost[]>()
  const exact = budgets.filter(isExact)
  const timed = budgets.findIndex(({ kind }) => kind === 'latency')
  const mostMs = Math.min(...budgets.filter(({ kind }) => kind === 'latency').map(({ limit }) => limit))
  let table: LatencyTable | undefined
  const layersOf = (widths: Widths) => {
    const key = keyOf(widths)
    if (!layers.has(key)) layers.set(key, space.candidate(widths).layers)
    return layers.get(key)!
  }
  const valuesOf = async (network: string, candidate: Candidate) => {
    const values: number[] = []
    for (const budget of budgets)
      values.push(
        isExact(budget) ? candidate[budget.kind] : await measurements.of(network, budget.text, () => costValue(budget, candidate)),
      )
    return values
  }
  const fitsExactly = (widths: Widths) => {
    const key = keyOf(widths)
    let fits = fitting.get(key)
    if (fits === undefined) {
      const candidate = space.candidate(widths)
      fits = exact.every((budget) => isMet(candidate[budget.kind], budget.limit))
      fitting.set(key, fits)
    }
    return fits
  }
  return {
    async of(widths, kept) {
      const key = cutKey(space, { widths, kept })
      let values = known.get(key)
      if (!values) {
        values = await valuesOf(key, space.candidate(widths, kept))
        known.set(key, values)
        // Learnt in the order of the questions, whether a value is measured now or was before an interruption: predictions are the same.
        if (timed >= 0) (table ??= createLatencyTable(layersOf(space.full))).learn(layersOf(widths), values[timed])
      }
      return values
    },
    ofCut: (key, candidate) => valuesOf(`cut ${key}`, candidate),
    fitsExactly,
    fits(widths) {
      if (!fitsExactly(widths)) return false
      if (!table) return true
      const ms = known.get(keyOf(widths))?.[timed] ?? table.bound(layersOf(widths))
      return ms === undefined || isMet(ms, mostMs)
    },
    latencyError: () => table?.error(),
  }
}

export const meets = (values: readonly number[], budgets: readonly Budget[]) => budgets.every((budget, k) => isMet(values[k], budget.limit))

/**
 * Share of a limit on latency that a search keeps to. On a quiet machine two measurements of one network differed by up to 2.7% (`tiny`, lavapipe,
 * docs/budgets.md): with less to spare every other network at the limit would be found beyond it when it is measured again.
 */
const latencyAim = 0.97

/**
 * What a search starts from: limits to keep to, their costs, and the uniform network within them. Latency is to be kept with a little to spare, where that can be had.
 * @throws UnreachableError with the nearest value of each budget where nothing within them is found
 */
export async function reach(space: Space, budgets: readonly Budget[], measurements: Measurements) {
  const within = async (aims: readonly Budget[]) => {
    const costs = createCosts(space, aims, measurements)
    return { aims, costs, uniform: await uniformWithin(space, aims, costs) }
  }
  if (!budgets.some(({ kind }) => kind === 'latency')) return within(budgets)
  try {
    return await within(budgets.map((budget) => (budget.kind === 'latency' ? { ...budget, limit: latencyAim * budget.limit } : budget)))
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error
    return within(budgets)
  }
}

/** Halvings of an interval of ratios: finer than one channel of 4096. */
const halvings = 12

/** Every group at the same share of its channels. */
export const uniformWidths = (space: Space, share: number): Widths => space.open.map((_, i) => space.nearest(i, share))

/**
 * Every group at as many channels as it has among the `count` highest scores of all groups; each at a possible width, the least one at least. Scores
 * are comparable because each group's are divided by their mean. Widths grow with `count`, so that costs can be bisected.
 */
export function globalWidths(space: Space): (count: number) => Widths {
  // Typed arrays, for weights are millions.
  const sorted = space.open.map(({ scores }) => scores.slice().sort())
  const all = new Float64Array(sorted.reduce((sum, scores) => sum + scores.length, 0))
  let offset = 0
  for (const scores of sorted) {
    all.set(scores, offset)
    offset += scores.length
  }
  all.sort()
  return (count) => {
    const least = count > 0 ? all[all.length - count] : Number.POSITIVE_INFINITY
    const above = sorted.map((scores) => scores.length - firstAbove(scores, least, false))
    // Of equal scores the earlier group keeps its own.
    let ties = count - above.reduce((sum, each) => sum + each, 0)
    return sorted.map((scores, i) => {
      const equal = Math.min(ties, scores.length - above[i] - firstAbove(scores, least, true))
      ties -= equal
      return space.nearest(i, (above[i] + equal) / scores.length)
    })
  }
}

/** Index of the first of ascending values that is above a bound, or at it. */
function firstAbove(values: Float64Array, bound: number, orAt: boolean): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle] > bound || (orAt && values[middle] === bound)) high = middle
    else low = middle + 1
  }
  return low
}

/** How many of all channels the widest network of `globalWidths` within the exact budgets keeps, by bisection; 0 where only the smallest is left. */
export function globalWithin(space: Space, costs: Costs): number {
  const widths = globalWidths(space)
  let low = 0
  let high = space.open.reduce((sum, { group }) => sum + group.channels, 0)
  if (costs.fitsExactly(widths(high))) return high
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (costs.fitsExactly(widths(middle))) low = middle
    else high = middle
  }
  return low
}

/**
 * The widest network within all budgets that keeps the same share of every group, by bisection: costs are taken to grow with the widths.
 * Where a custom budget does not, the smallest network and a grid of shares are asked too.
 * @throws UnreachableError with the nearest value of each budget where nothing within them is found
 */
export async function uniformWithin(space: Space, budgets: readonly Budget[], costs: Costs): Promise<{ share: number; widths: Widths }> {
  const nearest: number[] = budgets.map(() => Number.POSITIVE_INFINITY)
  const test = async (widths: Widths) => {
    const values = await costs.of(widths)
    values.forEach((value, k) => (nearest[k] = Math.min(nearest[k], value)))
    return meets(values, budgets)
  }
  let low = 0
  if (!(await test(space.smallest))) {
    // Exact sizes cannot be below those of the smallest network; a custom budget may be.
    const grid =
      costs.fitsExactly(space.smallest) && budgets.some((budget) => !isExact(budget)) ? [1, 2, 3, 4, 5, 6, 7, 8].map((i) => i / 8) : []
    let found: number | undefined
    for (const share of grid) if (await test(uniformWidths(space, share))) found = share
    if (found === undefined) throw new UnreachableError('no network within the budgets can be reached', nearestValues(budgets, nearest))
    low = found
  }
  if (await test(space.full)) return { share: 1, widths: space.full }
  let high = 1
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2
    if (await test(uniformWidths(space, middle))) low = middle
    else high = middle
  }
  return { share: low, widths: uniformWidths(space, low) }
}

export const nearestValues = (budgets: readonly Budget[], values: readonly number[]): NearestValue[] =>
  budgets.map((budget, k) => ({ budget: budget.text, limit: budget.limit, nearest: values[k] }))

/**
 * Scales kept shares by a common factor, just so far that the exact budgets hold and latency is expected to; shares that fit stay as they are.
 * With the factor 0 every group has its smallest width, so this succeeds wherever the smallest network fits.
 */
export function projectShares(space: Space, shares: readonly number[], costs: Costs): Widths {
  const at = (factor: number) => shares.map((share, i) => space.nearest(i, share * factor))
  const whole = at(1)
  if (costs.fits(whole)) return whole
  let low = 0
  let high = 1
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2
    if (costs.fits(at(middle))) low = middle
    else high = middle
  }
  return at(low)
}
