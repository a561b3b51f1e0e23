/** Calls: the function's statements take the place of the call. WGSL knows no recursion, so that this ends. */
import type { Expression, Func } from '../check/program.js'
import { lowerAll } from './expressions.js'
import { read } from './fold.js'
import { type Block, type Frame, frame, type Local, type Statement } from './ir.js'
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
  const own = frame('block')
  const { statements } = collect(state, () => {
    state.calls.push({ function: func, result, frame: own })
    const exits = state.exits
    state.exits = []
    lowerStatements(state, func.body)
    state.exits = exits
    state.calls.pop()
  })
  if (!declareAtEnd(statements, own, result)) for (const local of result) emit(state, { op: 'declare', local })
  place(state, own, statements)
  return result.map(read)
}

/** Where the only return is the last statement its assignments may as well be declarations, of which more is known. */
function declareAtEnd(statements: Statement[], own: Frame, result: readonly Local[]): boolean {
  const first = statements.length - 1 - result.length
  const last = statements.at(-1)
  if (first < 0 || last?.op !== 'break' || last.target !== own || leaves(statements.slice(0, -1), own)) return false
  for (let i = 0; i < result.length; i++) {
    const statement = statements[first + i]
    if (statement.op !== 'assign' || statement.to !== result[i]) return false
    statements[first + i] = { ...statement, declares: true }
  }
  return true
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
    if (statement.op === 'if') return leaves(statement.yes, target) || leaves(statement.no, target)
    if (statement.op === 'block') return leaves(statement.body, target)
    if (statement.op === 'loop') return leaves(statement.body, target) || leaves(statement.continuing, target)
    return false
  })
}
