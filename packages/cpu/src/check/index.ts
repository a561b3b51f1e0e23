/** From source text to a checked module. */
import { parseModule } from '../parse/index.js'
import type { DeclarationSyntax } from '../parse/syntax.js'
import { checkAliases } from './aliases.js'
import { type Context, type Declared, type Entry, type FunctionState, type ModuleState, newUses } from './context.js'
import { checkConst, checkModuleVariable, checkOverride, checkStruct } from './declarations.js'
import { checkDirectives } from './directives.js'
import { checkEntryPoint } from './entry-points.js'
import { calledFirst, checkBody, checkSignature } from './functions.js'
import { type Func, type Position, type Program, WgslError } from './program.js'
import { checkAssert } from './simple-statements.js'
import { checkType } from './type-expressions.js'
import { checkUniformity } from './uniformity/index.js'

/**
 * Parses and checks a WGSL module.
 * @param features of the device, as WebGPU names them
 * @throws WgslError for the first thing that is wrong
 */
export function checkModule(source: string, features: ReadonlySet<string> = new Set()): Program {
  try {
    return check(source, features)
  } catch (error) {
    // The engine's own limit of nested calls
    if (error instanceof RangeError)
      throw new WgslError('nested too deeply to be checked', { line: 1, column: 1, offset: 0, length: Math.min(1, source.length) })
    throw error
  }
}

function check(source: string, features: ReadonlySet<string>): Program {
  const syntax = parseModule(source)
  const declared = new Map<string, Declared>()
  const module: ModuleState = {
    features,
    declared,
    overrides: [],
    variables: [],
    functions: [],
    messages: [],
    hasBarriers: false,
    resolve: (name, position) => resolve(context, name, position),
  }
  const context: Context = { module, uses: newUses(), scope: undefined, unevaluated: 0, around: [] }
  checkDirectives(module, syntax.directives)
  for (const declaration of syntax.declarations) {
    if (declaration.op === 'assert') continue
    const { text, position } = declaration.name
    const other = declared.get(text)
    if (other) throw new WgslError(`'${text}' is declared already, in line ${other.syntax.position.line}`, position)
    declared.set(text, { syntax: declaration, entry: undefined, resolving: false })
  }
  for (const declaration of syntax.declarations) {
    if (declaration.op === 'assert') checkAssert(context, declaration)
    else resolve(context, declaration.name.text, declaration.name.position)
  }
  const inOrder = <T extends { readonly position: Position }>(list: T[]) => list.sort((a, b) => a.position.offset - b.position.offset)
  inOrder(module.overrides)
  inOrder(module.variables)
  module.functions.sort((a, b) => a.syntax.position.offset - b.syntax.position.offset)
  for (const state of module.functions) checkBody(context, state)
  const functions = calledFirst(module.functions)
  const entryPoints = module.functions.filter(({ stage }) => stage === 'compute').map((state) => checkEntryPoint(context, state))
  const kept = withoutFragments(functions)
  checkAliases(kept)
  if (module.hasBarriers) checkUniformity(kept, entryPoints)
  return {
    source,
    overrides: module.overrides,
    variables: module.variables,
    functions: kept,
    entryPoints,
    messages: module.messages,
  }
}

/** Functions, each after those it calls, without other entry points than those of compute shaders, and without what is for fragment shaders. */
function withoutFragments(functions: readonly FunctionState[]): Func[] {
  const left = new Set<FunctionState>()
  for (const state of functions)
    if (state.uses.forFragments || [...state.uses.calls.keys()].some((called) => left.has(called))) left.add(state)
  return functions
    .filter((state) => !left.has(state) && (state.stage === undefined || state.stage === 'compute'))
    .map((state) => state.function)
}

function resolve(context: Context, name: string, position: Position): Entry | undefined {
  const found = context.module.declared.get(name)
  if (!found) return undefined
  if (found.entry) return found.entry
  if (found.resolving) throw new WgslError(`the declaration of '${name}' depends on itself`, position)
  found.resolving = true
  found.entry = checkDeclaration(
    { ...context, uses: newUses(), scope: undefined, unevaluated: 0, function: undefined, around: [] },
    found.syntax,
  )
  found.resolving = false
  return found.entry
}

function checkDeclaration(context: Context, syntax: DeclarationSyntax): Entry {
  switch (syntax.op) {
    case 'function':
      return checkSignature(context, syntax)
    case 'struct':
      return checkStruct(context, syntax)
    case 'alias':
      return { kind: 'type', type: checkType(context, syntax.type) }
    case 'override':
      return checkOverride(context, syntax)
    case 'var':
      return checkModuleVariable(context, syntax)
    default:
      return checkConst(context, syntax as Extract<DeclarationSyntax, { op: 'const' | 'let' }>)
  }
}
