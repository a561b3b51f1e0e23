/**
 * Where the channels of a tensor are.
 *
 * `atoms[i]` is the identity of index i along `axis`; all other axes run over positions that share it. Sizes that the graph
 * leaves open (the batch, free image sizes) are undefined.
 */
export interface Layout {
  readonly shape: readonly (number | undefined)[]
  /** -1 where channels have no identity; `why` then says why, and whatever needs one gets it locked with these words. */
  readonly axis: number
  readonly atoms: Int32Array
  readonly why?: string
}

export function opaque(why: string, shape: Layout['shape'] = []): Layout {
  return { shape, axis: -1, atoms: new Int32Array(0), why }
}

/** Size along one axis of a broadcast. */
function broadcastSize(sizes: readonly (number | undefined)[]): number | undefined {
  const large = sizes.find((size) => size !== undefined && size !== 1)
  return large ?? (sizes.includes(undefined) ? undefined : 1)
}

/** The shape of an elementwise operation, aligned from the last axis as NumPy and ONNX do. */
export function broadcastShape(shapes: readonly (readonly (number | undefined)[])[]): (number | undefined)[] {
  const rank = shapes.reduce((most, shape) => Math.max(most, shape.length), 0)
  return Array.from({ length: rank }, (_, axis) =>
    broadcastSize(shapes.filter((shape) => shape.length >= rank - axis).map((shape) => shape[axis - rank + shape.length])),
  )
}

/** A part of a vector of identities. */
export function pick(atoms: Int32Array, indices: Iterable<number>): Int32Array {
  return Int32Array.from(indices, (i) => atoms[i])
}

/** Product of sizes; undefined when one of them is. */
export function product(sizes: readonly (number | undefined)[]): number | undefined {
  let total = 1
  for (const size of sizes) {
    if (size === undefined) return undefined
    total *= size
  }
  return total
}

/** Size of a window operation's output along one axis. */
export function windowSize(
  size: number | undefined,
  {
    kernel,
    stride,
    dilation,
    pads,
    begin = 0,
    ceil,
  }: { kernel: number; stride: number; dilation: number; pads: number; begin?: number; ceil?: boolean },
): number | undefined {
  if (size === undefined) return undefined
  const steps = (size + pads - dilation * (kernel - 1) - 1) / stride
  if (!ceil) return Math.floor(steps) + 1
  // Rounded up, the last window must still begin inside the image or its leading padding.
  const count = Math.ceil(steps) + 1
  return (count - 1) * stride >= size + begin ? count - 1 : count
}
