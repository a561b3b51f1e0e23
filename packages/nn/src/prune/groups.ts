/** Channel groups: sets of channels, across layers, that can only be removed together. */
import type { Graph } from '../graph.js'
import { type Analysis, analyse } from './analysis.js'

export interface GroupMember {
  /** Node name of a convolution or linear layer. */
  readonly layer: string
  /** Whether the units are among its output or its input channels. A depthwise layer, whose outputs are its inputs, is `out` alone. */
  readonly side: 'out' | 'in'
  /** Channels of this layer in one unit: 1, or more after a flatten or where groups tie channels. */
  readonly multiplicity: number
  /** Channel numbers of this layer, `multiplicity` per unit, unit after unit. */
  readonly indices: Int32Array
}

export interface ChannelGroup {
  /** Name of the first layer that makes these channels; `name#2` and so on where a layer's channels fall into several groups. */
  readonly id: string
  /** Units that can be kept or removed. */
  readonly channels: number
  readonly members: readonly GroupMember[]
  /** Why these channels must stay; null when they may go. */
  readonly locked: string | null
}

/** The groups together with the classes of channels they are made of: `units[group][unit]` is a class of the analysis. */
export interface Grouping {
  readonly analysis: Analysis
  readonly groups: readonly ChannelGroup[]
  readonly units: readonly Int32Array[]
  /** Group and unit of a class. */
  readonly place: ReadonlyMap<number, { readonly group: number; readonly unit: number }>
}

const known = new WeakMap<Graph, Grouping>()

/**
 * Finds the coupled channels of a network.
 *
 * Every channel that a layer makes is an identity that is followed through the graph; identities that meet (additions, depthwise and
 * grouped convolutions, shared weights) are united. A class of united channels is a unit of pruning. Units that occur equally often
 * in every tensor form a group, so that each group can be cut to any width above zero on its own and every size in the network is a linear function
 * of the widths.
 */
export function channelGroups(graph: Graph): ChannelGroup[] {
  return [...groupsOf(graph).groups]
}

export function groupsOf(graph: Graph): Grouping {
  const before = known.get(graph)
  if (before) return before
  const analysis = analyse(graph)
  // Classes that occurred equally often in every tensor so far have the same number.
  const signatures = new Map<number, number>()
  const origins = new Map<number, string>()
  const seen = new Set<Int32Array>()
  let signature = 0
  for (const [tensor, { atoms }] of analysis.layouts) {
    // Most tensors have the channels of the one before.
    if (seen.has(atoms)) continue
    seen.add(atoms)
    const counts = new Map<number, number>()
    for (const atom of atoms) {
      const root = analysis.find(atom)
      counts.set(root, (counts.get(root) ?? 0) + 1)
    }
    const made = new Map<string, number>()
    for (const [root, count] of counts) {
      if (!origins.has(root)) origins.set(root, tensor)
      const key = `${signatures.get(root)} ${count}`
      if (!made.has(key)) made.set(key, signature++)
      signatures.set(root, made.get(key)!)
    }
  }
  const bySignature = new Map<string, number[]>()
  for (const [root, number] of signatures) {
    const key = `${number} ${analysis.reason(root) ?? ''}`
    const units = bySignature.get(key)
    if (units) units.push(root)
    else bySignature.set(key, [root])
  }
  const units = [...bySignature.values()].map((roots) => Int32Array.from(roots))
  const place = new Map<number, { group: number; unit: number }>()
  for (const [group, roots] of units.entries()) for (const [unit, root] of roots.entries()) place.set(root, { group, unit })
  const members = membersOf(analysis, units.length, place)
  const taken = new Map<string, number>()
  const groups = units.map((roots, group): ChannelGroup => {
    const first = members[group].find((member) => member.side === 'out')
    const name = first?.layer ?? origins.get(roots[0])!
    const count = (taken.get(name) ?? 0) + 1
    taken.set(name, count)
    const single = first?.multiplicity === 1 ? 'a single channel' : 'a single unit: these channels can only go together'
    const locked = analysis.reason(roots[0]) ?? (first ? (roots.length === 1 ? single : null) : `made by no layer: ${name}`)
    return { id: count === 1 ? name : `${name}#${count}`, channels: roots.length, members: members[group], locked }
  })
  const grouping = { analysis, groups, units, place }
  known.set(graph, grouping)
  return grouping
}

function membersOf(analysis: Analysis, count: number, place: Grouping['place']): GroupMember[][] {
  const members = Array.from({ length: count }, (): GroupMember[] => [])
  /** What does not depend on the layer, by the vector of its channels. */
  const known = new Map<Int32Array, readonly (readonly [number, Pick<GroupMember, 'multiplicity' | 'indices'>])[]>()
  const partsOf = (atoms: Int32Array) => {
    const found = new Map<number, { unit: number; channel: number }[]>()
    atoms.forEach((atom, channel) => {
      const { group, unit } = place.get(analysis.find(atom))!
      if (!found.has(group)) found.set(group, [])
      found.get(group)!.push({ unit, channel })
    })
    return [...found].map(([group, pairs]) => {
      pairs.sort((a, b) => a.unit - b.unit || a.channel - b.channel)
      const width = new Set(pairs.map(({ unit }) => unit)).size
      return [group, { multiplicity: pairs.length / width, indices: Int32Array.from(pairs, ({ channel }) => channel) }] as const
    })
  }
  const add = (layer: string, side: 'out' | 'in', atoms: Int32Array) => {
    if (!known.has(atoms)) known.set(atoms, partsOf(atoms))
    for (const [group, part] of known.get(atoms)!) members[group].push({ layer, side, ...part })
  }
  for (const layer of analysis.layers) {
    if (layer.inputs) add(layer.node.name, 'in', layer.inputs)
    add(layer.node.name, 'out', layer.outputs)
  }
  return members
}
