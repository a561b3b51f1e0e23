/** References: variables and parts of them, in locals or in memory; how they are read and written. */
import type { Expression, Type, Variable } from '../check/program.js'
import { hasCall, isFixed, lowerExpression, lowerScalar } from './expressions.js'
import { add, binary, constant, convert, isConst, mul, read, select, u32, zero } from './fold.js'
import { type Kind, type Local, type Memory, uniform, type Value } from './ir.js'
import { strideOfColumns } from './layout.js'
import { bind, emit, fail, newLocal, type Parts, privateMemory, type Reference, type State } from './state.js'

export function lowerReference(state: State, expression: Expression): Reference {
  switch (expression.op) {
    case 'variable': {
      const { variable } = expression
      const known = state.references.get(variable)
      if (known) return known
      const memory = state.memories.get(variable)
      if (!memory) fail(`the variable '${variable.name}' is not known here`, expression.position)
      return { kind: 'memory', type: variable.type, memory, offset: u32(0), packed: false }
    }
    case 'dereference':
      return lowerPointer(state, expression.pointer)
    case 'member': {
      const base = lowerReference(state, expression.base)
      const type = base.type as Type & { kind: 'struct' }
      const before = type.members.slice(0, expression.index)
      const first = before.reduce((sum, member) => sum + state.layout.leaves(member.type), 0)
      return part(state, base, type.members[expression.index].type, first, type.members[expression.index].offset)
    }
    case 'index':
      return indexReference(state, lowerReference(state, expression.base), expression)
    default:
      return fail(`'${expression.op}' is not a reference`, expression.position)
  }
}

export function lowerPointer(state: State, pointer: Expression): Reference {
  if (pointer.op === 'address-of') return settle(state, lowerReference(state, pointer.of))
  if (pointer.op === 'value') {
    const known = state.references.get(pointer.value)
    if (known) return known
  }
  return fail(`'${pointer.op}' is not a pointer`, pointer.position)
}

/** `leaf` is the first scalar of the part, `offset` its place in bytes as hosts see it. */
function part(state: State, base: Reference, type: Type, leaf: number, offset: number): Reference {
  if (base.kind === 'locals') return { ...base, type, locals: base.locals.slice(leaf, leaf + state.layout.leaves(type)) }
  if (base.kind === 'component') throw new Error('a scalar has no parts')
  return { ...base, type, offset: add(base.offset, u32(base.packed ? 4 * leaf : offset)) }
}

/** What indexing gives, and how far apart elements are, in bytes as hosts see them. */
export function elementOf(state: State, type: Type): { element: Type; count: number; stride: number } {
  if (type.kind === 'array')
    return { element: type.element, count: type.count === undefined ? Infinity : state.layout.count(type), stride: type.stride }
  if (type.kind === 'vector') return { element: type.element, count: type.size, stride: 4 }
  if (type.kind === 'matrix') {
    const element: Type = { kind: 'vector', size: type.rows, element: { kind: 'scalar', name: 'f32' } }
    return { element, count: type.columns, stride: strideOfColumns(type) }
  }
  throw new Error(`a ${type.kind} has no elements`)
}

function indexReference(state: State, base: Reference, expression: Expression & { op: 'index' }): Reference {
  const settled = hasCall(expression.index) ? settle(state, base) : base
  const index = convert('u32', lowerScalar(state, expression.index))
  checkIndex(state, expression, index)
  return elementReference(state, settled, index)
}

/** An index of overrides must lie inside; others may be anything. */
function checkIndex(state: State, { base, index }: Expression & { op: 'index' }, value: Value): void {
  if (!isConst(value) || !isFixed(index)) return
  const { count } = elementOf(state, base.type)
  if (value.value >>> 0 >= count) fail(`expected an index below ${count}, found ${value.value | 0}`, index.position)
}

function elementReference(state: State, base: Reference, index: Value): Reference {
  const { element, count, stride } = elementOf(state, base.type)
  const leaves = state.layout.leaves(element)
  if (base.kind === 'locals') {
    if (isConst(index)) {
      const i = Math.min(index.value >>> 0, count - 1)
      return part(state, base, element, i * leaves, 0)
    }
    if (base.type.kind === 'vector') return { kind: 'component', type: element, locals: base.locals, index: bind(state, index) }
    markInMemory(state, base.root)
    return part(state, base, element, 0, 0)
  }
  if (base.kind === 'component') throw new Error('a scalar has no elements')
  return { ...base, type: element, offset: add(base.offset, mul(index, u32(base.packed ? 4 * leaves : stride))) }
}

/** The variable behind a reference is to be in memory from the next try on. */
function markInMemory(state: State, root: Variable): void {
  state.inMemory.add(root)
  state.again = true
}

/** The reference with what it depends on kept as it is now, whatever variables become. */
export function settle(state: State, reference: Reference): Reference {
  if (reference.kind === 'locals') return reference
  if (reference.kind === 'component') return { ...reference, index: bind(state, reference.index) }
  return { ...reference, offset: bind(state, reference.offset) }
}

export function loadReference(state: State, reference: Reference): Parts {
  if (reference.kind === 'locals') return reference.locals.map(read)
  if (reference.kind === 'component') return [componentAt(reference.locals.map(read), reference.index)]
  return loadMemory(state, reference.memory, reference.offset, reference.type, reference.packed)
}

/** The element of a short list at an index that is known when the code runs; the last one beyond the end. */
export function componentAt(values: Parts, index: Value): Value {
  return values.slice(0, -1).reduceRight((rest, value, i) => select(binary('eq', index, u32(i)), value, rest), values.at(-1)!)
}

function placesOf(state: State, type: Type, packed: boolean): number[] {
  return packed ? state.layout.kinds(type).map((_, i) => 4 * i) : state.layout.offsets(type)
}

function loadMemory(state: State, memory: Memory, offset: Value, type: Type, packed: boolean): Parts {
  const kinds = state.layout.kinds(type)
  const places = placesOf(state, type, packed)
  if (memory.space === 'uniform' && isConst(offset) && (offset.value >>> 0) + places.at(-1)! + 4 <= sizeOf(state, memory))
    return places.map((place, i) => uniformWord(state, memory.slot, (offset.value + place) | 0, kinds[i]))
  const base = kinds.length > 4 ? bind(state, offset) : offset
  const locals = kinds.map((kind) => newLocal(state, kind === 'bool' ? 'u32' : kind, ''))
  for (const [from, to] of runs(places)) {
    emit(state, { op: 'load', to: locals.slice(from, to), memory, offset: add(base, u32(places[from])) })
  }
  return locals.map((local, i) => (kinds[i] === 'bool' ? binary('ne', read(local), u32(0)) : read(local)))
}

/** The bytes of a resource that are bound at least. An index may become a constant that lies outside: `(x << 31) * 2 + 9`. */
function sizeOf(state: State, memory: Memory): number {
  for (const [variable, own] of state.memories) if (own === memory) return state.layout.size(variable.type)
  return 0
}

/** Words of uniform buffers at fixed places are read once for all, before the first workgroup. */
function uniformWord(state: State, slot: number, offset: number, kind: Kind): Value {
  const key = `${slot} ${offset} ${kind}`
  let local = state.uniforms.get(key)?.local
  if (!local) {
    local = newLocal(state, kind, '')
    local.shape = uniform
    state.uniforms.set(key, { local, slot, offset })
  }
  return read(local)
}

/** Runs of at most 4 consecutive words: [from, to) of the places. */
function runs(places: readonly number[]): [number, number][] {
  const found: [number, number][] = []
  for (let from = 0; from < places.length; ) {
    let to = from + 1
    while (to < places.length && to - from < 4 && places[to] === places[from] + 4 * (to - from)) to++
    found.push([from, to])
    from = to
  }
  return found
}

export function storeReference(state: State, reference: Reference, parts: Parts): void {
  if (reference.kind === 'locals') {
    assignAll(state, reference.locals, parts)
    return
  }
  if (reference.kind === 'component') {
    const value = bind(state, parts[0])
    reference.locals.forEach((local, i) => {
      const last = i === reference.locals.length - 1
      const here = last ? binary('ge', reference.index, u32(i)) : binary('eq', reference.index, u32(i))
      emit(state, { op: 'assign', to: local, value: select(here, value, read(local)), declares: false })
    })
    return
  }
  const { memory, type, packed } = reference
  const places = placesOf(state, type, packed)
  const base = parts.length > 4 ? bind(state, reference.offset) : reference.offset
  const words = parts.map((value) => (value.kind === 'bool' ? select(value, constant('u32', 1), zero('u32')) : value))
  for (const [from, to] of runs(places)) {
    emit(state, { op: 'store', memory, offset: add(base, u32(places[from])), values: words.slice(from, to) })
  }
}

/** All at once: values may name the very variables. */
function assignAll(state: State, locals: readonly Local[], parts: Parts): void {
  const targets = new Set(locals)
  const safe = locals.length === 1 || !parts.some((part, i) => names(part, (local) => local !== locals[i] && targets.has(local)))
  const values = safe ? parts : parts.map((part) => bind(state, part))
  locals.forEach((to, i) => emit(state, { op: 'assign', to, value: values[i], declares: false }))
}

function names(value: Value, is: (local: Local) => boolean): boolean {
  switch (value.op) {
    case 'local':
      return is(value.local)
    case 'unary':
    case 'convert':
    case 'bits':
      return names(value.a, is)
    case 'binary':
      return names(value.a, is) || names(value.b, is)
    case 'fma':
      return names(value.a, is) || names(value.b, is) || names(value.c, is)
    case 'select':
      return names(value.condition, is) || names(value.yes, is) || names(value.no, is)
    default:
      return false
  }
}

/** An element of a value that is not in a variable, at an index known when the code runs: by choice where there are few, through memory where there are many. */
export function indexValue(state: State, expression: Expression & { op: 'index' }): Parts {
  const parts = lowerExpression(state, expression.base)
  const index = bind(state, convert('u32', lowerScalar(state, expression.index)))
  checkIndex(state, expression, index)
  const { element, count } = elementOf(state, expression.base.type)
  const leaves = state.layout.leaves(element)
  if (isConst(index)) {
    const i = Math.min(index.value >>> 0, count - 1)
    return parts.slice(i * leaves, (i + 1) * leaves)
  }
  if (count <= 4) {
    const all = parts.map((value) => bind(state, value))
    return Array.from({ length: leaves }, (_, leaf) =>
      componentAt(
        Array.from({ length: count }, (_, i) => all[i * leaves + leaf]),
        index,
      ),
    )
  }
  const memory = privateMemory(state, parts.length)
  storeReference(state, { kind: 'memory', type: expression.base.type, memory, offset: u32(0), packed: true }, parts)
  return loadMemory(state, memory, mul(index, u32(4 * leaves)), element, true)
}
