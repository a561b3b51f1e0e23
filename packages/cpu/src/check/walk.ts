/** The parts of statements and expressions of a checked module. */
import type { Expression, Statement } from './program.js'

/** Expressions directly in an expression. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case 'load':
      return [expression.from]
    case 'member':
    case 'swizzle':
      return [expression.base]
    case 'index':
      return [expression.base, expression.index]
    case 'address-of':
      return [expression.of]
    case 'dereference':
      return [expression.pointer]
    case 'unary':
      return [expression.operand]
    case 'binary':
      return [expression.left, expression.right]
    case 'call':
    case 'builtin':
    case 'construct':
      return expression.arguments
    case 'convert':
    case 'bitcast':
      return [expression.argument]
    default:
      return []
  }
}

/** Expressions directly in a statement, not those in its blocks. */
export function expressionsOf(statement: Statement): readonly Expression[] {
  const some = (...list: (Expression | undefined)[]) => list.filter((one) => one !== undefined)
  switch (statement.op) {
    case 'variable':
    case 'let':
      return some(statement.initial)
    case 'assign':
    case 'update':
      return some(statement.to, statement.value)
    case 'call':
      return [statement.call]
    case 'if':
      return [statement.condition]
    case 'switch':
      return [statement.selector]
    case 'loop':
      return some(statement.condition, statement.breakIf)
    case 'return':
      return some(statement.value)
    default:
      return []
  }
}

/** The blocks of a statement. */
export function blocksOf(statement: Statement): readonly (readonly Statement[])[] {
  switch (statement.op) {
    case 'if':
      return [statement.then, statement.else]
    case 'switch':
      return statement.cases.map(({ body }) => body)
    case 'loop':
      return [statement.initial, statement.body, statement.continuing]
    case 'block':
      return [statement.body]
    default:
      return []
  }
}

/** Calls `visit` with all expressions of statements, those in others and in blocks too. */
export function eachExpression(list: readonly Statement[], visit: (expression: Expression) => void): void {
  const within = (expression: Expression) => {
    visit(expression)
    partsOf(expression).forEach(within)
  }
  for (const statement of list) {
    expressionsOf(statement).forEach(within)
    for (const block of blocksOf(statement)) eachExpression(block, visit)
  }
}
