/**
 * A counter-based generator: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Every number is a function of (seed, stream name, position), so a run resumes by its position alone, streams do not touch each
 * other, and results are the same on every platform: only integer arithmetic and correctly rounded operations (+ - * / sqrt) are
 * used, never Math.log or Math.sin, whose last bits differ between engines.
 */

export interface Random {
  /** 32-bit words drawn so far; `createRandom(seed, stream, position)` goes on from there. */
  readonly position: number
  /** Uniform in 0 .. 2^32 - 1. */
  uint32(): number
  /** Uniform in [low, high), 53 bits; [0, 1) by default. */
  uniform(low?: number, high?: number): number
  /** Uniform integer in 0 .. n - 1 without bias; n in 1 .. 2^32. */
  integer(n: number): number
  /** Normal with the given mean and standard deviation; 0 and 1 by default. */
  normal(mean?: number, deviation?: number): number
  /** A uniformly random permutation of 0 .. n - 1. */
  permutation(n: number): Uint32Array
}

/**
 * The high 32 bits of the 64-bit product of two unsigned 32-bit integers, as a signed 32-bit integer. By halves of 16 bits: no sum
 * below exceeds 32 bits, so integer arithmetic alone is used (3 times faster than with doubles; networks begin with millions of numbers).
 */
const multiplyHigh = (a: number, b: number): number => {
  const al = a & 0xffff
  const ah = a >>> 16
  const bl = b & 0xffff
  const bh = b >>> 16
  const middle = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0
  const middle2 = (Math.imul(al, bh) + (middle & 0xffff)) | 0
  return (Math.imul(ah, bh) + (middle >>> 16) + (middle2 >>> 16)) | 0
}

/** Ten rounds on `counter` (4 words) with `key` (2 words); writes 4 words to `out`. */
export const philox = (counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array): void => {
  let c0 = counter[0] | 0
  let c1 = counter[1] | 0
  let c2 = counter[2] | 0
  let c3 = counter[3] | 0
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53 | 0, c0)
    const low0 = Math.imul(0xd2511f53, c0)
    const high1 = multiplyHigh(0xcd9e8d57 | 0, c2)
    const low1 = Math.imul(0xcd9e8d57, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** One step of SplitMix64's output function: a bijection of 64 bits. */
const mix64 = (value: bigint): bigint => {
  let z = BigInt.asUintN(64, value)
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
  return z ^ (z >> 31n)
}

/** The two key words of a seed (a safe integer) and a stream name. */
export const streamKey = (seed: number, stream: string): [number, number] => {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`createRandom: seed: expected a safe integer, found ${seed}`)
  let hash = mix64(BigInt(seed) + 0x9e3779b97f4a7c15n)
  for (let i = 0; i < stream.length; i++) hash = mix64((hash ^ BigInt(stream.charCodeAt(i) + 1)) + 0x9e3779b97f4a7c15n)
  return [Number(hash & 0xffffffffn), Number(hash >> 32n)]
}

/** 1 / 21, 1 / 19, ... 1. */
const reciprocals = Float64Array.from({ length: 11 }, (_, i) => 1 / (21 - 2 * i))

/**
 * Natural logarithm of 0 < x <= 1 by exact scaling and the series of atanh: at most 2 units in the last place off, and the same
 * bits everywhere.
 */
export const portableLog = (x: number): number => {
  let mantissa = x
  let exponent = 0
  while (mantissa < 2 ** -16) {
    mantissa *= 65536
    exponent -= 16
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2
    exponent--
  }
  const s = (mantissa - 1) / (mantissa + 1)
  const s2 = s * s
  let series = 0
  for (let i = 0; i < reciprocals.length; i++) series = series * s2 + reciprocals[i]
  return 2 * s * series + exponent * Math.LN2
}

/** @param position words already drawn (see `Random.position`) */
export const createRandom = (seed: number, stream = '', position = 0): Random => {
  const key = Int32Array.from(streamKey(seed, stream), (word) => word | 0)
  const block = new Uint32Array(4)
  const counter = new Int32Array(4)
  // The block held, and the next of its four words; 4 where the next block is to be made.
  let held = Math.floor(position / 4) - 1
  let lane = 4

  const advance = (): void => {
    held++
    counter[0] = held | 0
    counter[1] = Math.floor(held / 2 ** 32)
    philox(counter, key, block)
    lane = 0
  }
  if (position % 4 !== 0) {
    advance()
    lane = position % 4
  }
  const uint32 = (): number => {
    if (lane === 4) advance()
    return block[lane++]
  }

  const integer = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new RangeError(`Random.integer: n: expected an integer in 1 .. 2^32, found ${n}`)
    if (n === 2 ** 32) return uint32()
    // Lemire's method: the high word of word * n, drawing again in the few cases that would make some results more likely.
    const threshold = (2 ** 32 - n) % n
    for (;;) {
      const word = uint32()
      if (Math.imul(word, n) >>> 0 >= threshold) return multiplyHigh(word | 0, n | 0) >>> 0
    }
  }

  const unit = (): number => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) * 2 ** -53

  return {
    get position() {
      return 4 * held + lane
    },
    uint32,
    integer,
    uniform: (low = 0, high = 1) => low + (high - low) * unit(),
    normal(mean = 0, deviation = 1) {
      // Marsaglia's polar method; its second number is dropped so that the position says everything about the state.
      for (;;) {
        const u = (uint32() + 0.5) * 2 ** -31 - 1
        const v = (uint32() + 0.5) * 2 ** -31 - 1
        const s = u * u + v * v
        if (s < 1 && s > 0) return mean + deviation * u * Math.sqrt((-2 * portableLog(s)) / s)
      }
    },
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i)
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1)
        const moved = order[i]
        order[i] = order[j]
        order[j] = moved
      }
      return order
    },
  }
}
