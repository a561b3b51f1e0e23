/** Which taps of a window lie inside the image. */
import type { Node } from '../graph.js'
import { numbers } from './attributes.js'

/**
 * Every set of taps (flat indices into the kernel) that some position of a padded window may see: the whole window first, then the
 * windows cut at borders. Without padding there is only the whole one.
 */
export function tapSets(node: Node, kernel: readonly number[]): number[][] {
  const pads = numbers(node, 'pads') ?? kernel.map(() => 0)
  const dilations = numbers(node, 'dilations') ?? kernel.map(() => 1)
  const ranges = kernel.map((size, axis) => {
    const begin = Math.min(size - 1, Math.ceil(pads[axis] / dilations[axis]))
    const end = Math.min(size - 1, Math.ceil((pads[axis + kernel.length] ?? 0) / dilations[axis]))
    const all: [number, number][] = []
    for (let a = 0; a <= begin; a++) for (let b = 0; b <= end; b++) if (a + b < size) all.push([a, size - b])
    return all
  })
  return kernel.reduce<number[][]>(
    (sets, size, axis) =>
      sets.flatMap((set) =>
        ranges[axis].map(([from, to]) => set.flatMap((base) => Array.from({ length: to - from }, (_, i) => base * size + from + i))),
      ),
    [[0]],
  )
}
