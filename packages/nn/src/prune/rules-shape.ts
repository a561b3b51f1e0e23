/** Channel rules of the operations that move, join and part channels. */
import type { Node } from '../graph.js'
import { fromFront, numbers, scalar, text } from './attributes.js'
import { activations, bind, type Context, constant, identify, layoutOf, type Rule, refuse } from './context.js'
import { type Layout, opaque, pick, product } from './layout.js'
import { reshapeTarget, shuffleAt } from './shuffle.js'

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step)

/** Blocks of axes with equal products: the input axes [i0, i1) become the output axes [o0, o1). Both lists start after the batch. */
function matchBlocks(from: readonly number[], to: readonly number[]): { i0: number; i1: number; o0: number; o1: number }[] {
  const blocks = []
  let i = 0
  let o = 0
  while (i < from.length || o < to.length) {
    const block = { i0: i, i1: i, o0: o, o1: o }
    let a = i < from.length ? from[i++] : 1
    let b = o < to.length ? to[o++] : 1
    while (a !== b && (i < from.length || o < to.length)) {
      if (i < from.length && (a < b || o >= to.length)) a *= from[i++]
      else b *= to[o++]
    }
    block.i1 = i
    block.o1 = o
    blocks.push(block)
  }
  return blocks
}

/** Classes left when positions that share an index along output axis `q` are tied. */
function classesAlong(context: Context, atoms: Int32Array, indexOf: (k: number) => number): number {
  const parent = new Map<number, number>()
  const find = (x: number): number => {
    let at = x
    for (let up = parent.get(at)!; up !== at; up = parent.get(at)!) {
      parent.set(at, parent.get(up)!)
      at = up
    }
    return at
  }
  const first = new Map<number, number>()
  atoms.forEach((atom, k) => {
    const root = context.atoms.find(atom)
    if (!parent.has(root)) parent.set(root, root)
    const index = indexOf(k)
    const other = first.get(index)
    if (other === undefined) first.set(index, root)
    else parent.set(find(root), find(other))
  })
  return [...parent.keys()].filter((root) => find(root) === root).length
}

/**
 * The layout of `x` seen with another shape (sizes after the batch, all known). Channels spread over a block of axes that becomes one
 * axis are repeated; one axis that becomes several keeps identities along the one that leaves most freedom, and ties the others.
 */
function reshaped(node: Node, context: Context, x: Layout, target: readonly number[]): Layout[] {
  const shape = [x.shape[0], ...target]
  if (x.axis < 0) return [opaque(x.why!, shape)]
  if (target.includes(0)) return refuse(context, node, `${node.op} at ${node.name} of nothing`, shape)
  const from = x.shape.slice(1) as number[]
  const block = matchBlocks(from, target).find(({ i0, i1 }) => x.axis - 1 >= i0 && x.axis - 1 < i1)!
  const inner = product(from.slice(x.axis, block.i1))!
  const length = product(from.slice(block.i0, block.i1))!
  context.atoms.reserve(length)
  const atoms = new Int32Array(length)
  for (let k = 0; k < length; k++) atoms[k] = x.atoms[Math.floor(k / inner) % x.atoms.length]
  const axes = range(block.o0, block.o1).filter((axis) => target[axis] !== 1)
  if (axes.length === 0) {
    return block.o1 > block.o0
      ? [{ shape, axis: block.o0 + 1, atoms }]
      : refuse(context, node, `${node.op} at ${node.name} drops the channel axis`, shape)
  }
  if (axes.length === 1) return [{ shape, axis: axes[0] + 1, atoms }]
  const choices = axes.map((axis) => {
    const step = product(target.slice(axis + 1, block.o1))!
    const indexOf = (k: number) => Math.floor(k / step) % target[axis]
    return { axis, indexOf, classes: classesAlong(context, atoms, indexOf) }
  })
  // Of equals the last: in a channel shuffle that is the axis within the groups, however often it has been cut before.
  const best = choices.reduce((a, b) => (b.classes >= a.classes ? b : a))
  const kept = new Int32Array(target[best.axis]).fill(-1)
  atoms.forEach((atom, k) => {
    const index = best.indexOf(k)
    if (kept[index] < 0) kept[index] = atom
    else context.atoms.unite(kept[index], atom)
  })
  return [{ shape, axis: best.axis + 1, atoms: kept }]
}

const reshape: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  if (!x) return refuse(context, node, `Reshape at ${node.name} of a constant`)
  const shape = numbers(node, 'shape')
  if (!shape) return refuse(context, node, `the shape of Reshape at ${node.name} is computed`)
  const ended = context.shuffles.get(node)
  if (ended) {
    const from = context.layouts.get(ended.input)!
    context.atoms.reserve(ended.sources.length)
    return [{ ...from, atoms: pick(from.atoms, ended.sources) }]
  }
  // Channels pass through a shuffle one by one; between its nodes, where nobody looks, they are on several axes.
  const begun = shuffleAt(context.graph, node, x)
  if (begun) {
    context.atoms.reserve(begun.sources.length)
    context.shuffles.set(begun.nodes[2], begun)
    return [opaque(`inside the channel shuffle at ${node.name}`, [x.shape[0], ...reshapeTarget(x, shape)!])]
  }
  const target = reshapeTarget(x, shape)
  return target
    ? reshaped(node, context, x, target)
    : refuse(context, node, `Reshape at ${node.name} moves the batch axis or an unknown image size`)
}

const flatten: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const rest = x && product(x.shape.slice(1))
  if (!x || x.shape.length === 0 || fromFront(scalar(node, 'axis', 1), x.shape.length) !== 1) {
    return refuse(context, node, `Flatten at ${node.name} moves the batch axis`)
  }
  return rest === undefined
    ? refuse(context, node, `the image size at Flatten ${node.name} is not known`)
    : reshaped(node, context, x, [rest])
}

const squeeze: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const axes = x && numbers(node, 'axes')?.map((axis) => fromFront(axis, x.shape.length))
  if (!x || !axes || axes.includes(0)) return refuse(context, node, `Squeeze at ${node.name} moves the batch axis or names no axes`)
  if (axes.includes(x.axis)) return refuse(context, node, `Squeeze at ${node.name} drops the channel axis`)
  const axis = x.axis < 0 ? -1 : x.axis - axes.filter((one) => one < x.axis).length
  return [{ ...x, axis, shape: x.shape.filter((_, i) => !axes.includes(i)) }]
}

const unsqueeze: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const given = numbers(node, 'axes')
  if (!x || !given || x.shape.length === 0) return refuse(context, node, `Unsqueeze at ${node.name} names no axes`)
  const rank = x.shape.length + given.length
  const axes = given.map((axis) => fromFront(axis, rank))
  const kept = range(0, rank).filter((axis) => !axes.includes(axis))
  if (axes.includes(0)) return refuse(context, node, `Unsqueeze at ${node.name} moves the batch axis`)
  return [
    {
      ...x,
      axis: x.axis < 0 ? -1 : kept[x.axis],
      shape: range(0, rank).map((axis) => (axes.includes(axis) ? 1 : x.shape[kept.indexOf(axis)])),
    },
  ]
}

const transpose: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const perm = x && (numbers(node, 'perm') ?? range(0, x.shape.length).reverse())
  if (!x || !perm || perm[0] !== 0) return refuse(context, node, `Transpose at ${node.name} moves the batch axis`)
  return [{ ...x, axis: x.axis < 0 ? -1 : perm.indexOf(x.axis), shape: perm.map((axis) => x.shape[axis]) }]
}

/** Vectors one after the other. */
function joined(context: Context, parts: readonly Int32Array[]): Int32Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  context.atoms.reserve(length)
  const atoms = new Int32Array(length)
  let at = 0
  for (const part of parts) {
    atoms.set(part, at)
    at += part.length
  }
  return atoms
}

const concat: Rule = (node, context) => {
  const inputs = activations(context, node)
  const ranks = inputs.map(({ layout }) => layout.shape.length)
  const rank = ranks.reduce((most, one) => Math.max(most, one), 0)
  if (rank < 2 || inputs.length === 0) return refuse(context, node, inputs[0]?.layout.why ?? `Concat at ${node.name} of constants`)
  const axis = fromFront(scalar(node, 'axis', 1), rank)
  const all = node.inputs.map((_, input) => {
    const weight = constant(context, node, input)
    if (weight) {
      const layout: Layout = { shape: weight.dims, axis, atoms: context.atoms.fresh(weight.dims[axis]) }
      if (weight.dims[axis] > 0) bind(context, node, input, axis, layout.atoms)
      return layout
    }
    const layout = layoutOf(context, node, input)!
    const channels = layout.shape[axis]
    return layout.axis < 0 && axis > 0 && channels !== undefined ? identify(context, node, input, axis, channels) : layout
  })
  const sizes = all.map((layout) => layout.shape[axis])
  const total = sizes.includes(undefined) ? undefined : product([sizes.reduce<number>((sum, size) => sum + size!, 0)])
  const shape = all[0].shape.map((size, i) => (i === axis ? total : size))
  if (all.every((layout) => layout.axis === axis)) {
    return [
      {
        shape,
        axis,
        atoms: joined(
          context,
          all.map((layout) => layout.atoms),
        ),
      },
    ]
  }
  const first = all[0]
  const alike = all.every((layout) => layout.axis === first.axis && layout.atoms.length === first.atoms.length && layout.axis >= 0)
  // Joined along images or positions: the same channels on both sides.
  if (!alike) return refuse(context, node, all.find((layout) => layout.why)?.why ?? `Concat at ${node.name} joins different axes`, shape)
  for (const layout of all) context.atoms.uniteAll(first.atoms, layout.atoms)
  return [{ shape, axis: first.axis, atoms: first.atoms }]
}

/** First and past-last index and step along each sliced axis, as given. */
export function sliceRanges(node: Node, rank: number) {
  const starts = numbers(node, 'starts')
  const ends = numbers(node, 'ends')
  const axes = numbers(node, 'axes') ?? starts?.map((_, i) => i)
  const steps = numbers(node, 'steps') ?? starts?.map(() => 1)
  if (!starts || !ends || !axes || !steps) return undefined
  return axes.map((axis, i) => ({ axis: fromFront(axis, rank), start: starts[i], end: ends[i], step: steps[i] }))
}

export function clampRange(size: number, start: number, end: number): [number, number] {
  const clamp = (at: number) => Math.min(size, Math.max(0, at < 0 ? at + size : at))
  return [clamp(start), clamp(end)]
}

const slice: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const ranges = x && sliceRanges(node, x.shape.length)
  if (!x || !ranges) return refuse(context, node, x?.why ?? `the bounds of Slice at ${node.name} are computed`)
  const shape = [...x.shape]
  let atoms = x.atoms
  for (const { axis, start, end, step } of ranges) {
    const size = shape[axis]
    if (size === undefined) continue
    const [from, to] = clampRange(size, start, end)
    if (step < 0) shape[axis] = undefined
    else shape[axis] = Math.max(0, Math.ceil((to - from) / step))
    if (axis !== x.axis) continue
    if (step !== 1) return refuse(context, node, `not separable: Slice at ${node.name} takes channels with a step`, shape)
    context.atoms.reserve(Math.max(0, to - from))
    atoms = x.atoms.slice(from, to)
  }
  return [{ ...x, shape, atoms }]
}

/** Channel numbers that a Gather takes, from the front; undefined where they are computed or no list. */
export function gathered(context: Pick<Context, 'graph'>, node: Node, size: number): number[] | undefined {
  const indices = context.graph.initializers.get(node.inputs[1])
  if (indices?.dims.length !== 1) return undefined
  return Array.from(indices.data as ArrayLike<number | bigint>, (index) => (Number(index) < 0 ? Number(index) + size : Number(index)))
}

const gather: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const axis = x && fromFront(scalar(node, 'axis', 0), x.shape.length)
  const size = x?.shape[axis!]
  const indices = size === undefined ? undefined : gathered(context, node, size)
  if (!x || !axis || !indices) return refuse(context, node, x?.why ?? `Gather at ${node.name} takes what is computed, or images`)
  const shape = x.shape.map((old, i) => (i === axis ? indices.length : old))
  if (axis === x.axis) context.atoms.reserve(indices.length)
  return [{ ...x, shape, atoms: axis === x.axis ? pick(x.atoms, indices) : x.atoms }]
}

/** Sizes of a Split's outputs along its axis. */
export function splitSizes(node: Node, size: number): readonly number[] {
  const given = numbers(node, 'split')
  if (given) return given
  const each = Math.ceil(size / node.outputs.length)
  return node.outputs.map((_, i) => Math.min(each, size - i * each))
}

const split: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const axis = x && fromFront(scalar(node, 'axis', 0), x.shape.length)
  const size = x?.shape[axis!]
  if (!x || axis === undefined || size === undefined) return refuse(context, node, x?.why ?? `Split at ${node.name} of an unknown size`)
  let at = 0
  if (axis === x.axis) context.atoms.reserve(x.atoms.length)
  return splitSizes(node, size).map((part) => {
    const from = at
    at += part
    return { ...x, shape: x.shape.map((old, i) => (i === axis ? part : old)), atoms: axis === x.axis ? x.atoms.slice(from, at) : x.atoms }
  })
}

const pad: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const pads = numbers(node, 'pads')
  if (!x || !pads) return refuse(context, node, `the amounts of Pad at ${node.name} are computed`)
  const rank = x.shape.length
  const shape = x.shape.map((size, i) => (size === undefined ? undefined : size + pads[i] + pads[i + rank]))
  if (x.axis < 0) return [opaque(x.why!, shape)]
  const [before, after] = [pads[x.axis], pads[x.axis + rank]]
  if (before === 0 && after === 0) return [{ ...x, shape }]
  if (before < 0 || after < 0 || text(node, 'mode', 'constant') !== 'constant') {
    return refuse(context, node, `not separable: Pad at ${node.name} copies or crops channels`, shape)
  }
  // Padded channels are channels of their own: where something is added to them they go with it, and the amounts are counted anew.
  return [{ shape, axis: x.axis, atoms: joined(context, [context.atoms.fresh(before), x.atoms, context.atoms.fresh(after)]) }]
}

const resize: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const scales = numbers(node, 'scales')
  if (!x || scales?.length !== x.shape.length) return refuse(context, node, x?.why ?? `Resize at ${node.name} has no scale for every axis`)
  const shape = x.shape.map((size, axis) => (size === undefined ? undefined : Math.floor(Math.fround(size * scales[axis]))))
  if (x.axis >= 0 && scales[x.axis] !== 1)
    return refuse(context, node, `not separable: Resize at ${node.name} resizes the channel axis`, shape)
  return [{ ...x, shape }]
}

const depthToSpace: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const block = scalar(node, 'blocksize', 1)
  if (x?.axis !== 1) return refuse(context, node, x?.why ?? `DepthToSpace at ${node.name} of a constant`)
  const channels = x.atoms.length / (block * block)
  const crd = text(node, 'mode', 'DCR') === 'CRD'
  context.atoms.reserve(channels)
  const atoms = x.atoms.slice(0, channels)
  x.atoms.forEach((atom, k) => {
    const channel = crd ? Math.floor(k / (block * block)) : k % channels
    if (k < channels && !crd) return
    if (crd && k % (block * block) === 0) atoms[channel] = atom
    else context.atoms.unite(atoms[channel], atom)
  })
  return [{ shape: x.shape.map((size, i) => (i === 1 ? channels : i > 1 && size !== undefined ? size * block : size)), axis: 1, atoms }]
}

const spaceToDepth: Rule = (node, context) => {
  const x = layoutOf(context, node, 0)
  const block = scalar(node, 'blocksize', 1)
  if (x?.axis !== 1) return refuse(context, node, x?.why ?? `SpaceToDepth at ${node.name} of a constant`)
  const channels = x.atoms.length
  context.atoms.reserve(channels * block * block)
  const atoms = new Int32Array(channels * block * block)
  for (let k = 0; k < atoms.length; k++) atoms[k] = x.atoms[k % channels]
  return [{ shape: x.shape.map((size, i) => (i === 1 ? atoms.length : i > 1 && size !== undefined ? size / block : size)), axis: 1, atoms }]
}

export const shapeRules: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Gather: gather,
  Split: split,
  Pad: pad,
  Resize: resize,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
}
