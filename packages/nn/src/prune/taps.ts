/** Which taps of a window lie inside the image. */
import type { Node } from '../graph.js'
import { numbers } from './attributes.js'

/**
 * Every set of taps (flat indices into the kernel) that some position of a padded window sees: the whole window first, then those cut
 * at borders. Where a size of the input is not known, every cut that its padding allows.
 *
 * @param sizes sizes of the input behind batch and channels
 */
export function tapSets(node: Node, kernel: readonly number[], sizes: readonly (number | undefined)[] = []): number[][] {
  const ranges = kernel.map((size, axis) => {
    const read = (name: string, i: number, fallback: number) => numbers(node, name)?.[i] ?? fallback
    const pads = [read('pads', axis, 0), read('pads', axis + kernel.length, 0)] as const
    return tapRanges(size, sizes[axis], read('strides', axis, 1), read('dilations', axis, 1), pads)
  })
  return kernel.reduce<number[][]>(
    (sets, size, axis) =>
      sets.flatMap((set) =>
        ranges[axis].map(([from, to]) => set.flatMap((base) => Array.from({ length: to - from }, (_, i) => base * size + from + i))),
      ),
    [[0]],
  )
}

/** [first, past last) tap along one axis, the whole kernel first. */
function tapRanges(
  kernel: number,
  size: number | undefined,
  stride: number,
  dilation: number,
  [begin, end]: readonly [number, number],
): [number, number][] {
  const found = new Map<string, [number, number]>([[`0 ${kernel}`, [0, kernel]]])
  const see = (from: number, to: number) => {
    if (from < to) found.set(`${from} ${to}`, [from, to])
  }
  if (size === undefined) {
    for (let a = 0; a <= Math.ceil(begin / dilation); a++) for (let b = 0; b <= Math.ceil(end / dilation); b++) see(a, kernel - b)
  } else {
    const positions = Math.floor((size + begin + end - dilation * (kernel - 1) - 1) / stride) + 1
    for (let i = 0; i < positions; i++) {
      const start = i * stride - begin
      see(Math.max(0, Math.ceil(-start / dilation)), Math.min(kernel, Math.ceil((size - start) / dilation)))
    }
  }
  return [...found.values()]
}
