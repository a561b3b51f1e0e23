/** Grouped convolutions: every group keeps equally many channels. */
import type { Atoms } from './atoms.js'

/** Channels in groups of equal size, one group after the other. */
export interface Grouped {
  readonly atoms: Int32Array
  readonly groups: number
}

/** Channels of a class in each group where it has some. */
type Counts = Map<number, number>

/** Comparisons of classes that are not as nearly always: beyond them all are united, which takes no time and leaves less to choose. */
const mostComparisons = 1e8

/**
 * Unites classes of channels until each has equally many channels in every group, as few as will do. Classes that are so already stay
 * as they are; what is united later stays so, too, so that every grouped convolution need be looked at once.
 */
export function balance(atoms: Atoms, { atoms: channels, groups }: Grouped): void {
  const size = channels.length / groups
  const counts = new Map<number, Counts>()
  for (const [i, atom] of channels.entries()) {
    const root = atoms.find(atom)
    const group = Math.floor(i / size)
    const own = counts.get(root) ?? new Map<number, number>()
    counts.set(root, own.set(group, (own.get(group) ?? 0) + 1))
  }
  const open = [...counts].filter(([, count]) => {
    const [first] = count.values()
    return count.size < groups || [...count.values()].some((n) => n !== first)
  })
  const entries = open.reduce((sum, [, count]) => sum + count.size, 0)
  if (open.every(([, count]) => count.size === 1 && [...count.values()][0] === 1)) {
    // One channel each, as nearly always: the first of every group, the second of every group, ...
    const byGroup = Array.from({ length: groups }, (): number[] => [])
    for (const [root, count] of open) for (const group of count.keys()) byGroup[group].push(root)
    for (const [i, first] of byGroup[0].entries()) for (const others of byGroup.slice(1)) atoms.unite(first, others[i])
    return
  }
  if (open.length * entries > mostComparisons) {
    for (const [root] of open) atoms.unite(open[0][0], root)
    return
  }
  while (open.length > 0) {
    const [root, count] = open.shift()!
    const total = new Int32Array(groups)
    for (const [group, n] of count) total[group] = n
    while (total.some((n) => n !== total[0])) {
      const at = closest(total, open)
      const [other, more] = open.splice(at, 1)[0]
      atoms.unite(root, other)
      for (const [group, n] of more) total[group] += n
    }
  }
}

/** The class that leaves the fewest channels missing in the smaller groups; of several the one with most channels, then the first. */
function closest(total: Int32Array, open: readonly (readonly [number, Counts])[]): number {
  let best = 0
  let least = Infinity
  let most = 0
  const before = total.reduce((a, b) => Math.max(a, b), 0)
  const all = total.reduce((a, b) => a + b, 0)
  for (const [at, [, count]] of open.entries()) {
    let largest = before
    let sum = all
    for (const [group, n] of count) {
      largest = Math.max(largest, total[group] + n)
      sum += n
    }
    const missing = largest * total.length - sum
    if (missing < least || (missing === least && sum > most)) [best, least, most] = [at, missing, sum]
  }
  return best
}
