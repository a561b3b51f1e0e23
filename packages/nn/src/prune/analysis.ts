/** One walk over a graph that finds which channels are the same channel. */
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { createAtoms, TooManyChannels } from './atoms.js'
import { balance } from './balance.js'
import { type Context, type Layer, type Rule, refuse, type Use } from './context.js'
import { type Layout, opaque } from './layout.js'
import { rules } from './rules.js'
import type { Shuffle } from './shuffle.js'

export interface Analysis {
  readonly graph: Graph
  /** Of every activation, in topological order. */
  readonly layouts: ReadonlyMap<string, Layout>
  readonly uses: readonly Use[]
  readonly layers: readonly Layer[]
  /** Channel shuffles by their last node. */
  readonly shuffles: ReadonlyMap<Node, Shuffle>
  /** The class of channels that go together, named by its smallest atom. */
  find(atom: number): number
  /** Why a class must stay; null when it may go. */
  reason(atom: number): string | null
}

// A graph is never changed in place, so what is known of it stays true as long as it lives.
const known = new WeakMap<Graph, Analysis>()

export function analyse(graph: Graph): Analysis {
  const before = known.get(graph)
  if (before) return before
  const context: Context = {
    graph,
    atoms: createAtoms(),
    layouts: new Map(),
    uses: [],
    layers: [],
    grouped: [],
    shuffles: new Map(),
    weights: new Map(),
  }
  for (const input of graph.inputs) {
    if (graph.initializers.has(input.name)) continue
    const shape = input.shape.map((size) => (typeof size === 'number' ? size : undefined))
    context.layouts.set(input.name, opaque('graph input', shape))
  }
  for (const node of graph.nodes) {
    const rule = Object.hasOwn(rules, node.op) ? rules[node.op] : undefined
    const layouts = rule ? followed(rule, node, context) : refuse(context, node, `unknown operation ${node.op} at ${node.name}`)
    node.outputs.forEach((name, i) => {
      if (name) context.layouts.set(name, layouts[i] ?? opaque(`output ${i} of ${node.op} at ${node.name}`))
    })
  }
  for (const grouped of context.grouped) balance(context.atoms, grouped)
  for (const output of graph.outputs) {
    const layout = context.layouts.get(output.name)
    if (layout) context.atoms.lock(layout.atoms, 'graph output')
  }
  lockUncutUses(context)
  lockTied(context)
  const analysis: Analysis = { ...context, find: context.atoms.find, reason: context.atoms.reason }
  known.set(graph, analysis)
  return analysis
}

/** What a rule says; channels beyond what can be followed stay. */
function followed(rule: Rule, node: Node, context: Context): Layout[] {
  try {
    return rule(node, context)
  } catch (error) {
    if (error instanceof TooManyChannels) return refuse(context, node, `too many channels to follow at ${node.op} ${node.name}`)
    if (error instanceof InputError) throw error
    // Rules rely on shapes that fit: a graph that comes from elsewhere than the import may have others.
    throw new InputError('its channels cannot be followed', {
      field: `node '${node.name}' (${node.op})`,
      expected: 'inputs and attributes that fit',
      found: error instanceof Error ? error.message : String(error),
      cause: error,
    })
  }
}

/** A weight that one node cuts and another uses whole cannot be cut for both as one tensor. */
function lockUncutUses(context: Context): void {
  const cut = new Set(context.uses.map((use) => `${use.node.name}\n${use.input}`))
  for (const node of context.graph.nodes) {
    node.inputs.forEach((name, input) => {
      if (!context.graph.initializers.has(name) || cut.has(`${node.name}\n${input}`)) return
      for (const axis of context.graph.initializers.get(name)!.dims.keys()) {
        const atoms = context.weights.get(`${name}\n${axis}`)
        if (atoms) context.atoms.lock(atoms, `${node.op} at ${node.name} uses the weight '${name}' whole`)
      }
    })
  }
}

/** Where a whole tensor is one class there is nothing to choose. */
function lockTied({ atoms, layouts, grouped }: Context): void {
  const byGroups = new Set<number>()
  for (const vector of new Set(grouped.map((one) => one.atoms))) for (const atom of vector) byGroups.add(atoms.find(atom))
  const seen = new Set<Int32Array>()
  for (const layout of layouts.values()) {
    if (layout.atoms.length === 0 || seen.has(layout.atoms)) continue
    seen.add(layout.atoms)
    const root = atoms.find(layout.atoms[0])
    if (!layout.atoms.every((atom) => atoms.find(atom) === root)) continue
    if (layout.atoms.length === 1) atoms.lock([root], 'a single channel')
    else
      atoms.lock(
        [root],
        byGroups.has(root) ? 'group conv multiple: all channels are tied by groups' : 'not separable: all channels are tied together',
      )
  }
}
