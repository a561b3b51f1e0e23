/** What the rules of the operations share while one graph is walked through. */
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import type { Atoms } from './atoms.js'
import type { Grouped } from './balance.js'
import { type Layout, opaque } from './layout.js'
import type { Shuffle } from './shuffle.js'

/** A constant input of a node that holds something per channel, and along which of its axes. */
export interface Use {
  readonly node: Node
  readonly input: number
  readonly cuts: Cut[]
}

/** One entry per channel along an axis; with several groups, one entry per channel of a group, for each group's own rows of axis 0. */
export interface Cut {
  readonly axis: number
  readonly atoms: Int32Array
  readonly groups: number
}

/** A node that makes channels (convolution, linear): what its output and input channels are. */
export interface Layer {
  readonly node: Node
  /** Identity of each output channel. */
  readonly outputs: Int32Array
  /** Identity of each input channel; absent where there is no weight per input channel (depthwise) or the input is not known. */
  readonly inputs?: Int32Array
  /** Axes of the weight that run over output and input channels. */
  readonly outputAxis: number
  readonly inputAxis?: number
}

export interface Context {
  readonly graph: Graph
  readonly atoms: Atoms
  readonly layouts: Map<string, Layout>
  readonly uses: Use[]
  readonly layers: Layer[]
  /** Channels of grouped convolutions, of which every group must keep equally many. */
  readonly grouped: Grouped[]
  /** Channel shuffles by their last node. */
  readonly shuffles: Map<Node, Shuffle>
  /** First binding of every weight, by name and axis: a weight used twice ties the channels of both uses. */
  readonly weights: Map<string, Int32Array>
}

/** Layouts of a node's outputs, in order. */
export type Rule = (node: Node, context: Context) => Layout[]

export function constant(context: Context, node: Node, input: number): TensorData | undefined {
  const name = node.inputs[input]
  return name ? context.graph.initializers.get(name) : undefined
}

/** The layout of an activation; undefined for a constant or absent input. */
export function layoutOf(context: Context, node: Node, input: number): Layout | undefined {
  const name = node.inputs[input]
  if (!name || context.graph.initializers.has(name)) return undefined
  return context.layouts.get(name) ?? opaque(`nothing is known of '${name}'`)
}

/** All activations among a node's inputs. */
export function activations(context: Context, node: Node): { input: number; layout: Layout }[] {
  return node.inputs.flatMap((_, input) => {
    const layout = layoutOf(context, node, input)
    return layout ? [{ input, layout }] : []
  })
}

/** Says that axis `axis` of a constant input holds one entry per channel (of a group: see `Cut`). Weights (`tied`) that several nodes use tie the channels of all. */
export function bind(context: Context, node: Node, input: number, axis: number, atoms: Int32Array, tied = false, groups = 1): void {
  const size = constant(context, node, input)?.dims[axis]
  if (size !== atoms.length / groups) {
    throw new InputError('channels do not fit', {
      field: `${node.op} ${node.name}, input ${input} '${node.inputs[input]}', axis ${axis}`,
      expected: atoms.length / groups,
      found: size ?? 'no such axis',
    })
  }
  // Axes of one input are bound one after the other.
  const last = context.uses.at(-1)
  let use = last?.node === node && last.input === input ? last : undefined
  if (!use) context.uses.push((use = { node, input, cuts: [] }))
  use.cuts.push({ axis, atoms, groups })
  if (!tied) return
  const key = `${node.inputs[input]}\n${axis}`
  const first = context.weights.get(key)
  if (first) context.atoms.uniteAll(first, atoms)
  else context.weights.set(key, atoms)
}

/** The layout of an activation with channels along `axis`; where it has no identity it gets one here, locked. */
export function identify(context: Context, node: Node, input: number, axis: number, channels: number): Layout {
  const name = node.inputs[input]
  const layout = layoutOf(context, node, input)!
  const size = layout.axis === axis ? layout.atoms.length : (layout.shape[axis] ?? channels)
  if (size !== channels) {
    throw new InputError('channels do not fit', { field: `${node.op} ${node.name}, input '${name}'`, expected: channels, found: size })
  }
  if (layout.axis === axis) return layout
  const why = layout.why ?? `not separable: ${node.op} at ${node.name} reads axis ${axis}, channels are on axis ${layout.axis}`
  context.atoms.lock(layout.atoms, why)
  const atoms = context.atoms.fresh(channels)
  context.atoms.lock(atoms, why)
  const found: Layout = { shape: layout.shape, axis, atoms, why: layout.why }
  // Where the tensor has channels on another axis already this is a second view of it.
  context.layouts.set(layout.axis < 0 ? name : `${name} (axis ${axis})`, found)
  return found
}

/** Locks every channel that meets in a node nobody can cut, and gives its outputs no identity. */
export function refuse(context: Context, node: Node, why: string, shape: Layout['shape'] = []): Layout[] {
  for (const { layout } of activations(context, node)) context.atoms.lock(layout.atoms, why)
  return node.outputs.map(() => opaque(why, shape))
}
