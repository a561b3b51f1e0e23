/** What removed channels leave behind, moved into the biases of the layers that read them. */
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { type Analysis, analyse } from './analysis.js'
import { scalar } from './attributes.js'
import { constantChannels, type Values } from './constants.js'
import type { Layer } from './context.js'
import { createEdit } from './surgery.js'
import { tapSets } from './taps.js'

export interface CompensationOptions {
  /** Mean of every channel of a tensor, by tensor name (the input of a convolution or linear layer). A removed channel then counts as its mean instead of zero. */
  readonly means?: ReadonlyMap<string, ArrayLike<number>>
}

/** What a bias cannot hold exactly: a removed constant that meets padding. */
export interface Residue {
  /** The layer that reads the constants. */
  readonly layer: string
  /** Its input channels concerned. */
  readonly channels: readonly number[]
  /** Upper bound of the error in the layer's output, at borders; the interior is exact. */
  readonly maxAbs: number
}

/** The graph with the biases that make up for the classes in `removed`: the very same graph when there is nothing to make up for. */
export function compensate(
  graph: Graph,
  removed: ReadonlySet<number>,
  { means }: CompensationOptions = {},
): { graph: Graph; residue: Residue[] } {
  const analysis = analyse(graph)
  const gone = (atom: number) => removed.has(analysis.find(atom))
  const constants = constantChannels(analysis, gone)
  const residue: Residue[] = []
  const shifts = new Map<Node, Float64Array>()
  for (const layer of analysis.layers) {
    if (!layer.inputs) continue
    const name = layer.node.inputs[0]
    const mean = means?.get(name)
    if (mean && mean.length !== layer.inputs.length) {
      throw new InputError(`means of '${name}'`, { expected: `${layer.inputs.length} channels`, found: mean.length })
    }
    const values = constants.get(name)
    const channels = [...layer.inputs.keys()].filter((i) => gone(layer.inputs![i]) && (values?.value[i] || mean?.[i]))
    if (channels.length === 0) continue
    // A constant is known exactly; a mean stands in for what varies.
    const value = (i: number) => (values && !Number.isNaN(values.value[i]) ? values.value[i] : (mean?.[i] ?? 0))
    const sizes = analysis.layouts.get(name)!.shape.slice(2)
    const { shift, maxAbs } = shiftOf(layer, graph, { channels, value, values, gone, sizes })
    shifts.set(layer.node, shift)
    if (maxAbs > 0) residue.push({ layer: layer.node.name, channels: channels.filter((i) => values?.value[i]), maxAbs })
  }
  return { graph: shifts.size > 0 ? shiftBiases(analysis, shifts) : graph, residue }
}

interface Removed {
  /** Input channels that are gone. */
  readonly channels: readonly number[]
  /** What stands for input channel i. */
  value(i: number): number
  readonly values: Values | undefined
  gone(atom: number): boolean
  /** Size of the input image. */
  readonly sizes: readonly (number | undefined)[]
}

/** What constant inputs add to each output of a layer, and how far padded borders are from it. */
function shiftOf(
  { node, outputs, inputs, outputAxis, inputAxis }: Layer,
  graph: Graph,
  { channels, value, values, gone, sizes }: Removed,
): { shift: Float64Array; maxAbs: number } {
  const weight = graph.initializers.get(node.inputs[1])!
  const kernel = weight.dims.slice(2)
  const taps = kernel.reduce((a, b) => a * b, 1)
  const alpha = node.op === 'Gemm' ? scalar(node, 'alpha', 1) : 1
  const groups = node.op.startsWith('Conv') ? scalar(node, 'group', 1) : 1
  const perIn = inputs!.length / groups
  const perOut = outputs.length / groups
  const transposed = node.op === 'ConvTranspose'
  // Offset of the kernel that joins input i to output o.
  const offset = (o: number, i: number) => {
    if (transposed) return (i * perOut + (o % perOut)) * taps
    const row = { [outputAxis]: o, [inputAxis!]: i % perIn }
    return (row[0] * weight.dims[1] + row[1]) * taps
  }
  // A transposed convolution spreads its taps over stride x stride positions: their mean is what a bias can hold.
  const phases = transposed ? ((node.attributes.strides as number[] | undefined) ?? []).reduce((a, b) => a * b, 1) : 1
  const sets = node.op === 'Conv' ? tapSets(node, kernel, sizes) : [Array.from({ length: taps }, (_, k) => k)]
  const shift = new Float64Array(outputs.length)
  let maxAbs = 0
  for (let o = 0; o < outputs.length; o++) {
    const reads = channels.filter((i) => Math.floor(i / perIn) === Math.floor(o / perOut))
    const sum = (set: readonly number[], f: (w: number, i: number) => number) =>
      reads.reduce((total, i) => set.reduce((part, k) => part + f(Number(weight.data[offset(o, i) + k]), i), total), 0)
    shift[o] = (alpha * sum(sets[0], (w, i) => w * value(i))) / phases
    if (!values || gone(outputs[o])) continue
    const spread = sum(sets[0], (w, i) =>
      values.value[i] ? Math.abs(w) * Math.max(values.high[i] - values.value[i], values.value[i] - values.low[i]) : 0,
    )
    const constant = (w: number, i: number) => (values.value[i] ? w * values.value[i] : 0)
    const whole = sum(sets[0], constant)
    const missing = sets.reduce((most, set) => Math.max(most, Math.abs(whole - sum(set, constant))), 0)
    const uneven = phases > 1 || (transposed && taps > 1) ? sum(sets[0], (w, i) => Math.abs(constant(w, i))) : 0
    maxAbs = Math.max(maxAbs, Math.abs(alpha) * (spread + missing + uneven))
  }
  return { shift, maxAbs }
}

/** Adds to the layers' outputs. Where only a batch normalisation reads the layer its mean is moved, so that no parameter is added. */
function shiftBiases(analysis: Analysis, shifts: ReadonlyMap<Node, Float64Array>): Graph {
  const { graph } = analysis
  const edit = createEdit(graph)
  const readers = new Map<string, Node[]>()
  for (const node of graph.nodes)
    for (const name of node.inputs) {
      const before = readers.get(name)
      if (before) before.push(node)
      else readers.set(name, [node])
    }
  const outputs = new Set(graph.outputs.map((output) => output.name))
  const changes = new Map<Node, { input: number; name: string }>()
  const added = new Map<Node, string>()
  /** A constant with something added: in place when this is its only use. */
  const moved = (name: string, tensor: TensorData) => {
    if (readers.get(name)?.length !== 1) return edit.add(name, tensor)
    edit.initializers.set(name, tensor)
    return name
  }
  for (const [node, shift] of shifts) {
    const bias = node.inputs[2] ? graph.initializers.get(node.inputs[2]) : undefined
    if (node.inputs[2] && !bias)
      throw new Error(`${node.op} ${node.name}: its bias '${node.inputs[2]}' is not a constant, nothing can be added to it`)
    const beta = node.op === 'Gemm' ? scalar(node, 'beta', 1) : 1
    const data = Float32Array.from(shift, (delta, o) => (bias ? Number(bias.data[bias.data.length === 1 ? 0 : o]) : 0) + delta / beta)
    const next = readers.get(node.outputs[0]) ?? []
    if (bias) {
      changes.set(node, { input: 2, name: moved(node.inputs[2], { dims: [data.length], type: 'float32', data }) })
    } else if (
      next.length === 1 &&
      next[0].op === 'BatchNormalization' &&
      !outputs.has(node.outputs[0]) &&
      graph.initializers.has(next[0].inputs[3])
    ) {
      const mean = graph.initializers.get(next[0].inputs[3])!
      const less = Float32Array.from(shift, (delta, o) => Number(mean.data[o]) - delta)
      changes.set(next[0], { input: 3, name: moved(next[0].inputs[3], { ...mean, data: less }) })
    } else {
      const name = edit.add(`${node.name}.bias`, { dims: [data.length], type: 'float32', data })
      if (node.op !== 'MatMul') changes.set(node, { input: 2, name })
      else added.set(node, name)
    }
  }
  return edit.finish(
    graph.nodes.flatMap((node): Node[] => {
      const change = changes.get(node)
      const bias = added.get(node)
      if (bias) return addAfter(node, bias, edit.tensor(`${node.outputs[0]}.product`))
      return change ? [{ ...node, inputs: Object.assign([...node.inputs], { [change.input]: change.name }) }] : [node]
    }),
  )
}

/** A MatMul has no bias of its own: an Add behind it. */
function addAfter(node: Node, bias: string, between: string): Node[] {
  return [
    { ...node, outputs: [between] },
    { name: `${node.name}.add`, op: 'Add', inputs: [between, bias], outputs: node.outputs, attributes: {} },
  ]
}
