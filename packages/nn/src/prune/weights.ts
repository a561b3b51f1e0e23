/** Unstructured pruning: single weights, or all weights of a filter, become zero; shapes stay (arXiv 2110.08558, coarse and fine mode). */
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { scalar } from './attributes.js'
import type { Skipped } from './refit.js'

/** A layer whose weights can be pruned one by one. */
export interface WeightLayer {
  /** Name of the node. */
  readonly name: string
  /** Name of the constant that holds its weights. */
  readonly weight: string
  /** Weights; a bias is none. */
  readonly count: number
  /** Output filters. */
  readonly filters: number
}

/**
 * What layers, by name, keep: a number of weights (the largest magnitudes), or the numbers of the output filters that keep all their weights. A layer that
 * is not named keeps all. Biases always stay.
 */
export type KeptWeights = Readonly<Record<string, number | ArrayLike<number>>>

const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/** Every convolution and linear layer whose weight is a float32 constant that nothing else reads; and the others with the reason. */
export function weightLayers(graph: Graph): { layers: WeightLayer[]; skipped: Skipped[] } {
  const uses = new Map<string, number>()
  for (const name of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map((output) => output.name)])
    uses.set(name, (uses.get(name) ?? 0) + 1)
  const layers: WeightLayer[] = []
  const skipped: Skipped[] = []
  for (const node of graph.nodes) {
    if (!weighted.has(node.op)) continue
    const weight = node.inputs[1]
    const tensor = graph.initializers.get(weight)
    if (!tensor) skipped.push({ layer: node.name, reason: 'its weight is not a constant' })
    else if (!(tensor.data instanceof Float32Array)) skipped.push({ layer: node.name, reason: `its weight is ${tensor.type}, not float32` })
    else if (uses.get(weight)! > 1) skipped.push({ layer: node.name, reason: 'its weight is used more than once' })
    else layers.push({ name: node.name, weight, count: tensor.data.length, filters: filtersOf(node, tensor).filters })
  }
  return { layers, skipped }
}

/** How many output filters a weight has, and to which of them its i-th value belongs. */
function filtersOf(node: Node, { dims }: TensorData): { filters: number; filterOf: (i: number) => number } {
  const transposed = node.op === 'ConvTranspose'
  const rows = node.op === 'Conv' || (node.op === 'Gemm' && scalar(node, 'transB', 0) !== 0)
  // [out, in, ...kernel]; [in, out / groups, ...kernel]; [..., in, out].
  const axis = rows ? 0 : transposed ? 1 : dims.length - 1
  const size = dims[axis]
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const groups = transposed ? scalar(node, 'group', 1) : 1
  const perGroup = transposed ? dims[0] / groups : Number.POSITIVE_INFINITY
  return {
    filters: size * groups,
    filterOf: (i) => (Math.floor(i / inner) % size) + size * Math.floor(i / (inner * size) / perGroup),
  }
}

/** Sets to zero, in a copy of `values` (the weights themselves when absent, else one value for each), what is not kept. */
export type MaskWeights = (kept: number | ArrayLike<number>, values?: Float32Array) => Float32Array

/** Of every layer that can be pruned, by name. A layer's magnitudes are sorted once, when they are first needed. */
export function weightMasks(graph: Graph): Map<string, WeightLayer & { readonly mask: MaskWeights }> {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  return new Map(
    weightLayers(graph).layers.map((layer) => {
      const tensor = graph.initializers.get(layer.weight)!
      const weights = tensor.data as Float32Array
      const { filterOf } = filtersOf(nodes.get(layer.name)!, tensor)
      const magnitudes = largestFirst(layer, weights)
      const mask: MaskWeights = (kept, values = weights) =>
        typeof kept === 'number' ? magnitudes(kept, values) : maskFilters(layer, filterOf, kept, values)
      return [layer.name, { ...layer, mask }]
    }),
  )
}

function largestFirst({ name, count }: WeightLayer, weights: Float32Array) {
  let sorted: Float32Array | undefined
  return (kept: number, values: Float32Array): Float32Array => {
    if (!Number.isInteger(kept) || kept < 0 || kept > count)
      throw new InputError('number of weights to keep', {
        field: `layer '${name}'`,
        expected: `a whole number from 0 to ${count}`,
        found: kept,
      })
    if (kept === count) return values.slice()
    if (kept === 0) return new Float32Array(count)
    sorted ??= weights.map(Math.abs).sort()
    if (Number.isNaN(sorted[count - 1]))
      throw new InputError('weights to prune', { field: `layer '${name}'`, expected: 'numbers', found: 'NaN' })
    const least = sorted[count - kept]
    // Of those as large as the least that stays, the first stay.
    let ties = kept - (count - firstAbove(sorted, least))
    const result = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      const magnitude = Math.abs(weights[i])
      if (magnitude > least || (magnitude === least && ties-- > 0)) result[i] = values[i]
    }
    return result
  }
}

/** Index of the first value above `bound` in ascending values. */
function firstAbove(sorted: Float32Array, bound: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] > bound) high = middle
    else low = middle + 1
  }
  return low
}

function maskFilters({ name, filters }: WeightLayer, filterOf: (i: number) => number, kept: ArrayLike<number>, values: Float32Array) {
  const stays = new Uint8Array(filters)
  for (const filter of Array.from(kept)) {
    if (!Number.isInteger(filter) || filter < 0 || filter >= filters)
      throw new InputError('kept filter out of range', {
        field: `layer '${name}'`,
        expected: `whole numbers from 0 to ${filters - 1}`,
        found: filter,
      })
    stays[filter] = 1
  }
  return values.map((value, i) => (stays[filterOf(i)] ? value : 0))
}

/** Throws InputError where a layer is named that cannot be pruned. */
export function checkWeightLayers(graph: Graph, kept: KeptWeights): void {
  const { layers, skipped } = weightLayers(graph)
  for (const name of Object.keys(kept)) {
    if (layers.some((layer) => layer.name === name)) continue
    const reason = skipped.find(({ layer }) => layer === name)?.reason
    throw new InputError(reason ? `the weights of this layer cannot be pruned: ${reason}` : 'there is no such layer', {
      field: `layer '${name}'`,
      expected: `one of ${layers.map((layer) => layer.name).join(', ') || 'none'}`,
    })
  }
}

/**
 * The network with all but the kept weights at zero. Of a layer that keeps n weights exactly n values stay: the largest magnitudes, the first of equal
 * ones (zeros too, where there are not n others).
 *
 * Nothing becomes smaller: shapes, MACs, latency and the size of the exported file (dense ONNX with zeros in it) are those of the given network.
 * Batch normalisation keeps its statistics (`recalibrateBatchNorm`); `train` with `keepZeros` trains what is left.
 *
 * @throws InputError for layers that cannot be pruned, counts and filters out of range
 */
export function pruneWeights(graph: Graph, kept: KeptWeights): Graph {
  checkWeightLayers(graph, kept)
  const masks = weightMasks(graph)
  const initializers = new Map(graph.initializers)
  for (const [name, spec] of Object.entries(kept)) {
    const { weight, mask } = masks.get(name)!
    initializers.set(weight, { ...graph.initializers.get(weight)!, data: mask(spec) })
  }
  return { ...graph, initializers }
}

/** L1 norm of each output filter of a layer, as the filters are numbered in `KeptWeights`. */
export function filterNorms(graph: Graph, { name, weight, filters }: WeightLayer): Float64Array {
  const tensor = graph.initializers.get(weight)!
  const { filterOf } = filtersOf(graph.nodes.find((node) => node.name === name)!, tensor)
  const norms = new Float64Array(filters)
  ;(tensor.data as Float32Array).forEach((value, i) => (norms[filterOf(i)] += Math.abs(value)))
  return norms
}

export interface NonZeroWeights {
  readonly count: number
  readonly nonZero: number
  readonly layers: readonly { readonly name: string; readonly count: number; readonly nonZero: number }[]
}

/** How many weights of the layers that can be pruned one by one are not zero. */
export function nonZeroWeights(graph: Graph): NonZeroWeights {
  const layers = weightLayers(graph).layers.map(({ name, weight, count }) => {
    let nonZero = 0
    for (const value of graph.initializers.get(weight)!.data as Float32Array) if (value !== 0) nonZero++
    return { name, count, nonZero }
  })
  const total = (of: 'count' | 'nonZero') => layers.reduce((sum, layer) => sum + layer[of], 0)
  return { count: total('count'), nonZero: total('nonZero'), layers }
}
