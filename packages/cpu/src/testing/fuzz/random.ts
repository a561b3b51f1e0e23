/** Pseudorandom choices from a seed: the same seed makes the same program on every machine. */
export interface Random {
  /** An integer in [0, n). */
  below(n: number): number
  /** Whether, with probability p. */
  chance(p: number): boolean
  pick<T>(items: readonly T[]): T
  /** One of the items by weight; those of weight 0 are never taken. */
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T
  /** A key by its weight. */
  kind<T extends string>(weights: Readonly<Record<T, number>>): T
  /** The index of a weight. */
  index(weights: readonly number[]): number
  /** 32 random bits. */
  bits(): number
}

/** Mulberry32, with the seed spread over all bits first (seeds are small numbers that follow each other). */
export function random(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  const bits = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (n: number) => Math.floor((bits() / 4294967296) * n)
  const index = (weights: readonly number[]) => {
    let left = (bits() / 4294967296) * weights.reduce((sum, weight) => sum + weight, 0)
    for (const [i, weight] of weights.entries()) if ((left -= weight) < 0) return i
    return weights.findLastIndex((weight) => weight > 0)
  }
  return {
    bits,
    index,
    below,
    chance: (p) => bits() / 4294967296 < p,
    pick: (items) => items[below(items.length)],
    weighted: (items) => items[index(items.map(([weight]) => weight))][1],
    kind: <T extends string>(weights: Readonly<Record<T, number>>) => {
      const names = Object.keys(weights) as T[]
      return names[index(names.map((name) => weights[name]))]
    },
  }
}
