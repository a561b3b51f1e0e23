/**
 * Control flow. Code is written in one of two ways: as long as all lanes of a group are known to be at work (full) there are no masks; where lanes have
 * parted it is written once more for those that the mask names (masked). A list of statements in which lanes may part is so written twice, the second
 * time from where they parted on; where they meet again (behind a branch, a loop, a function) code is full again.
 */
import type { Block, If, Loop, Statement } from '../analyse/ir.js'
import { isInnermost } from '../analyse/ranges.js'
import type { Label } from './code.js'
import { absentSince, type Emitter, type Ends } from './emitter.js'
import { writeGuard } from './guards.js'
import { writeAtomicStatement, writeLoad, writeStore } from './memory.js'
import type { Partial } from './partial.js'
import { writeScalar, writeVector } from './values.js'
import { op, simd } from './wasm.js'

export interface Writer {
  readonly e: Emitter
  readonly partial: Partial
}

/** Writes the list for all lanes. Where it may end with only some of them, `parted` is where it then goes, with the mask set. */
export function writeFull(w: Writer, list: readonly Statement[], parted: Label | undefined): void {
  const { e, partial } = w
  const splits = list.flatMap((statement, i) => (partial.splits.has(statement) ? [i] : []))
  if (splits.length === 0) {
    for (const statement of list) writeStatement(w, statement, undefined)
    return
  }
  const { code } = e
  // One label for each statement at which lanes may part; the masked code begins behind it.
  code.block((done) => {
    const nest = (remaining: number, labels: Label[]) => {
      if (remaining > 0) {
        code.block((label) => {
          nest(remaining - 1, [label, ...labels])
        })
        const rest = list.slice(splits[remaining - 1] + 1, (splits[remaining] ?? list.length - 1) + 1)
        if (rest.length) {
          endIfNone(e, parted!)
          masked(e, () => writeMasked(w, rest, parted!))
        }
        return
      }
      list.forEach((statement, i) => {
        const k = splits.indexOf(i)
        writeStatement(w, statement, k < 0 ? undefined : labels[k])
      })
      code.br(done)
    }
    nest(splits.length, [])
    code.br(parted!)
  })
}

/** Writes the list for the lanes in the mask, of which there is at least one. Where none is left it goes to `end`. */
export function writeMasked(w: Writer, list: readonly Statement[], end: Label): void {
  const { e, partial } = w
  const outer = e.listEnd
  e.listEnd = end
  list.forEach((statement, i) => {
    writeStatement(w, statement, undefined)
    if (partial.splits.has(statement) && i < list.length - 1) endIfNone(e, end)
  })
  e.listEnd = outer
}

/** Masked code has at least one lane; where it may have lost all of them it ends here. */
function endIfNone({ code, mask }: Emitter, end: Label): void {
  code.get(mask)
  code.simd(simd.any_true)
  code.emit(op.i32_eqz)
  code.brIf(end)
}

function masked(e: Emitter, write: () => void): void {
  const before = e.masked
  e.masked = true
  write()
  e.masked = before
}

function writeStatement(w: Writer, statement: Statement, parted: Label | undefined): void {
  const { e } = w
  switch (statement.op) {
    case 'assign':
      writeAssign(e, statement)
      return

    case 'load':
      writeLoad(e, statement)
      return

    case 'store':
      writeStore(e, statement)
      return

    case 'atomic':
      writeAtomicStatement(e, statement)
      return

    case 'if':
      writeIf(w, statement, parted)
      return

    case 'block':
      writeBlock(w, statement, parted)
      return

    case 'loop':
      writeLoop(w, statement, parted)
      return

    case 'break':
    case 'continue':
      writeLeave(w, statement)
      return

    case 'barrier':
    case 'declare':
      return
  }
}

function writeAssign(e: Emitter, { to, value, declares }: Statement & { op: 'assign' }): void {
  const { code } = e
  const place = e.places.get(to)
  if (place === undefined) return
  const form = e.forms.get(to)
  if (form === 'scalar') writeScalar(e, value)
  else if (form === 'splat') {
    writeScalar(e, value)
    if (to.kind === 'bool') throw new Error('a bool is not kept in all lanes')
    code.simd(to.kind === 'f32' ? simd.f32_splat : simd.i32_splat)
  } else {
    writeVector(e, value)
    if (e.masked && !declares && absentSince(e, to.home ?? e.frames[0])) {
      code.get(place)
      code.get(e.mask)
      code.simd(simd.bitselect)
    }
  }
  code.set(place)
}

function writeLeave({ e, partial }: Writer, statement: Statement & { op: 'break' | 'continue' }): void {
  const { code } = e
  const ends = e.ends.get(statement.target)!
  if (!e.masked) {
    code.br(ends.full!)
    return
  }
  if (!partial.leaves.has(statement)) {
    code.br(ends.masked!)
    return
  }
  code.get(ends.left)
  code.get(e.mask)
  code.simd(simd.or)
  code.set(ends.left)
  code.v128([0, 0, 0, 0])
  code.set(e.mask)
  code.br(e.listEnd!)
}

const isShort = (list: readonly Statement[]) => list.length <= 8 && list.every((statement) => statement.op === 'assign')

function writeIf(w: Writer, statement: If, parted: Label | undefined): void {
  const { e } = w
  const { code } = e
  const { condition, frame } = statement
  const shape = e.shape(condition)
  e.frames.push(frame)
  if (e.alone || !shape.varying) {
    const branch = (list: readonly Statement[]) => {
      if (e.masked) code.block((end) => writeMasked(w, list, end))
      else writeFull(w, list, parted)
    }
    writeScalar(e, condition)
    code.if(() => branch(statement.yes), statement.no.length ? () => branch(statement.no) : undefined)
    e.frames.pop()
    return
  }
  const cond = code.local('v128')
  writeVector(e, condition)
  code.set(cond)
  if (e.masked) writeMaskedIf(w, statement, cond, true)
  else if (isShort(statement.yes) && isShort(statement.no)) {
    masked(e, () => {
      code.get(cond)
      code.set(e.mask)
      code.block((end) => writeMasked(w, statement.yes, end))
      if (statement.no.length === 0) return
      code.get(cond)
      code.simd(simd.not)
      code.set(e.mask)
      code.block((end) => writeMasked(w, statement.no, end))
    })
  } else
    code.block((done) => {
      const bits = code.local('i32')
      code.get(cond)
      code.simd(simd.i32_bitmask)
      code.tee(bits)
      code.i32(15)
      code.emit(op.i32_eq)
      code.if(() => {
        writeFull(w, statement.yes, parted)
        code.br(done)
      })
      code.get(bits)
      code.emit(op.i32_eqz)
      code.if(() => {
        writeFull(w, statement.no, parted)
        code.br(done)
      })
      // All are in: what is the outer mask for the branches.
      code.v128([-1, -1, -1, -1])
      code.set(e.mask)
      masked(e, () => writeMaskedIf(w, statement, cond, false))
      if (w.partial.splits.has(statement)) code.br(parted!)
    })
  e.frames.pop()
}

/** Both branches, each for its lanes; afterwards the mask has those that came through. `mayBeNone`: branches for which there are no lanes are passed over. */
function writeMaskedIf(w: Writer, statement: If, cond: number, mayBeNone: boolean): void {
  const { e } = w
  const { code } = e
  const before = code.local('v128')
  const through = code.local('v128')
  code.get(e.mask)
  code.set(before)
  const branch = (list: readonly Statement[], opcode: number) => {
    code.get(before)
    code.get(cond)
    code.simd(opcode)
    code.set(e.mask)
    const write = () => code.block((end) => writeMasked(w, list, end))
    if (!mayBeNone || isShort(list)) return write()
    code.get(e.mask)
    code.simd(simd.any_true)
    code.if(write)
  }
  const splits = w.partial.splits.has(statement)
  branch(statement.yes, simd.and)
  if (splits) {
    code.get(e.mask)
    code.set(through)
  }
  if (statement.no.length) branch(statement.no, simd.andnot)
  else if (splits) {
    code.get(before)
    code.get(cond)
    code.simd(simd.andnot)
    code.set(e.mask)
  }
  if (splits) {
    code.get(e.mask)
    code.get(through)
    code.simd(simd.or)
  } else code.get(before)
  code.set(e.mask)
}

function beginEnds(e: Emitter, statement: Block | Loop, frame = statement.frame): Ends {
  const ends: Ends = { full: undefined, masked: undefined, left: -1 }
  e.ends.set(frame, ends)
  if (frame.divergent) ends.left = e.code.local('v128')
  return ends
}

function clearLeft(e: Emitter, ends: Ends): void {
  if (ends.left < 0) return
  e.code.v128([0, 0, 0, 0])
  e.code.set(ends.left)
}

/** Those that had left go on with the others. */
function rejoin(e: Emitter, ends: Ends): void {
  if (ends.left < 0) return
  e.code.get(e.mask)
  e.code.get(ends.left)
  e.code.simd(simd.or)
  e.code.set(e.mask)
}

/** Behind a construct, masked: full again where nobody left for a place further out. */
function meetAgain(w: Writer, statement: Statement, done: Label, parted: Label | undefined): void {
  const { e } = w
  if (!w.partial.splits.has(statement)) return
  e.code.get(e.mask)
  e.code.simd(simd.i32_all_true)
  e.code.brIf(done)
  e.code.br(parted!)
}

function writeBlock(w: Writer, statement: Block, parted: Label | undefined): void {
  const { e } = w
  const { code } = e
  const ends = beginEnds(e, statement)
  clearLeft(e, ends)
  e.frames.push(statement.frame)
  if (e.masked) {
    code.block((end) => {
      ends.masked = end
      code.block((listEnd) => writeMasked(w, statement.body, listEnd))
    })
    rejoin(e, ends)
  } else
    code.block((done) => {
      ends.full = done
      code.block((end) => {
        ends.masked = end
        writeFull(w, statement.body, end)
        code.br(done)
      })
      rejoin(e, ends)
      meetAgain(w, statement, done, parted)
    })
  e.frames.pop()
}

/** A nest of loops is written twice where one test in front can stand for those at its loads and stores. */
function writeLoop(w: Writer, statement: Loop, parted: Label | undefined): void {
  const { e } = w
  const { code } = e
  e.frames.push(statement.frame)
  for (const each of statement.initial) writeStatement(w, each, undefined)
  e.frames.pop()
  const tries = e.guarding === 'all' || (e.guarding === 'innermost' && isInnermost(statement))
  const inside = e.masked || !tries ? undefined : writeGuard(e, statement)
  if (!inside) {
    writeTurns(w, statement, parted)
    return
  }
  code.if(
    () => {
      for (const each of inside) e.unchecked.add(each)
      writeTurns(w, statement, parted)
      for (const each of inside) e.unchecked.delete(each)
    },
    () => {
      const before = e.guarding
      // Where the test of the nest has failed those of the innermost loops may hold.
      e.guarding = before === 'all' && !isInnermost(statement) ? 'innermost' : 'none'
      writeTurns(w, statement, parted)
      e.guarding = before
    },
  )
}

function writeTurns(w: Writer, statement: Loop, parted: Label | undefined): void {
  const { e, partial } = w
  const { code } = e
  const ends = beginEnds(e, statement)
  const bodyEnds = beginEnds(e, statement, statement.bodyFrame)
  clearLeft(e, ends)
  e.frames.push(statement.frame)
  const mayPart =
    statement.frame.divergent ||
    statement.bodyFrame.divergent ||
    [...statement.body, ...statement.continuing].some((each) => partial.splits.has(each))
  const body = (write: () => void) => {
    e.frames.push(statement.bodyFrame)
    write()
    e.frames.pop()
  }
  const maskedLoop = () =>
    code.block((exit) => {
      ends.masked = exit
      code.loop((start) => {
        if (mayPart) endIfNone(e, exit)
        clearLeft(e, bodyEnds)
        body(() =>
          code.block((next) => {
            bodyEnds.masked = next
            code.block((end) => writeMasked(w, statement.body, end))
          }),
        )
        rejoin(e, bodyEnds)
        code.block((end) => writeMaskedContinuing(w, statement, mayPart, end))
        code.br(start)
      })
    })
  if (e.masked) {
    maskedLoop()
    rejoin(e, ends)
  } else
    code.block((done) => {
      ends.full = done
      if (!mayPart) {
        code.loop((start) => {
          body(() =>
            code.block((next) => {
              bodyEnds.full = next
              writeFull(w, statement.body, undefined)
            }),
          )
          writeFull(w, statement.continuing, undefined)
          code.br(start)
        })
        return
      }
      code.block((end) => {
        ends.masked = end
        code.block((toMasked) => {
          code.loop((start) => {
            clearLeft(e, bodyEnds)
            code.block((nextMasked) => {
              bodyEnds.masked = nextMasked
              code.block((next) => {
                bodyEnds.full = next
                body(() => writeFull(w, statement.body, nextMasked))
              })
              writeFull(w, statement.continuing, toMasked)
              code.br(start)
            })
            // Lanes have parted within the body: the rest of this turn is masked, and all others unless everybody is back.
            masked(e, () => {
              rejoin(e, bodyEnds)
              code.block((listEnd) => writeMaskedContinuing(w, statement, true, listEnd))
            })
            code.get(e.mask)
            code.simd(simd.i32_all_true)
            code.brIf(start)
          })
        })
        masked(e, maskedLoop)
      })
      rejoin(e, ends)
      meetAgain(w, statement, done, parted)
    })
  e.frames.pop()
}

function writeMaskedContinuing(w: Writer, statement: Loop, mayBeNone: boolean, end: Label): void {
  const { e } = w
  if (statement.continuing.length === 0) return
  if (mayBeNone) endIfNone(e, end)
  writeMasked(w, statement.continuing, end)
}
