/** What the analysis of a function knows at a place. */
import type { Func, Value, Variable } from '../program.js'
import { type Graph, type Label, node } from './graph.js'

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

/** What variables hold, where that is not what they hold in the frame around. */
export interface Frame {
  readonly parent: Frame | undefined
  readonly own: Map<Root, number>
}

export interface LoopState {
  readonly kind: 'loop' | 'switch'
  readonly frame: Frame
  /** Where it is left: what variables hold there, those that may have changed since it began. */
  readonly exits: ReadonlyMap<Root, number>[]
  /** The same at each `continue`. */
  readonly continues: ReadonlyMap<Root, number>[]
}

export interface State {
  readonly graph: Graph
  readonly summaries: ReadonlyMap<Func, Summary>
  /** By `let` and parameter. */
  readonly values: Map<Value, Held>
  frame: Frame
  readonly loops: LoopState[]
  readonly result: number
  /** What is behind each pointer parameter at the end. */
  readonly outputs: Map<Root, number>
}

/** What a variable holds now; undefined: it is none that is followed. */
export function heldBy(frame: Frame | undefined, root: Root): number | undefined {
  for (let at = frame; at; at = at.parent) {
    const held = at.own.get(root)
    if (held !== undefined) return held
  }
  return undefined
}

/** Runs `analyse` in a frame within the present one. @returns what changed, and what `analyse` returned */
export function inFrame<T>(state: State, analyse: (frame: Frame) => T): { result: T; own: Map<Root, number> } {
  const frame: Frame = { parent: state.frame, own: new Map() }
  state.frame = frame
  const result = analyse(frame)
  state.frame = frame.parent!
  return { result, own: frame.own }
}

/** Joins what variables hold after ways that meet, into the present frame. */
export function join({ graph, frame }: State, ways: readonly ReadonlyMap<Root, number>[]): void {
  for (const root of new Set(ways.flatMap((way) => [...way.keys()]))) {
    const before = heldBy(frame, root)
    // Variables of the ways themselves are gone.
    if (before === undefined) continue
    const all = new Set(ways.map((way) => way.get(root) ?? before))
    frame.own.set(root, all.size === 1 ? [...all][0] : node(graph, ...all))
  }
}

/** Notes what variables hold where a loop or switch is left. */
export function addExit(state: State, { frame, exits }: LoopState): void {
  exits.push(changedSince(state, frame))
}

export function addContinue(state: State, { frame, continues }: LoopState): void {
  continues.push(changedSince(state, frame))
}

function changedSince(state: State, frame: Frame): ReadonlyMap<Root, number> {
  const changed = new Map<Root, number>()
  for (let at: Frame | undefined = state.frame; at; at = at.parent) {
    for (const [root, held] of at.own) if (!changed.has(root)) changed.set(root, held)
    if (at === frame) break
  }
  return changed
}
