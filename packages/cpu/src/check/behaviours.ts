/** How control leaves a statement (WGSL, section 9.7), as a set of bits. */

export const next = 1
export const breaks = 2
export const continues = 4
export const returns = 8

/** Of statements in sequence: what comes after one that is never left to the next has none. */
export function inSequence(behaviours: readonly number[]): number {
  let all = next
  for (const behaviour of behaviours) {
    if (!(all & next)) break
    all = (all & ~next) | behaviour
  }
  return all
}

/**
 * Of a loop.
 * @param conditional whether it has a condition before each round (`for`, `while`)
 * @param breakIf whether `continuing` ends in `break if`, which counts where it is come to
 */
export function ofLoop(body: number, conditional: boolean, breakIf: boolean): number {
  const left = body & ~(next | continues | breaks)
  return body & breaks || conditional || (breakIf && body & (next | continues)) ? left | next : left
}

export function ofSwitch(cases: readonly number[]): number {
  const all = cases.reduce((union, one) => union | one, 0)
  return all & breaks ? (all & ~breaks) | next : all
}
