/** A kernel's function: the loop over workgroups, in each the groups of four lanes, around the code of the entry point. */
import type { Frame, Kernel, Statement } from '../analyse/ir.js'
import { dropUnused } from '../analyse/visit.js'
import { type Code, createCode } from './code.js'
import { type Writer, writeFull, writeMasked } from './control.js'
import { type Emitter, type Ends, shapesFor } from './emitter.js'
import { chooseForms } from './forms.js'
import { createHelpers } from './helpers.js'
import { findPartial } from './partial.js'
import { findPhases, hasBarrier, type Phase, type Phases, type Run } from './phases.js'
import type { CompiledPipeline, CompileOptions } from './pipeline.js'
import { writeScalar } from './values.js'
import { Bytes, encodeModule, op, simd, type WasmType } from './wasm.js'

const [record, first, end, scratch] = [0, 1, 2, 3]
const align = (bytes: number) => Math.ceil(bytes / 64) * 64

/** @throws Error where a barrier stands in control flow that not all lanes share */
export function emitKernel(kernel: Kernel, options: CompileOptions): CompiledPipeline {
  const lanes = kernel.workgroupSize[0] * kernel.workgroupSize[1] * kernel.workgroupSize[2]
  const alone = lanes === 1
  const groups = Math.ceil(lanes / 4)
  const body = dropUnused(kernel.body)
  const shape = shapesFor(kernel)
  const pruned: Kernel = { ...kernel, body }
  const forms = chooseForms(pruned, alone, shape)
  const phases: Phases | undefined = groups > 1 && hasBarrier(body) ? findPhases(pruned) : undefined

  const privateBytes = kernel.privateBytes * (alone ? 1 : 4)
  const privateStart = align(kernel.workgroupBytes)
  const spillStart = align(privateStart + privateBytes * (phases ? groups : 1))
  const spillBytes = 16 * (phases?.crossing.length ?? 0)
  const scratchBytes = Math.max(64, align(spillStart + spillBytes * groups))

  const code = createCode(['i32', 'i32', 'i32', 'i32'])
  const place = (type: WasmType) => code.local(type)
  const bases = kernel.bindings.map(() => place('i32'))
  const sizes = kernel.bindings.map(() => place('i32'))
  const limits = new Map<string, { slot: number; words: number; local: number }>()
  const e: Emitter = {
    code,
    helpers: createHelpers(),
    kernel: pruned,
    options,
    alone,
    lanes,
    forms,
    places: new Map([...forms].map(([local, form]) => [local, place(form !== 'scalar' ? 'v128' : local.kind === 'f32' ? 'f32' : 'i32')])),
    record,
    scratch,
    firstLane: place('i32'),
    groupIds: [place('i32'), place('i32'), place('i32')],
    groupCounts: [place('i32'), place('i32'), place('i32')],
    bases,
    sizes,
    limit(slot, words) {
      const key = `${slot} ${words}`
      let found = limits.get(key)
      if (!found) limits.set(key, (found = { slot, words, local: place('i32') }))
      return found.local
    },
    privateBase: place('i32'),
    mask: place('v128'),
    masked: false,
    frames: [kernel.root],
    ends: new Map<Frame, Ends>(),
    guarding: 'all',
    unchecked: new Set(),
    listEnd: undefined,
    shape,
  }
  const w: Writer = { e, partial: findPartial(pruned) }

  // The body first: it decides what must be known before.
  const main = new Bytes()
  const outer = code.bytes
  code.bytes = main
  writeWorkgroups(e, () => {
    code.get(scratch)
    code.i32(privateStart)
    code.emit(op.i32_add)
    code.set(e.privateBase)
    if (phases) writePhases(w, phases, { privateStart, privateBytes, spillStart, spillBytes })
    else writeRun(w, body)
  })
  code.bytes = outer
  writePrologue(e, limits.values(), kernel.uniforms)
  code.bytes.append(main)

  const functions = [
    { parameters: ['i32', 'i32', 'i32', 'i32'] as const, results: [], locals: code.locals, code: code.bytes },
    ...e.helpers.bodies,
  ]
  return {
    wasm: encodeModule(functions, 'run', options.shared),
    bindings: kernel.bindings,
    workgroupSize: kernel.workgroupSize,
    workgroupBytes: kernel.workgroupBytes,
    scratchBytes,
  }
}

function writePrologue(e: Emitter, limits: Iterable<{ slot: number; words: number; local: number }>, uniforms: Kernel['uniforms']): void {
  const { code } = e
  const word = (index: number, into: number) => {
    code.get(record)
    code.memory(op.i32_load, 4 * index)
    code.set(into)
  }
  e.groupCounts.forEach((local, axis) => word(axis, local))
  e.kernel.bindings.forEach((_, slot) => {
    word(4 + 2 * slot, e.bases[slot])
    word(5 + 2 * slot, e.sizes[slot])
  })
  for (const { slot, words, local } of limits) {
    code.get(e.sizes[slot])
    code.i32(4 * words - 1)
    code.emit(op.i32_sub)
    code.i32(0)
    code.get(e.sizes[slot])
    code.i32(4 * words)
    code.emit(op.i32_ge_u, op.select)
    code.set(local)
  }
  for (const { local, slot, offset } of uniforms) {
    if (!e.forms.has(local)) continue
    code.get(e.bases[slot])
    if (e.forms.get(local) === 'splat') code.memorySimd(simd.load32_splat, offset)
    else code.memory(local.kind === 'f32' ? op.f32_load : op.i32_load, offset)
    code.set(e.places.get(local)!)
  }
}

/** Workgroups `first` to `end`, x fastest. */
function writeWorkgroups(e: Emitter, write: () => void): void {
  const { code } = e
  const [x, y, z] = e.groupIds
  const [nx, ny] = e.groupCounts
  const quotient = code.local('i32')
  code.block((done) => {
    code.get(first)
    code.get(end)
    code.emit(op.i32_ge_u)
    code.brIf(done)
    code.get(first)
    code.get(nx)
    code.emit(op.i32_rem_u)
    code.set(x)
    code.get(first)
    code.get(nx)
    code.emit(op.i32_div_u)
    code.tee(quotient)
    code.get(ny)
    code.emit(op.i32_rem_u)
    code.set(y)
    code.get(quotient)
    code.get(ny)
    code.emit(op.i32_div_u)
    code.set(z)
    code.loop((again) => {
      if (e.kernel.workgroupBytes > 0) {
        code.get(scratch)
        code.i32(0)
        code.i32(e.kernel.workgroupBytes)
        code.emit(0xfc, 11, 0)
      }
      write()
      increment(code, x)
      code.get(x)
      code.get(nx)
      code.emit(op.i32_eq)
      code.if(() => {
        code.i32(0)
        code.set(x)
        increment(code, y)
        code.get(y)
        code.get(ny)
        code.emit(op.i32_eq)
        code.if(() => {
          code.i32(0)
          code.set(y)
          increment(code, z)
        })
      })
      increment(code, first)
      code.get(first)
      code.get(end)
      code.emit(op.i32_lt_u)
      code.brIf(again)
    })
  })
}

function increment(code: Code, local: number): void {
  code.get(local)
  code.i32(1)
  code.emit(op.i32_add)
  code.set(local)
}

/** The statements for each group of lanes in turn; `before` and `after` them for each. */
function writeRun(w: Writer, list: readonly Statement[], before?: () => void, after?: () => void): void {
  const { e } = w
  const { code } = e
  const whole = e.alone ? 1 : e.lanes & ~3
  const full = () => {
    before?.()
    code.block((parted) => {
      writeFull(w, list, parted)
    })
    after?.()
  }
  code.i32(0)
  code.set(e.firstLane)
  if (whole === 4 || e.alone) full()
  else if (whole > 0)
    code.loop((again) => {
      full()
      code.get(e.firstLane)
      code.i32(4)
      code.emit(op.i32_add)
      code.tee(e.firstLane)
      code.i32(whole)
      code.emit(op.i32_lt_u)
      code.brIf(again)
    })
  const rest = e.alone ? 0 : e.lanes - whole
  if (rest === 0) return
  if (whole === 4) {
    code.i32(4)
    code.set(e.firstLane)
  }
  before?.()
  e.masked = true
  code.v128([-1, rest > 1 ? -1 : 0, rest > 2 ? -1 : 0, 0])
  code.set(e.mask)
  code.block((end) => writeMasked(w, list, end))
  e.masked = false
  after?.()
}

interface Places {
  readonly privateStart: number
  readonly privateBytes: number
  readonly spillStart: number
  readonly spillBytes: number
}

function writePhases(w: Writer, { phases, crossing }: Phases, places: Places): void {
  const { e } = w
  const { code } = e
  const slots = new Map(crossing.map((local, i) => [local, 16 * i]))
  const spill = code.local('i32')
  const number = code.local('i32')
  const write = (list: readonly Phase[]): void => {
    for (const phase of list) {
      if (phase.kind === 'run') run(phase.run)
      else construct(phase.statement, phase.lists)
    }
  }
  const run = (own: Run) => {
    // What all groups share is computed by each of them anew, from the same beginning.
    const again = [...own.writes].filter((local) => !slots.has(local) && !own.declares.has(local) && e.places.has(local))
    const saved = again.map((local) => {
      const copy = code.local(e.forms.get(local) !== 'scalar' ? 'v128' : local.kind === 'f32' ? 'f32' : 'i32')
      code.get(e.places.get(local)!)
      code.set(copy)
      return copy
    })
    const before = () => {
      code.get(e.firstLane)
      code.i32(2)
      code.emit(op.i32_shr_u)
      code.set(number)
      const at = (start: number, bytes: number, into: number) => {
        code.get(number)
        code.i32(bytes)
        code.emit(op.i32_mul)
        code.get(scratch)
        code.emit(op.i32_add)
        code.i32(start)
        code.emit(op.i32_add)
        code.set(into)
      }
      at(places.spillStart, places.spillBytes, spill)
      at(places.privateStart, places.privateBytes, e.privateBase)
      again.forEach((local, i) => {
        code.get(saved[i])
        code.set(e.places.get(local)!)
      })
      // What is written in part (masked) is needed as it was, too.
      for (const local of new Set([...own.reads, ...own.writes])) {
        if (!slots.has(local) || own.declares.has(local)) continue
        code.get(spill)
        if (e.forms.get(local) !== 'scalar') code.memorySimd(simd.load, slots.get(local)!)
        else code.memory(local.kind === 'f32' ? op.f32_load : op.i32_load, slots.get(local)!)
        code.set(e.places.get(local)!)
      }
    }
    const after = () => {
      for (const local of own.writes) {
        if (!slots.has(local)) continue
        code.get(spill)
        code.get(e.places.get(local)!)
        if (e.forms.get(local) !== 'scalar') code.memorySimd(simd.store, slots.get(local)!)
        else code.memory(local.kind === 'f32' ? op.f32_store : op.i32_store, slots.get(local)!)
      }
    }
    writeRun(w, own.statements, before, after)
  }
  const construct = (statement: Statement, lists: readonly Phase[][]) => {
    switch (statement.op) {
      case 'if': {
        const shape = e.shape(statement.condition)
        if (shape.varying || shape.perGroup) throw new Error('a barrier stands in control flow that differs between invocations')
        e.frames.push(statement.frame)
        writeScalar(e, statement.condition)
        code.if(() => write(lists[0]), statement.no.length ? () => write(lists[1]) : undefined)
        e.frames.pop()
        return
      }
      case 'block':
        e.frames.push(statement.frame)
        code.block((done) => {
          e.ends.set(statement.frame, { full: done, masked: done, left: -1 })
          write(lists[0])
        })
        e.frames.pop()
        return
      case 'loop':
        e.frames.push(statement.frame)
        write(lists[0])
        code.block((done) => {
          e.ends.set(statement.frame, { full: done, masked: done, left: -1 })
          code.loop((start) => {
            e.frames.push(statement.bodyFrame)
            code.block((next) => {
              e.ends.set(statement.bodyFrame, { full: next, masked: next, left: -1 })
              write(lists[1])
            })
            e.frames.pop()
            write(lists[2])
            code.br(start)
          })
        })
        e.frames.pop()
        return
      case 'break':
      case 'continue':
        return code.br(e.ends.get(statement.target)!.full!)
    }
  }
  write(phases)
}
