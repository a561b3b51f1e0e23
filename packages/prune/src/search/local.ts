/** The last step of a search: what an exchange of channels between two groups does to the best network within the budgets. */
import { createRandom } from '@espalier/nn'
import type { EpisodeRecord } from '../run/records.js'
import { cutOf } from '../run/records.js'
import { cutKey, sharesOf, type Widths } from '../space/space.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** Channels that a group gives away, in shares of what it has. */
const exchanges = [1 / 4, 1 / 8, 1 / 16]

/** Neighbours judged before the best is looked for again: fewer see more of what the last ones found. */
const together = 4

/**
 * Judges up to `evaluations` neighbours of the best networks within the budgets, as long as there are new ones: one group gives channels away, another takes as many more as the exact budgets
 * then allow. Whatever is better becomes the best. Nothing happens where no network is within the budgets.
 */
export async function searchLocally(search: Search, evaluations: number): Promise<void> {
  const { space, records, candidates, seed } = search
  const random = createRandom(seed, 'search/local')
  const known = new Set(records.all.map((record) => cutKey(space, cutOf(space, record))))
  const end = records.all.length + evaluations
  while (records.all.length < end) {
    const wanted = Math.min(together, candidates, end - records.all.length)
    const proposals: Proposal[] = []
    // Where all about the best one is known, the next best has its turn. Masks chosen one by one have no neighbours by width.
    for (const base of records.ranked().filter((record) => !record.masks)) {
      for (let draws = 0; draws < 100 && proposals.length < wanted; draws++) {
        const widths = neighbour(search, base, () => random.uniform())
        if (!widths || known.has(cutKey(space, { widths }))) continue
        known.add(cutKey(space, { widths }))
        proposals.push({ source: 'local', shares: sharesOf(space, widths), widths })
      }
      if (proposals.length > 0) break
    }
    if (proposals.length === 0) return
    await search.judge(proposals)
    await search.metric(metricsOf(search, proposals.length))
  }
}

function neighbour({ space, costs }: Search, best: EpisodeRecord, random: () => number): Widths | undefined {
  const { widths } = cutOf(space, best)
  const pick = (count: number) => Math.min(count - 1, Math.floor(random() * count))
  const giver = pick(widths.length)
  const taker = pick(widths.length)
  const share = exchanges[pick(exchanges.length)]
  if (giver === taker) return undefined
  const less = Math.min(widths[giver] - 1, Math.floor(widths[giver] * (1 - share)))
  const given = space.open[giver].widths.findLast((width) => width <= less)
  if (given === undefined) return undefined
  const after = widths.map((width, i) => (i === giver ? given : width))
  const wider = space.open[taker].widths.filter((width) => width >= widths[taker])
  let low = 0
  let high = wider.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (costs.fits(after.map((width, i) => (i === taker ? wider[middle] : width)))) low = middle
    else high = middle - 1
  }
  // Somewhere between, as often as all of what is allowed: the other budgets may be custom, and wide is not all.
  const width = wider[random() < 0.5 ? low : pick(low + 1)]
  return after.map((each, i) => (i === taker ? width : each))
}
