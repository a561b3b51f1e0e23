/**
 * Channels that always have the same value: what a dead channel leaves behind.
 *
 * A filter of zeros gives its bias everywhere, a normalisation with scale zero its shift; the operations on the way to the next
 * layer carry that value along. Only channels in question are looked at.
 */
import { operations } from '@espalier/kernels'
import type { Graph, Node, TensorData } from '../graph.js'
import type { Analysis } from './analysis.js'
import { createAtoms } from './atoms.js'
import { numbers, scalar, text } from './attributes.js'
import type { Context, Layer } from './context.js'
import type { Layout } from './layout.js'
import { rules } from './rules.js'
import { shapeRules } from './rules-shape.js'
import type { Shuffle } from './shuffle.js'
import { tapSets } from './taps.js'

/** Per channel: the value away from borders (NaN: not constant, or not asked for) and its extremes at padded borders. */
export interface Values {
  readonly value: Float64Array
  readonly low: Float64Array
  readonly high: Float64Array
}

function unknown(length: number): Values {
  return { value: new Float64Array(length).fill(NaN), low: new Float64Array(length).fill(NaN), high: new Float64Array(length).fill(NaN) }
}

// Of any length: arguments of a call have their place on the stack.
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity)
const greatest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity)

function set(values: Values, i: number, value: number, low = value, high = value): void {
  if (Number.isNaN(value)) return
  values.value[i] = value
  values.low[i] = Math.min(value, low, high)
  values.high[i] = Math.max(value, low, high)
}

type Pointwise = (x: number, node: Node, parameter: (input: number) => number) => number

/** What the operation's own reference makes of one value. */
const evaluated: Pointwise = (x, node) =>
  operations[node.op].reference(node.attributes, [{ shape: [1], data: Float64Array.of(x) }])[0].data[0]

/** Operations on one value, with parameters per channel. */
const pointwise: Readonly<Record<string, Pointwise>> = {
  ...Object.fromEntries(
    `Relu LeakyRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus Softsign Gelu Mish Silu ThresholdedRelu Shrink Exp Log
    Sqrt Abs Neg Reciprocal Sign Floor Ceil Round Erf Sin Cos`
      .split(/\s+/)
      .map((op) => [op, evaluated]),
  ),
  Identity: (x) => x,
  Dropout: (x) => x,
  Cast: (x) => x,
  PRelu: (x, _, parameter) => (x < 0 ? x * parameter(1) : x),
  GlobalAveragePool: (x) => x,
  GlobalMaxPool: (x) => x,
  MaxPool: (x) => x,
  ReduceMean: (x) => x,
  ReduceMax: (x) => x,
  ReduceMin: (x) => x,
  BatchNormalization: (x, node, parameter) =>
    ((x - parameter(3)) / Math.sqrt(parameter(4) + scalar(node, 'epsilon', 1e-5))) * parameter(1) + parameter(2),
}

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sum: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Max: Math.max,
  Min: Math.min,
  Pow: (a, b) => a ** b,
}

/** The entry of a constant for channel `i` when it has one per channel or one for all; NaN when it varies elsewhere. */
function entry(tensor: TensorData, axis: number, i: number): number {
  const size = tensor.dims.reduce((a, b) => a * b, 1)
  if (size === 1) return Number(tensor.data[0])
  return tensor.dims[axis] === size ? Number(tensor.data[i]) : NaN
}

/** Values of the channels that `asked` names, in every activation. */
export function constantChannels(analysis: Analysis, asked: (atom: number) => boolean): Map<string, Values> {
  const { graph, layouts } = analysis
  const found = new Map<string, Values>()
  const layers = new Map(analysis.layers.map((layer) => [layer.node, layer]))
  for (const node of graph.nodes) {
    const shuffle = analysis.shuffles.get(node)
    const results = shuffle ? [shuffled(found.get(shuffle.input), shuffle)] : valuesOf(node, graph, layouts, found, layers.get(node), asked)
    node.outputs.forEach((name, i) => {
      if (results[i]?.value.some((value) => !Number.isNaN(value))) found.set(name, results[i])
    })
  }
  return found
}

function shuffled(from: Values | undefined, { sources }: Shuffle): Values {
  const result = unknown(sources.length)
  if (from) for (const [i, source] of sources.entries()) set(result, i, from.value[source], from.low[source], from.high[source])
  return result
}

function valuesOf(
  node: Node,
  graph: Graph,
  layouts: ReadonlyMap<string, Layout>,
  found: ReadonlyMap<string, Values>,
  layer: Layer | undefined,
  asked: (atom: number) => boolean,
): Values[] {
  const y = layouts.get(node.outputs[0])
  if (!y || y.axis < 0) return []
  const channels = [...y.atoms.keys()].filter((i) => asked(y.atoms[i]))
  if (channels.length === 0 && node.outputs.length === 1) return []
  const result = unknown(y.atoms.length)
  const x = found.get(node.inputs[0])
  const fromEnd = y.shape.length - y.axis
  const constantAt = (input: number, i: number) => {
    const tensor = graph.initializers.get(node.inputs[input])
    return tensor
      ? entry(tensor, tensor.dims.length === 1 && node.op !== 'PRelu' && !(node.op in binary) ? 0 : tensor.dims.length - fromEnd, i)
      : NaN
  }
  if (layer) {
    layerValues(node, graph, layer, { x, channels, sizes: layouts.get(node.inputs[0])?.shape.slice(2) }, result)
  } else if (Object.hasOwn(pointwise, node.op)) {
    for (const i of channels) {
      const f = (value: number) => pointwise[node.op](value, node, (input) => constantAt(input, i))
      if (node.op === 'BatchNormalization' && constantAt(1, i) === 0) set(result, i, constantAt(2, i))
      else if (x) set(result, i, f(x.value[i]), f(x.low[i]), f(x.high[i]))
    }
  } else if (node.op === 'InstanceNormalization') {
    // A constant is its own mean; at borders it is not constant, and the value there is not bounded by anything simple.
    for (const i of channels) if (constantAt(1, i) === 0 || (x && x.low[i] === x.high[i])) set(result, i, constantAt(2, i))
  } else if (Object.hasOwn(binary, node.op)) {
    for (const i of channels) {
      const inputs = node.inputs.map((name, input) => {
        const values = found.get(name)
        const at = layouts.get(name)?.atoms.length === 1 ? 0 : i
        return values ? [values.value[at], values.low[at], values.high[at]] : [0, 1, 2].map(() => constantAt(input, i))
      })
      const dead = node.op === 'Mul' && inputs.some(([value, low, high]) => value === 0 && low === 0 && high === 0)
      const [value, low, high] = [0, 1, 2].map((k) => inputs.map((one) => one[k]).reduce(binary[node.op]))
      if (dead) set(result, i, 0)
      else set(result, i, value, low, high)
    }
  } else if (node.op === 'AveragePool') {
    const kernel = numbers(node, 'kernel_shape')!
    const included = scalar(node, 'count_include_pad', 0) !== 0
    const share = included
      ? least(tapSets(node, kernel, layouts.get(node.inputs[0])?.shape.slice(2)).map((taps) => taps.length)) /
        kernel.reduce((a, b) => a * b, 1)
      : 1
    for (const i of channels)
      if (x) set(result, i, x.value[i], x.low[i] * (x.low[i] > 0 ? share : 1), x.high[i] * (x.high[i] < 0 ? share : 1))
  } else if (Object.hasOwn(shapeRules, node.op)) {
    return moved(node, graph, layouts, found)
  }
  return [result]
}

function layerValues(
  node: Node,
  graph: Graph,
  layer: Layer,
  { x, channels, sizes }: { x: Values | undefined; channels: readonly number[]; sizes: readonly (number | undefined)[] | undefined },
  result: Values,
): void {
  const weight = graph.initializers.get(node.inputs[1])!
  const bias = node.inputs[2] ? graph.initializers.get(node.inputs[2]) : undefined
  if (node.inputs[2] && !bias) return
  const beta = node.op === 'Gemm' ? scalar(node, 'beta', 1) : 1
  const biasOf = (i: number) => (bias ? beta * entry(bias, bias.dims.length - 1, i) : 0)
  const grouped = node.op === 'ConvTranspose' && scalar(node, 'group', 1) > 1
  if (grouped) return
  const inner = weight.dims.slice(layer.outputAxis + 1).reduce((a, b) => a * b, 1)
  const outer = weight.dims.slice(0, layer.outputAxis).reduce((a, b) => a * b, 1)
  const width = weight.dims[layer.outputAxis]
  const depthwise = node.op === 'Conv' && layer.inputs === undefined
  for (const i of channels) {
    const row = (k: number) => Number(weight.data[(Math.floor(k / inner) * width + i) * inner + (k % inner)])
    let zero = true
    for (let k = 0; k < outer * inner && zero; k++) zero = row(k) === 0
    if (zero) {
      set(result, i, biasOf(i))
    } else if (depthwise && x) {
      const at = Math.floor(i / (result.value.length / x.value.length))
      const sums = tapSets(node, weight.dims.slice(2), sizes).map((taps) => taps.reduce((sum, k) => sum + row(k), 0))
      const all = [x.value[at], x.low[at], x.high[at]].flatMap((value) => sums.map((sum) => value * sum + biasOf(i)))
      set(result, i, all[0], least(all), greatest(all))
    }
  }
}

/**
 * Operations that only move channels: their own rule is run on numbered inputs, which tells for every output channel where it comes
 * from. Where several sources of one output channel differ (a shuffle), the mean is taken and the spread told.
 */
function moved(node: Node, graph: Graph, layouts: ReadonlyMap<string, Layout>, found: ReadonlyMap<string, Values>): Values[] {
  const atoms = createAtoms()
  const sources: { value: number; low: number; high: number }[] = []
  const numbered = new Map<string, Layout>()
  for (const name of node.inputs) {
    const layout = layouts.get(name)
    if (!layout || layout.axis < 0 || numbered.has(name)) continue
    const values = found.get(name)
    for (let i = 0; i < layout.atoms.length; i++) {
      sources.push(values ? { value: values.value[i], low: values.low[i], high: values.high[i] } : { value: NaN, low: NaN, high: NaN })
    }
    numbered.set(name, { ...layout, atoms: atoms.fresh(layout.atoms.length) })
  }
  const scratch: Context = { graph, atoms, layouts: numbered, uses: [], layers: [], grouped: [], shuffles: new Map(), weights: new Map() }
  const outputs = rules[node.op](node, scratch)
  const classes = new Map<number, number[]>()
  sources.forEach((_, atom) => {
    const root = atoms.find(atom)
    const members = classes.get(root)
    if (members) members.push(atom)
    else classes.set(root, [atom])
  })
  const padding = node.op === 'Pad' ? scalar(node, 'value', 0) : NaN
  const borders =
    node.op === 'Pad' && text(node, 'mode', 'constant') === 'constant' && padsPositions(node, layouts.get(node.inputs[0])!.axis)
  return outputs.map((layout) => {
    const result = unknown(layout.atoms.length)
    layout.atoms.forEach((atom, i) => {
      if (atom >= sources.length) {
        set(result, i, padding)
        return
      }
      const from = classes.get(atoms.find(atom))!.map((source) => sources[source])
      const value = from.reduce((sum, source) => sum + source.value, 0) / from.length
      const ends = borders ? [padding] : []
      set(result, i, value, least([...ends, ...from.map(({ low }) => low)]), greatest([...ends, ...from.map(({ high }) => high)]))
    })
    return result
  })
}

function padsPositions(node: Node, axis: number): boolean {
  const pads = numbers(node, 'pads')!
  return pads.some((size, i) => size > 0 && i % (pads.length / 2) !== axis)
}
