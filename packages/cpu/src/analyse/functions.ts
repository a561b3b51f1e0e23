/** Calls: the function's statements take the place of the call. WGSL knows no recursion, so that this ends. */
import type { Expression, Func } from '../check/program.js'
import { lowerAll, zeros } from './expressions.js'
import { read } from './fold.js'
import { type Block, frame, type Frame, type Statement } from './ir.js'
import { lowerPointer } from './references.js'
import { bind, collect, emit, newLocal, type Parts, type State } from './state.js'
import { lowerStatements } from './statements.js'

export function callFunction(state: State, func: Func, args: readonly Expression[]): Parts {
  const values = lowerAll(
    state,
    args.filter((_, i) => func.parameters[i].type.kind !== 'pointer'),
  )
  let next = 0
  func.parameters.forEach((parameter, i) => {
    if (parameter.type.kind === 'pointer') state.references.set(parameter, lowerPointer(state, args[i]))
    else {
      const parts = values[next++]
      state.values.set(
        parameter,
        parts.map((part) => bind(state, part, parameter.name)),
      )
    }
  })
  return joinFunction(state, func)
}

/** The body of a function whose parameters are bound. */
export function joinFunction(state: State, func: Func): Parts {
  const result = func.result ? state.layout.kinds(func.result).map((kind) => newLocal(state, kind, `${func.name}()`, false)) : []
  const initial = func.result ? zeros(state, func.result) : []
  result.forEach((to, i) => emit(state, { op: 'assign', to, value: initial[i], declares: true }))
  const own = frame('block')
  const { statements } = collect(state, () => {
    state.calls.push({ function: func, result, frame: own })
    const exits = state.exits
    state.exits = []
    lowerStatements(state, func.body)
    state.exits = exits
    state.calls.pop()
  })
  place(state, own, statements)
  return result.map(read)
}

/** A block that is left by `break`; none where the only one would be its end. */
export function place(state: State, own: Frame, statements: Statement[]): void {
  const last = statements.at(-1)
  if (last?.op === 'break' && last.target === own) statements.pop()
  if (leaves(statements, own)) emit(state, { op: 'block', frame: own, body: statements } satisfies Block)
  else for (const statement of statements) emit(state, statement)
}

function leaves(statements: readonly Statement[], target: Frame): boolean {
  return statements.some((statement) => {
    if (statement.op === 'break') return statement.target === target
    if (statement.op === 'if') return leaves(statement.then, target) || leaves(statement.else, target)
    if (statement.op === 'block') return leaves(statement.body, target)
    if (statement.op === 'loop') return leaves(statement.body, target) || leaves(statement.continuing, target)
    return false
  })
}
