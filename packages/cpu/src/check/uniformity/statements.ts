import * as behaviours from '../behaviours.js'
import type { Statement } from '../program.js'
import { analyse, isWhole } from './expressions.js'
import { edge, node } from './graph.js'
import { addExit, joinHeld, type LoopState, type Root, type State } from './state.js'

const known = new WeakMap<Statement, number>()

/** How control leaves a statement (behaviours.ts). */
function behaviourOf(statement: Statement): number {
  let behaviour = known.get(statement)
  if (behaviour === undefined) known.set(statement, (behaviour = findBehaviour(statement)))
  return behaviour
}

function behaviourOfList(list: readonly Statement[]): number {
  return behaviours.inSequence(list.map(behaviourOf))
}

function findBehaviour(statement: Statement): number {
  switch (statement.op) {
    case 'if':
      return behaviourOfList(statement.then) | behaviourOfList(statement.else)
    case 'switch':
      return behaviours.ofSwitch(statement.cases.map(({ body }) => behaviourOfList(body)))
    case 'loop':
      return behaviours.ofLoop(behaviourOfList(statement.body), statement.condition !== undefined || statement.breakIf !== undefined)
    case 'block':
      return behaviourOfList(statement.body)
    case 'break':
      return behaviours.breaks
    case 'continue':
      return behaviours.continues
    case 'return':
      return behaviours.returns
    default:
      return behaviours.next
  }
}

/** @returns the control flow after them. What is never come to is left out. */
export function analyseList(state: State, flow: number, list: readonly Statement[]): number {
  let now = flow
  for (const statement of list) {
    now = analyseStatement(state, now, statement)
    if (!(behaviourOf(statement) & behaviours.next)) break
  }
  return now
}

function analyseStatement(state: State, flow: number, statement: Statement): number {
  const { graph } = state
  switch (statement.op) {
    case 'variable': {
      const initial = statement.initial && analyse(state, flow, statement.initial)
      state.held.set(statement.variable, initial?.node ?? flow)
      return initial?.flow ?? flow
    }
    case 'let': {
      const initial = analyse(state, flow, statement.initial)
      state.values.set(statement.value, { node: initial.node, root: initial.root, whole: isWhole(state, statement.initial) })
      return initial.flow
    }
    case 'assign': {
      const to = statement.to && analyse(state, flow, statement.to)
      const value = analyse(state, to?.flow ?? flow, statement.value)
      if (to?.root) write(state, to.root, isWhole(state, statement.to!), [value.node, to.node])
      return value.flow
    }
    case 'update': {
      const to = analyse(state, flow, statement.to)
      const value = analyse(state, to.flow, statement.value)
      if (to.root) write(state, to.root, false, [value.node, to.node])
      return value.flow
    }
    case 'call':
      return analyse(state, flow, statement.call).flow
    case 'block': {
      const after = analyseList(state, flow, statement.body)
      return behaviourOf(statement) === behaviours.next ? flow : after
    }
    case 'if': {
      const condition = analyse(state, flow, statement.condition)
      const before = state.held
      const ways = [statement.then, statement.else].map((body) => {
        state.held = new Map(before)
        const after = analyseList(state, condition.node, body)
        return { after, held: state.held, goesOn: (behaviourOfList(body) & behaviours.next) !== 0 }
      })
      const going = ways.filter(({ goesOn }) => goesOn)
      state.held = going.length ? joinScoped(state, before, going) : before
      return behaviourOf(statement) === behaviours.next ? condition.flow : node(graph, ...ways.map(({ after }) => after))
    }
    case 'switch': {
      const selector = analyse(state, flow, statement.selector)
      const before = state.held
      const around: LoopState = { kind: 'switch', entry: before, exit: new Map() }
      state.loops.push(around)
      const ends = statement.cases.map(({ body }) => {
        state.held = new Map(before)
        const after = analyseList(state, selector.node, body)
        if (behaviourOfList(body) & behaviours.next) addExit(state, around)
        return after
      })
      state.loops.pop()
      state.held = around.exit.size ? around.exit : before
      return behaviourOf(statement) === behaviours.next ? selector.flow : node(graph, ...ends)
    }
    case 'loop':
      return analyseLoop(state, flow, statement)
    case 'break':
      addExit(state, state.loops.at(-1)!)
      return flow
    case 'continue':
      for (const [root, entry] of state.loops.findLast(({ kind }) => kind === 'loop')!.entry) edge(graph, entry, state.held.get(root)!)
      return flow
    case 'return': {
      const value = statement.value && analyse(state, flow, statement.value)
      if (value) edge(graph, state.result, value.node)
      finish(state)
      return value?.flow ?? flow
    }
  }
}

/** What is behind pointer parameters when the function returns. */
export function finish(state: State): void {
  for (const [root, output] of state.outputs) edge(state.graph, output, state.held.get(root)!)
}

function joinScoped(state: State, before: ReadonlyMap<Root, number>, ways: readonly { held: Map<Root, number> }[]): Map<Root, number> {
  const joined = joinHeld(
    state.graph,
    ways.map(({ held }) => held),
  )
  // Variables of the branches are gone.
  for (const root of joined.keys()) if (!before.has(root)) joined.delete(root)
  return joined
}

function write(state: State, root: Root, whole: boolean, from: number[]): void {
  const before = state.held.get(root)
  if (before === undefined) return
  state.held.set(root, node(state.graph, ...from, ...(whole ? [] : [before])))
}

function analyseLoop(state: State, flow: number, statement: Extract<Statement, { op: 'loop' }>): number {
  const { graph } = state
  const before = analyseList(state, flow, statement.initial)
  const outer = state.held
  const start = node(graph, before)
  const entry = new Map([...outer].map(([root, held]) => [root, node(graph, held)] as const))
  const around: LoopState = { kind: 'loop', entry, exit: new Map() }
  state.loops.push(around)
  state.held = new Map(entry)
  let now = start
  if (statement.condition) {
    const condition = analyse(state, now, statement.condition)
    now = condition.node
    addExit(state, around)
  }
  now = analyseList(state, now, statement.body)
  now = analyseList(state, now, statement.continuing)
  if (statement.breakIf) {
    const condition = analyse(state, now, statement.breakIf)
    now = condition.node
    addExit(state, around)
  }
  edge(graph, start, now)
  for (const [root, held] of entry) edge(graph, held, state.held.get(root)!)
  state.loops.pop()
  state.held = around.exit.size ? around.exit : outer
  return behaviourOf(statement) === behaviours.next ? before : now
}
