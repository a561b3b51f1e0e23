/** What the reference device computed, kept: a hash of each program's outputs. */
import { generate } from './program.js'

export interface Digests {
  /** The seed of the first program; the others follow. */
  readonly first: number
  /** Of the texts of all programs: another generator makes other programs, and the digests must be recorded again. */
  readonly sources: number
  readonly digests: readonly number[]
}

export function sourcesDigest(first: number, last: number): number {
  let hash = 0x811c9dc5
  for (let seed = first; seed < last; seed++) {
    const { source } = generate(seed)
    for (let i = 0; i < source.length; i++) hash = Math.imul(hash ^ source.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
