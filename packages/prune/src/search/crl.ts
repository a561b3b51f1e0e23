/**
 * Constrained RL, the coarse mode of arXiv 2110.08558 with filters in place of single weights (`--structure weights` has those): the state tells the
 * group, the action is the share of its channels to remove; which channels, the criterion says.
 */

import { projectShares } from '../budgets/reach.js'
import { sharesOf } from '../space/space.js'
import { searchConstrained } from './constrained.js'
import { createStates, stateSize } from './observation.js'
import type { Search } from './search.js'

/** The most of a group that one action removes, rising to 0.95 and beyond only where the budgets ask for it. */
const cap = 0.9

export async function searchCrl(search: Search): Promise<void> {
  const { space, start, costs } = search
  const states = createStates(space)
  const removedAtStart = sharesOf(space, start).map((share) => 1 - share)
  await searchConstrained(search, {
    observationSize: stateSize(space),
    actionSize: 1,
    pass() {
      const removed: number[] = []
      return {
        done: () => removed.length === space.open.length,
        observation: () => states(Math.min(removed.length, space.open.length - 1), removed),
        // 0 removes what the start does, -1 nothing, 1 the most.
        act([action]) {
          const from = removedAtStart[removed.length]
          const most = Math.max(cap, Math.min(1, (1 + from) / 2))
          removed.push(action < 0 ? from * (1 + action) : from + (most - from) * action)
        },
        result() {
          const shares = removed.map((share) => 1 - share)
          return {
            shares,
            proposed: shares.map((share, i) => space.nearest(i, share)),
            cut: { widths: projectShares(space, shares, costs) },
          }
        },
      }
    },
  })
}
