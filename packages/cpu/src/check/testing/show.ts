/** For tests of the checker: trees as text, and errors as text. */
import { checkModule } from '../index.js'
import { type Expression, type Program, WgslError } from '../program.js'
import { typeName } from '../types.js'

/** An expression in brackets: `[load a]`, with literals as WGSL writes them. */
export function show(expression: Expression): string {
  const list = (expressions: readonly Expression[]) => expressions.map((one) => ` ${show(one)}`).join('')
  switch (expression.op) {
    case 'literal': {
      const suffix = { i32: 'i', u32: 'u', f32: 'f', bool: '' }[typeName(expression.type)]
      return `${expression.value}${suffix}`
    }
    case 'variable':
      return expression.variable.name
    case 'value':
      return expression.value.name
    case 'override':
      return expression.override.name
    case 'load':
      return `[load ${show(expression.from)}]`
    case 'member':
      return `[member ${show(expression.base)} ${expression.index}]`
    case 'index':
      return `[index ${show(expression.base)} ${show(expression.index)}]`
    case 'swizzle':
      return `[swizzle ${show(expression.base)} ${expression.components.join('')}]`
    case 'address-of':
      return `[& ${show(expression.of)}]`
    case 'dereference':
      return `[* ${show(expression.pointer)}]`
    case 'unary':
      return `[${expression.operator} ${show(expression.operand)}]`
    case 'binary':
      return `[${expression.operator} ${show(expression.left)} ${show(expression.right)}]`
    case 'call':
      return `[${expression.function.name}${list(expression.arguments)}]`
    case 'builtin':
      return `[${expression.name}${list(expression.arguments)}]`
    case 'construct':
      return `[${typeName(expression.type)}${list(expression.arguments)}]`
    case 'convert':
      return `[to ${typeName(expression.type)} ${show(expression.argument)}]`
    case 'bitcast':
      return `[bits ${typeName(expression.type)} ${show(expression.argument)}]`
  }
}

/** The checked module, or "line:column message" of its error. */
export function outcome(source: string, features?: ReadonlySet<string>): Program | string {
  try {
    return checkModule(source, features)
  } catch (error) {
    if (error instanceof WgslError) return `${error.position.line}:${error.position.column} ${error.message}`
    throw error
  }
}

/** 'none', or "line:column message". */
export function fault(source: string, features?: ReadonlySet<string>): string {
  const result = outcome(source, features)
  return typeof result === 'string' ? result : 'none'
}

/** The value of the last declaration of a function `f`. */
export function lastValue(source: string): Expression {
  const { functions } = checkModule(source)
  const last = functions.find(({ name }) => name === 'f')!.body.at(-1)!
  if (last.op !== 'let' && last.op !== 'variable') throw new Error('the last statement is no declaration')
  return last.initial!
}
