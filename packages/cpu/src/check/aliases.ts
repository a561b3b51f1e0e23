/** Pointers given to a function must not lead to one variable where the function writes through one of them (WGSL, section 14.6). */
import { type Expression, type Func, type Statement, type Value, type Variable, WgslError } from './program.js'

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
  for (const statement of list) inStatement(analysis, statement)
}

function inStatement(analysis: Analysis, statement: Statement): void {
  const { accesses } = analysis
  switch (statement.op) {
    case 'variable':
      if (statement.initial) inExpression(analysis, statement.initial)
      break
    case 'let': {
      inExpression(analysis, statement.initial)
      const root = rootOf(analysis, statement.initial)
      if (root && statement.value.type.kind === 'pointer') analysis.roots.set(statement.value, root)
      break
    }
    case 'assign':
    case 'update': {
      const root = statement.to && rootOf(analysis, statement.to)
      if (root) accesses.writes.add(root)
      if (root && statement.op === 'update') accesses.reads.add(root)
      if (statement.to) inExpression(analysis, statement.to)
      inExpression(analysis, statement.value)
      break
    }
    case 'call':
      inExpression(analysis, statement.call)
      break
    case 'if':
      inExpression(analysis, statement.condition)
      inList(analysis, statement.then)
      inList(analysis, statement.else)
      break
    case 'switch':
      inExpression(analysis, statement.selector)
      for (const { body } of statement.cases) inList(analysis, body)
      break
    case 'loop':
      inList(analysis, statement.initial)
      if (statement.condition) inExpression(analysis, statement.condition)
      inList(analysis, statement.body)
      inList(analysis, statement.continuing)
      if (statement.breakIf) inExpression(analysis, statement.breakIf)
      break
    case 'block':
      inList(analysis, statement.body)
      break
    case 'return':
      if (statement.value) inExpression(analysis, statement.value)
      break
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
  switch (expression.op) {
    case 'load': {
      const root = rootOf(analysis, expression.from)
      if (root) analysis.accesses.reads.add(root)
      inExpression(analysis, expression.from)
      break
    }
    case 'member':
    case 'swizzle':
      inExpression(analysis, expression.base)
      break
    case 'index':
      inExpression(analysis, expression.base)
      inExpression(analysis, expression.index)
      break
    case 'address-of':
      inExpression(analysis, expression.of)
      break
    case 'dereference':
      inExpression(analysis, expression.pointer)
      break
    case 'unary':
      inExpression(analysis, expression.operand)
      break
    case 'binary':
      inExpression(analysis, expression.left)
      inExpression(analysis, expression.right)
      break
    case 'convert':
    case 'bitcast':
      inExpression(analysis, expression.argument)
      break
    case 'construct':
      for (const argument of expression.arguments) inExpression(analysis, argument)
      break
    case 'builtin': {
      for (const argument of expression.arguments) inExpression(analysis, argument)
      const root = expression.arguments.length ? rootOf(analysis, expression.arguments[0]) : undefined
      if (!root || expression.arguments[0].type.kind !== 'pointer' || expression.name === 'arrayLength') break
      analysis.accesses.reads.add(root)
      if (/^atomic(?!Load)/.test(expression.name)) analysis.accesses.writes.add(root)
      break
    }
    case 'call':
      for (const argument of expression.arguments) inExpression(analysis, argument)
      inCall(analysis, expression.function, expression.arguments)
      break
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
