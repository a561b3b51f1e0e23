/**
 * Sensitivity-driven, without learning: how much the loss grows when one group alone is cut is measured for a few shares of each group, and the loss of a
 * network is taken to be the sum over its groups (as Li et al. 2017, arXiv 1608.08710, choose layers by their sensitivity). From the whole network the step that costs
 * the least predicted loss for what it saves of the budgets is taken again and again until they hold. What is left of the evaluations judges the
 * networks that other weights of loss against savings lead to, and a local search around the best.
 */
import { isExact } from '../budgets/budgets.js'
import { meets } from '../budgets/reach.js'
import { keyOf, sharesOf, type Widths } from '../space/space.js'
import { searchLocally } from './local.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** Share of the evaluations that sensitivities may use, and the most of them for one group. */
const measuring = 0.5
const shares = 4

/** A step takes so much of a group's channels. */
const stepShare = 1 / 32

/** Exponents of the savings: 1 is loss per saving; less looks at the loss alone, more at the savings. */
const exponents = [1, 0.5, 2, 0]

export async function searchGreedy(search: Search): Promise<void> {
  const { episodes, records } = search
  const predicted = await sensitivities(search)
  const seen = new Set<string>()
  const proposals: Proposal[] = []
  for (const exponent of exponents) {
    if (records.all.length + proposals.length >= episodes) break
    const widths = await descend(search, predicted, exponent)
    if (!widths || seen.has(keyOf(widths))) continue
    seen.add(keyOf(widths))
    proposals.push({ source: 'greedy', shares: sharesOf(search.space, widths), widths })
  }
  if (proposals.length > 0) {
    await search.judge(proposals)
    await search.metric(metricsOf(search, proposals.length))
  }
  await searchLocally(search, episodes - records.all.length)
}

/** Predicted growth of the loss of group `i` at `width`. */
type Predicted = (i: number, width: number) => number

async function sensitivities({ space, uniform, episodes, ...search }: Search): Promise<Predicted> {
  const perGroup = Math.max(1, Math.min(shares, Math.floor((measuring * episodes) / space.open.length)))
  // As far as the budgets may ask for.
  const most = Math.min(0.95, 1 - uniform.share / 2)
  const points = space.open.flatMap((_, i) =>
    Array.from({ length: perGroup }, (_, k) => ({ i, width: space.nearest(i, 1 - (most * (k + 1)) / perGroup) })),
  )
  // The whole network is the origin of every curve. Where there are more groups than evaluations, the last ones are taken to be as the others are on average.
  const room = Math.max(0, Math.min(points.length, episodes - 3))
  const alone = points.slice(0, room).map(({ i, width }) => space.full.map((full, g) => (g === i ? width : full)))
  const asked = room > 0 ? [space.full, ...alone] : []
  const records = await search.judge(asked.map((widths) => ({ source: 'greedy', shares: sharesOf(space, widths), widths })))
  const whole = records[0]?.loss ?? 0
  const curves = space.open.map((_, i) => {
    const measured = points
      .slice(0, room)
      .flatMap((point, at) => (point.i === i ? [{ x: 1 - point.width / space.full[i], y: records[at + 1].loss - whole }] : []))
    return rising(measured)
  })
  const known = curves.filter((curve) => curve.length > 1)
  const mean = rising((known[0] ?? []).map(({ x }) => ({ x, y: known.reduce((sum, curve) => sum + at(curve, x), 0) / known.length })))
  return (i, width) => at(curves[i].length > 1 ? curves[i] : mean, 1 - width / space.full[i])
}

type Curve = readonly { readonly x: number; readonly y: number }[]

/** From 0, never falling: what is measured to be better with less is noise. */
function rising(points: Curve): Curve {
  let highest = 0
  const sorted = points.filter(({ x }) => x > 0).sort((a, b) => a.x - b.x)
  return [{ x: 0, y: 0 }, ...sorted.map(({ x, y }) => ({ x, y: (highest = Math.max(highest, y)) }))]
}

/** Linear between the points, and on in the last direction beyond them; where nothing was measured all groups are taken to be alike. */
function at(curve: Curve, x: number): number {
  if (curve.length < 2) return x
  const found = curve.findIndex((point) => point.x >= x)
  const after = found < 0 ? curve.length - 1 : Math.max(1, found)
  const [a, b] = [curve[after - 1], curve[after]]
  return a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x)
}

/** Steps down from the whole network until all budgets hold; undefined where no step is left. */
async function descend({ space, budgets, costs }: Search, predicted: Predicted, exponent: number): Promise<Widths | undefined> {
  const exact = budgets.filter(isExact)
  const excess = (widths: Widths) => {
    const candidate = space.candidate(widths)
    return exact.reduce((sum, { kind, limit }) => sum + Math.max(0, candidate[kind] / limit - 1), 0)
  }
  let widths = space.full
  while (!costs.fits(widths) || !meets(await costs.of(widths), budgets)) {
    const before = excess(widths)
    const size = space.candidate(widths).macs
    let best: { widths: Widths; price: number } | undefined
    for (const [i, { widths: possible, group }] of space.open.entries()) {
      const limit = widths[i] - Math.max(1, Math.round(stepShare * group.channels))
      const width = possible.findLast((each) => each <= limit) ?? (possible[0] < widths[i] ? possible[0] : undefined)
      if (width === undefined) continue
      const next = widths.map((each, g) => (g === i ? width : each))
      // Within the exact budgets and beyond a custom one, nothing but size tells how far a step goes.
      const saved = before > 0 ? before - excess(next) : 1 - space.candidate(next).macs / size
      if (saved <= 0) continue
      // Tiny sensitivities do not make a step free.
      const price = (predicted(i, width) - predicted(i, widths[i]) + 1e-3) / saved ** exponent
      if (!best || price < best.price) best = { widths: next, price }
    }
    if (!best) return undefined
    widths = best.widths
  }
  return widths
}
