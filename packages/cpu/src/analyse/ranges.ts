/**
 * Within which bounds offsets stay while a nest of loops runs, told before it runs, so that one test in front replaces those at every load. Bounds are
 * sums and products over what does not change in the nest, as whole numbers that do not wrap: arithmetic modulo 2^32 gives the same wherever the result
 * lies inside of memory. What is compared, though, must be what was meant, which is demanded (`Bounds.demands`).
 */
import { isConst, u32 } from './fold.js'
import type { Frame, Local, Loop, Shape, Statement, Value } from './ir.js'
import { eachLocal, eachStatement, listsOf, writtenBy } from './visit.js'

/** A whole number known when the nest is entered. */
export type Term =
  | { readonly op: 'number'; readonly value: number }
  /** A value that does not change in the nest; `signed`: its bits as i32. */
  | { readonly op: 'value'; readonly value: Value; readonly signed: boolean }
  | { readonly op: 'add' | 'sub' | 'mul' | 'min' | 'max'; readonly a: Term; readonly b: Term }
  /** a / b, rounded up. */
  | { readonly op: 'divideUp'; readonly a: Term; readonly b: Term }

export interface Range {
  readonly low: Term
  readonly high: Term
}

export interface Access {
  readonly statement: Statement & { op: 'load' | 'store' }
  readonly range: Range
}

export interface Bounds {
  readonly accesses: readonly Access[]
  /** Pairs of which the first must not exceed the second. */
  readonly demands: readonly (readonly [Term, Term])[]
}

const number = (value: number): Term => ({ op: 'number', value })
const isZero = (term: Term) => term.op === 'number' && term.value === 0
/** Beyond this doubles might not be exact: what is computed here must be, and what code computes is tested (emit/guards.ts). */
export const greatestExact = 2 ** 46

function combine(op: 'add' | 'sub' | 'mul' | 'min' | 'max', a: Term, b: Term): Term {
  if (a.op === 'number' && b.op === 'number') {
    const [p, q] = [a.value, b.value]
    const value = op === 'add' ? p + q : op === 'sub' ? p - q : op === 'mul' ? p * q : op === 'min' ? Math.min(p, q) : Math.max(p, q)
    if (Math.abs(value) < greatestExact) return number(value)
  }
  if ((op === 'add' || op === 'sub') && isZero(b)) return a
  if (op === 'add' && isZero(a)) return b
  if (op === 'mul' && (isZero(a) || isZero(b))) return number(0)
  if (op === 'mul' && a.op === 'number' && a.value === 1) return b
  if (op === 'mul' && b.op === 'number' && b.value === 1) return a
  if ((op === 'min' || op === 'max') && a === b) return a
  if (op === 'min' && a.op === 'number' && a.value <= least(b)) return a
  if (op === 'max' && a.op === 'number' && a.value <= least(b)) return b
  return { op, a, b }
}

/** What a term is never below, as far as its form tells. */
function least(term: Term): number {
  switch (term.op) {
    case 'number':
      return term.value
    case 'value':
      return term.signed || term.value.kind === 'i32' ? -Infinity : 0
    case 'max':
      return Math.max(least(term.a), least(term.b))
    case 'mul':
      return least(term.a) >= 0 && least(term.b) >= 0 ? 0 : -Infinity
    case 'add':
      return least(term.a) + least(term.b)
    default:
      return -Infinity
  }
}

const plus = (a: Term, b: Term) => combine('add', a, b)
const minus = (a: Term, b: Term) => combine('sub', a, b)
const times = (a: Term, b: Term) => combine('mul', a, b)

interface Write {
  readonly statement: Statement
  readonly loops: readonly Loop[]
  readonly order: number
  /** Within an `if`, or behind a `break` or `continue` that passes it over though the loop goes on. */
  readonly conditional: boolean
}

interface Place {
  readonly loops: readonly Loop[]
  readonly order: number
}

const isWorthTesting = ({ memory }: Statement & { op: 'load' | 'store' }, loop: Loop) =>
  memory.space === 'workgroup' || (memory.space !== 'private' && isInnermost(loop))

const innermost = new WeakMap<Loop, boolean>()
/** Whether a loop has no other inside. */
export function isInnermost(loop: Loop): boolean {
  let found = innermost.get(loop)
  if (found === undefined) {
    found = true
    eachStatement([...loop.body, ...loop.continuing], (statement) => {
      if (statement.op === 'loop') found = false
    })
    innermost.set(loop, found)
  }
  return found
}

/**
 * For code that all lanes run together: a counter that differs from lane to lane is below its end in the last of them, too.
 * Terms are lane 0's values.
 */
export function findBounds(nest: Loop, shape: (value: Value) => Shape): Bounds | undefined {
  const writes = new Map<Local, Write[]>()
  const found: { statement: Statement & { op: 'load' | 'store' }; place: Place }[] = []
  const orders = new Map<Statement, number>()
  let order = 0
  // Blocks and turns of loops that something has left so far.
  const left = new Set<Frame>()
  const walk = (list: readonly Statement[], loops: readonly Loop[], conditional: boolean, frames: readonly Frame[]) => {
    for (const statement of list) {
      orders.set(statement, ++order)
      for (const local of writtenBy(statement)) {
        const all = writes.get(local) ?? []
        all.push({ statement, loops, order, conditional: conditional || frames.some((each) => left.has(each)) })
        writes.set(local, all)
      }
      if (statement.op === 'break' || statement.op === 'continue') left.add(statement.target)
      // Of what is not in an innermost loop less is gained, and one that fails the test would spoil it for all: workgroup memory is as large as it was meant to be.
      if ((statement.op === 'load' || statement.op === 'store') && isWorthTesting(statement, loops.at(-1)!))
        found.push({ statement, place: { loops, order } })
      if (statement.op === 'loop') {
        walk(statement.initial, loops, conditional, frames)
        walk(statement.body, [...loops, statement], conditional, [...frames, statement.bodyFrame])
        walk(statement.continuing, [...loops, statement], conditional, frames)
      } else {
        const inside = statement.op === 'block' ? [...frames, statement.frame] : frames
        for (const inner of listsOf(statement)) walk(inner, loops, conditional || statement.op === 'if', inside)
      }
    }
  }
  walk(nest.body, [nest], false, [nest.bodyFrame])
  walk(nest.continuing, [nest], false, [])

  const demands: [Term, Term][] = []
  const counts = new Map<Loop, Term | undefined>()
  const active = new Set<Local>()

  const isInvariant = (value: Value): boolean => {
    let same = !shape(value).varying
    eachLocal(value, (local) => {
      if (writes.has(local)) same = false
    })
    return same
  }
  const leaf = (value: Value, signed: boolean): Term => {
    if (isConst(value)) return number(signed || value.kind === 'i32' ? value.value : value.value >>> 0)
    return { op: 'value', value, signed }
  }

  /** Of a loop's body the statement before which nothing is but values: the one that may end the loop. */
  const exitOf = (loop: Loop) => loop.body.find((statement) => statement.op !== 'assign' && statement.op !== 'load')
  /** What stands before that is run once more than what stands behind. */
  const isEarly = ({ loops, order }: Place) => {
    const exit = exitOf(loops.at(-1)!)
    return exit === undefined || order < orders.get(exit)!
  }

  /** How often a loop's body runs at most behind a first statement that leaves it unless i < n. */
  const countOf = (loop: Loop): Term | undefined => {
    if (counts.has(loop)) return counts.get(loop)
    counts.set(loop, undefined)
    const first = exitOf(loop)
    if (first?.op !== 'if' || first.no.length || first.yes.length !== 1) return undefined
    const [leave] = first.yes
    if (leave.op !== 'break' || leave.target !== loop.frame) return undefined
    const stays = first.condition.op === 'unary' && first.condition.name === 'not' ? first.condition.a : undefined
    if (stays?.op !== 'binary' || (stays.name !== 'lt' && stays.name !== 'le') || stays.a.op !== 'local') return undefined
    const counter = stays.a.local
    if (counter.kind !== 'u32' && counter.kind !== 'i32') return undefined
    const update = updateOf(counter)
    if (!update || update.write.loops.at(-1) !== loop || (isConst(update.step) && update.step.value <= 0)) return undefined
    // Its value at the beginning: of this loop, not of those around it.
    if (writes.get(counter)!.length === 1 ? loop !== nest : !loop.initial.some((each) => each.op === 'assign' && each.to === counter))
      return undefined
    const begin = beginning(counter, update)
    const place = { loops: [...loopsAround(loop), loop], order: orders.get(first)! }
    const end = isInvariant(stays.b) ? { low: leaf(stays.b, false), high: leaf(stays.b, false) } : rangeOf(stays.b, place)
    if (!begin || !end) return undefined
    const [least, most] = counter.kind === 'u32' ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1]
    const { stride } = shape(stays.a)
    if (shape(stays.b).stride !== 0) return undefined
    const step = leaf(update.step, true)
    const equal = stays.name === 'le' ? 1 : 0
    // Neither where it begins nor where it is seen to have reached the end does it wrap, in any lane.
    demands.push([number(least + 3 * Math.max(0, -stride)), begin.low], [begin.high, number(most - 3 * Math.max(0, stride))])
    demands.push([number(least), end.low])
    demands.push(
      step.op === 'number' ? [end.high, number(most + 1 - equal - step.value)] : [plus(end.high, step), number(most + 1 - equal)],
    )
    if (!isConst(update.step)) demands.push([number(1), step])
    const distance = plus(minus(end.high, begin.low), number(equal - 3 * Math.max(0, stride)))
    const count: Term = combine(
      'max',
      number(0),
      step.op === 'number' && step.value === 1 ? distance : { op: 'divideUp', a: distance, b: step },
    )
    counts.set(loop, count)
    return count
  }
  const loopsAround = (loop: Loop): readonly Loop[] => {
    const path = (list: readonly Statement[], loops: readonly Loop[]): readonly Loop[] | undefined => {
      for (const statement of list) {
        if (statement === loop) return loops
        for (const inner of listsOf(statement)) {
          const deeper = path(inner, statement.op === 'loop' ? [...loops, statement] : loops)
          if (deeper) return deeper
        }
      }
      return undefined
    }
    return loop === nest ? [] : (path([...nest.body, ...nest.continuing], [nest]) ?? [])
  }

  /** The one write v = v + step of a local whose other writes, if any, give it its first value. */
  const updateOf = (local: Local): { write: Write; step: Value; first: Write | undefined } | undefined => {
    const all = writes.get(local)
    if (!all || all.length > 2) return undefined
    const isUpdate = ({ statement }: Write) => statement.op === 'assign' && !statement.declares
    const update = all.find(isUpdate)
    const first = all.find((write) => write !== update)
    if (!update || update.conditional || isEarly(update) || (first && isUpdate(first))) return undefined
    const { value } = update.statement as Statement & { op: 'assign' }
    if (value.op !== 'binary' || value.name !== 'add') return undefined
    const own = (each: Value) => each.op === 'local' && each.local === local
    const step = own(value.a) ? value.b : own(value.b) ? value.a : undefined
    return step && isInvariant(step) ? { write: update, step, first } : undefined
  }
  const beginning = (local: Local, { first }: { first: Write | undefined }): Range | undefined => {
    if (!first) {
      const value: Value = { op: 'local', kind: local.kind, local }
      if (shape(value).varying) return undefined
      const term = leaf(value, true)
      return { low: term, high: term }
    }
    return first.statement.op === 'assign' ? rangeOf(first.statement.value, first) : undefined
  }

  const ofLocal = (local: Local, place: Place): Range | undefined => {
    const all = writes.get(local)
    if (!all || active.has(local)) return undefined
    active.add(local)
    try {
      const [only] = all
      if (all.length === 1 && only.statement.op === 'assign' && only.statement.declares) return rangeOf(only.statement.value, only)
      const update = updateOf(local)
      if (!update) return undefined
      const begin = beginning(local, update)
      if (!begin) return undefined
      const { write, step, first } = update
      let count: Term = number(1)
      for (const loop of write.loops.slice(first ? first.loops.length : 0)) {
        const own = countOf(loop)
        if (!own) return undefined
        count = times(count, own)
      }
      // In the innermost loop that moves it, before it is moved: one step less; behind: one at least.
      const inside = place.loops.includes(write.loops.at(-1)!)
      const before = inside && place.order < write.order && !(place.loops.at(-1) === write.loops.at(-1) && isEarly(place))
      const by = leaf(step, true)
      const least = inside && place.order > write.order ? by : number(0)
      const most = times(by, before ? combine('max', number(0), minus(count, number(1))) : count)
      return { low: plus(begin.low, combine('min', least, most)), high: plus(begin.high, combine('max', least, most)) }
    } finally {
      active.delete(local)
    }
  }

  const rangeOf = (value: Value, place: Place): Range | undefined => {
    if (value.kind !== 'u32' && value.kind !== 'i32') return undefined
    if (isInvariant(value)) {
      const term = leaf(value, true)
      return { low: term, high: term }
    }
    if (value.op === 'local') return ofLocal(value.local, place)
    if (value.op === 'bits') return rangeOf(value.a, place)
    if (value.op === 'select') {
      const [yes, no] = [rangeOf(value.yes, place), rangeOf(value.no, place)]
      return yes && no && { low: combine('min', yes.low, no.low), high: combine('max', yes.high, no.high) }
    }
    if (value.op !== 'binary') return undefined
    if (value.kind === 'u32' && isConst(value.b) && value.b.value > 0) {
      if (value.name === 'rem') return { low: number(0), high: number(value.b.value - 1) }
      if (value.name === 'and') return { low: number(0), high: number(value.b.value) }
    }
    if (value.name === 'shl' && isConst(value.b)) {
      const factor = u32(1 << (value.b.value & 31))
      return rangeOf({ ...value, name: 'mul', b: { ...factor, kind: value.kind } as Value }, place)
    }
    if (value.name !== 'add' && value.name !== 'sub' && value.name !== 'mul') return undefined
    const [a, b] = [rangeOf(value.a, place), rangeOf(value.b, place)]
    if (!a || !b) return undefined
    if (value.name === 'add') return { low: plus(a.low, b.low), high: plus(a.high, b.high) }
    if (value.name === 'sub') return { low: minus(a.low, b.high), high: minus(a.high, b.low) }
    const constantFactor = b.low.op === 'number' && b.low === b.high ? b.low.value : undefined
    if (constantFactor !== undefined && constantFactor >= 0) return { low: times(a.low, b.low), high: times(a.high, b.high) }
    const corners = [times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high)]
    return { low: corners.reduce((p, q) => combine('min', p, q)), high: corners.reduce((p, q) => combine('max', p, q)) }
  }

  const accesses: Access[] = []
  for (const { statement, place } of found) {
    const range = rangeOf(statement.offset, place)
    if (range) accesses.push({ statement, range })
  }
  return accesses.length ? { accesses, demands } : undefined
}
