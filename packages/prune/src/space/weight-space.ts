/**
 * What a search chooses from where single weights go (`--structure weights`, the mode of arXiv 2110.08558): of every convolution and linear layer how many weights
 * stay, the largest magnitudes; in the fine mode which of its filters keep theirs. Shapes stay as they are, and with them params, MACs and bytes: only the budget
 * `weights`, and those of the user's own, can ask for less.
 */
import {
  costOf,
  exportOnnx,
  filterNorms,
  type Graph,
  InputError,
  type KeptWeights,
  keepTop,
  memoryOf,
  nonZeroWeights,
  pruneWeights,
  type WeightLayer,
  weightLayers,
} from '@espalier/nn'
import { createCandidate, nearestWidth, noneOpen, plainKept, type Space, type SpaceOptions } from './space.js'

/** Counts of weights that a layer may keep are so many, from this share of it to all. */
const counts = 1000

/** @throws InputError for a name to keep that is no layer, and for a network with no weights to choose from */
export function createWeightSpace(graph: Graph, { keep }: Pick<SpaceOptions, 'keep'>, unit: 'weights' | 'filters'): Space {
  const { layers, skipped } = weightLayers(graph)
  const unknown = keep.find((name) => !layers.some((layer) => layer.name === name))
  if (unknown !== undefined)
    throw new InputError('there is no such layer', {
      field: `--keep ${unknown}`,
      expected: `one of ${layers.map(({ name }) => name).join(', ')}`,
    })
  const unitsOf = (layer: WeightLayer) => (unit === 'weights' ? layer.count : layer.filters)
  const group = (layer: WeightLayer) => ({
    id: layer.name,
    channels: unitsOf(layer),
    members: [{ layer: layer.name, side: 'out' as const }],
    locked: null,
  })
  const chosen = layers.filter((layer) => !keep.includes(layer.name) && unitsOf(layer) > 1)
  const fixed = [
    ...skipped.map(({ layer, reason }) => ({ id: layer, channels: 0, reason })),
    ...layers
      .filter((layer) => !chosen.includes(layer))
      .map((layer) => ({
        id: layer.name,
        channels: unitsOf(layer),
        reason: keep.includes(layer.name) ? `kept: --keep ${layer.name}` : 'it has one filter only',
      })),
  ]
  if (chosen.length === 0) throw noneOpen(graph, fixed, 'no weights of this network may be removed')
  const open = chosen.map((layer) => ({
    group: group(layer),
    widths: widthsOf(unitsOf(layer)),
    // Asked for by few: of a large layer they are many.
    get scores() {
      return scoresOf(graph, layer, unit)
    },
  }))
  const byId = (widths: readonly number[]) => Object.fromEntries(chosen.map(({ name }, i) => [name, widths[i]]))
  const weightsOf: Space['weightsOf'] = ({ widths, kept }): KeptWeights =>
    kept ??
    (unit === 'weights' ? byId(widths) : Object.fromEntries(open.map(({ group, scores }, i) => [group.id, keepTop(scores, widths[i])])))
  const graphOf: Space['graphOf'] = (cut) => pruneWeights(graph, weightsOf(cut))
  // Of the whole network all but `weights` are the same for every candidate.
  const { params, macs } = costOf(graph)
  const same: { bytes?: number; memory?: number } = {}
  const whole = nonZeroWeights(graph).count
  const inAll = chosen.reduce((sum, { count }) => sum + count, 0)
  const weights = (widths: readonly number[]) =>
    whole - inAll + chosen.reduce((sum, layer, i) => sum + (widths[i] / unitsOf(layer)) * layer.count, 0)
  return {
    structure: 'weights',
    graph,
    groups: layers.map(group),
    open,
    fixed,
    smallest: open.map(({ widths }) => widths[0]),
    full: open.map(({ widths }) => widths[widths.length - 1]),
    nearest: (index, share) => nearestWidth(open[index].widths, share * open[index].group.channels),
    keptOf: () => ({}),
    weightsOf,
    graphOf,
    byId,
    candidate: (widths, kept) => {
      same.bytes ??= exportOnnx(graph).length
      same.memory ??= memoryOf(graph)
      return createCandidate({
        graph: () => graphOf({ widths, kept }),
        sizes: { params, macs, weights: Math.round(weights(widths)) },
        known: same,
        widths: byId(widths),
        kept: () => plainKept(kept ?? {}),
      })
    },
  }
}

function widthsOf(units: number): number[] {
  const widths = Array.from({ length: counts }, (_, k) => Math.max(1, Math.round((units * (k + 1)) / counts)))
  return [...new Set(widths)]
}

/** Magnitudes of the weights; of filters their L1 norms, over the layer's mean. */
function scoresOf(graph: Graph, layer: WeightLayer, unit: 'weights' | 'filters'): Float64Array {
  if (unit === 'weights') return Float64Array.from(graph.initializers.get(layer.weight)!.data as Float32Array, Math.abs)
  const norms = filterNorms(graph, layer)
  const mean = norms.reduce((a, b) => a + b, 0) / layer.filters || 1
  return norms.map((norm) => norm / mean)
}
