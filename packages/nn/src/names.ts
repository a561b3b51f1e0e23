/**
 * Names of their own: `free('x')` is x, or where that is taken x_1, x_2 and so on. Where the search for a number stopped is
 * remembered, so that many equal names take no longer than many different ones.
 *
 * @param taken names that are there already; what `free` gives is added
 */
export function createNames(taken: Set<string> = new Set(), separator = '_', first = 1): (wanted: string) => string {
  const next = new Map<string, number>()
  return (wanted) => {
    let name = wanted
    if (taken.has(wanted)) {
      let i = next.get(wanted) ?? first
      while (taken.has((name = `${wanted}${separator}${i}`))) i++
      next.set(wanted, i + 1)
    }
    taken.add(name)
    return name
  }
}
