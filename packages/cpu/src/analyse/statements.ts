/** Statements of WGSL to those of the intermediate form. What can never run is left out. */
import type { Expression, Statement, SwitchCase } from '../check/program.js'
import { hasCall, lowerAll, lowerExpression, lowerScalar, operate, zeros } from './expressions.js'
import { binary, constant, not, or, u32 } from './fold.js'
import { place } from './functions.js'
import { type Frame, frame, type Statement as Made, type Value } from './ir.js'
import { loadReference, lowerPointer, lowerReference, settle, storeReference } from './references.js'
import { bind, collect, emit, newLocal, privateMemory, type State } from './state.js'

export function lowerStatements(state: State, statements: readonly Statement[]): void {
  for (const statement of statements) {
    if (!state.reachable) return
    lowerStatement(state, statement)
  }
}

function lowerStatement(state: State, statement: Statement): void {
  switch (statement.op) {
    case 'variable': {
      const { variable, initial } = statement
      const parts = initial ? lowerExpression(state, initial) : zeros(state, variable.type)
      if (state.inMemory.has(variable)) {
        const memory = privateMemory(state, parts.length)
        const reference = { kind: 'memory', type: variable.type, memory, offset: u32(0), packed: true } as const
        state.references.set(variable, reference)
        storeReference(state, reference, parts)
        return
      }
      const values = parts.length > 1 ? parts.map((part) => (initial ? bind(state, part) : part)) : parts
      const locals = values.map((value) => newLocal(state, value.kind, variable.name, false))
      state.references.set(variable, { kind: 'locals', type: variable.type, locals, root: variable })
      locals.forEach((to, i) => emit(state, { op: 'assign', to, value: values[i], declares: true }))
      return
    }
    case 'let': {
      const { value, initial } = statement
      if (value.type.kind === 'pointer') state.references.set(value, lowerPointer(state, initial))
      else
        state.values.set(
          value,
          lowerExpression(state, initial).map((part) => bind(state, part, value.name)),
        )
      return
    }
    case 'assign': {
      if (!statement.to) {
        // `_ = &x` but says that x is used.
        if (statement.value.type.kind !== 'pointer') lowerExpression(state, statement.value)
        return
      }
      const reference = lowerReference(state, statement.to)
      const kept = hasCall(statement.value) ? settle(state, reference) : reference
      storeReference(state, kept, lowerExpression(state, statement.value))
      return
    }
    case 'update': {
      const reference = settle(state, lowerReference(state, statement.to))
      // *p = *p + value: what is there is read first.
      const there = loadReference(state, reference)
      const before = hasCall(statement.value) ? there.map((part) => bind(state, part)) : there
      const value = lowerExpression(state, statement.value)
      storeReference(state, reference, operate(state, statement.operator, statement.to.type, before, statement.value.type, value))
      return
    }
    case 'call':
      lowerExpression(state, statement.call)
      return
    case 'if':
      lowerIf(state, lowerScalar(state, statement.condition), statement.then, statement.else)
      return

    case 'switch':
      lowerSwitch(state, statement)
      return

    case 'loop':
      lowerLoop(state, statement)
      return

    case 'block':
      lowerStatements(state, statement.body)
      return

    case 'break':
      leave(state, { op: 'break', target: state.exits.at(-1)!.breakTo! })
      return

    case 'continue':
      leave(state, { op: 'continue', target: state.exits.findLast((exit) => exit.continueTo)!.continueTo! })
      return

    case 'return': {
      const call = state.calls.at(-1)!
      if (statement.value) {
        const parts = lowerAll(state, [statement.value])[0]
        const values = parts.length > 1 ? parts.map((part) => bind(state, part)) : parts
        call.result.forEach((to, i) => emit(state, { op: 'assign', to, value: values[i], declares: false }))
      }
      leave(state, { op: 'break', target: call.frame })
      return
    }
  }
}

function leave(state: State, statement: Made): void {
  emit(state, statement)
  state.reachable = false
}

function lowerIf(state: State, condition: Value, yes: readonly Statement[], no: readonly Statement[]): void {
  if (condition.op === 'const') {
    lowerStatements(state, condition.value ? yes : no)
    return
  }
  const then = collect(state, () => lowerStatements(state, yes))
  const otherwise = collect(state, () => lowerStatements(state, no))
  makeIf(state, condition, then.statements, otherwise.statements)
  if (!then.reachable && !otherwise.reachable) state.reachable = false
}

function makeIf(state: State, condition: Value, then: Made[], otherwise: Made[]): void {
  if (then.length === 0 && otherwise.length === 0) return
  if (then.length === 0) emit(state, { op: 'if', condition: not(condition), frame: frame('if'), yes: otherwise, no: [] })
  else emit(state, { op: 'if', condition, frame: frame('if'), yes: then, no: otherwise })
}

function lowerSwitch(state: State, { selector, cases }: Statement & { op: 'switch' }): void {
  const value = bind(state, lowerScalar(state, selector))
  const own = frame('block')
  const { statements } = collect(state, () => {
    state.exits.push({ breakTo: own, continueTo: undefined })
    // The default comes last, whatever its place: then all others have been asked.
    const ordered = [
      ...cases.filter((each) => !each.selectors.includes('default')),
      ...cases.filter((each) => each.selectors.includes('default')),
    ]
    chain(state, value, ordered)
    state.exits.pop()
  })
  place(state, own, statements)
}

function chain(state: State, value: Value, cases: readonly SwitchCase[]): void {
  const [first, ...rest] = cases
  if (!first) return
  if (first.selectors.includes('default')) {
    lowerStatements(state, first.body)
    return
  }
  const isOne = first.selectors
    .map((selector) => binary('eq', value, constant(value.kind, selector as number)))
    .reduce((a, b) => or(a, b), constant('bool', false))
  if (isOne.op === 'const') {
    isOne.value ? lowerStatements(state, first.body) : chain(state, value, rest)
    return
  }
  const then = collect(state, () => lowerStatements(state, first.body))
  const otherwise = collect(state, () => chain(state, value, rest))
  makeIf(state, isOne, then.statements, otherwise.statements)
  if (!then.reachable && !otherwise.reachable) state.reachable = false
}

function lowerLoop(state: State, statement: Statement & { op: 'loop' }): void {
  const [own, body] = [frame('loop'), frame('body')]
  const initial = collect(state, () => lowerStatements(state, statement.initial))
  const exit = (condition: Expression, leaves: boolean) => {
    const value = lowerScalar(state, condition)
    const done = leaves ? value : not(value)
    if (done.op === 'const') {
      if (done.value) leave(state, { op: 'break', target: own })
    } else makeIf(state, done, [{ op: 'break', target: own }], [])
  }
  state.exits.push({ breakTo: own, continueTo: body })
  const made = collect(state, () => {
    if (statement.condition) exit(statement.condition, false)
    lowerStatements(state, statement.body)
  })
  const continuing = collect(state, () => {
    lowerStatements(state, statement.continuing)
    if (statement.breakIf) exit(statement.breakIf, true)
  })
  state.exits.pop()
  emit(state, {
    op: 'loop',
    frame: own,
    bodyFrame: body,
    initial: initial.statements,
    body: made.statements,
    continuing: continuing.statements,
  })
  if (!leavesLoop(made.statements, own) && !leavesLoop(continuing.statements, own)) state.reachable = false
}

function leavesLoop(statements: readonly Made[], target: Frame): boolean {
  return statements.some((statement) => {
    if (statement.op === 'break') return statement.target === target
    if (statement.op === 'if') return leavesLoop(statement.yes, target) || leavesLoop(statement.no, target)
    if (statement.op === 'block') return leavesLoop(statement.body, target)
    if (statement.op === 'loop') return leavesLoop(statement.body, target) || leavesLoop(statement.continuing, target)
    return false
  })
}
