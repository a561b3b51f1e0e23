/** Going through values and statements. */
import type { Local, Statement, Value } from './ir.js'

export function operands(value: Value): readonly Value[] {
  switch (value.op) {
    case 'unary':
    case 'convert':
    case 'bits':
      return [value.a]
    case 'binary':
      return [value.a, value.b]
    case 'fma':
      return [value.a, value.b, value.c]
    case 'select':
      return [value.condition, value.yes, value.no]
    default:
      return []
  }
}

export function eachLocal(value: Value, visit: (local: Local) => void): void {
  if (value.op === 'local') visit(value.local)
  else for (const operand of operands(value)) eachLocal(operand, visit)
}

/** The values that a statement uses itself, without those of statements inside. */
export function valuesOf(statement: Statement): readonly Value[] {
  switch (statement.op) {
    case 'assign':
      return [statement.value]
    case 'load':
      return [statement.offset]
    case 'store':
      return [statement.offset, ...statement.values]
    case 'atomic':
      return [statement.offset, ...(statement.value ? [statement.value] : []), ...(statement.compare ? [statement.compare] : [])]
    case 'if':
      return [statement.condition]
    default:
      return []
  }
}

export function listsOf(statement: Statement): readonly Statement[][] {
  switch (statement.op) {
    case 'if':
      return [statement.yes, statement.no]
    case 'loop':
      return [statement.initial, statement.body, statement.continuing]
    case 'block':
      return [statement.body]
    default:
      return []
  }
}

export function writtenBy(statement: Statement): readonly Local[] {
  if (statement.op === 'assign') return [statement.to]
  if (statement.op === 'load') return statement.to
  if (statement.op === 'atomic' && statement.to) return [statement.to]
  return []
}

export function eachStatement(statements: readonly Statement[], visit: (statement: Statement) => void): void {
  for (const statement of statements) {
    visit(statement)
    for (const list of listsOf(statement)) eachStatement(list, visit)
  }
}

/** Leaves out what computes values that nothing needs. */
export function dropUnused(body: Statement[]): Statement[] {
  const sources = new Map<Local, Value[]>()
  const needed = new Set<Local>()
  const work: Local[] = []
  const need = (local: Local) => {
    if (needed.has(local)) return
    needed.add(local)
    work.push(local)
  }
  eachStatement(body, (statement) => {
    if (statement.op === 'assign' || statement.op === 'load')
      for (const local of writtenBy(statement)) sources.set(local, [...(sources.get(local) ?? []), ...valuesOf(statement)])
    else for (const value of valuesOf(statement)) eachLocal(value, need)
  })
  while (work.length) for (const value of sources.get(work.pop()!) ?? []) eachLocal(value, need)
  const keep = (list: Statement[]): Statement[] =>
    list.filter((statement) => {
      if (statement.op === 'assign') return needed.has(statement.to)
      if (statement.op === 'load') return statement.to.some((local) => needed.has(local))
      if (statement.op === 'if') {
        statement.yes = keep(statement.yes)
        statement.no = keep(statement.no)
        return statement.yes.length > 0 || statement.no.length > 0
      }
      if (statement.op === 'block') statement.body = keep(statement.body)
      if (statement.op === 'loop') {
        statement.initial = keep(statement.initial)
        statement.body = keep(statement.body)
        statement.continuing = keep(statement.continuing)
      }
      return true
    })
  return keep(body)
}
