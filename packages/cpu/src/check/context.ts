/** What the checker knows at a place of the module. */
import type { DeclarationSyntax, FunctionSyntax } from '../parse/syntax.js'
import type { Constant } from './constants.js'
import { type Func, type Override, type Position, type Program, type Value, type Variable, WgslError } from './program.js'
import type { AnyType } from './types.js'

/** What a name stands for. */
export type Entry =
  | { readonly kind: 'const'; readonly type: AnyType; readonly constant: Constant }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'variable'; readonly variable: Variable }
  | { readonly kind: 'override'; readonly override: Override }
  | { readonly kind: 'function'; readonly function: FunctionState }
  | { readonly kind: 'type'; readonly type: AnyType }
  /** In `continuing`: declared in the loop's body after a `continue`. */
  | { readonly kind: 'bypassed'; readonly position: Position }

export interface Scope {
  readonly parent: Scope | undefined
  readonly names: Map<string, Entry>
}

/** What of the module a function or an initial value names. */
export interface Uses {
  readonly variables: Set<Variable>
  readonly overrides: Set<Override>
  /** Where each function is called first. */
  readonly calls: Map<FunctionState, Position>
  /** What it does that is for fragment shaders only. */
  forFragments?: { readonly text: string; readonly position: Position }
}

export interface FunctionState {
  readonly syntax: FunctionSyntax
  /** Its body is filled in when it has been checked. */
  readonly function: Func & { body: Func['body'] }
  readonly uses: Uses
  readonly stage: 'compute' | 'vertex' | 'fragment' | undefined
  readonly mustUse: boolean
}

export interface Declared {
  readonly syntax: DeclarationSyntax
  /** undefined until something asks for it: declarations may be in any order. */
  entry: Entry | undefined
  resolving: boolean
}

export interface ModuleState {
  readonly features: ReadonlySet<string>
  readonly declared: Map<string, Declared>
  readonly overrides: Override[]
  readonly variables: Variable[]
  readonly functions: FunctionState[]
  readonly messages: Program['messages'][number][]
  /** Some function calls a barrier. */
  hasBarriers: boolean
  /** @returns what a name declared in the module stands for, checked now if it was not yet */
  resolve(name: string, position: Position): Entry | undefined
}

export interface Context {
  readonly module: ModuleState
  readonly uses: Uses
  scope: Scope | undefined
  /** More than 0 in what a constant `&&` or `||` does not come to: there, calculations that fail are no errors. */
  unevaluated: number
  /** The function that the code is in. */
  readonly function?: FunctionState
  /** The loops and switches around the statement, the innermost last; `continuing` is left by neither `break` nor `continue`. */
  readonly around: Around[]
}

export interface Around {
  readonly kind: 'loop' | 'switch' | 'continuing'
  /** Of a loop: how many names its body had declared at the first `continue`. */
  declaredAtContinue?: number
  /** Of a loop: the scope of its body. */
  scope?: Scope
}

export function newUses(): Uses {
  return { variables: new Set(), overrides: new Set(), calls: new Map() }
}

/** @returns what the name stands for here; undefined: it is not declared (it may be predeclared) */
export function lookUp(context: Context, name: string, position: Position): Entry | undefined {
  for (let scope = context.scope; scope; scope = scope.parent) {
    const entry = scope.names.get(name)
    if (entry?.kind === 'bypassed')
      throw new WgslError(
        `'${name}' may have no value here: a 'continue' comes before its declaration in line ${entry.position.line}`,
        position,
      )
    if (entry) return entry
  }
  return context.module.resolve(name, position)
}

/** Declares a name in the innermost scope. @throws WgslError where it has it already */
export function declare(context: Context, name: string, entry: Entry, position: Position): void {
  const { names } = context.scope!
  if (names.has(name)) throw new WgslError(`'${name}' is declared already in this scope`, position)
  names.set(name, entry)
}

/** Runs `check` in a scope within the present one. */
export function inScope<T>(context: Context, check: () => T): T {
  const outer = context.scope
  context.scope = { parent: outer, names: new Map() }
  const result = check()
  context.scope = outer
  return result
}
