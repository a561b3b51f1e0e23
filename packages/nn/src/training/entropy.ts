/** Spatial entropy of activations: the reward of arXiv 2312.04918, and the criterion `entropy`. */
import { elements } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { type ChannelGroup, type Grouping, groupsOf } from '../prune/groups.js'
import { maskPoints } from '../prune/masks.js'
import type { Kept } from '../prune/selection.js'
import { inferShapes } from '../shapes.js'

/** Attributes of the `SpatialEntropy` operation, which has the definitions. */
export interface EntropySettings {
  /** Grey levels of a map, 2 to 256. */
  readonly levels: number
  readonly definition: 'aura' | 'aura-matrix'
}

/** A tensor in which channels of groups are masked: behind the activation function, but before it where channels are not on axis 1. */
export interface EntropyPoint {
  readonly tensor: string
  /** Of the channels. */
  readonly axis: number
  readonly rank: number
  /** Group (its index in the grouping) and unit of every channel. */
  readonly places: readonly { readonly group: number; readonly unit: number }[]
}

/** Where the entropy of the selected groups (indices in the grouping) is measured: where `maskGraph` masks them. */
export function entropyPoints(grouping: Grouping, selected: ReadonlySet<number>): EntropyPoint[] {
  return [...maskPoints(grouping, selected)].map((tensor) => {
    const { atoms, axis, shape } = grouping.analysis.layouts.get(tensor)!
    return { tensor, axis, rank: shape.length, places: Array.from(atoms, (atom) => grouping.place.get(grouping.analysis.find(atom))!) }
  })
}

const unary = (op: string, from: string, to: string, attributes: Node['attributes']): Node => ({
  name: to,
  op,
  inputs: [from],
  outputs: [to],
  attributes,
})

/** `output` [N, channels]: the entropy of every map of a tensor of rank 3 or more whose channels are on `axis`. */
export function entropyNodes(
  { tensor, axis, rank }: Pick<EntropyPoint, 'tensor' | 'axis' | 'rank'>,
  output: string,
  { levels, definition }: EntropySettings,
): Node[] {
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== 0 && i !== axis)
  const moved = axis === 1 ? tensor : `${tensor}:channels`
  const maps = rank === 4 ? moved : `${tensor}:maps`
  return [
    ...(axis === 1 ? [] : [unary('Transpose', tensor, moved, { perm: [0, axis, ...others] })]),
    // One dimension is a map of one row; more than two are rows, too.
    ...(rank === 4 ? [] : [unary('Reshape', moved, maps, { shape: rank === 3 ? [0, 0, 1, -1] : [0, 0, 0, -1] })]),
    unary('SpatialEntropy', maps, output, { levels, definition }),
  ]
}

/** A masked network that also says how much entropy its candidates have. */
export interface EntropyGraph {
  readonly graph: Graph
  /** Name of a tensor [P*B, layers]: of every candidate and image, the sum over the retained channels of each layer. */
  readonly sums: string
  readonly layers: number
  /** How many channels a candidate retains in each layer. */
  retained(kept: Kept): number[]
}

/**
 * Adds to a masked network the entropy of what it gives where its groups are masked. Layers are the masked tensors that have more than one position.
 * A removed channel is a constant map behind its mask, which has no entropy. The images that all candidates share until the first mask
 * on a path are measured once, before it, and their entropies masked.
 *
 * @param graph the network that `masked` was made of, by `maskGraph` with these groups
 */
export function addEntropy(
  graph: Graph,
  masked: Graph,
  groups: readonly Pick<ChannelGroup, 'id'>[],
  settings: EntropySettings,
): EntropyGraph {
  const grouping = groupsOf(graph)
  const selected = new Set(groups.map(({ id }) => grouping.groups.findIndex((group) => group.id === id)))
  const shapes = inferShapes(masked, { batch: 1 })
  const transposed = new Map(masked.nodes.filter(({ op }) => op === 'Transpose').map(({ inputs, outputs }) => [outputs[0], inputs[0]]))
  const layers = entropyPoints(grouping, selected).flatMap((point) => {
    const from = ([name]: readonly string[]) => (point.axis === 1 ? name : transposed.get(name))
    const node = masked.nodes.find(({ op, inputs }) => op === 'Mask' && from(inputs) === point.tensor)
    return node && elements(shapes.get(node.inputs[0])!.slice(2)) > 1 ? [{ point, node }] : []
  })
  if (layers.length === 0)
    throw new InputError(`network '${graph.name}' has no spatial entropy`, {
      field: 'groups',
      expected: 'channels with more than one position',
      found: groups.map(({ id }) => id).join(', ') || 'none',
    })
  const sums = layers.map(({ point }) => `entropy of ${point.tensor}`)
  const nodes = layers.flatMap(({ point, node }, i): Node[] => {
    const shared = Boolean(node.attributes.expand)
    const maps = shared ? node.inputs[0] : node.outputs[0]
    const entropies = `entropies of ${point.tensor}`
    const measured = shared ? `shared ${entropies}` : entropies
    return [
      // The mask works on axis 1, wherever the network has its channels.
      ...entropyNodes({ tensor: maps, axis: 1, rank: point.rank }, measured, settings),
      ...(shared ? [{ ...node, name: entropies, inputs: [measured, node.inputs[1]], outputs: [entropies] }] : []),
      unary('ReduceSum', entropies, sums[i], { axes: [1], keepdims: 1 }),
    ]
  })
  const all: Node = { name: 'entropies', op: 'Concat', inputs: sums, outputs: ['entropies'], attributes: { axis: 1 } }
  return {
    graph: { ...masked, nodes: [...masked.nodes, ...nodes, all] },
    sums: all.outputs[0],
    layers: layers.length,
    retained(kept) {
      const units = grouping.groups.map(({ id }, g) => (selected.has(g) && kept[id] ? new Set(Array.from(kept[id])) : undefined))
      return layers.map(({ point }) => point.places.filter(({ group, unit }) => units[group]?.has(unit) ?? true).length)
    },
  }
}

/** Mean over layers of the mean over images and retained channels; a layer without retained channels is left out. */
export function meanEntropy(sums: ArrayLike<number>, retained: readonly number[], images: number): number {
  const means = retained.flatMap((count, layer) => (count > 0 ? [sums[layer] / (count * images)] : []))
  return means.reduce((a, b) => a + b, 0) / Math.max(1, means.length)
}
