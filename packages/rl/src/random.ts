/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna 2018, "Scrambled linear pseudorandom number generators"), state filled by splitmix32.
 * One seed gives a tree of independent streams, one per consumer (environment copies, sampling, shuffling, initialisation), so that adding a
 * draw in one place does not shift the numbers of another. The state is four integers and can be saved and restored at any draw.
 */

/** A generator. Calling it gives a number in [0, 1), as `Math.random` does. */
export interface Random {
  (): number
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number
  /** Standard normal (Box-Muller, no hidden second value, so that the state is the four words alone). */
  normal(): number
  /** Uniform integer in [0, n), without modulo bias. */
  integer(n: number): number
  /** 32 random bits as an unsigned integer. */
  bits(): number
  /** Fisher-Yates, in place. */
  shuffle(values: Int32Array | number[]): void
  /** The four words of the state, plain data. */
  state(): RandomState
  restore(state: RandomState): void
}

export type RandomState = readonly number[]

/** Streams of one seed. Environment copies use `environment + index`. */
export const streams = { initialise: 1, sample: 2, shuffle: 3, act: 4, evaluate: 5, environment: 16 } as const

/**
 * A generator for stream `stream` of `seed`.
 * @throws RangeError when the seed is not a safe integer >= 0
 */
export function createRandom(seed: number, stream = 0): Random {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed: expected an integer from 0 to 2^53 - 1, found ${String(seed)}`)
  let x = mix(mix(mix(seed >>> 0) ^ Math.floor(seed / 4294967296)) ^ (stream >>> 0))
  const words = new Uint32Array(4)
  for (let i = 0; i < 4; i++) {
    x = (x + 0x9e3779b9) >>> 0
    words[i] = mix(x)
  }
  if (words.every((word) => word === 0)) words[0] = 1 // the one state that xoshiro cannot leave
  return fromWords(words)
}

/** A generator that continues from a saved state. */
export function randomFromState(state: RandomState): Random {
  const random = fromWords(new Uint32Array(4))
  random.restore(state)
  return random
}

function fromWords(s: Uint32Array): Random {
  const bits = () => {
    const m = Math.imul(s[1], 5)
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }
  const uniform = () => {
    const high = bits() >>> 5
    return (high * 67108864 + (bits() >>> 6)) / 9007199254740992
  }
  const integer = (n: number) => {
    const limit = 4294967296 - (4294967296 % n)
    let x = bits()
    while (x >= limit) x = bits()
    return x % n
  }
  return Object.assign(() => uniform(), {
    bits,
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle: (values: Int32Array | number[]) => {
      for (let i = values.length - 1; i > 0; i--) {
        const j = integer(i + 1)
        const held = values[i]
        values[i] = values[j]
        values[j] = held
      }
    },
    state: () => Array.from(s),
    restore: (state: RandomState) => {
      if (
        state.length !== 4 ||
        !state.every((word) => Number.isInteger(word) && word >= 0 && word < 4294967296) ||
        !state.some((word) => word)
      )
        throw new TypeError(`random state: expected 4 unsigned 32-bit integers, not all zero, found [${state.join(', ')}]`)
      s.set(state)
    },
  })
}

/** A bijection of 32-bit integers that scatters neighbours (finaliser of splitmix32). */
function mix(x: number): number {
  let z = (x + 0x9e3779b9) >>> 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}
