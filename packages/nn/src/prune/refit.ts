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
  const { analysis } = groupsOf(graph)
  const small = pruneChannels(graph, kept)
  const removed = removedClasses(groupsOf(graph), kept)
  const gone = (atom: number) => removed.has(analysis.find(atom))
  const initializers = new Map(small.initializers)
  const refitted: Refitted[] = []
  for (const layer of refitLayers(graph, groupsOf(graph).groups).layers) {
    const seen = statistics.layers.get(layer.node.name)
    if (!seen || !layer.inputs.some(gone)) continue
    if (seen.columns !== layer.inputs.length * layer.taps)
      throw new InputError('statistics of another network', {
        field: `layer '${layer.node.name}'`,
        expected: `${layer.inputs.length * layer.taps} columns`,
        found: seen.columns,
      })
    const node = small.nodes.find(({ name }) => name === layer.node.name)!
    const outputs = [...layer.outputs.keys()].filter((o) => !gone(layer.outputs[o]))
    const place = shiftPlace(small, node, outputs.length)
    const columns = Array.from({ length: seen.columns }, (_, i) => i)
    const stays = columns.filter((i) => !gone(layer.inputs[Math.floor(i / layer.taps)]))
    const goes = columns.filter((i) => gone(layer.inputs[Math.floor(i / layer.taps)]))
    const weight = graph.initializers.get(layer.node.inputs[1])!
    const at = (o: number, i: number) => Number(weight.data[o * layer.strides.output + i * layer.strides.input])
    const lost = Float64Array.from({ length: goes.length * outputs.length }, (_, k) =>
      at(outputs[k % outputs.length], goes[Math.floor(k / outputs.length)]),
    )
    const basis = place ? [...stays, seen.columns] : stays
    const { change, before, after } = solve(seen, basis, goes, lost, outputs.length, options.ridge ?? 1e-4)
    const current = small.initializers.get(node.inputs[1])!
    const data = new Float32Array(current.data.length)
    const strides = layer.inputAxis === 1 ? { output: stays.length, input: 1 } : { output: 1, input: outputs.length }
    outputs.forEach((o, p) => {
      stays.forEach((i, q) => {
        data[p * strides.output + q * strides.input] = at(o, i) + change[q * outputs.length + p]
      })
    })
    initializers.set(node.inputs[1], { ...current, data })
    if (place) initializers.set(place.tensor, shifted(graph, small, place, outputs, change.subarray(stays.length * outputs.length)))
    refitted.push({ layer: layer.node.name, before, after })
  }
  return { graph: { ...small, initializers }, refitted }
}

interface Place {
  readonly node: string
  readonly input: number
  readonly tensor: string
  readonly sign: 1 | -1
}

/** The constant that can hold what is to be added to the outputs of a layer. */
function shiftPlace(graph: Graph, node: Node, outputs: number): Place | undefined {
  const place = (at: Node, input: number, sign: 1 | -1): Place | undefined => {
    const tensor = at.inputs[input]
    const readers = graph.nodes.reduce((sum, one) => sum + one.inputs.filter((name) => name === tensor).length, 0)
    return graph.initializers.get(tensor)?.data.length === outputs && readers === 1 ? { node: at.name, input, tensor, sign } : undefined
  }
  if (node.inputs[2]) return place(node, 2, 1)
  const [output] = node.outputs
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(output))
  if (readers.length !== 1 || graph.outputs.some(({ name }) => name === output)) return undefined
  const [next] = readers
  if (next.op === 'BatchNormalization') return place(next, 3, -1)
  return node.op === 'MatMul' && next.op === 'Add' ? place(next, next.inputs[0] === output ? 1 : 0, 1) : undefined
}

/** The original constant of these outputs, zeros where there was none, and what is added to the outputs. */
function shifted(graph: Graph, small: Graph, place: Place, outputs: readonly number[], added: Float64Array): TensorData {
  const before = graph.nodes.find(({ name }) => name === place.node)?.inputs[place.input]
  const values = before ? graph.initializers.get(before)?.data : undefined
  const data = Float32Array.from(outputs, (o, p) => Number(values?.[o] ?? 0) + place.sign * added[p])
  return { ...small.initializers.get(place.tensor)!, data }
}

/**
 * change = (G_SS + lambda I)^-1 G_SR W_R, and the mean squared errors before and after: with B = G_SR W_R they are |X_R W_R|^2 and that less
 * <change, B> + lambda |change|^2, over samples x outputs.
 * @param lost W_R [goes, outputs]
 * @returns change [basis, outputs]
 */
function solve(
  { gram, columns, samples }: LayerGram,
  basis: readonly number[],
  goes: readonly number[],
  lost: Float64Array,
  outputs: number,
  ridge: number,
): { change: Float64Array; before: number; after: number } {
  const size = columns + 1
  const n = basis.length
  const product = (rows: readonly number[]) => {
    const result = new Float64Array(rows.length * outputs)
    rows.forEach((row, i) => {
      goes.forEach((column, k) => {
        const factor = gram[row * size + column]
        if (factor !== 0) for (let o = 0; o < outputs; o++) result[i * outputs + o] += factor * lost[k * outputs + o]
      })
    })
    return result
  }
  const wanted = product(basis)
  const before = dot(product(goes), lost)
  let trace = 0
  for (const i of basis) trace += gram[i * size + i]
  // Where the kept columns are linearly dependent to the last bit no factor exists without a larger lambda.
  for (let share = ridge; ; share = Math.max(10 * share, 1e-14)) {
    const lambda = (share * trace) / n
    const factor = new Float64Array(n * n)
    basis.forEach((i, a) => {
      for (let b = 0; b <= a; b++) factor[a * n + b] = gram[i * size + basis[b]]
      factor[a * n + a] += lambda
    })
    if (trace > 0 && !cholesky(factor, n)) continue
    const change = wanted.slice()
    if (trace > 0) substitute(factor, n, change, outputs)
    const after = Math.max(0, before - dot(change, wanted) - lambda * dot(change, change))
    const count = samples * outputs
    return { change, before: before / count, after: after / count }
  }
}

/** A = L L^T in place of the lower triangle; false where A is not positive definite. */
function cholesky(a: Float64Array, n: number): boolean {
  for (let j = 0; j < n; j++) {
    const row = a.subarray(j * n, j * n + j + 1)
    let pivot = row[j]
    for (let k = 0; k < j; k++) pivot -= row[k] * row[k]
    if (!(pivot > 1e-15 * row[j])) return false
    row[j] = Math.sqrt(pivot)
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j]
      for (let k = 0, at = i * n; k < j; k++, at++) sum -= a[at] * row[k]
      a[i * n + j] = sum / row[j]
    }
  }
  return true
}

/** x = (L L^T)^-1 x for all columns of x [n, columns] at once. */
function substitute(l: Float64Array, n: number, x: Float64Array, columns: number): void {
  const subtract = (to: number, from: number, factor: number) => {
    for (let c = 0; c < columns; c++) x[to * columns + c] -= factor * x[from * columns + c]
  }
  const divide = (row: number) => {
    for (let c = 0; c < columns; c++) x[row * columns + c] /= l[row * n + row]
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i, k, l[i * n + k])
    divide(i)
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(i, k, l[k * n + i])
    divide(i)
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
