/**
 * Least-squares re-fitting: what the removed channels gave a layer is taken over, as far as it can be, by those that are kept.
 *
 * Y = [X 1] [W; b] is the layer's output in the original network, X [samples, inputs x taps] what it reads. With only the columns S kept, the
 * weights that come nearest to Y are G_SS^-1 G_S,: [W; b], G = [X 1]^T [X 1] (He et al. 2017, arXiv 1707.06168, eq. 5; AMC, arXiv 1802.03494). So the Gram
 * matrices of the original network, gathered once (`training/gram.ts`), answer for every choice of channels without another image. The solution is
 * found as a change of the weights that are there: W' = W_S + (G_SS + lambda I)^-1 G_SR W_R, so that lambda keeps what few samples say nothing about.
 */
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { scalar } from './attributes.js'
import type { Layer } from './context.js'
import { type ChannelGroup, groupsOf } from './groups.js'
import { type Picked, padded, solveInPlace, subtractProduct } from './least-squares.js'
import { pruneChannels } from './prune.js'
import { type Kept, removedClasses } from './selection.js'

/** What a layer reads, seen over samples. */
export interface LayerGram {
  /** [X 1]^T [X 1], row major, (columns + 1)^2; column c * taps + t is input channel c under tap t of the kernel, the last is the constant. */
  readonly gram: Float64Array
  /** Input channels x taps. */
  readonly columns: number
  readonly samples: number
}

export interface Skipped {
  readonly layer: string
  readonly reason: string
}

/** By the name of the layer. */
export interface InputStatistics {
  readonly layers: ReadonlyMap<string, LayerGram>
  /** Layers that read channels that may be removed, and cannot be re-fitted. */
  readonly skipped: readonly Skipped[]
}

export interface RefitOptions {
  /** lambda, relative to the mean of the diagonal of G_SS; 1e-4 when absent. */
  readonly ridge?: number
}

export interface Refitted {
  readonly layer: string
  /** Mean over samples and kept outputs of the squared difference to the original network's output: with the removed channels just gone, and re-fitted. */
  readonly before: number
  readonly after: number
}

/** A layer that can be re-fitted, and how its weights lie in memory: input column i of output o is at `o * output + i * input`. */
export interface RefitLayer extends Layer {
  readonly inputs: Int32Array
  readonly taps: number
  readonly strides: { readonly output: number; readonly input: number }
}

/** Layers that read units of `groups`: those that can be re-fitted, and the others with the reason. */
export function refitLayers(graph: Graph, groups: readonly Pick<ChannelGroup, 'id'>[]): { layers: RefitLayer[]; skipped: Skipped[] } {
  const { analysis, groups: all, place } = groupsOf(graph)
  const concerned = new Set([...all.keys()].filter((g) => all[g].locked === null && groups.some(({ id }) => id === all[g].id)))
  const reads = (atoms: Int32Array) => atoms.some((atom) => concerned.has(place.get(analysis.find(atom))!.group))
  const uses = new Map<string, number>()
  for (const node of graph.nodes) for (const name of node.inputs) uses.set(name, (uses.get(name) ?? 0) + 1)
  const layers: RefitLayer[] = []
  const skipped: Skipped[] = []
  for (const layer of analysis.layers) {
    if (!reads(layer.inputs ?? layer.outputs)) continue
    const reason = reasonAgainst(graph, layer, uses)
    if (reason) skipped.push({ layer: layer.node.name, reason })
    else layers.push(described(graph, layer))
  }
  return { layers, skipped }
}

function reasonAgainst(graph: Graph, { node, inputs }: Layer, uses: ReadonlyMap<string, number>): string | undefined {
  if (!inputs) return 'depthwise: each channel is made of one alone'
  if (node.op === 'ConvTranspose') return 'a transposed convolution'
  if (node.op.startsWith('Conv') && scalar(node, 'group', 1) > 1) return 'a grouped convolution'
  if (uses.get(node.inputs[1])! > 1) return 'its weight is used more than once'
  if (node.op === 'Gemm' && (scalar(node, 'alpha', 1) !== 1 || scalar(node, 'beta', 1) !== 1)) return 'alpha or beta is not 1'
  if (node.inputs[2] && !graph.initializers.has(node.inputs[2])) return 'its bias is not a constant'
  return undefined
}

function described(graph: Graph, layer: Layer): RefitLayer {
  const { dims } = graph.initializers.get(layer.node.inputs[1])!
  const taps = dims.slice(2).reduce((a, b) => a * b, 1)
  const inputs = layer.inputs!
  // A convolution has [out, in, ...kernel], a linear layer [out, in] or [in, out].
  const strides = layer.inputAxis === 1 ? { output: inputs.length * taps, input: 1 } : { output: 1, input: dims[1] }
  return { ...layer, inputs, taps, strides }
}

/** One layer's least squares, for any choice of its inputs. */
export interface LayerFit {
  readonly layer: RefitLayer
  /**
   * The layer's constants, by name, when only some inputs are left: the weights, zero where inputs are gone, and what holds the shift of the outputs. All
   * outputs are there; each is found on its own, whichever others are kept.
   * @param keeps 1 for every input channel that stays, 0 for the others
   */
  solve(keeps: Uint8Array): ReadonlyMap<string, TensorData>
  /** Mean over samples and `outputs` of the squared difference that these constants make to the layer's output. */
  error(constants: ReadonlyMap<string, TensorData>, outputs: readonly number[]): number
}

/** @throws InputError where `seen` is not of this layer */
export function layerFit(graph: Graph, layer: RefitLayer, seen: LayerGram, { ridge = 1e-4 }: RefitOptions = {}): LayerFit {
  const { columns, gram, samples } = seen
  if (columns !== layer.inputs.length * layer.taps)
    throw new InputError('statistics of another network', {
      field: `layer '${layer.node.name}'`,
      expected: `${layer.inputs.length * layer.taps} columns`,
      found: columns,
    })
  const { strides, taps } = layer
  const outputs = layer.outputs.length
  const place = shiftPlace(graph, layer.node, outputs)
  const name = layer.node.inputs[1]
  const weight = graph.initializers.get(name)!
  const size = columns + 1
  const at = (o: number, i: number) => o * strides.output + i * strides.input
  return {
    layer,
    solve(keeps) {
      const stays = indices(columns, (i) => keeps[Math.floor(i / taps)] !== 0)
      const goes = indices(columns, (i) => keeps[Math.floor(i / taps)] === 0)
      const lost = new Float64Array(outputs * columns)
      for (let o = 0; o < outputs; o++) for (const i of goes) lost[o * columns + i] = Number(weight.data[at(o, i)])
      const basis = place ? Int32Array.of(...stays, columns) : stays
      const { change, width } = solveChange(
        seen,
        basis,
        { matrix: lost, width: columns, rows: indices(outputs), columns: goes },
        ridge,
        layer.node.name,
      )
      const data = new Float32Array(weight.data.length)
      for (let o = 0; o < outputs; o++)
        stays.forEach((i, q) => {
          data[at(o, i)] = Number(weight.data[at(o, i)]) + change[o * width + q]
        })
      const constants = new Map<string, TensorData>([[name, { ...weight, data }]])
      if (place) {
        const before = graph.initializers.get(place.tensor)!
        const after = Float32Array.from(before.data as ArrayLike<number>, (x, o) => x + place.sign * change[o * width + stays.length])
        constants.set(place.tensor, { ...before, data: after })
      }
      return constants
    },
    error(constants, kept) {
      const difference = new Float64Array(kept.length * size)
      const now = constants.get(name)!.data
      const [shift, before] = place ? [constants, graph.initializers].map((from) => from.get(place.tensor)?.data) : []
      kept.forEach((o, row) => {
        for (let i = 0; i < columns; i++) difference[row * size + i] = Number(now[at(o, i)]) - Number(weight.data[at(o, i)])
        if (shift && before) difference[row * size + columns] = place!.sign * (Number(shift[o]) - Number(before[o]))
      })
      return squares(gram, difference, kept.length, size) / (samples * kept.length)
    },
  }
}

const indices = (count: number, among: (i: number) => boolean = () => true): Int32Array =>
  Int32Array.from(Array.from({ length: count }, (_, i) => i).filter(among))

/**
 * `pruneChannels`, with the layers of `statistics` that lose inputs re-fitted: weights, and bias, where there is one, or the mean of the batch
 * normalisation behind. No parameter is added. Layers that lose no input keep the very tensors that `pruneChannels` gives them.
 *
 * @param statistics of this graph: from `gatherGrams`
 */
export function pruneAndRefit(
  graph: Graph,
  kept: Kept,
  statistics: InputStatistics,
  options: RefitOptions = {},
): { graph: Graph; refitted: Refitted[] } {
  const grouping = groupsOf(graph)
  const removed = removedClasses(grouping, kept)
  const stays = (atom: number) => !removed.has(grouping.analysis.find(atom))
  const initializers = new Map(graph.initializers)
  const refitted: Refitted[] = []
  for (const layer of refitLayers(graph, grouping.groups).layers) {
    const seen = statistics.layers.get(layer.node.name)
    if (!seen || layer.inputs.every(stays)) continue
    const fit = layerFit(graph, layer, seen, options)
    const keeps = Uint8Array.from(layer.inputs, (atom) => Number(stays(atom)))
    const constants = fit.solve(keeps)
    const outputs = [...layer.outputs.keys()].filter((o) => stays(layer.outputs[o]))
    const before = fit.error(withoutInputs(graph, layer, keeps), outputs)
    refitted.push({ layer: layer.node.name, before, after: fit.error(constants, outputs) })
    for (const [name, tensor] of constants) initializers.set(name, tensor)
  }
  // The same network in its full size: with weights of zero, removed channels have nothing to leave in a bias.
  return { graph: pruneChannels(refitted.length > 0 ? { ...graph, initializers } : graph, kept), refitted }
}

/** The layer's weights with zeros for the inputs that are gone. */
function withoutInputs(graph: Graph, { node, inputs, taps, outputs, strides }: RefitLayer, keeps: Uint8Array): Map<string, TensorData> {
  const weight = graph.initializers.get(node.inputs[1])!
  const data = Float32Array.from(weight.data as ArrayLike<number>)
  for (let i = 0; i < inputs.length * taps; i++)
    if (!keeps[Math.floor(i / taps)]) for (let o = 0; o < outputs.length; o++) data[o * strides.output + i * strides.input] = 0
  return new Map([[node.inputs[1], { ...weight, data }]])
}

interface Place {
  readonly tensor: string
  readonly sign: 1 | -1
}

/** The constant that can hold what is to be added to the outputs of a layer. */
function shiftPlace(graph: Graph, node: Node, outputs: number): Place | undefined {
  const place = (at: Node, input: number, sign: 1 | -1): Place | undefined => {
    const tensor = at.inputs[input]
    const readers = graph.nodes.reduce((sum, one) => sum + one.inputs.filter((name) => name === tensor).length, 0)
    return graph.initializers.get(tensor)?.data.length === outputs && readers === 1 ? { tensor, sign } : undefined
  }
  if (node.inputs[2]) return place(node, 2, 1)
  const [output] = node.outputs
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(output))
  if (readers.length !== 1 || graph.outputs.some(({ name }) => name === output)) return undefined
  const [next] = readers
  if (next.op === 'BatchNormalization') return place(next, 3, -1)
  return node.op === 'MatMul' && next.op === 'Add' ? place(next, next.inputs[0] === output ? 1 : 0, 1) : undefined
}

/**
 * change = (G_SS + lambda I)^-1 G_SR W_R.
 * @param lost W_R^T [outputs, goes]
 * @returns change^T [outputs, width], the columns of the basis first
 */
function solveChange(
  { gram, columns }: LayerGram,
  basis: Int32Array,
  lost: Picked,
  ridge: number,
  layer: string,
): { change: Float64Array; width: number } {
  const size = columns + 1
  const [n, rows] = [padded(basis.length), padded(lost.rows.length)]
  const system = new Float64Array((n + rows) * n)
  if (lost.columns.length === 0) return { change: system, width: n }
  subtractProduct(system.subarray(n * n), n, lost, { matrix: gram, width: size, rows: basis, columns: lost.columns })
  const wanted = system.slice(n * n).map((x) => -x)
  let trace = 0
  for (const i of basis) trace += gram[i * size + i]
  if (trace === 0) return { change: wanted, width: n }
  // Where the kept columns are linearly dependent to the last bit no factor exists without a larger lambda. With one far above the mean of
  // the diagonal it does, unless there is something among them that is no finite number.
  const most = 1e4 * Math.max(1, ridge)
  for (let share = ridge; share < most; share = Math.max(10 * share, 1e-14)) {
    const lambda = (share * trace) / basis.length
    for (let a = 0; a < n; a++) {
      if (a >= basis.length) system.fill(0, a * n, a * n + a)
      else for (let b = 0, row = basis[a] * size; b < a; b++) system[a * n + b] = gram[row + basis[b]]
      system[a * n + a] = a < basis.length ? gram[basis[a] * size + basis[a]] + lambda : 1
    }
    system.set(wanted, n * n)
    if (solveInPlace(system, n, rows)) return { change: system.subarray(n * n), width: n }
  }
  throw new InputError('cannot be re-fitted', {
    field: `layer '${layer}'`,
    expected: 'statistics and a ridge of finite numbers',
    found: `a ridge of ${ridge} and a mean square of ${trace / basis.length}`,
  })
}

/** The sum over rows d of d G d^T. */
function squares(gram: Float64Array, difference: Float64Array, count: number, size: number): number {
  const [n, rows] = [padded(size), padded(count)]
  const product = new Float64Array(rows * n)
  const all = indices(size)
  subtractProduct(
    product,
    n,
    { matrix: difference, width: size, rows: indices(count), columns: all },
    { matrix: gram, width: size, rows: all, columns: all },
  )
  let sum = 0
  for (let row = 0; row < count; row++) for (let i = 0; i < size; i++) sum -= difference[row * size + i] * product[row * n + i]
  return Math.max(0, sum)
}
