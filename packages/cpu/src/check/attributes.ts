import type { AttributeSyntax } from '../parse/syntax.js'
import { count } from './calls.js'
import type { Context } from './context.js'
import { checkValue } from './expressions.js'
import { expressionOf, type Operand } from './operand.js'
import { type Expression, type Position, WgslError } from './program.js'
import { isScalar, typeName } from './types.js'

/** How many arguments each takes: least and most. */
const known: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['align', [1, 1]],
  ['binding', [1, 1]],
  ['blend_src', [1, 1]],
  ['builtin', [1, 1]],
  ['compute', [0, 0]],
  ['diagnostic', [2, 2]],
  ['fragment', [0, 0]],
  ['group', [1, 1]],
  ['id', [1, 1]],
  ['interpolate', [1, 2]],
  ['invariant', [0, 0]],
  ['location', [1, 1]],
  ['must_use', [0, 0]],
  ['size', [1, 1]],
  ['vertex', [0, 0]],
  ['workgroup_size', [1, 3]],
])

/** Checks that all are known, have their number of arguments, are allowed here, and none is there twice. @param where names what they are on */
export function checkAttributes(attributes: readonly AttributeSyntax[], allowed: readonly string[], where: string): void {
  const seen = new Set<string>()
  for (const { name, arguments: given, position } of attributes) {
    const counts = known.get(name)
    if (!counts) throw new WgslError(`unknown attribute '@${name}'`, position)
    if (!allowed.includes(name)) throw new WgslError(`'@${name}' is not for ${where}`, position)
    if (seen.has(name) && name !== 'diagnostic') throw new WgslError(`'@${name}' is there twice`, position)
    seen.add(name)
    const found = given?.length ?? 0
    if (given && counts[1] === 0) throw new WgslError(`'@${name}' takes no arguments and no parentheses`, position)
    if (found < counts[0] || found > counts[1])
      throw new WgslError(
        `'@${name}' takes ${counts[0] === counts[1] ? count(counts[0], 'argument') : `${counts.join(' to ')} arguments`}, found ${found}`,
        position,
      )
    if (name === 'diagnostic') checkSeverity(given![0].op === 'name' ? given![0].name : '', given![0].position)
  }
}

export function checkSeverity(name: string, position: Position): void {
  if (!['off', 'info', 'warning', 'error'].includes(name))
    throw new WgslError(`a severity is off, info, warning or error, found '${name}'`, position)
}

export function attributeOf(attributes: readonly AttributeSyntax[], name: string): AttributeSyntax | undefined {
  return attributes.find((attribute) => attribute.name === name)
}

/** The value of `@name(n)`, a constant integer of at least `least`; undefined where the attribute is not there. */
export function integerAttribute(context: Context, attributes: readonly AttributeSyntax[], name: string, least = 0): number | undefined {
  const attribute = attributeOf(attributes, name)
  if (!attribute) return undefined
  const operand = checkInteger(context, attribute, 0)
  if (operand.stage !== 'const') throw new WgslError(`'@${name}' takes a const-expression`, operand.position)
  const value = Number(operand.constant)
  if (value < least || value > 0xffffffff)
    throw new WgslError(`'@${name}' takes an integer of at least ${least}, found ${value}`, operand.position)
  return value
}

function checkInteger(context: Context, attribute: AttributeSyntax, index: number): Operand {
  const operand = checkValue(context, attribute.arguments![index])
  if (!isScalar(operand.type, 'abstract-int', 'i32', 'u32'))
    throw new WgslError(`'@${attribute.name}' takes an i32 or u32, found '${typeName(operand.type)}'`, operand.position)
  return operand
}

/** `@workgroup_size(x, y, z)`: expressions of constants and overrides, all i32 or all u32. */
export function checkWorkgroupSize(context: Context, attribute: AttributeSyntax): [Expression, Expression, Expression] {
  const sizes = attribute.arguments!.map((_, i) => {
    const operand = checkInteger(context, attribute, i)
    if (operand.stage === 'runtime') throw new WgslError('a workgroup size is known before it runs', operand.position)
    if (operand.stage === 'const' && Number(operand.constant) < 1)
      throw new WgslError(`a workgroup size is at least 1, found ${operand.constant}`, operand.position)
    return operand
  })
  const types = new Set(sizes.map((operand) => typeName(operand.type)).filter((name) => name !== 'abstract-int'))
  if (types.size > 1) throw new WgslError('the workgroup sizes are of one type, found i32 and u32', attribute.position)
  const one: Expression = { op: 'literal', value: 1, type: { kind: 'scalar', name: 'u32' }, position: attribute.position }
  const [x, y = one, z = one] = sizes.map(expressionOf)
  return [x, y, z]
}
