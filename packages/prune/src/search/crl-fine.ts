/**
 * Constrained RL, the fine mode of arXiv 2110.08558: the action is a soft mask in [0, 1] for every filter of the group, which stays where it is above 0.5;
 * the state is that of the coarse mode without the sum of earlier actions. (The paper needs 124,000 steps for it.)
 *
 * What differs from the paper: the agent starts at a solution within the budgets. A filter's mask is where the criterion ranks it, beside the last one that the
 * start keeps, plus what the agent adds; so a small step exchanges the filters that are nearly as good as one another. Where more stays than
 * the exact budgets allow, the threshold rises, the same for all groups, until they hold.
 */
import type { Kept } from '@espalier/nn'
import type { Space, Widths } from '../space/space.js'
import { searchConstrained } from './constrained.js'
import { createStates, stateSize } from './observation.js'
import type { Search } from './search.js'

export async function searchFine(search: Search): Promise<void> {
  const { space, start, costs } = search
  const states = createStates(space, { sum: false })
  const prior = space.open.map((_, i) => rankedMasks(space, i, start[i]))
  await searchConstrained(search, {
    observationSize: stateSize(space, { sum: false }),
    actionSize: Math.max(...space.open.map(({ group }) => group.channels)),
    pass() {
      const masks: Float64Array[] = []
      return {
        done: () => masks.length === space.open.length,
        observation: () => states(Math.min(masks.length, space.open.length - 1), []),
        act: (action) => void masks.push(prior[masks.length].map((mask, c) => mask + action[c] / 2)),
        result() {
          const proposed = widthsAbove(space, masks, threshold)
          const widths = costs.fits(proposed) ? proposed : widthsAbove(space, masks, lowestFitting(space, masks, costs.fits))
          return {
            shares: proposed.map((width, i) => width / space.open[i].group.channels),
            proposed,
            cut: { widths, kept: best(space, masks, widths) },
          }
        },
      }
    },
  })
}

const threshold = 0.5

/** In [0, 1], by rank: above 0.5 for the `width` channels of the highest scores, the nearer to 0.5 the nearer they are to the last of them. */
function rankedMasks({ open }: Space, group: number, width: number): Float64Array {
  const { scores } = open[group]
  const order = descending(scores)
  const masks = new Float64Array(scores.length)
  order.forEach((channel, rank) => {
    masks[channel] = Math.min(1, Math.max(0, threshold + (width - rank - 0.5) / scores.length))
  })
  return masks
}

/** Of equal ones the first is the higher. */
const descending = (values: Float64Array) => Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b)

/** Possible widths: of each group the greatest that is no more than the masks above the limit, at least its smallest. */
function widthsAbove({ open }: Space, masks: readonly Float64Array[], limit: number): Widths {
  return open.map(({ widths }, i) => {
    const count = masks[i].reduce((sum, mask) => sum + (mask > limit ? 1 : 0), 0)
    return widths.findLast((width) => width <= count) ?? widths[0]
  })
}

/** The lowest of the masks themselves as limit at which the exact budgets hold; costs grow with the widths, so by bisection. */
function lowestFitting(space: Space, masks: readonly Float64Array[], fits: (widths: Widths) => boolean): number {
  const limits = [...new Set(masks.flatMap((each) => Array.from(each)))].filter((mask) => mask >= threshold).sort((a, b) => a - b)
  let low = -1
  let high = limits.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (fits(widthsAbove(space, masks, limits[middle]))) high = middle
    else low = middle
  }
  return limits[high]
}

const best = ({ open }: Space, masks: readonly Float64Array[], widths: Widths): Kept =>
  Object.fromEntries(
    open.map(({ group }, i) => [
      group.id,
      descending(masks[i])
        .slice(0, widths[i])
        .sort((a, b) => a - b),
    ]),
  )
