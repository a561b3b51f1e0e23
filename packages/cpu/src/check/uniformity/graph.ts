/**
 * What must be uniform for what else to be: the graph of WGSL, section 15.2. An edge from a to b says that a is uniform only where b is. Barriers are edges from
 * `required` to the control flow they are in; a way from there to `varying`, what differs between invocations, is an error.
 */
import type { Position } from '../program.js'

export interface Graph {
  /** By node. */
  readonly edges: number[][]
  /** What a node is, for errors: nodes that are of interest only. */
  readonly labels: Map<number, Label>
  /** What needs an edge from `required`, by node. */
  readonly causes: Map<number, Label>
}

export interface Label {
  readonly text: string
  readonly position: Position
}

export const required = 0
export const varying = 1

export function newGraph(): Graph {
  return { edges: [[], []], labels: new Map(), causes: new Map() }
}

/** A new node with edges to others. */
export function node(graph: Graph, ...to: number[]): number {
  graph.edges.push(to)
  return graph.edges.length - 1
}

export function edge(graph: Graph, from: number, to: number): void {
  graph.edges[from].push(to)
}

export function require(graph: Graph, to: number, cause: Label): void {
  graph.edges[required].push(to)
  if (!graph.causes.has(to)) graph.causes.set(to, cause)
}

/** All nodes with a way from `start`, each with the node before it on the shortest. */
export function reachable(graph: Graph, start: number): Map<number, number> {
  const before = new Map<number, number>([[start, -1]])
  for (const from of before.keys()) {
    for (const to of graph.edges[from]) if (!before.has(to)) before.set(to, from)
  }
  return before
}

/** The way to a node, as `reachable` found it, the start first. */
export function wayTo(before: ReadonlyMap<number, number>, end: number): number[] {
  const way: number[] = []
  for (let at = end; at >= 0; at = before.get(at)!) way.unshift(at)
  return way
}
