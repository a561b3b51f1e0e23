/** Grouped convolutions: every group keeps equally many channels. */
import type { Atoms } from './atoms.js'

/** Channels in groups of equal size, one group after the other. */
export interface Grouped {
  readonly atoms: Int32Array
  readonly groups: number
}

/**
 * Unites classes of channels until each has equally many channels in every group, as few as will do. Classes that are so already stay
 * as they are; what is united later stays so, too, so that every grouped convolution need be looked at once.
 */
export function balance(atoms: Atoms, { atoms: channels, groups }: Grouped): void {
  const size = channels.length / groups
  const counts = new Map<number, Int32Array>()
  for (const [i, atom] of channels.entries()) {
    const root = atoms.find(atom)
    if (!counts.has(root)) counts.set(root, new Int32Array(groups))
    counts.get(root)![Math.floor(i / size)]++
  }
  const open = [...counts].filter(([, count]) => count.some((n) => n !== count[0]))
  if (open.every(([, count]) => count.reduce((sum, n) => sum + n, 0) === 1)) {
    // One channel each, as nearly always: the first of every group, the second of every group, ...
    const byGroup = Array.from({ length: groups }, (_, group) => open.filter(([, count]) => count[group] === 1).map(([root]) => root))
    for (const [i, first] of byGroup[0].entries()) for (const others of byGroup.slice(1)) atoms.unite(first, others[i])
    return
  }
  while (open.length > 0) {
    const [root, count] = open.shift()!
    const total = Int32Array.from(count)
    while (total.some((n) => n !== total[0])) {
      const at = closest(total, open)
      const [other, more] = open.splice(at, 1)[0]
      atoms.unite(root, other)
      more.forEach((n, group) => (total[group] += n))
    }
  }
}

/** The class that leaves the fewest channels missing in the smaller groups; of several the one with most channels, then the first. */
function closest(total: Int32Array, open: readonly (readonly [number, Int32Array])[]): number {
  let best = 0
  let least = Infinity
  let most = 0
  for (const [at, [, count]] of open.entries()) {
    let largest = 0
    let sum = 0
    for (let group = 0; group < total.length; group++) {
      largest = Math.max(largest, total[group] + count[group])
      sum += total[group] + count[group]
    }
    const missing = largest * total.length - sum
    if (missing < least || (missing === least && sum > most)) [best, least, most] = [at, missing, sum]
  }
  return best
}
