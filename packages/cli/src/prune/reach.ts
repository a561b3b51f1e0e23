/** Within the budgets: the smallest network, the uniform one, and the way back from beyond the limits. */
import type { Kept } from '@espalier/nn'
import { type Budget, costValue, isExact, isMet } from '../budgets.js'
import { type NearestValue, UnreachableError } from '../errors.js'
import { cutKey, keyOf, type Space, type Widths } from './space.js'

/** Values of the budgets, in their order, computed once for each vector of widths. */
export interface Costs {
  of(widths: Widths, kept?: Kept): Promise<number[]>
  /** Whether the budgets that are counted exactly hold. */
  fits(widths: Widths): boolean
  /** Values of custom budgets that are known from the records of an interrupted run. */
  remember(key: string, values: readonly number[]): void
}

export function createCosts(space: Space, budgets: readonly Budget[]): Costs {
  const known = new Map<string, number[]>()
  const fitting = new Map<string, boolean>()
  const exact = budgets.filter(isExact)
  return {
    async of(widths, kept) {
      const key = cutKey(space, { widths, kept })
      let values = known.get(key)
      if (!values) {
        const candidate = space.candidate(widths, kept)
        values = []
        for (const budget of budgets) values.push(await costValue(budget, candidate))
        known.set(key, values)
      }
      return values
    },
    fits(widths) {
      const key = keyOf(widths)
      let fits = fitting.get(key)
      if (fits === undefined) {
        const candidate = space.candidate(widths)
        fits = exact.every((budget) => isMet(candidate[budget.kind], budget.limit))
        fitting.set(key, fits)
      }
      return fits
    },
    remember: (key, values) => void known.set(key, [...values]),
  }
}

export const meets = (values: readonly number[], budgets: readonly Budget[]) => budgets.every((budget, k) => isMet(values[k], budget.limit))

/** Halvings of an interval of ratios: finer than one channel of 4096. */
const halvings = 12

/** Every group at the same share of its channels. */
export const uniformWidths = (space: Space, share: number): Widths => space.open.map((_, i) => space.nearest(i, share))

/**
 * Every group at as many channels as it has among the `count` highest scores of all groups; each at a possible width, the least one at least. Scores
 * are comparable because each group's are divided by their mean. Widths grow with `count`, so that costs can be bisected.
 */
export function globalWidths(space: Space): (count: number) => Widths {
  const ranked = space.open.flatMap(({ scores }, group) => Array.from(scores, (score) => ({ group, score })))
  // Of equal scores the earlier group keeps its own; the sort is stable.
  ranked.sort((a, b) => b.score - a.score)
  return (count) => {
    const kept = space.open.map(() => 0)
    for (const { group } of ranked.slice(0, count)) kept[group]++
    return kept.map((width, i) => space.nearest(i, width / space.open[i].group.channels))
  }
}

/** How many of all channels the widest network of `globalWidths` within the exact budgets keeps, by bisection; 0 where only the smallest is left. */
export function globalWithin(space: Space, costs: Costs): number {
  const widths = globalWidths(space)
  let low = 0
  let high = space.open.reduce((sum, { scores }) => sum + scores.length, 0)
  if (costs.fits(widths(high))) return high
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (costs.fits(widths(middle))) low = middle
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
    const grid = costs.fits(space.smallest) && budgets.some((budget) => !isExact(budget)) ? [1, 2, 3, 4, 5, 6, 7, 8].map((i) => i / 8) : []
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
 * Scales kept shares by a common factor, just so far that the exact budgets hold; shares that fit stay as they are.
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
