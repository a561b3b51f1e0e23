/** Barriers must be come to by all invocations of a workgroup or none: control flow around them must not depend on what differs between invocations. */
import { type EntryPoint, type Func, type Value, WgslError } from '../program.js'
import { type Graph, type Label, newGraph, node, reachable, required, varying, wayTo } from './graph.js'
import type { Held, ParameterSummary, Root, State, Summary } from './state.js'
import { analyseList, finish } from './statements.js'

const uniformInputs = ['workgroup_id', 'num_workgroups']

/**
 * @param functions each after those it calls
 * @throws WgslError for the first barrier that not all invocations may come to
 */
export function checkUniformity(functions: readonly Func[], entryPoints: readonly EntryPoint[]): void {
  const inputs = new Map(entryPoints.map((entryPoint) => [entryPoint.function, entryPoint.inputs]))
  const summaries = new Map<Func, Summary>()
  for (const of of functions) summaries.set(of, summarise(of, summaries, inputs.get(of)))
}

interface ParameterNodes {
  readonly value: number
  /** Of a pointer to a function's variable: what it points to when the function is called, and when it returns. */
  readonly content?: number
  readonly output?: number
}

function summarise(of: Func, summaries: ReadonlyMap<Func, Summary>, inputs: EntryPoint['inputs'] | undefined): Summary {
  const graph = newGraph()
  const start = node(graph)
  const result = node(graph)
  const state: State = {
    graph,
    summaries,
    values: new Map(),
    frame: { parent: undefined, own: new Map() },
    loops: [],
    result,
    outputs: new Map(),
  }
  const parameters = of.parameters.map((parameter, i) => addParameter(state, parameter, inputs?.[i]))
  analyseList(state, start, of.body)
  if (of.result === undefined) finish(state)
  const needed = reachable(graph, required)
  if (needed.has(varying)) report(graph, needed)
  const causeOf = (at: number | undefined): Label | undefined => {
    if (at === undefined || !needed.has(at)) return undefined
    return graph.causes.get(wayTo(needed, at)[1])
  }
  const given = reachable(graph, result)
  return {
    required: causeOf(start),
    varies: given.has(varying),
    parameters: parameters.map((own): ParameterSummary => {
      const output = own.output === undefined ? new Map<number, number>() : reachable(graph, own.output)
      const numbers = (of: 'value' | 'content') => [...parameters.keys()].filter((i) => output.has(parameters[i][of] ?? -1))
      return {
        required: causeOf(own.value),
        contentRequired: causeOf(own.content),
        inResult: given.has(own.value),
        contentInResult: own.content !== undefined && given.has(own.content),
        varies: output.has(varying),
        from: numbers('value'),
        fromContents: numbers('content'),
      }
    }),
  }
}

/** @param input what an entry point gets */
function addParameter(state: State, parameter: Value, input: EntryPoint['inputs'][number] | undefined): ParameterNodes {
  const { graph } = state
  const value = node(graph)
  if (input !== undefined) {
    const builtins = typeof input === 'string' ? [input] : input
    const differing = builtins.find((builtin) => !uniformInputs.includes(builtin))
    if (differing) {
      graph.edges[value].push(varying)
      graph.labels.set(value, { text: `'${parameter.name}' (${differing})`, position: parameter.position })
    }
  }
  if (parameter.type.kind !== 'pointer') {
    state.values.set(parameter, { node: value } satisfies Held)
    return { value }
  }
  const root: Root = parameter
  state.values.set(parameter, { node: value, root, whole: true })
  if (parameter.type.space !== 'function') return { value }
  const content = node(graph)
  const output = node(graph)
  state.frame.own.set(root, content)
  state.outputs.set(root, output)
  return { value, content, output }
}

function report(graph: Graph, needed: ReadonlyMap<number, number>): never {
  const way = wayTo(needed, varying)
  const cause = graph.causes.get(way[1])!
  const source = way.toReversed().find((at) => graph.labels.has(at))
  const label = source === undefined ? undefined : graph.labels.get(source)
  const why = label
    ? `it depends on ${label.text} in line ${label.position.line}`
    : 'it depends on a value that differs between invocations'
  throw new WgslError(`${cause.text} must be called in uniform control flow, but here ${why}`, cause.position)
}
