/**
 * Memory planning: tensors whose lifetimes do not meet share bytes of one arena.
 *
 * Greedy by size (Pisarchyk and Lee, arXiv 2001.03288): the largest tensor first, each at the lowest offset that
 * no tensor alive at the same time holds. On CNNs it meets the lower bound (the largest live set) or nearly so.
 */

export interface Lifetime {
  readonly name: string
  readonly bytes: number
  /** Index of the first and the last step that touches it, inclusive. */
  readonly first: number
  readonly last: number
}

export interface MemoryPlan {
  readonly offsets: ReadonlyMap<string, number>
  /** Size of the arena. */
  readonly bytes: number
  /** Largest sum of bytes alive in one step: no plan can do with less. */
  readonly lowerBound: number
}

export function planMemory(lifetimes: readonly Lifetime[], alignment: number): MemoryPlan {
  const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || lifetimes[a].first - lifetimes[b].first || a - b)
  const offsets = new Map<string, number>()
  const placed: { offset: number; end: number; first: number; last: number }[] = []
  let total = 0
  for (const index of order) {
    const { name, bytes, first, last } = lifetimes[index]
    const size = Math.max(alignment, aligned(bytes))
    let offset = 0
    // `placed` is kept sorted by offset: the first gap that fits wins.
    for (const other of placed) {
      if (other.last < first || other.first > last) continue
      if (other.offset - offset >= size) break
      offset = Math.max(offset, other.end)
    }
    offsets.set(name, offset)
    const entry = { offset, end: offset + size, first, last }
    let low = 0
    let high = placed.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (placed[middle].offset <= offset) low = middle + 1
      else high = middle
    }
    placed.splice(low, 0, entry)
    total = Math.max(total, entry.end)
  }
  const changes = new Map<number, number>()
  for (const { bytes, first, last } of lifetimes) {
    changes.set(first, (changes.get(first) ?? 0) + bytes)
    changes.set(last + 1, (changes.get(last + 1) ?? 0) - bytes)
  }
  let live = 0
  let lowerBound = 0
  for (const step of [...changes.keys()].sort((a, b) => a - b)) lowerBound = Math.max(lowerBound, (live += changes.get(step)!))
  return { offsets, bytes: total, lowerBound }
}
