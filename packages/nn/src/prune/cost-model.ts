/** Parameters and MACs of a pruned network without making it: a search asks thousands of times a second. */
import { elements } from '@espalier/kernels'
import { costOf, isTrained } from '../cost.js'
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { type ChannelGroup, type Grouping, groupsOf } from './groups.js'

export interface PrunedCost {
  readonly params: number
  readonly macs: number
}

/** Number of channels as a function of group widths: the sum of factor x width. */
type Channels = readonly { readonly group: number; readonly factor: number }[]

/** Elements of a tensor: `fixed` times the product over its axes that are cut. */
interface Size {
  readonly fixed: number
  readonly axes: readonly Channels[]
}

interface Parameter {
  /** What is cut; empty where a node uses the tensor whole. Versions cut alike are one tensor, as are all that are not cut at present. */
  readonly versions: readonly Size[]
  /** A single number left does not count (a constant in arithmetic). */
  readonly scalarFree: boolean
}

/**
 * Exact cost as a function of the widths of `groups`, in their order (others keep all their channels): equal to
 * `costOf(pruneChannels(graph, kept))` for any kept channels of these numbers, as long as no bias had to be added.
 */
export function costModel(graph: Graph, groups: readonly Pick<ChannelGroup, 'id'>[]): (counts: ArrayLike<number>) => PrunedCost {
  const grouping = groupsOf(graph)
  const parameters = parametersOf(grouping)
  const macs = macsOf(grouping)
  const full = grouping.groups.map((group) => group.channels)
  const places = groups.map(({ id }) => {
    const place = grouping.groups.findIndex((group) => group.id === id)
    if (place < 0) throw new InputError('there is no such channel group', { field: `group '${id}'` })
    return place
  })
  return (counts) => {
    const widths = [...full]
    places.forEach((place, i) => {
      widths[place] = counts[i]
    })
    let params = 0
    for (const parameter of parameters) params += parameterCount(parameter, widths, full)
    let total = 0
    for (const size of macs) total += sizeAt(size, widths)
    return { params, macs: total }
  }
}

/** The same for widths by group id. Throws InputError where a width is not possible. */
export function costAfter(
  graph: Graph,
  groups: readonly Pick<ChannelGroup, 'id' | 'channels'>[],
  widths: Readonly<Record<string, number>>,
): PrunedCost {
  const counts = groups.map(({ id, channels }) => {
    const width = widths[id] ?? channels
    if (!Number.isInteger(width) || width < 1 || width > channels) {
      throw new InputError('width', { field: `group '${id}'`, expected: `a whole number from 1 to ${channels}`, found: width })
    }
    return width
  })
  return costModel(graph, groups)(counts)
}

/** The least that can be reached with these groups: every unlocked one at `minChannels` (or all it has, where that is fewer). */
export function minimumCost(graph: Graph, groups: readonly ChannelGroup[], minChannels = 1): PrunedCost {
  return costModel(
    graph,
    groups,
  )(groups.map(({ channels, locked }) => (locked === null ? Math.min(channels, Math.max(1, minChannels)) : channels)))
}

const channelsAt = (channels: Channels, widths: readonly number[]): number =>
  channels.reduce((sum, { group, factor }) => sum + factor * widths[group], 0)

function sizeAt({ fixed, axes }: Size, widths: readonly number[]): number {
  let size = fixed
  for (const axis of axes) size *= channelsAt(axis, widths)
  return size
}

function parameterCount({ versions, scalarFree }: Parameter, widths: readonly number[], full: readonly number[]): number {
  let total = 0
  let whole = false
  for (const version of versions) {
    const isCut = version.axes.some((axis) => axis.some(({ group }) => widths[group] < full[group]))
    if (!isCut && whole) continue
    if (!isCut) whole = true
    const size = sizeAt(version, widths)
    if (size > 1 || !scalarFree) total += size
  }
  return total
}

/** `parts`: each of so many equal parts of the atoms, which go alike, is this long. */
function channelsOf({ analysis, place }: Grouping, atoms: Int32Array, groups: readonly ChannelGroup[], parts = 1): Channels {
  const counts = new Map<number, number>()
  for (const atom of atoms) {
    const { group } = place.get(analysis.find(atom))!
    counts.set(group, (counts.get(group) ?? 0) + 1)
  }
  return [...counts].map(([group, count]) => ({ group, factor: count / groups[group].channels / parts }))
}

/** How each use of each constant is cut; a use that is not among these takes it whole. */
function cutsOf(grouping: Grouping): (node: Node, input: number) => { key: string; size: Size } {
  const { analysis, groups } = grouping
  const uses = new Map(analysis.uses.map((use) => [`${use.node.name}\n${use.input}`, use]))
  return (node, input) => {
    const dims = analysis.graph.initializers.get(node.inputs[input])!.dims
    const cuts = uses.get(`${node.name}\n${input}`)?.cuts ?? []
    const fixed = elements(dims.filter((_, axis) => !cuts.some((cut) => cut.axis === axis)))
    const key = cuts.map(({ axis, atoms }) => `${axis}:${Array.from(atoms, analysis.find).join()}`).join(' ')
    return { key, size: { fixed, axes: cuts.map((cut) => channelsOf(grouping, cut.atoms, groups, cut.groups)) } }
  }
}

function parametersOf(grouping: Grouping): Parameter[] {
  const { graph } = grouping.analysis
  const cutOf = cutsOf(grouping)
  const found = new Map<string, { versions: Map<string, Size>; scalarFree: boolean }>()
  for (const node of graph.nodes) {
    node.inputs.forEach((name, input) => {
      const tensor = graph.initializers.get(name)
      if (tensor?.type !== 'float32' || !isTrained(node, input, tensor.data.length)) return
      const { key, size } = cutOf(node, input)
      const parameter = found.get(name) ?? { versions: new Map(), scalarFree: true }
      parameter.versions.set(key, size)
      parameter.scalarFree &&= !isTrained(node, input, 1)
      found.set(name, parameter)
    })
  }
  return [...found.values()].map(({ versions, scalarFree }) => ({ versions: [...versions.values()], scalarFree }))
}

function macsOf(grouping: Grouping): Size[] {
  const { analysis, groups } = grouping
  const cutOf = cutsOf(grouping)
  const layers = new Set(analysis.layers.map((layer) => layer.node))
  const costs = costOf(analysis.graph).layers
  return analysis.graph.nodes.flatMap((node, i): Size[] => {
    const { macs } = costs[i]
    if (macs === 0) return []
    if (layers.has(node)) {
      // Every weight is used once per position, whatever the widths.
      const { size } = cutOf(node, 1)
      return [{ ...size, fixed: (size.fixed * macs) / elements(analysis.graph.initializers.get(node.inputs[1])!.dims) }]
    }
    const layout = analysis.layouts.get(node.outputs[0])
    if (!layout || layout.axis < 0) return [{ fixed: macs, axes: [] }]
    return [{ fixed: macs / layout.atoms.length, axes: [channelsOf(grouping, layout.atoms, groups)] }]
  })
}
