/** The test in front of a nest of loops that makes those at its loads and stores needless (analyse/ranges.ts). */
import type { Loop, Memory, Statement } from '../analyse/ir.js'
import { findBounds, greatestExact, type Term } from '../analyse/ranges.js'
import type { Emitter } from './emitter.js'
import { spanOf } from './spans.js'
import { writeScalar } from './values.js'
import { op } from './wasm.js'

const f64 = {
  lt: 0x63,
  le: 0x65,
  abs: 0x99,
  ceil: 0x9b,
  add: 0xa0,
  sub: 0xa1,
  mul: 0xa2,
  div: 0xa3,
  min: 0xa4,
  max: 0xa5,
  convert_s: 0xb7,
  convert_u: 0xb8,
} as const

/** Of sums that may be greater in the middle of a test the test fails where they are. */
const greatestSum = 2 ** 52

/** Pushes whether all loads and stores that the test speaks of stay inside, and gives those; undefined, and nothing pushed, where there are none. */
export function writeGuard(e: Emitter, nest: Loop): Statement[] | undefined {
  const bounds = findBounds(nest, e.shape)
  if (!bounds) return undefined
  const wanted = bounds.accesses.filter(({ statement }) => {
    const shape = e.shape(statement.offset)
    return !e.unchecked.has(statement) && ((!shape.varying && shape.stride === 0) || spanOf(shape, statement) > 0)
  })
  if (wanted.length === 0) return undefined
  const { code } = e
  const known = new Map<string, number>()
  // Products, and sums of very many, might be inexact in doubles: then the test fails.
  const tested: number[] = []
  /** By local: how great it is at most where the test succeeds. */
  const sizes = new Map<number, number>()
  const sizeOf = (term: Term, a: number, b: number) => {
    if (term.op === 'mul') return Infinity
    if (term.op === 'add' || term.op === 'sub') return a + b
    return term.op === 'divideUp' ? a : Math.max(a, b)
  }
  const number = (value: number) => {
    code.emit(op.f64_const)
    const bytes = new Uint8Array(new Float64Array([value]).buffer)
    code.emit(...bytes)
  }
  const key = (term: Term): string => {
    let found = keys.get(term)
    if (found === undefined) keys.set(term, (found = keyOf(term)))
    return found
  }
  const keyOf = (term: Term): string => {
    if (term.op === 'number') return `${term.value}`
    if (term.op === 'value') return `${term.signed ? 's' : 'u'}${valueKey(term.value)}`
    if (term.op === 'divideUp') return `(${key(term.a)} / ${key(term.b)})`
    return `(${key(term.a)} ${term.op} ${key(term.b)})`
  }
  const local = (term: Term): number => {
    const name = key(term)
    const found = known.get(name)
    if (found !== undefined) return found
    const own = code.local('f64')
    switch (term.op) {
      case 'number':
        number(term.value)
        sizes.set(own, Math.abs(term.value))
        break
      case 'value':
        writeScalar(e, term.value)
        code.emit(term.signed || term.value.kind === 'i32' ? f64.convert_s : f64.convert_u)
        sizes.set(own, 2 ** 32)
        break
      default: {
        const [a, b] = [local(term.a), local(term.b)]
        code.get(a)
        code.get(b)
        if (term.op === 'divideUp') code.emit(f64.div, f64.ceil)
        else code.emit(f64[term.op])
        const size = sizeOf(term, sizes.get(a)!, sizes.get(b)!)
        if (size > greatestSum) tested.push(own)
        sizes.set(own, size > greatestSum ? greatestExact : size)
      }
    }
    code.set(own)
    known.set(name, own)
    return own
  }
  const ok = code.local('i32')
  code.i32(1)
  code.set(ok)
  const demand = (write: () => void) => {
    code.get(ok)
    write()
    code.emit(op.i32_and)
    code.set(ok)
  }
  const notAbove = (a: Term, b: Term) => {
    const [p, q] = [local(a), local(b)]
    demand(() => {
      code.get(p)
      code.get(q)
      code.emit(f64.le)
    })
  }
  const done = new Set<string>()
  const once = (a: Term, b: Term) => {
    const name = `${key(a)} <= ${key(b)}`
    if (!done.has(name) && !(a.op === 'number' && b.op === 'number' && a.value <= b.value)) notAbove(a, b)
    done.add(name)
  }
  for (const [a, b] of bounds.demands) once(a, b)
  // Those whose bounds differ by constants alone are tested together.
  const together = new Map<string, { memory: Memory; low: Term; high: Term; least: number; most: number }>()
  for (const { statement, range } of wanted) {
    const { memory, offset } = statement
    if (memory.space === 'private') continue
    const words = statement.op === 'load' ? statement.to.length : statement.values.length
    const bytes = 4 * (e.shape(offset).stride === 0 ? words : spanOf(e.shape(offset), statement))
    const [low, high] = [splitTerm(range.low), splitTerm(range.high)]
    const place = 'slot' in memory ? `slot ${memory.slot}` : `${memory.base}`
    const name = `${place}: ${key(low.rest)} .. ${key(high.rest)}`
    const known = together.get(name)
    // What is added last goes into the instruction, which takes no wrapped rest.
    const least = Math.max(lastAddend(statement) - low.constant, known?.least ?? -Infinity)
    const most = Math.max(high.constant + bytes, known?.most ?? -Infinity)
    together.set(name, { memory, low: low.rest, high: high.rest, least, most })
  }
  for (const { memory, low, high, least, most } of together.values()) {
    once({ op: 'number', value: least }, low)
    if ('slot' in memory) {
      const size: Term = { op: 'value', value: { op: 'size', kind: 'u32', slot: memory.slot }, signed: false }
      once(high, { op: 'sub', a: size, b: { op: 'number', value: most } })
    } else once(high, { op: 'number', value: memory.size - most })
  }
  for (const own of tested)
    demand(() => {
      code.get(own)
      code.emit(f64.abs)
      number(greatestExact)
      code.emit(f64.lt)
    })
  code.get(ok)
  return wanted.map(({ statement }) => statement)
}

/** A sum without the constant that ends it. */
function splitTerm(term: Term): { rest: Term; constant: number } {
  if (term.op === 'number') return { rest: { op: 'number', value: 0 }, constant: term.value }
  return term.op === 'add' && term.b.op === 'number' ? { rest: term.a, constant: term.b.value } : { rest: term, constant: 0 }
}

/** The constant that ends a sum of offsets, where it is positive. */
export function lastAddend({ offset }: Statement & { op: 'load' | 'store' }): number {
  return offset.op === 'binary' && offset.name === 'add' && offset.b.op === 'const' && offset.b.value > 0 ? offset.b.value : 0
}

const keys = new WeakMap<Term, string>()
const ids = new WeakMap<object, number>()
let nextId = 0
function valueKey(value: { readonly op: string }): string {
  if (value.op === 'local') return `l${(value as { local?: { id: number } }).local!.id}`
  if (value.op === 'size') return `size${(value as { slot?: number }).slot}`
  let id = ids.get(value)
  if (id === undefined) ids.set(value, (id = nextId++))
  return `v${id}`
}
