/** From an entry point of a checked module, with values for its overrides, to a `Kernel`. */
import type { EntryPoint, Expression, Override, Program, Type, Variable } from '../check/program.js'
import { lowerExpression, lowerScalar, zeros } from './expressions.js'
import { constant, u32 } from './fold.js'
import { place } from './functions.js'
import { frame, type Kernel, type Memory, type Value } from './ir.js'
import { storeReference } from './references.js'
import { bind, collect, createState, emit, fail, newLocal, type Parts, privateMemory, type State } from './state.js'
import { lowerStatements } from './statements.js'

export type Constants = Readonly<Record<string, number>>

export function lowerEntryPoint(program: Program, entry: EntryPoint, constants: Constants): Kernel {
  const inMemory = new Set<Variable>()
  // Which variables must be in memory is found on the way; then all begins again.
  for (;;) {
    const state = createState(program, new Map(), inMemory)
    const kernel = lowerOnce(state, entry, constants)
    if (!state.again) return kernel
  }
}

function lowerOnce(state: State, entry: EntryPoint, constants: Constants): Kernel {
  const overrides = state.overrides as Map<Override, Value>
  for (const override of entry.overrides) overrides.set(override, overrideValue(state, override, constants))
  state.countOf = (count) => {
    const value = constantOf(state, count)
    return value < 1 ? fail(`an array must have at least one element, found ${value}`, count.position) : value
  }
  const sizeOf = (expression: Expression, axis: number) => {
    const value = constantOf(state, expression)
    return value < 1 ? fail(`the workgroup size must be at least 1 in ${'xyz'[axis]}, found ${value}`, expression.position) : value
  }
  const [x, y, z] = entry.workgroupSize.map(sizeOf)

  const bindings: Kernel['bindings'][number][] = []
  let workgroupBytes = 0
  for (const variable of entry.variables) {
    if (variable.space === 'workgroup') {
      const size = state.layout.size(variable.type)
      const base = Math.ceil(workgroupBytes / 16) * 16
      state.memories.set(variable, { space: 'workgroup', base, size })
      workgroupBytes = base + size
    } else if (variable.space === 'uniform' || variable.space === 'storage') {
      const type = variable.space === 'uniform' ? 'uniform' : variable.access === 'read' ? 'read-only-storage' : 'storage'
      const memory: Memory = { space: variable.space, slot: bindings.length }
      state.memories.set(variable, memory)
      bindings.push({ group: variable.group!, binding: variable.binding!, type, minSize: state.layout.size(variable.type) })
    }
  }

  const root = frame('root')
  const own = frame('block')
  const { statements } = collect(state, () => {
    for (const variable of state.program.variables) if (variable.space === 'private') declarePrivate(state, variable)
    const { parameters } = entry.function
    parameters.forEach((parameter, i) => {
      const input = entry.inputs[i]
      const parts = typeof input === 'string' ? builtinValue(input, [x, y, z]) : input.flatMap((each) => builtinValue(each, [x, y, z]))
      state.values.set(
        parameter,
        parts.map((part) => bind(state, part, parameter.name)),
      )
    })
    const body = collect(state, () => {
      state.calls.push({ function: entry.function, result: [], frame: own })
      lowerStatements(state, entry.function.body)
      state.calls.pop()
    })
    place(state, own, body.statements)
  })
  return {
    body: statements,
    root,
    workgroupSize: [x, y, z],
    bindings,
    workgroupBytes,
    uniforms: [...state.uniforms.values()],
    privateBytes: state.privateBytes,
  }
}

function declarePrivate(state: State, variable: Variable): void {
  const parts = variable.initial ? lowerExpression(state, variable.initial) : zeros(state, variable.type)
  if (state.inMemory.has(variable)) {
    const reference = {
      kind: 'memory',
      type: variable.type,
      memory: privateMemory(state, parts.length),
      offset: u32(0),
      packed: true,
    } as const
    state.references.set(variable, reference)
    storeReference(state, reference, parts)
    return
  }
  const locals = parts.map((part) => newLocal(state, part.kind, variable.name, false))
  state.references.set(variable, { kind: 'locals', type: variable.type, locals, root: variable })
  locals.forEach((to, i) => emit(state, { op: 'assign', to, value: parts[i], declares: true }))
}

function builtinValue(name: string, [x, y, z]: readonly number[]): Parts {
  const axes = [0, 1, 2] as const
  const lane = (axis: 0 | 1 | 2 | 'index'): Value => ({ op: 'lane', kind: 'u32', axis })
  const group = (axis: 0 | 1 | 2): Value => ({ op: 'group', kind: 'u32', axis })
  const size = [x, y, z]
  switch (name) {
    case 'local_invocation_id':
      return axes.map(lane)
    case 'local_invocation_index':
      return [lane('index')]
    case 'workgroup_id':
      return axes.map(group)
    case 'num_workgroups':
      return axes.map((axis): Value => ({ op: 'groups', kind: 'u32', axis }))
    case 'global_invocation_id':
      return axes.map((axis): Value => {
        const base: Value = { op: 'binary', kind: 'u32', name: 'mul', a: group(axis), b: u32(size[axis]) }
        return size[axis] === 1 ? group(axis) : { op: 'binary', kind: 'u32', name: 'add', a: base, b: lane(axis) }
      })
    default:
      throw new Error(`the builtin '${name}' is not known`)
  }
}

function constantOf(state: State, expression: Expression): number {
  const value = lowerScalar(state, expression)
  if (value.op !== 'const') return fail('expected an expression of constants and overrides', expression.position)
  return value.kind === 'u32' ? value.value >>> 0 : value.value
}

/** The value of an override: from `constants`, by `@id` or name, else its initialiser. */
function overrideValue(state: State, override: Override, constants: Constants): Value {
  const key = override.id === undefined ? override.name : String(override.id)
  const { name: kind } = override.type
  if (Object.hasOwn(constants, key)) {
    const given = constants[key]
    const range = {
      bool: [-Infinity, Infinity],
      i32: [-(2 ** 31), 2 ** 31 - 1],
      u32: [0, 2 ** 32 - 1],
      f32: [-3.4028235677973366e38, 3.4028235677973366e38],
    }[kind]
    if (!Number.isFinite(given) || given < range[0] || given > range[1])
      return fail(`the constant '${key}' is ${given}, which is not a value of type '${kind}'`, override.position)
    return constant(kind, kind === 'bool' ? given !== 0 : kind === 'f32' ? given : Math.trunc(given))
  }
  if (!override.initial)
    return fail(`the override '${override.name}' has neither an initial value nor one in 'constants'`, override.position)
  const { type } = override.initial
  const value = lowerScalar(state, override.initial)
  if (value.op !== 'const' || (type as Type & { kind: 'scalar' }).name !== kind)
    return fail(`the initial value of the override '${override.name}' is not constant`, override.position)
  return value
}
