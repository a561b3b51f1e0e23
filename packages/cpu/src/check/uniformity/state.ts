/** What the analysis of a function knows at a place. */
import type { Func, Value, Variable } from '../program.js'
import { edge, type Graph, type Label, node } from './graph.js'

/** What calls of a function need and give. */
export interface Summary {
  /** The call must be in uniform control flow, for what is said here. */
  readonly required: Label | undefined
  readonly parameters: readonly ParameterSummary[]
  /** The result differs between invocations whatever is given. */
  readonly varies: boolean
}

export interface ParameterSummary {
  /** The argument must be uniform, for what is said here. */
  readonly required: Label | undefined
  /** What a pointer points to must be. */
  readonly contentRequired: Label | undefined
  /** The result is uniform only where the argument is; where what it points to is. */
  readonly inResult: boolean
  readonly contentInResult: boolean
  /** What is behind the pointer when the function returns: differs; or is uniform only where these arguments (by number) are, or what they point to. */
  readonly varies: boolean
  readonly from: readonly number[]
  readonly fromContents: readonly number[]
}

/** A function's variable, or the content of a pointer parameter to one. */
export type Root = Variable | Value

/** A value: the node that says whether it is uniform; of pointers and references: where they lead. */
export interface Held {
  readonly node: number
  readonly root?: Root
  /** Of pointers: to all of the root. */
  readonly whole?: boolean
}

export interface LoopState {
  readonly entry: ReadonlyMap<Root, number>
  /** What variables hold after the loop or switch. */
  readonly exit: Map<Root, number>
  readonly kind: 'loop' | 'switch'
}

export interface State {
  readonly graph: Graph
  readonly summaries: ReadonlyMap<Func, Summary>
  /** By `let` and parameter. */
  readonly values: Map<Value, Held>
  /** What variables hold now. */
  held: Map<Root, number>
  readonly loops: LoopState[]
  readonly result: number
  /** What is behind each pointer parameter at the end. */
  readonly outputs: Map<Root, number>
}

/** Joins what variables hold after branches: edges to all that are not the same. */
export function joinHeld(graph: Graph, ways: readonly ReadonlyMap<Root, number>[]): Map<Root, number> {
  const [first, ...others] = ways
  const joined = new Map<Root, number>()
  for (const [root, held] of first) {
    const all = others.map((way) => way.get(root)).filter((other) => other !== undefined && other !== held) as number[]
    joined.set(root, all.length ? node(graph, held, ...all) : held)
  }
  return joined
}

/** Adds what variables hold here to what they hold after a loop or switch. */
export function addExit(state: State, { exit, entry }: LoopState): void {
  for (const root of entry.keys()) {
    const held = state.held.get(root)!
    const there = exit.get(root)
    if (there === undefined) exit.set(root, node(state.graph, held))
    else edge(state.graph, there, held)
  }
}
