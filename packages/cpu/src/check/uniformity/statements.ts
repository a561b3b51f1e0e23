import * as behaviours from '../behaviours.js'
import type { Expression, Statement } from '../program.js'
import { blocksOf, eachExpression } from '../walk.js'
import { analyse, isWhole } from './expressions.js'
import { edge, node } from './graph.js'
import { addContinue, addExit, heldBy, inFrame, join, type LoopState, type Root, type State } from './state.js'

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
      return behaviours.ofLoop(behaviourOfList(statement.body), statement.condition !== undefined, statement.breakIf !== undefined)
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
      state.frame.own.set(statement.variable, initial?.node ?? flow)
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
      const ways = [statement.then, statement.else].map((body) => {
        const { result: after, own } = inFrame(state, () => analyseList(state, condition.node, body))
        return { after, own, goesOn: (behaviourOfList(body) & behaviours.next) !== 0 }
      })
      join(
        state,
        ways.filter(({ goesOn }) => goesOn).map(({ own }) => own),
      )
      return behaviourOf(statement) === behaviours.next ? condition.flow : node(graph, ...ways.map(({ after }) => after))
    }
    case 'switch': {
      const selector = analyse(state, flow, statement.selector)
      const exits: ReadonlyMap<Root, number>[] = []
      const ends = statement.cases.map(({ body }) => {
        const { result } = inFrame(state, (frame) => {
          const around: LoopState = { kind: 'switch', frame, exits, continues: [] }
          state.loops.push(around)
          const after = analyseList(state, selector.node, body)
          if (behaviourOfList(body) & behaviours.next) addExit(state, around)
          state.loops.pop()
          return after
        })
        return result
      })
      join(state, exits)
      return behaviourOf(statement) === behaviours.next ? selector.flow : node(graph, ...ends)
    }
    case 'loop':
      return analyseLoop(state, flow, statement)
    case 'break':
      addExit(state, state.loops.at(-1)!)
      return flow
    case 'continue':
      addContinue(state, state.loops.findLast(({ kind }) => kind === 'loop')!)
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
  for (const [root, output] of state.outputs) edge(state.graph, output, heldBy(state.frame, root)!)
}

function write({ graph, frame }: State, root: Root, whole: boolean, from: number[]): void {
  const before = heldBy(frame, root)
  if (before === undefined) return
  frame.own.set(root, node(graph, ...from, ...(whole ? [] : [before])))
}

function analyseLoop(state: State, flow: number, statement: Extract<Statement, { op: 'loop' }>): number {
  const { graph } = state
  const exits: ReadonlyMap<Root, number>[] = []
  const { result, own } = inFrame(state, () => {
    const before = analyseList(state, flow, statement.initial)
    const start = node(graph, before)
    const entry = new Map<Root, number>()
    for (const root of writtenIn(state, statement)) {
      const held = heldBy(state.frame, root)
      if (held !== undefined) entry.set(root, node(graph, held))
    }
    const inner = inFrame(state, (frame) => {
      const around: LoopState = { kind: 'loop', frame, exits, continues: [] }
      for (const [root, held] of entry) frame.own.set(root, held)
      state.loops.push(around)
      let now = start
      const leave = (condition: Expression) => {
        now = analyse(state, now, condition).node
        addExit(state, around)
      }
      if (statement.condition) leave(statement.condition)
      now = analyseList(state, now, statement.body)
      const behaviour = behaviourOfList(statement.body)
      if (behaviour & (behaviours.next | behaviours.continues)) {
        join(state, behaviour & behaviours.next ? [...around.continues, new Map(frame.own)] : around.continues)
        now = analyseList(state, now, statement.continuing)
        if (statement.breakIf) leave(statement.breakIf)
        edge(graph, start, now)
        for (const [root, held] of entry) edge(graph, held, heldBy(frame, root)!)
      }
      state.loops.pop()
      return now
    })
    join(state, exits)
    return behaviourOf(statement) === behaviours.next ? before : inner.result
  })
  join(state, [own])
  return result
}

/** Variables that a loop may write: those left of assignments, and those whose addresses it takes or has. */
function writtenIn({ values }: State, loop: Statement): Set<Root> {
  const found = new Set<Root>()
  const inList = (list: readonly Statement[]) => {
    for (const statement of list) {
      if ((statement.op === 'assign' || statement.op === 'update') && statement.to) add(statement.to)
      for (const block of blocksOf(statement)) inList(block)
    }
  }
  const add = (reference: Expression) => {
    if (reference.op === 'variable') found.add(reference.variable)
    else if (reference.op === 'member' || reference.op === 'index') add(reference.base)
  }
  inList([loop])
  eachExpression([loop], (expression) => {
    if (expression.op === 'address-of') add(expression.of)
    const root = expression.op === 'value' ? values.get(expression.value)?.root : undefined
    if (root) found.add(root)
  })
  return found
}
