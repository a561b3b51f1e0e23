/** The channel shuffle (Zhang et al. 2018): Reshape to factors of the channels, Transpose of the factors, Reshape back. */
import type { Graph, Node } from '../graph.js'
import { numbers } from './attributes.js'
import { type Layout, product } from './layout.js'

export interface Shuffle {
  /** The tensor that is shuffled, with channels on axis 1. */
  readonly input: string
  /** The three nodes, in order. */
  readonly nodes: readonly [Node, Node, Node]
  /** Channel of the input behind each channel of the output. */
  readonly sources: Int32Array
}

const known = new WeakMap<Graph, Map<string, Node[]>>()
const outputsOf = new WeakMap<Graph, ReadonlySet<string>>()

function isOutput(graph: Graph, name: string): boolean {
  if (!outputsOf.has(graph)) outputsOf.set(graph, new Set(graph.outputs.map((output) => output.name)))
  return outputsOf.get(graph)!.has(name)
}

function readersOf(graph: Graph): Map<string, Node[]> {
  const before = known.get(graph)
  if (before) return before
  const readers = new Map<string, Node[]>()
  for (const node of graph.nodes)
    for (const name of node.inputs) {
      const nodes = readers.get(name)
      if (nodes) nodes.push(node)
      else readers.set(name, [node])
    }
  known.set(graph, readers)
  return readers
}

/** Sizes after the batch of a Reshape's target; undefined when the batch itself is moved or a size is open. */
export function reshapeTarget(x: Pick<Layout, 'shape'>, target: readonly number[]): number[] | undefined {
  const total = product(x.shape.slice(1))
  if (total === undefined || x.shape.length === 0) return undefined
  const sizes = target.map((size, axis) => (size === 0 && axis > 0 ? x.shape[axis] : size))
  const rest = sizes.slice(1)
  const open = rest.indexOf(-1)
  if (open >= 0) {
    const others = product(rest.map((size, axis) => (axis === open ? 1 : size)))
    if (!others || total % others) return undefined
    rest[open] = total / others
  }
  const batch = target[0] === 0 || target[0] === -1 || x.shape[0] === undefined || x.shape[0] === target[0]
  return batch && product(rest) === total ? (rest as number[]) : undefined
}

/** The shuffle that begins with this Reshape of `x`; undefined where it is none, or where something else reads what is in between. */
export function shuffleAt(graph: Graph, first: Node, x: Layout): Shuffle | undefined {
  const single = (node: Node, op: string): Node | undefined => {
    const [name] = node.outputs
    const next = readersOf(graph).get(name)
    return next?.length === 1 && next[0].op === op && !isOutput(graph, name) ? next[0] : undefined
  }
  const transpose = x.axis === 1 ? single(first, 'Transpose') : undefined
  const last = transpose && single(transpose, 'Reshape')
  const perm = transpose && numbers(transpose, 'perm')
  const [there, back] = [first, last].map((node) => node && numbers(node, 'shape'))
  const parts = there && reshapeTarget(x, there)
  if (!last || !perm || !parts || !back || perm[0] !== 0) return undefined
  const channels = x.atoms.length
  const count = parts.findIndex((_, i) => product(parts.slice(0, i + 1)) === channels) + 1
  const moved = perm.slice(1, count + 1).map((axis) => axis - 1)
  if (count < 2 || moved.some((axis) => axis >= count) || perm.slice(count + 1).some((axis, i) => axis !== count + 1 + i)) return undefined
  const after = reshapeTarget({ shape: [x.shape[0], ...moved.map((axis) => parts[axis]), ...parts.slice(count)] }, back)
  if (after?.join() !== x.shape.slice(1).join()) return undefined
  const step = moved.map((axis) => product(parts.slice(axis + 1, count))!)
  const sources = Int32Array.from({ length: channels }, (_, index) => {
    let rest = index
    let source = 0
    for (let i = count - 1; i >= 0; i--) {
      source += (rest % parts[moved[i]]) * step[i]
      rest = Math.floor(rest / parts[moved[i]])
    }
    return source
  })
  return { input: first.inputs[0], nodes: [first, transpose, last], sources }
}
