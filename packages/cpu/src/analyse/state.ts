/** What lowering carries along: the list of statements being made, and what every name of the module stands for by now. */
import type { Expression, Func, Value as LetValue, Override, Position, Program, Type, Variable } from '../check/program.js'
import { WgslError } from '../check/program.js'
import { isConst, read } from './fold.js'
import type { Frame, Kind, Local, Memory, Statement, Value } from './ir.js'
import { createLayout, type Layout } from './layout.js'

/** What a reference or a pointer stands for: pointers are never stored, so that it is always known. */
export type Reference =
  | { readonly kind: 'locals'; readonly type: Type; readonly locals: readonly Local[]; readonly root: Variable }
  /** A component of a vector, found when the code runs. */
  | { readonly kind: 'component'; readonly type: Type; readonly locals: readonly Local[]; readonly index: Value }
  /** `packed`: scalars side by side, as in private memory; else as hosts see them. */
  | { readonly kind: 'memory'; readonly type: Type; readonly memory: Memory; readonly offset: Value; readonly packed: boolean }

/** Scalars of a value, in order. */
export type Parts = readonly Value[]

export interface Exit {
  /** Where `break` goes, and `continue`. */
  readonly breakTo: Frame | undefined
  readonly continueTo: Frame | undefined
}

export interface State {
  readonly program: Program
  readonly layout: Layout
  readonly overrides: ReadonlyMap<Override, Value>
  readonly memories: Map<Variable, Memory>
  readonly references: Map<Variable | LetValue, Reference>
  readonly values: Map<LetValue, Parts>
  /** Variables of functions that must be in memory because they are indexed by what is known only when the code runs; found on the way, then all begins again. */
  readonly inMemory: Set<Variable>
  /** Whether `inMemory` grew. */
  again: boolean
  statements: Statement[]
  /** false after a break, continue or return: what follows is dropped. */
  reachable: boolean
  exits: Exit[]
  /** Of the functions being joined in, the innermost last. */
  calls: { readonly function: Func; readonly result: readonly Local[]; readonly frame: Frame }[]
  locals: number
  privateBytes: number
  /** Words of uniform buffers that are used. */
  readonly uniforms: Map<string, { readonly local: Local; readonly slot: number; readonly offset: number }>
  /** Statements made so far: functions joined in again and again may make too many. */
  made: number
}

const mostStatements = 400_000

export function createState(program: Program, overrides: ReadonlyMap<Override, Value>, inMemory: Set<Variable>): State {
  const state: State = {
    program,
    layout: createLayout((count) => state.countOf(count)),
    overrides,
    memories: new Map(),
    references: new Map(),
    values: new Map(),
    inMemory,
    again: false,
    statements: [],
    reachable: true,
    exits: [],
    calls: [],
    locals: 0,
    privateBytes: 0,
    uniforms: new Map(),
    made: 0,
    countOf: () => 1,
  } as State & { countOf(count: Expression): number }
  return state as State
}

export interface State {
  /** The length of an array that depends on overrides. */
  countOf(count: Expression): number
}

export function emit(state: State, statement: Statement): void {
  if (!state.reachable) return
  if (++state.made > mostStatements) {
    const position = state.calls.at(-1)?.function.position ?? { line: 1, column: 1, offset: 0, length: 0 }
    throw new WgslError(`the shader is too large: with every call joined in it has more than ${mostStatements} statements`, position)
  }
  if (statement.op === 'store' && joinStore(state.statements, statement)) return
  state.statements.push(statement)
}

/**
 * Stores of words that follow those of the store before become one with it: together they may be a vector. Not in private memory, where an offset at which
 * not all of them lie inside would become another for all.
 */
function joinStore(statements: Statement[], statement: Statement & { op: 'store' }): boolean {
  const last = statements.at(-1)
  if (last?.op !== 'store' || last.memory !== statement.memory || last.memory.space === 'private') return false
  if (last.values.length + statement.values.length > 4) return false
  const [a, b] = [splitOffset(last.offset), splitOffset(statement.offset)]
  if (!sameValue(a.base, b.base) || ((a.constant + 4 * last.values.length) | 0) !== b.constant) return false
  statements[statements.length - 1] = { ...last, values: [...last.values, ...statement.values] }
  return true
}

const splitOffset = (offset: Value) =>
  offset.op === 'binary' && offset.name === 'add' && isConst(offset.b)
    ? { base: offset.a, constant: offset.b.value }
    : { base: offset, constant: 0 }

function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a.op === 'local' && b.op === 'local') return a.local === b.local
  if (a.op === 'const' && b.op === 'const') return Object.is(a.value, b.value) && a.kind === b.kind
  return a.op === 'binary' && b.op === 'binary' && a.name === b.name && sameValue(a.a, b.a) && sameValue(a.b, b.b)
}

/** Runs `make` with a list of its own and gives that; `reachable` is as before afterwards. */
export function collect(state: State, make: () => void): { statements: Statement[]; reachable: boolean } {
  const { statements, reachable } = state
  state.statements = []
  make()
  const made = { statements: state.statements, reachable: state.reachable }
  state.statements = statements
  state.reachable = reachable
  return made
}

export function newLocal(state: State, kind: Kind, name: string, constant = true): Local {
  return { id: state.locals++, kind, name, shape: undefined, home: undefined, constant }
}

/** The value in a local of its own, unless it is one, or a constant, already. */
export function bind(state: State, value: Value, name = ''): Value {
  if (isConst(value) || (value.op === 'local' && value.local.constant)) return value
  const local = newLocal(state, value.kind, name)
  emit(state, { op: 'assign', to: local, value, declares: true })
  return read(local)
}

/** As `bind`, for values that are used more than once before any variable changes: variables may stay what they are. */
export function atom(state: State, value: Value): Value {
  return value.op === 'local' || isPlain(value) ? value : bind(state, value)
}

const isPlain = (value: Value) => isConst(value) || value.op === 'lane' || value.op === 'group' || value.op === 'groups'

export const bindAll = (state: State, parts: Parts, name = ''): Parts => parts.map((part) => bind(state, part, name))

/** Private memory for `leaves` scalars of every lane. */
export function privateMemory(state: State, leaves: number): Memory {
  const memory: Memory = { space: 'private', base: state.privateBytes, size: 4 * leaves }
  state.privateBytes += 4 * leaves
  return memory
}

export function fail(message: string, position: Position): never {
  throw new WgslError(message, position)
}
