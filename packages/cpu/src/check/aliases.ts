/** Pointers given to a function must not lead to one variable where the function writes through one of them (WGSL, section 14.6). */
import { type Expression, type Func, type Statement, type Value, type Variable, WgslError } from './program.js'
import { blocksOf, expressionsOf, partsOf } from './walk.js'

type Root = Variable | Value

/** What a function reads and writes: variables of the module, and what its pointer parameters lead to. */
interface Accesses {
  readonly reads: Set<Root>
  readonly writes: Set<Root>
}

interface Analysis {
  readonly accesses: Accesses
  readonly known: ReadonlyMap<Func, Accesses>
  /** Where pointers that `let` names lead. */
  readonly roots: Map<Value, Root>
}

/** @param functions each after those it calls. @throws WgslError for the first call whose arguments lead to the same variable */
export function checkAliases(functions: readonly Func[]): void {
  const known = new Map<Func, Accesses>()
  for (const of of functions) {
    const accesses: Accesses = { reads: new Set(), writes: new Set() }
    const roots = new Map<Value, Root>()
    for (const parameter of of.parameters) if (parameter.type.kind === 'pointer') roots.set(parameter, parameter)
    inList({ accesses, known, roots }, of.body)
    known.set(of, accesses)
  }
}

function inList(analysis: Analysis, list: readonly Statement[]): void {
  const { accesses, roots } = analysis
  for (const statement of list) {
    for (const expression of expressionsOf(statement)) inExpression(analysis, expression)
    if (statement.op === 'let' && statement.value.type.kind === 'pointer') {
      const root = rootOf(analysis, statement.initial)
      if (root) roots.set(statement.value, root)
    }
    if ((statement.op === 'assign' || statement.op === 'update') && statement.to) {
      const root = rootOf(analysis, statement.to)
      if (root) accesses.writes.add(root)
      if (root && statement.op === 'update') accesses.reads.add(root)
    }
    for (const block of blocksOf(statement)) inList(analysis, block)
  }
}

/** Where a reference or pointer leads. */
function rootOf(analysis: Analysis, expression: Expression): Root | undefined {
  switch (expression.op) {
    case 'variable':
      return expression.variable
    case 'value':
      return analysis.roots.get(expression.value)
    case 'member':
    case 'index':
      return rootOf(analysis, expression.base)
    case 'address-of':
      return rootOf(analysis, expression.of)
    case 'dereference':
      return rootOf(analysis, expression.pointer)
    default:
      return undefined
  }
}

function inExpression(analysis: Analysis, expression: Expression): void {
  for (const part of partsOf(expression)) inExpression(analysis, part)
  const { accesses } = analysis
  if (expression.op === 'load') {
    const root = rootOf(analysis, expression.from)
    if (root) accesses.reads.add(root)
  } else if (expression.op === 'call') {
    inCall(analysis, expression.function, expression.arguments)
  } else if (expression.op === 'builtin' && expression.arguments[0]?.type.kind === 'pointer' && expression.name !== 'arrayLength') {
    const root = rootOf(analysis, expression.arguments[0])
    if (!root) return
    accesses.reads.add(root)
    if (/^atomic(?!Load)/.test(expression.name)) accesses.writes.add(root)
  }
}

function inCall({ accesses, known, roots }: Analysis, called: Func, list: readonly Expression[]): void {
  const inner = known.get(called)
  if (!inner) return
  const given = list.flatMap((argument, i) => {
    const root = argument.type.kind === 'pointer' ? rootOf({ accesses, known, roots }, argument) : undefined
    return root ? [{ root, parameter: called.parameters[i], position: argument.position }] : []
  })
  for (const [i, { root, parameter, position: at }] of given.entries()) {
    const writes = inner.writes.has(parameter)
    const reads = inner.reads.has(parameter)
    const other = given.slice(0, i).find((one) => one.root === root)
    const twice =
      other && (writes ? inner.reads.has(other.parameter) || inner.writes.has(other.parameter) : reads && inner.writes.has(other.parameter))
    if (twice)
      throw new WgslError(
        `two pointers to '${root.name}' are given to '${called.name}', which writes through one of them ('${parameter.name}', '${other.parameter.name}')`,
        at,
      )
    if (root.kind === 'variable' && (writes ? inner.reads.has(root) || inner.writes.has(root) : reads && inner.writes.has(root)))
      throw new WgslError(`a pointer to '${root.name}' is given to '${called.name}', which uses '${root.name}' itself too`, at)
    if (writes) accesses.writes.add(root)
    if (reads) accesses.reads.add(root)
  }
  // What it does to variables of the module
  for (const root of inner.reads) if (root.kind === 'variable' && root.space !== 'function') accesses.reads.add(root)
  for (const root of inner.writes) if (root.kind === 'variable' && root.space !== 'function') accesses.writes.add(root)
}
