/**
 * Channel identities. An atom is one channel of one tensor when it is made; atoms that must be removed together are united.
 * Plain union-find with path halving; the smaller root wins, so that roots do not depend on the order of unions.
 */
export interface Atoms {
  /** `count` new atoms, each alone. */
  fresh(count: number): Int32Array
  find(atom: number): number
  unite(a: number, b: number): void
  /** Unites two vectors index by index. */
  uniteAll(a: ArrayLike<number>, b: ArrayLike<number>): void
  /** These atoms must stay, and why. The first reason given to any atom of a class is the one told. */
  lock(atoms: ArrayLike<number>, reason: string): void
  /** Why the class of this atom must stay; null when it may go. Ask after all unions. */
  reason(atom: number): string | null
}

export function createAtoms(): Atoms {
  const parent: number[] = []
  const locks: { atom: number; reason: string }[] = []
  let reasons: Map<number, string> | undefined

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
      const start = parent.length
      for (let i = 0; i < count; i++) parent.push(start + i)
      return Int32Array.from({ length: count }, (_, i) => start + i)
    },
    find,
    unite,
    uniteAll(a, b) {
      if (a.length !== b.length) throw new Error(`channel identities: cannot unite ${a.length} channels with ${b.length}`)
      for (let i = 0; i < a.length; i++) unite(a[i], b[i])
    },
    lock(atoms, reason) {
      for (let i = 0; i < atoms.length; i++) locks.push({ atom: atoms[i], reason })
      reasons = undefined
    },
    reason(atom) {
      if (!reasons) {
        reasons = new Map()
        for (const lock of locks) {
          const root = find(lock.atom)
          if (!reasons.has(root)) reasons.set(root, lock.reason)
        }
      }
      return reasons.get(find(atom)) ?? null
    },
  }
}
