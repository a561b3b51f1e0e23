/**
 * Channel identities. An atom is one channel of one tensor when it is made; atoms that must be removed together are united.
 * Plain union-find with path halving; the smaller root wins, so that roots do not depend on the order of unions.
 */
export interface Atoms {
  /** `count` new atoms, each alone. @throws TooManyChannels */
  fresh(count: number): Int32Array
  /** Ask before `count` atoms are put into a vector of their own. @throws TooManyChannels where all vectors together would have too many */
  reserve(count: number): void
  find(atom: number): number
  unite(a: number, b: number): void
  /** Unites two vectors, of which no entry changes, index by index. */
  uniteAll(a: ArrayLike<number>, b: ArrayLike<number>): void
  /** These atoms must stay, and why. The first reason given to any atom of a class is the one told. */
  lock(atoms: ArrayLike<number>, reason: string): void
  /** Why the class of this atom must stay; null when it may go. Ask after all unions. */
  reason(atom: number): string | null
}

/** Channels that are followed at most, and entries of all vectors of them. A few bytes of a file can ask for any number, as padding. */
const [mostAtoms, mostEntries] = [2 ** 21, 2 ** 25]

/** A tensor has more channels than can be followed. */
export class TooManyChannels extends Error {}

export function createAtoms(): Atoms {
  const parent: number[] = []
  const locks: { atoms: ArrayLike<number>; reason: string }[] = []
  const locked = new Set<ArrayLike<number>>()
  let reasons: Map<number, string> | undefined
  let entries = 0
  const reserve = (count: number): void => {
    if (!(entries + count <= mostEntries)) throw new TooManyChannels(`${entries + count} channels in all tensors`)
    entries += count
  }
  /** Vectors that were united, so that however often two meet they are gone through once: united is united, index by index. */
  const united = new Map<ArrayLike<number>, ArrayLike<number>>()
  const vectorOf = (vector: ArrayLike<number>): ArrayLike<number> => {
    let at = vector
    for (let up = united.get(at); up; up = united.get(at)) {
      const over = united.get(up)
      if (over) united.set(at, over)
      at = up
    }
    return at
  }

  const find = (atom: number): number => {
    let at = atom
    while (parent[at] !== at) at = parent[at] = parent[parent[at]]
    return at
  }
  const unite = (a: number, b: number): void => {
    const x = find(a)
    const y = find(b)
    if (x < y) parent[y] = x
    else parent[x] = y
    reasons = undefined
  }
  return {
    fresh(count) {
      if (!(parent.length + count <= mostAtoms)) throw new TooManyChannels(`${parent.length + count} channels`)
      reserve(count)
      const start = parent.length
      for (let i = 0; i < count; i++) parent.push(start + i)
      return Int32Array.from({ length: count }, (_, i) => start + i)
    },
    reserve,
    find,
    unite,
    uniteAll(a, b) {
      if (a.length !== b.length) throw new Error(`channel identities: cannot unite ${a.length} channels with ${b.length}`)
      const [x, y] = [vectorOf(a), vectorOf(b)]
      if (x === y) return
      united.set(y, x)
      for (let i = 0; i < a.length; i++) unite(a[i], b[i])
    },
    lock(atoms, reason) {
      if (locked.has(atoms)) return
      locked.add(atoms)
      locks.push({ atoms, reason })
      reasons = undefined
    },
    reason(atom) {
      if (!reasons) {
        reasons = new Map()
        for (const { atoms, reason } of locks)
          for (let i = 0; i < atoms.length; i++) {
            const root = find(atoms[i])
            if (!reasons.has(root)) reasons.set(root, reason)
          }
      }
      return reasons.get(find(atom)) ?? null
    },
  }
}
