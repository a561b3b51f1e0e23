/** Entry points: what they get, and what of the module they use. */
import type { AttributeSyntax, StructSyntax } from '../parse/syntax.js'
import { attributeOf, checkWorkgroupSize } from './attributes.js'
import type { Context, FunctionState } from './context.js'
import {
  type Builtin,
  type EntryInput,
  type EntryPoint,
  type Expression,
  type Override,
  type Position,
  type Type,
  type Variable,
  WgslError,
} from './program.js'
import { type AnyType, sameType, typeName, u32, vector } from './types.js'
import { partsOf } from './walk.js'

const inputs: Record<Builtin, AnyType> = {
  local_invocation_id: vector(3, u32),
  local_invocation_index: u32,
  global_invocation_id: vector(3, u32),
  workgroup_id: vector(3, u32),
  num_workgroups: vector(3, u32),
}

export function checkEntryPoint(context: Context, state: FunctionState): EntryPoint {
  const { syntax, function: of } = state
  const size = attributeOf(syntax.attributes, 'workgroup_size')
  if (!size) throw new WgslError(`the compute shader '${of.name}' needs '@workgroup_size'`, of.position)
  if (of.result)
    throw new WgslError(
      `the compute shader '${of.name}' returns no value, found a result of type '${typeName(of.result)}'`,
      syntax.result!.position,
    )
  const workgroupSize = checkWorkgroupSize(context, size)
  const seen = new Set<Builtin>()
  const list = syntax.parameters.map((parameter, i): EntryInput => {
    const { type } = of.parameters[i]
    if (type.kind === 'struct') {
      if (parameter.attributes.length)
        throw new WgslError(
          `the members of '${type.name}' say what they are, found '@${parameter.attributes[0].name}'`,
          parameter.attributes[0].position,
        )
      const struct = structSyntax(context, type)
      return struct.members.map((member, m) => checkInput(member.attributes, type.members[m].type, member.name.position, seen))
    }
    return checkInput(parameter.attributes, type, parameter.name.position, seen)
  })
  const { variables, overrides } = usesOf(context, state, workgroupSize)
  refuseShared(variables, of.name)
  return { name: of.name, function: of, workgroupSize, inputs: list, variables, overrides }
}

/** The declaration of a struct of the module. */
function structSyntax(context: Context, type: AnyType): StructSyntax {
  for (const { entry, syntax } of context.module.declared.values())
    if (entry?.kind === 'type' && entry.type === type && syntax.op === 'struct') return syntax
  throw new WgslError(`'${typeName(type)}' cannot be an input`, { line: 1, column: 1, offset: 0, length: 0 })
}

function checkInput(attributes: readonly AttributeSyntax[], type: Type, position: Position, seen: Set<Builtin>): Builtin {
  const attribute = attributeOf(attributes, 'builtin')
  const other = attributes.find(({ name }) => !['builtin', 'align', 'size'].includes(name))
  if (other) throw new WgslError(`'@${other.name}' is not for inputs of compute shaders`, other.position)
  if (!attribute) throw new WgslError("an input of a compute shader needs '@builtin'", position)
  const [argument] = attribute.arguments!
  const name = argument.op === 'name' ? argument.name : ''
  if (name.startsWith('subgroup_') || name === 'num_subgroups')
    throw new WgslError(`'@builtin(${name})' needs the feature 'subgroups', which this device does not have`, argument.position)
  if (!Object.hasOwn(inputs, name))
    throw new WgslError(`expected an input of compute shaders (${Object.keys(inputs).join(', ')}), found '${name}'`, argument.position)
  const builtin = name as Builtin
  if (!sameType(inputs[builtin], type))
    throw new WgslError(`'@builtin(${name})' is of type '${typeName(inputs[builtin])}', found '${typeName(type)}'`, position)
  if (seen.has(builtin)) throw new WgslError(`'@builtin(${name})' is there twice`, attribute.position)
  seen.add(builtin)
  return builtin
}

/** A function and all that it calls, directly or not. */
export function reachedFrom(state: FunctionState): ReadonlySet<FunctionState> {
  const reached = new Set([state])
  for (const { uses } of reached) for (const called of uses.calls.keys()) reached.add(called)
  return reached
}

/** What an entry point and what it calls name, in order of declaration. */
function usesOf(context: Context, state: FunctionState, sizes: readonly Expression[]): { variables: Variable[]; overrides: Override[] } {
  const reached = reachedFrom(state)
  const variables = new Set<Variable>()
  const overrides = new Set<Override>()
  for (const { uses } of reached) {
    if (uses.forFragments)
      throw new WgslError(
        `'${uses.forFragments.text}' is for fragment shaders, but '${state.function.name}' comes to it`,
        uses.forFragments.position,
      )
    for (const variable of uses.variables) variables.add(variable)
    for (const override of uses.overrides) overrides.add(override)
  }
  for (const size of sizes) findOverrides(size, overrides)
  for (const { initial, type } of variables) {
    if (initial) findOverrides(initial, overrides)
    if (type.kind === 'array' && typeof type.count === 'object') findOverrides(type.count, overrides)
  }
  for (const { initial } of overrides) if (initial) findOverrides(initial, overrides)
  const { module } = context
  return {
    variables: module.variables.filter((variable) => variables.has(variable) && variable.space !== 'private'),
    overrides: module.overrides.filter((override) => overrides.has(override)),
  }
}

/** Adds the overrides that an expression of constants and overrides names. */
function findOverrides(expression: Expression, found: Set<Override>): void {
  if (expression.op === 'override') found.add(expression.override)
  for (const part of partsOf(expression)) findOverrides(part, found)
}

function refuseShared(variables: readonly Variable[], name: string): void {
  const seen = new Map<string, Variable>()
  for (const variable of variables) {
    if (variable.group === undefined) continue
    const key = `@group(${variable.group}) @binding(${variable.binding})`
    const other = seen.get(key)
    if (other) throw new WgslError(`'${other.name}' and '${variable.name}' are both ${key} and both used by '${name}'`, variable.position)
    seen.set(key, variable)
  }
}
