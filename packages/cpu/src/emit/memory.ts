/**
 * Loads and stores. Nothing is read or written outside of what is bound: an offset at which the words do not lie inside becomes 0 for loads, and is
 * passed over by stores. Words of neighbouring lanes that are neighbours in memory travel as one vector where all four lie inside.
 */
import { add, u32 } from '../analyse/fold.js'
import type { Local, Memory, Statement, Value } from '../analyse/ir.js'
import type { Emitter } from './emitter.js'
import { lastAddend } from './guards.js'
import { atomicLanes, gather, scatter, writeAtomic } from './helpers.js'
import { spanOf } from './spans.js'
import { writeScalar, writeVector } from './values.js'
import { op, simd } from './wasm.js'

interface Place {
  /** Pushes the address of offset 0. */
  base(): void
  /** Pushes one more than the greatest offset at which so many words lie inside. */
  limit(words: number): void
  /** The bytes there are, where that is known. */
  readonly size: number | undefined
}

function placeOf(e: Emitter, memory: Exclude<Memory, { space: 'private' }>): Place {
  const { code } = e
  if ('slot' in memory) {
    return { base: () => code.get(e.bases[memory.slot]), limit: (words) => code.get(e.limit(memory.slot, words)), size: undefined }
  }
  const base = () => {
    code.get(e.scratch)
    code.i32(memory.base)
    code.emit(op.i32_add)
  }
  return { base, limit: (words) => code.i32(Math.max(0, memory.size - 4 * words + 1)), size: memory.size }
}

/** The address of words that are known to lie inside, but for the constant that it gives. */
function writeSafe(e: Emitter, place: Place, statement: Statement & { op: 'load' | 'store' }): number {
  const constant = lastAddend(statement)
  const { offset } = statement
  const rest = constant ? (offset as Value & { op: 'binary' }).a : offset
  place.base()
  if (rest.op !== 'const' || rest.value !== 0) {
    writeScalar(e, rest)
    e.code.emit(op.i32_add)
  }
  return constant
}

/** From the address in a local, at `constant` and behind: for all lanes the same words, or (`span` words) those of each lane. */
function loadWords(e: Emitter, to: readonly Local[], address: number, constant: number, span: number): void {
  const { code } = e
  const words = to.length
  const keep = (local: Local, write: () => void) => {
    if (!e.forms.has(local)) return
    write()
    code.set(e.places.get(local)!)
  }
  const vectorAt = (offset: number) => {
    code.get(address)
    code.memorySimd(simd.load, constant + offset)
  }
  if (span === 0) {
    to.forEach((local, i) =>
      keep(local, () => {
        code.get(address)
        if (e.forms.get(local) !== 'scalar') code.memorySimd(simd.load32_splat, constant + 4 * i)
        else code.memory(local.kind === 'f32' ? op.f32_load : op.i32_load, constant + 4 * i)
      }),
    )
    return
  }
  if (span === 4) {
    keep(to[0], () => vectorAt(0))
    return
  }
  // Every second word of seven
  if (span === 7) {
    keep(to[0], () => {
      vectorAt(0)
      vectorAt(12)
      code.shuffle([0, 2, 5, 7])
    })
    return
  }
  const rows = to.map((_, i) => {
    const row = code.local('v128')
    vectorAt(16 * i)
    code.set(row)
    return row
  })
  if (words === 4) transpose(e, rows)
  to.forEach((local, i) =>
    keep(local, () => {
      code.get(rows[words === 4 ? i : 0])
      if (words === 4) return
      code.get(rows[1])
      code.shuffle(i === 0 ? [0, 2, 4, 6] : [1, 3, 5, 7])
    }),
  )
}

export function writeLoad(e: Emitter, statement: Statement & { op: 'load' }): void {
  const { to, memory, offset } = statement
  if (memory.space === 'private') {
    writePrivateLoad(e, to, memory, offset)
    return
  }
  const { code } = e
  const place = placeOf(e, memory)
  const shape = e.shape(offset)
  const words = to.length
  if (e.unchecked.has(statement) && !e.masked) {
    const constant = writeSafe(e, place, statement)
    const address = code.local('i32')
    code.set(address)
    loadWords(e, to, address, constant, e.alone ? 0 : spanOf(shape, statement))
    return
  }
  if (e.alone || (!shape.varying && shape.stride === 0)) {
    const address = safeAddress(e, place, offset, words)
    loadWords(e, to, address.local, address.offset, 0)
    return
  }
  const span = spanOf(shape, statement)
  if (span > 0) {
    const own = code.local('i32')
    writeScalar(e, offset)
    code.tee(own)
    place.limit(span)
    code.emit(op.i32_lt_u)
    code.if(
      () => {
        code.get(own)
        place.base()
        code.emit(op.i32_add)
        code.set(own)
        loadWords(e, to, own, 0, span)
      },
      // Not by a call: what is in registers around it would have to leave them, called or not.
      () => writeGather(e, place, to, offset),
    )
    return
  }
  writeGather(e, place, to, offset)
}

/** An address at which `words` words may be loaded, as a local and what is to be added. */
function safeAddress(e: Emitter, place: Place, offset: Value, words: number): { local: number; offset: number } {
  const { code } = e
  const address = code.local('i32')
  if (offset.op === 'const' && place.size !== undefined && offset.value >>> 0 <= place.size - 4 * words) {
    place.base()
    code.set(address)
    return { local: address, offset: offset.value >>> 0 }
  }
  const own = code.local('i32')
  writeScalar(e, offset)
  code.tee(own)
  code.i32(0)
  code.get(own)
  place.limit(words)
  code.emit(op.i32_lt_u, op.select)
  place.base()
  code.emit(op.i32_add)
  code.set(address)
  return { local: address, offset: 0 }
}

/** Lane by lane, without a branch: an offset outside becomes 0. */
function writeGather(e: Emitter, place: Place, to: readonly Local[], offset: Value): void {
  const { code } = e
  const offsets = code.local('v128')
  writeVector(e, offset)
  code.tee(offsets)
  code.get(offsets)
  place.limit(to.length)
  code.simd(simd.i32_splat)
  code.simd(simd.i32_lt_u)
  code.simd(simd.and)
  place.base()
  code.simd(simd.i32_splat)
  code.simd(simd.i32_add)
  code.set(offsets)
  const addresses = [0, 1, 2, 3].map((lane) => {
    const address = code.local('i32')
    code.get(offsets)
    code.lane(simd.extract, lane)
    code.set(address)
    return address
  })
  to.forEach((local, i) => {
    if (!e.forms.has(local)) return
    code.get(addresses[0])
    code.memorySimd(simd.load32_splat, 4 * i)
    for (let lane = 1; lane < 4; lane++) {
      const own = code.local('v128')
      code.set(own)
      code.get(addresses[lane])
      code.get(own)
      code.memorySimd(simd.load32_lane, 4 * i, lane)
    }
    code.set(e.places.get(local)!)
  })
}

/** Four rows become four columns. */
function transpose(e: Emitter, rows: readonly number[]): void {
  const { code } = e
  const pair = (a: number, b: number, words: readonly [number, number, number, number]) => {
    code.get(a)
    code.get(b)
    code.shuffle(words)
    const made = code.local('v128')
    code.set(made)
    return made
  }
  const [a, b, c, d] = rows
  const lowAb = pair(a, b, [0, 4, 1, 5])
  const highAb = pair(a, b, [2, 6, 3, 7])
  const lowCd = pair(c, d, [0, 4, 1, 5])
  const highCd = pair(c, d, [2, 6, 3, 7])
  const columns = [
    [lowAb, lowCd, [0, 1, 4, 5]],
    [lowAb, lowCd, [2, 3, 6, 7]],
    [highAb, highCd, [0, 1, 4, 5]],
    [highAb, highCd, [2, 3, 6, 7]],
  ] as const
  columns.forEach(([low, high, words], i) => {
    code.get(low)
    code.get(high)
    code.shuffle(words)
    code.set(rows[i])
  })
}

/** The lanes that are at work, as bits. */
function writeLanes(e: Emitter): void {
  if (!e.masked) {
    e.code.i32(15)
    return
  }
  e.code.get(e.mask)
  e.code.simd(simd.i32_bitmask)
}

export function writeStore(e: Emitter, statement: Statement & { op: 'store' }): void {
  const { memory, offset, values } = statement
  if (memory.space === 'private') {
    writePrivateStore(e, memory, offset, values)
    return
  }
  const { code } = e
  const place = placeOf(e, memory)
  const shape = e.shape(offset)
  const words = values.length
  const oneForAll = !shape.varying && shape.stride === 0
  if (oneForAll && (e.alone || values.every((value) => !e.shape(value).varying && e.shape(value).stride === 0))) {
    const own = code.local('i32')
    // Of more than one word the values first: they are needed on both ways.
    const kept = values.map((value) => {
      if (words === 1) return () => writeScalar(e, value)
      const local = code.local(value.kind === 'f32' ? 'f32' : 'i32')
      writeScalar(e, value)
      code.set(local)
      return () => code.get(local)
    })
    const storeOne = (i: number, constant: number) => {
      code.get(own)
      kept[i]()
      code.memory(values[i].kind === 'f32' ? op.f32_store : op.i32_store, constant)
    }
    const storeAll = (constant: number) => {
      for (let i = 0; i < words; i++) storeOne(i, constant + 4 * i)
    }
    if (e.unchecked.has(statement) && !e.masked) {
      const constant = writeSafe(e, place, statement)
      code.set(own)
      storeAll(constant)
      return
    }
    writeScalar(e, offset)
    code.tee(own)
    place.limit(words)
    code.emit(op.i32_lt_u)
    code.if(
      () => {
        code.get(own)
        place.base()
        code.emit(op.i32_add)
        code.set(own)
        storeAll(0)
      },
      // Those that lie inside, for they may be of several statements.
      words > 1 ? () => storeInside(e, place, offset, storeOne, own, words) : undefined,
    )
    return
  }
  const span = spanOf(shape, statement)
  if (span > 0) {
    // The values first: they may be long, and are needed on both ways.
    const rows = values.map((value) => {
      const row = code.local('v128')
      writeVector(e, value)
      code.set(row)
      return row
    })
    const own = code.local('i32')
    if (e.unchecked.has(statement) && !e.masked) {
      const constant = writeSafe(e, place, statement)
      code.set(own)
      storeRows(e, own, constant, rows)
      return
    }
    writeScalar(e, offset)
    code.tee(own)
    place.limit(span)
    code.emit(op.i32_lt_u)
    if (e.masked) {
      code.get(e.mask)
      code.simd(simd.i32_all_true)
      code.emit(op.i32_and)
    }
    code.if(
      () => {
        code.get(own)
        place.base()
        code.emit(op.i32_add)
        code.set(own)
        storeRows(e, own, 0, rows)
      },
      () => scatterCalls(e, place, offset, rows),
    )
    return
  }
  const rows = values.map((value) => {
    const row = code.local('v128')
    writeVector(e, value)
    code.set(row)
    return row
  })
  scatterCalls(e, place, offset, rows)
}

/** Word by word, at an offset at which not all of them lie inside. */
function storeInside(
  e: Emitter,
  place: Place,
  offset: Value,
  storeOne: (i: number, constant: number) => void,
  own: number,
  words: number,
): void {
  const { code } = e
  for (let i = 0; i < words; i++) {
    writeScalar(e, add(offset, u32(4 * i)))
    code.tee(own)
    place.limit(1)
    code.emit(op.i32_lt_u)
    code.if(() => {
      code.get(own)
      place.base()
      code.emit(op.i32_add)
      code.set(own)
      storeOne(i, 0)
    })
  }
}

/** A vector of single words; or two or four of them as the columns of what is stored. */
function storeRows(e: Emitter, address: number, constant: number, rows: readonly number[]): void {
  const { code } = e
  if (rows.length === 4) transpose(e, rows)
  rows.forEach((row, i) => {
    code.get(address)
    code.get(rows.length === 2 ? rows[0] : row)
    if (rows.length === 2) {
      code.get(rows[1])
      code.shuffle(i === 0 ? [0, 4, 1, 5] : [2, 6, 3, 7])
    }
    code.memorySimd(simd.store, constant + 16 * i)
  })
}

function scatterCalls(e: Emitter, place: Place, offset: Value, rows: readonly number[]): void {
  rows.forEach((row, i) => {
    place.base()
    place.limit(1)
    writeVector(e, add(offset, u32(4 * i)))
    e.code.get(row)
    writeLanes(e)
    e.code.call(e.helpers.index('scatter', scatter))
  })
}

/** One more than the greatest offset at which so many words lie inside: at least one, for what is stored is never more than there is. */
function privateLimit(memory: Memory & { space: 'private' }, words: number): number {
  if (4 * words > memory.size) throw new Error('a store is greater than the variable')
  return memory.size - 4 * words + 1
}

/** Of private memory: the words of four lanes side by side, so that an offset all lanes share is one vector. */
function privateAddress(
  e: Emitter,
  memory: Memory & { space: 'private' },
  offset: Value,
  words: number,
): { local: number; offset: number } {
  const { code } = e
  const factor = e.alone ? 1 : 4
  const address = code.local('i32')
  if (offset.op === 'const' && offset.value >>> 0 <= memory.size - 4 * words) {
    code.get(e.privateBase)
    code.set(address)
    return { local: address, offset: factor * (memory.base + offset.value) }
  }
  const own = code.local('i32')
  writeScalar(e, offset)
  code.tee(own)
  code.i32(0)
  code.get(own)
  code.i32(privateLimit(memory, words))
  code.emit(op.i32_lt_u, op.select)
  if (factor > 1) {
    code.i32(2)
    code.emit(op.i32_shl)
  }
  code.get(e.privateBase)
  code.emit(op.i32_add)
  code.set(address)
  return { local: address, offset: factor * memory.base }
}

/** The offsets of each lane's words, within its own, spread over the lanes' words; an offset outside becomes 0. */
function writePrivateOffsets(e: Emitter, memory: Memory & { space: 'private' }, offset: Value, words: number): void {
  const { code } = e
  const own = code.local('v128')
  writeVector(e, offset)
  code.tee(own)
  code.get(own)
  const limit = privateLimit(memory, words)
  code.v128([limit, limit, limit, limit])
  code.simd(simd.i32_lt_u)
  code.simd(simd.and)
  code.i32(2)
  code.simd(simd.i32_shl)
  code.v128([0, 4, 8, 12])
  code.simd(simd.i32_add)
}

function writePrivateLoad(e: Emitter, to: readonly Local[], memory: Memory & { space: 'private' }, offset: Value): void {
  const { code } = e
  const shape = e.shape(offset)
  if (e.alone || (!shape.varying && shape.stride === 0)) {
    const address = privateAddress(e, memory, offset, to.length)
    to.forEach((local, i) => {
      if (!e.forms.has(local)) return
      code.get(address.local)
      if (!e.alone) code.memorySimd(simd.load, address.offset + 16 * i)
      else if (e.forms.get(local) === 'splat') code.memorySimd(simd.load32_splat, address.offset + 4 * i)
      else code.memory(local.kind === 'f32' ? op.f32_load : op.i32_load, address.offset + 4 * i)
      code.set(e.places.get(local)!)
    })
    return
  }
  const base = code.local('i32')
  code.get(e.privateBase)
  code.i32(4 * memory.base)
  code.emit(op.i32_add)
  code.set(base)
  const offsets = code.local('v128')
  writePrivateOffsets(e, memory, offset, to.length)
  code.set(offsets)
  to.forEach((local, i) => {
    if (!e.forms.has(local)) return
    code.get(base)
    code.i32(4 * memory.size)
    code.get(offsets)
    code.v128([16 * i, 16 * i, 16 * i, 16 * i])
    code.simd(simd.i32_add)
    code.call(e.helpers.index('gather', gather))
    code.set(e.places.get(local)!)
  })
}

function writePrivateStore(e: Emitter, memory: Memory & { space: 'private' }, offset: Value, values: readonly Value[]): void {
  const { code } = e
  const shape = e.shape(offset)
  if (e.alone || (!shape.varying && shape.stride === 0)) {
    const address = privateAddress(e, memory, offset, values.length)
    values.forEach((value, i) => {
      code.get(address.local)
      if (e.alone) {
        writeScalar(e, value)
        return code.memory(value.kind === 'f32' ? op.f32_store : op.i32_store, address.offset + 4 * i)
      }
      writeVector(e, value)
      if (e.masked) {
        code.get(address.local)
        code.memorySimd(simd.load, address.offset + 16 * i)
        code.get(e.mask)
        code.simd(simd.bitselect)
      }
      code.memorySimd(simd.store, address.offset + 16 * i)
    })
    return
  }
  values.forEach((value, i) => {
    code.get(e.privateBase)
    code.i32(4 * memory.base)
    code.emit(op.i32_add)
    code.i32(4 * memory.size)
    writePrivateOffsets(e, memory, offset, values.length)
    code.v128([16 * i, 16 * i, 16 * i, 16 * i])
    code.simd(simd.i32_add)
    writeVector(e, value)
    writeLanes(e)
    code.call(e.helpers.index('scatter', scatter))
  })
}

export function writeAtomicStatement(e: Emitter, { name, kind, to, memory, offset, value, compare }: Statement & { op: 'atomic' }): void {
  const { code } = e
  if (memory.space === 'private') throw new Error('there are no atomics in private memory')
  const place = placeOf(e, memory)
  const signed = kind === 'i32'
  if (e.alone) {
    const [address, operand, expected] = [code.local('i32'), code.local('i32'), code.local('i32')]
    writeScalar(e, offset)
    code.tee(address)
    place.limit(1)
    code.emit(op.i32_lt_u)
    if (value) {
      writeScalar(e, value)
      code.set(operand)
    }
    if (compare) {
      writeScalar(e, compare)
      code.set(expected)
    }
    code.if(() => {
      code.get(address)
      place.base()
      code.emit(op.i32_add)
      code.set(address)
      writeAtomic(code, name, signed, address, operand, expected)
      if (name === 'store') return
      if (to && e.places.has(to)) {
        if (e.forms.get(to) === 'splat') code.simd(simd.i32_splat)
        code.set(e.places.get(to)!)
      } else code.emit(op.drop)
    })
    return
  }
  place.base()
  place.limit(1)
  writeVector(e, offset)
  for (const each of [value, compare]) {
    if (each) writeVector(e, each)
    else code.v128([0, 0, 0, 0])
  }
  writeLanes(e)
  code.call(e.helpers.index(`atomic ${name} ${signed}`, () => atomicLanes(name, signed)))
  if (to && e.places.has(to)) code.set(e.places.get(to)!)
  else code.emit(op.drop)
}
