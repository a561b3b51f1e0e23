import type { FunctionSyntax } from '../parse/syntax.js'
import { attributeOf, checkAttributes } from './attributes.js'
import * as behaviours from './behaviours.js'
import { type Context, declare, type Entry, type FunctionState, newUses } from './context.js'
import { type Position, type Type, type Value, WgslError } from './program.js'
import { checkStatements } from './statements.js'
import { isConstructible } from './traits.js'
import { checkType } from './type-expressions.js'
import { typeName } from './types.js'

const onFunctions = ['compute', 'vertex', 'fragment', 'workgroup_size', 'must_use', 'diagnostic']
const onParameters = ['builtin', 'location', 'interpolate', 'invariant', 'blend_src']
const stages = ['compute', 'vertex', 'fragment'] as const

/** The parameters and result of a function; its body is checked when all declarations are known. */
export function checkSignature(context: Context, syntax: FunctionSyntax): Entry {
  const { attributes, name } = syntax
  checkAttributes(attributes, onFunctions, 'functions')
  checkAttributes(syntax.resultAttributes, onParameters, 'results')
  const found = stages.filter((stage) => attributeOf(attributes, stage))
  if (found.length > 1) throw new WgslError(`'${name.text}' cannot be an entry point of two stages`, name.position)
  const stage = found.at(0)
  const size = attributeOf(attributes, 'workgroup_size')
  if (size && stage !== 'compute') throw new WgslError("'@workgroup_size' is for compute shaders ('@compute')", size.position)
  if (syntax.parameters.length > 255)
    throw new WgslError(`a function has at most 255 parameters, found ${syntax.parameters.length}`, name.position)
  const names = new Set<string>()
  const parameters = syntax.parameters.map((parameter): Value => {
    checkAttributes(parameter.attributes, onParameters, 'parameters')
    if (!stage && parameter.attributes.length)
      throw new WgslError(`'@${parameter.attributes[0].name}' is for parameters of entry points`, parameter.attributes[0].position)
    const { text, position } = parameter.name
    if (names.has(text)) throw new WgslError(`'${name.text}' has a parameter '${text}' already`, position)
    names.add(text)
    const type = checkType(context, parameter.type)
    if (type.kind !== 'pointer' && !isConstructible(type))
      throw new WgslError(`a parameter cannot be of type '${typeName(type)}'`, parameter.type.position)
    if (type.kind === 'pointer' && stage) throw new WgslError('a parameter of an entry point cannot be a pointer', parameter.type.position)
    return { kind: 'value', name: text, type: type as Type, position }
  })
  const result = syntax.result && checkType(context, syntax.result)
  if (result && !isConstructible(result))
    throw new WgslError(`a function cannot return a value of type '${typeName(result)}'`, syntax.result!.position)
  if (!stage && syntax.resultAttributes.length)
    throw new WgslError(`'@${syntax.resultAttributes[0].name}' is for results of entry points`, syntax.resultAttributes[0].position)
  const mustUse = attributeOf(attributes, 'must_use')
  if (mustUse && !result)
    throw new WgslError(`'@must_use' is for functions that return a value, which '${name.text}' does not`, mustUse.position)
  const state: FunctionState = {
    syntax,
    function: { kind: 'function', name: name.text, parameters, result: result as Type | undefined, body: [], position: name.position },
    uses: newUses(),
    stage,
    mustUse: mustUse !== undefined,
  }
  context.module.functions.push(state)
  return { kind: 'function', function: state }
}

export function checkBody(context: Context, state: FunctionState): void {
  const { syntax, function: of } = state
  const inner: Context = { ...context, uses: state.uses, function: state, scope: { parent: undefined, names: new Map() }, around: [] }
  checkAttributes(syntax.body.attributes, ['diagnostic'], 'blocks')
  for (const value of of.parameters) declare(inner, value.name, { kind: 'value', value }, value.position)
  const { statements, behaviour } = checkStatements(inner, syntax.body.body)
  if (of.result && behaviour & behaviours.next)
    throw new WgslError(
      `the function '${of.name}' returns a value of type '${typeName(of.result)}'; expected 'return' on every way to its end`,
      syntax.body.end,
    )
  of.body = statements
}

/**
 * Functions so that each comes after those it calls.
 * @throws WgslError where one calls itself, directly or through others
 */
export function calledFirst(functions: readonly FunctionState[]): FunctionState[] {
  const done = new Set<FunctionState>()
  const open = new Set<FunctionState>()
  const order: FunctionState[] = []
  for (const root of functions) {
    const stack: { state: FunctionState; calls: Iterator<[FunctionState, Position]> }[] = []
    const enter = (state: FunctionState) => {
      open.add(state)
      stack.push({ state, calls: state.uses.calls.entries() })
    }
    if (!done.has(root)) enter(root)
    while (stack.length) {
      const { state, calls } = stack[stack.length - 1]
      const step = calls.next()
      if (step.done) {
        stack.pop()
        open.delete(state)
        done.add(state)
        order.push(state)
        continue
      }
      const [called, position] = step.value
      if (open.has(called))
        throw new WgslError(
          `'${called.function.name}' calls itself${called === state ? '' : ` through '${state.function.name}'`}; WGSL has no recursion`,
          position,
        )
      if (!done.has(called)) enter(called)
    }
  }
  return order
}
