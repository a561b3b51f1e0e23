import type { StatementSyntax } from '../parse/syntax.js'
import { checkAttributes } from './attributes.js'
import * as behaviours from './behaviours.js'
import type { Context } from './context.js'
import { checkValue } from './expressions.js'
import { within } from './loops.js'
import { convert, convertedTo, type Operand } from './operand.js'
import { type Statement, type SwitchCase, type Type, WgslError } from './program.js'
import { type Checked, checkBlock } from './statements.js'
import { concreteType, converts, isScalar, typeName } from './types.js'

export function checkSwitch(context: Context, syntax: Extract<StatementSyntax, { op: 'switch' }>): Checked {
  const { position, cases } = syntax
  checkAttributes(syntax.bodyAttributes, ['diagnostic'], 'the body of a switch')
  const selector = checkValue(context, syntax.selector)
  if (!isScalar(selector.type, 'abstract-int', 'i32', 'u32'))
    throw new WgslError(`'switch' selects by an i32 or u32, found '${typeName(selector.type)}'`, selector.position)
  const values = cases.map(({ selectors }) => selectors.map((one) => (one === 'default' ? one : checkSelector(context, one))))
  const all: Operand[] = [selector, ...values.flat().filter((one) => one !== 'default')]
  const type = concreteType((all.find((one) => !isScalar(one.type, 'abstract-int')) ?? selector).type)
  for (const operand of all) {
    if (!converts(operand.type, type))
      throw new WgslError(
        `the selectors of a 'switch' are of one type, found '${typeName(type)}' and '${typeName(operand.type)}'`,
        operand.position,
      )
  }
  const seen = new Set<number | 'default'>()
  const behavioursOfCases: number[] = []
  const checked = cases.map((one, i): SwitchCase => {
    const selectors = values[i].map((selected) => {
      const value = selected === 'default' ? selected : (convert(selected, type).constant as number)
      if (seen.has(value))
        throw new WgslError(
          value === 'default' ? "a 'switch' has one 'default' only" : `the case ${value} is there twice`,
          selected === 'default' ? one.position : selected.position,
        )
      seen.add(value)
      return value
    })
    const body = within(context, { kind: 'switch' }, () => checkBlock(context, one.body))
    behavioursOfCases.push(body.behaviour)
    return { selectors, body: body.statements }
  })
  if (!seen.has('default')) throw new WgslError("a 'switch' needs a 'default'", position)
  const node: Statement = { op: 'switch', selector: convertedTo(selector, type as Type), cases: checked, position }
  return { statements: [node], behaviour: behaviours.ofSwitch(behavioursOfCases) }
}

function checkSelector(context: Context, syntax: Parameters<typeof checkValue>[1]): Operand {
  const operand = checkValue(context, syntax)
  if (operand.stage !== 'const') throw new WgslError("the value of a 'case' must be a const-expression", operand.position)
  if (!isScalar(operand.type, 'abstract-int', 'i32', 'u32'))
    throw new WgslError(`the value of a 'case' is an i32 or u32, found '${typeName(operand.type)}'`, operand.position)
  return operand
}
