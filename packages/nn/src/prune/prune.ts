/** Structured pruning of plain graph data. */
import type { Graph } from '../graph.js'
import { type CompensationOptions, compensate, type Residue } from './compensate.js'
import { groupsOf } from './groups.js'
import { type Kept, removedClasses } from './selection.js'
import { cut } from './surgery.js'

export type PruneOptions = CompensationOptions

/**
 * A smaller network: of every group named in `kept` only those units, of the others all.
 *
 * A removed channel counts as zero where a layer reads it, after its own normalisation and activation, with two exceptions: a channel that is constant in
 * `graph` itself (its filter is all zero) leaves that constant in the next layer's bias, and a channel in `options.means` leaves its mean. So the result equals
 * `maskGraph(compensatedGraph(graph, kept, options), ...)` with the same channels masked.
 *
 * The given graph is untouched, and so is every constant that is not cut: it is the very same object in the result.
 *
 * @param kept unit numbers by group id, in any order; throws InputError for unknown or locked groups, none kept, or bad indices
 */
export function pruneChannels(graph: Graph, kept: Kept, options: PruneOptions = {}): Graph {
  return pruneChannelsWithReport(graph, kept, options).graph
}

/** The same, with what could not be held exactly: removed non-zero constants that met padding. */
export function pruneChannelsWithReport(graph: Graph, kept: Kept, options: PruneOptions = {}): { graph: Graph; residue: Residue[] } {
  const { graph: full, residue } = compensate(graph, removedClasses(groupsOf(graph), kept), options)
  const grouping = groupsOf(full)
  return { graph: cut(grouping.analysis, removedClasses(grouping, kept)), residue }
}

/** The network in its full size with the biases that `pruneChannels` would give it: what the masked network is compared with. */
export function compensatedGraph(graph: Graph, kept: Kept, options: PruneOptions = {}): Graph {
  return compensate(graph, removedClasses(groupsOf(graph), kept), options).graph
}
