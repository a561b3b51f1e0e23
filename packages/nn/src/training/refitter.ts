/** Re-fitted constants for an executable: what a candidate of a search changes in the one network that judges all of them. */
import { foldedNames, foldNormalization } from '../engine/fuse.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { type ChannelGroup, groupsOf } from '../prune/groups.js'
import { type InputStatistics, layerFit, type RefitOptions, refitLayers } from '../prune/refit.js'
import { type Kept, removedClasses } from '../prune/selection.js'

export interface RefitterOptions extends RefitOptions {
  /** Most bytes of solutions that are remembered, the least recently used go first; 256 MiB when absent. */
  readonly cacheBytes?: number
}

/** Tensors of an executable to be written, by name. */
export type Writes = readonly (readonly [name: string, data: Float32Array])[]

export interface Refitter {
  /** The layers' constants for a candidate, by the layer. @throws InputError as `pruneChannels` does */
  solve(kept: Kept): ReadonlyMap<string, Writes>
}

/**
 * The solutions that `pruneAndRefit` finds, for the constants of `network`: the same layers in full size, with batch normalisation folded where it is there.
 * Removed inputs are read as zeros and removed outputs are masked, so nothing else need change.
 *
 * A layer's solution depends only on which of its inputs are kept: it is found once for all candidates that share them.
 * @param network what `fuseForInference` made of `masked`, the graph with masks
 */
export function createRefitter(
  graph: Graph,
  { masked, network }: { masked: Graph; network: Graph },
  groups: readonly Pick<ChannelGroup, 'id'>[],
  statistics: InputStatistics,
  { cacheBytes = 2 ** 28, ...options }: RefitterOptions = {},
): Refitter {
  const grouping = groupsOf(graph)
  const ids = groups.map(({ id }) => id)
  const fits = refitLayers(graph, groups).layers.flatMap((layer) => {
    const seen = statistics.layers.get(layer.node.name)
    return seen ? [{ fit: layerFit(graph, layer, seen, options), place: placement(masked, network, layer.node) }] : []
  })
  const known = createCache(cacheBytes)
  return {
    solve(kept) {
      const removed = removedClasses(grouping, Object.fromEntries(Object.entries(kept).filter(([id]) => ids.includes(id))))
      return new Map(
        fits.map(({ fit, place }) => {
          const { node, inputs } = fit.layer
          const keeps = Uint8Array.from(inputs, (atom) => Number(!removed.has(grouping.analysis.find(atom))))
          const key = `${node.name} ${keeps.join('')}`
          return [node.name, known(key, () => place(fit.solve(keeps)))]
        }),
      )
    },
  }
}

/** Where a layer's constants are in the network that runs. */
function placement(masked: Graph, network: Graph, layer: Node): (constants: ReadonlyMap<string, TensorData>) => Writes {
  const conv = masked.nodes.find(({ name }) => name === layer.name)!
  const normalization = masked.nodes.find(({ op, inputs }) => op === 'BatchNormalization' && inputs[0] === conv.outputs[0])
  const names = foldedNames(conv)
  return (constants) => {
    const found = [...constants].filter(([name]) => network.initializers.has(name))
    if (normalization && network.initializers.has(names.weight)) {
      const folded = foldNormalization({ initializers: new Map([...masked.initializers, ...constants]) }, conv, normalization)!
      found.push([names.weight, folded.weight], [names.bias, folded.bias])
    }
    return found.map(([name, { data }]) => [name, data as Float32Array])
  }
}

/** Remembers up to `limit` bytes; what was asked for longest ago is forgotten first. */
function createCache(limit: number): (key: string, make: () => Writes) => Writes {
  const known = new Map<string, Writes>()
  let bytes = 0
  const sizeOf = (writes: Writes) => writes.reduce((sum, [, data]) => sum + data.byteLength, 0)
  return (key, make) => {
    const before = known.get(key)
    const writes = before ?? make()
    if (before) known.delete(key)
    else bytes += sizeOf(writes)
    known.set(key, writes)
    for (const [oldest, old] of known) {
      if (bytes <= limit) break
      known.delete(oldest)
      bytes -= sizeOf(old)
    }
    return writes
  }
}
