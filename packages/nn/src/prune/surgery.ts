/** Cutting: a graph without some of its channels. */
import type { Attributes } from '@espalier/kernels'
import type { Graph, Node, TensorData } from '../graph.js'
import { createNames } from '../names.js'
import type { Analysis } from './analysis.js'
import { fromFront, numbers, scalar } from './attributes.js'
import type { Use } from './context.js'
import type { Layout } from './layout.js'
import { clampRange, gathered, sliceRanges, splitSizes } from './rules-shape.js'

interface Taken {
  readonly axis: number
  readonly indices: ArrayLike<number>
  /** The indices number the channels of all groups; the rows of axis 0, which have the same groups, keep those of their own. */
  readonly groups?: number
}

/** Keeps the given indices along each named axis. */
export function takeIndices(tensor: TensorData, kept: readonly Taken[]): TensorData {
  // Groups first: their rows are counted in the whole tensor.
  return [...kept]
    .sort((a, b) => (b.groups ?? 1) - (a.groups ?? 1))
    .reduce((from, { axis, indices, groups = 1 }) => {
      if (groups > 1) return takeGrouped(from, axis, indices, groups)
      const inner = from.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
      const outer = from.dims.slice(0, axis).reduce((a, b) => a * b, 1)
      const size = from.dims[axis]
      const Data = from.data.constructor as { new (length: number): typeof from.data }
      const data = new Data(outer * indices.length * inner)
      // Both sides are the same kind of array; the union type does not know it.
      const [target, source] = [data as Float32Array, from.data as Float32Array]
      let at = 0
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < indices.length; i++) {
          const start = (o * size + indices[i]) * inner
          if (inner >= 64) {
            target.set(source.subarray(start, start + inner), at)
            at += inner
          } else for (let j = 0; j < inner; j++) target[at++] = source[start + j]
        }
      }
      return { dims: from.dims.map((old, i) => (i === axis ? indices.length : old)), type: from.type, data }
    }, tensor)
}

function takeGrouped(from: TensorData, axis: number, indices: ArrayLike<number>, groups: number): TensorData {
  const size = from.dims[axis]
  const rows = from.dims[0] / groups
  const inner = from.data.length / from.dims[0]
  const parts = Array.from({ length: groups }, (_, group) => {
    const data = (from.data as Float32Array).slice(group * rows * inner, (group + 1) * rows * inner)
    const own = Array.from(indices)
      .filter((index) => Math.floor(index / size) === group)
      .map((index) => index % size)
    return takeIndices({ ...from, dims: [rows, ...from.dims.slice(1)], data }, [{ axis, indices: own }])
  })
  const Data = from.data.constructor as { new (length: number): Float32Array }
  const data = new Data(parts.reduce((sum, part) => sum + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data as Float32Array, at)
    at += part.data.length
  }
  return { ...from, dims: [from.dims[0], ...parts[0].dims.slice(1)], data }
}

/** Changes to nodes and constants, collected and then applied. Names that are free are found in the graph's order, so results are deterministic. */
export function createEdit(graph: Graph) {
  const initializers = new Map(graph.initializers)
  const free = createNames(
    new Set([...graph.initializers.keys(), ...graph.inputs.map((input) => input.name), ...graph.nodes.flatMap((node) => node.outputs)]),
    '.',
    2,
  )
  return {
    initializers,
    /** The wanted name for a new tensor, or that name with a number. */
    tensor: free,
    /** Adds a constant; its name is found in the same way. */
    add(wanted: string, tensor: TensorData): string {
      const name = free(wanted)
      initializers.set(name, tensor)
      return name
    },
    /** The graph with these nodes and the constants they use; constants that nothing used before stay. */
    finish(nodes: readonly Node[]): Graph {
      const used = new Set(nodes.flatMap((node) => node.inputs))
      const before = new Set(graph.nodes.flatMap((node) => node.inputs))
      const outputs = new Set(graph.outputs.map((output) => output.name))
      for (const name of initializers.keys()) {
        if (!used.has(name) && before.has(name) && !outputs.has(name)) initializers.delete(name)
      }
      return { ...graph, nodes, initializers }
    },
  }
}

type Edit = ReturnType<typeof createEdit>

/** The graph without the channels whose class is in `removed`. Whatever is not cut stays the very same object. */
export function cut(analysis: Analysis, removed: ReadonlySet<number>): Graph {
  const { graph, layouts } = analysis
  if (removed.size === 0) return { ...graph }
  const alive = (atom: number) => !removed.has(analysis.find(atom))
  const edit = createEdit(graph)
  const renamed = cutConstants(analysis, alive, edit)
  const shuffles = cutShuffles(analysis, alive, edit)
  const nodes = graph.nodes.flatMap((node) => {
    const shuffle = shuffles.get(node)
    if (shuffle) return shuffle
    const inputs = node.inputs.map((name, input) => renamed.get(node)?.get(input) ?? name)
    const moved = inputs.some((name, i) => name !== node.inputs[i]) ? { ...node, inputs } : node
    return [rewriteAttributes(graph, node, moved, layouts, alive)]
  })
  return edit.finish(nodes)
}

/**
 * What takes the place of nodes that pick channels by number, where some of them go. What is left of a shuffle's channels need not fill its
 * factors any more: it becomes a Gather, whose numbers are those of the channels that stay.
 */
function cutShuffles({ graph, layouts, shuffles }: Analysis, alive: (atom: number) => boolean, edit: Edit): Map<Node, Node[]> {
  const replaced = new Map<Node, Node[]>()
  const reads = new Map<string, number>()
  for (const { inputs } of graph.nodes) for (const name of inputs) reads.set(name, (reads.get(name) ?? 0) + 1)
  /** The numbers among what is left of `x`, in a constant: the one they were in where nothing else reads it. */
  const indices = (wanted: string, x: Layout, sources: Iterable<number>): string => {
    let count = 0
    const places = Array.from(x.atoms, (atom) => (alive(atom) ? count++ : -1))
    const left = Array.from(sources, (source) => places[source]).filter((place) => place >= 0)
    const tensor: TensorData = { dims: [left.length], type: 'int64', data: BigInt64Array.from(left, BigInt) }
    if (reads.get(wanted) !== 1) return edit.add(wanted, tensor)
    edit.initializers.set(wanted, tensor)
    return wanted
  }
  for (const [node, { input, nodes, sources }] of shuffles) {
    const x = layouts.get(input)!
    if (x.atoms.every(alive)) continue
    for (const one of nodes) replaced.set(one, [])
    const inputs = [input, indices(`${node.name}.indices`, x, sources)]
    replaced.set(node, [{ ...node, op: 'Gather', inputs, attributes: { axis: x.axis } }])
  }
  for (const node of graph.nodes) {
    const x = node.op === 'Gather' ? layouts.get(node.inputs[0]) : undefined
    if (!x || x.axis < 0 || fromFront(scalar(node, 'axis', 0), x.shape.length) !== x.axis || x.atoms.every(alive)) continue
    const sources = gathered({ graph }, node, x.atoms.length)!
    replaced.set(node, [{ ...node, inputs: [node.inputs[0], indices(node.inputs[1], x, sources)] }])
  }
  return replaced
}

/** Slices every constant as each of its uses needs it; returns the names that nodes must use where they change. */
function cutConstants(analysis: Analysis, alive: (atom: number) => boolean, edit: Edit): Map<Node, Map<number, string>> {
  const { graph } = analysis
  const kept = (use: Use) =>
    use.cuts.flatMap(({ axis, atoms, groups }) => {
      const indices = [...atoms.keys()].filter((i) => alive(atoms[i]))
      return indices.length === atoms.length ? [] : [{ axis, indices, groups }]
    })
  const byConstant = new Map<string, Use[]>()
  for (const use of analysis.uses) {
    const name = use.node.inputs[use.input]
    const before = byConstant.get(name)
    if (before) before.push(use)
    else byConstant.set(name, [use])
  }
  const occurrences = new Map<string, number>()
  for (const node of graph.nodes) for (const name of node.inputs) occurrences.set(name, (occurrences.get(name) ?? 0) + 1)
  const renamed = new Map<Node, Map<number, string>>()
  for (const [name, uses] of byConstant) {
    const patterns = new Map<string, string>()
    const keeps = uses.map((use) => kept(use))
    const whole = keeps.some((cuts) => cuts.length === 0) || occurrences.get(name)! > uses.length
    uses.forEach((use, i) => {
      const cuts = keeps[i]
      if (cuts.length === 0) return
      // Two uses share a cut tensor only where the same channels cut it, so that its size depends on widths alone.
      const pattern =
        uses.length === 1 ? '' : use.cuts.map(({ axis, atoms }) => `${axis}:${Array.from(atoms, analysis.find).join()}`).join(' ')
      if (!patterns.has(pattern)) {
        const tensor = takeIndices(graph.initializers.get(name)!, cuts)
        const inPlace = !whole && patterns.size === 0
        if (inPlace) edit.initializers.set(name, tensor)
        patterns.set(pattern, inPlace ? name : edit.add(name, tensor))
      }
      const target = patterns.get(pattern)!
      if (target === name) return
      if (!renamed.has(use.node)) renamed.set(use.node, new Map())
      renamed.get(use.node)!.set(use.input, target)
    })
  }
  return renamed
}

const withAttributes = (node: Node, changes: Attributes): Node => ({ ...node, attributes: { ...node.attributes, ...changes } })

function rewriteAttributes(graph: Graph, node: Node, moved: Node, layouts: Analysis['layouts'], alive: (atom: number) => boolean): Node {
  const x = layouts.get(node.inputs[0])
  const y = layouts.get(node.outputs[0])
  const count = (atoms: Int32Array) => atoms.reduce((sum, atom) => sum + (alive(atom) ? 1 : 0), 0)
  const changed = (layout: Layout | undefined): layout is Layout =>
    layout !== undefined && layout.axis >= 0 && count(layout.atoms) < layout.atoms.length
  if (!changed(x) && !changed(y)) return moved
  switch (node.op) {
    case 'Conv':
    case 'ConvTranspose': {
      const weight = graph.initializers.get(node.inputs[1])!
      const groups = scalar(node, 'group', 1)
      const depthwise = groups > 1 && (node.op === 'Conv' ? weight.dims[1] === 1 : weight.dims[0] === groups)
      return depthwise && changed(x) ? withAttributes(moved, { group: count(x.atoms) }) : moved
    }
    case 'Reshape': {
      const shape = numbers(node, 'shape')!
      const values = shape.map((size, axis) => {
        if (axis === y!.axis) return size === -1 || (size === 0 && x!.axis === axis) ? size : count(y!.atoms)
        // A zero copies the input's size here, which is no longer this axis's size when the input's channels are on it.
        return size === 0 && axis === x!.axis ? y!.shape[axis]! : size
      })
      return values.some((size, i) => size !== shape[i]) ? withAttributes(moved, { shape: values }) : moved
    }
    case 'Pad': {
      const pads = numbers(node, 'pads')!
      const rank = pads.length / 2
      const axis = y!.axis
      if (pads[axis] === 0 && pads[axis + rank] === 0) return moved
      const before = count(y!.atoms.subarray(0, pads[axis]))
      const after = count(y!.atoms.subarray(y!.atoms.length - pads[axis + rank]))
      return withAttributes(moved, { pads: pads.map((size, i) => (i === axis ? before : i === axis + rank ? after : size)) })
    }
    case 'Slice': {
      const ranges = sliceRanges(node, x!.shape.length)!
      const at = ranges.findIndex(({ axis }) => axis === x!.axis)
      if (at < 0) return moved
      const [from, to] = clampRange(x!.atoms.length, ranges[at].start, ranges[at].end)
      const start = count(x!.atoms.subarray(0, from))
      const end = start + count(x!.atoms.subarray(from, to))
      const starts = ranges.map((range, i) => (i === at ? start : range.start))
      const ends = ranges.map((range, i) => (i === at ? end : range.end))
      return withAttributes(moved, { starts, ends })
    }
    case 'Split': {
      if (fromFront(scalar(node, 'axis', 0), x!.shape.length) !== x!.axis) return moved
      let at = 0
      const sizes = splitSizes(node, x!.atoms.length).map((size) => count(x!.atoms.subarray(at, (at += size))))
      return withAttributes(moved, { split: sizes })
    }
    default:
      return moved
  }
}
