/** The code of one function while it is being written: locals, labels, and the instructions that are used most. */
import { Bytes, op, simd, type WasmType } from './wasm.js'

/** Where a branch goes: the nesting depth of its block or loop. */
export interface Label {
  readonly depth: number
}

const blockTypes = { none: 0x40, i32: 0x7f, f32: 0x7d, v128: 0x7b, i64: 0x7e, f64: 0x7c } as const

export interface Code {
  bytes: Bytes
  readonly locals: WasmType[]
  local(type: WasmType): number
  emit(...opcodes: number[]): void
  get(local: number): void
  set(local: number): void
  tee(local: number): void
  i32(value: number): void
  f32(value: number): void
  /** Four 32-bit words. */
  v128(words: readonly number[]): void
  simd(opcode: number): void
  lane(opcode: number, lane: number): void
  /** Loads and stores; alignment is never promised to be more than 4 bytes. */
  memory(opcode: number, offset?: number): void
  memorySimd(opcode: number, offset?: number, lane?: number): void
  /** i32.atomic.rmw and the like. */
  atomic(opcode: number): void
  shuffle(words: readonly [number, number, number, number]): void
  block(write: (end: Label) => void, result?: keyof typeof blockTypes): void
  loop(write: (start: Label) => void): void
  /** The condition is on the stack. */
  if(then: () => void, otherwise?: () => void, result?: keyof typeof blockTypes): void
  br(label: Label): void
  brIf(label: Label): void
  call(index: number): void
}

export function createCode(parameters: readonly WasmType[]): Code {
  const locals: WasmType[] = []
  let depth = 0
  const code: Code = {
    bytes: new Bytes(),
    locals,
    local: (type) => parameters.length + locals.push(type) - 1,
    emit: (...opcodes) => code.bytes.push(...opcodes),
    get(local) {
      code.bytes.push(op.get)
      code.bytes.unsigned(local)
    },
    set(local) {
      code.bytes.push(op.set)
      code.bytes.unsigned(local)
    },
    tee(local) {
      code.bytes.push(op.tee)
      code.bytes.unsigned(local)
    },
    i32(value) {
      code.bytes.push(op.i32_const)
      code.bytes.signed(value)
    },
    f32(value) {
      code.bytes.push(op.f32_const, ...wordBytes(floatBits(value)))
    },
    v128(words) {
      code.simd(simd.const)
      for (const word of words) code.bytes.push(...wordBytes(word))
    },
    simd(opcode) {
      code.bytes.push(0xfd)
      code.bytes.unsigned(opcode)
    },
    lane(opcode, lane) {
      code.simd(opcode)
      code.bytes.push(lane)
    },
    memory(opcode, offset = 0) {
      code.bytes.push(opcode, 2)
      code.bytes.unsigned(offset)
    },
    memorySimd(opcode, offset = 0, lane) {
      code.simd(opcode)
      code.bytes.push(2)
      code.bytes.unsigned(offset)
      if (lane !== undefined) code.bytes.push(lane)
    },
    atomic(opcode) {
      code.bytes.push(0xfe, opcode, 2, 0)
    },
    shuffle(words) {
      code.simd(simd.shuffle)
      for (const word of words) for (let byte = 0; byte < 4; byte++) code.bytes.push(4 * word + byte)
    },
    block(write, result = 'none') {
      code.bytes.push(op.block, blockTypes[result])
      write({ depth: ++depth })
      depth--
      code.bytes.push(op.end)
    },
    loop(write) {
      code.bytes.push(op.loop, blockTypes.none)
      write({ depth: ++depth })
      depth--
      code.bytes.push(op.end)
    },
    if(then, otherwise, result = 'none') {
      code.bytes.push(op.if, blockTypes[result])
      depth++
      then()
      if (otherwise) {
        code.bytes.push(op.else)
        otherwise()
      }
      depth--
      code.bytes.push(op.end)
    },
    br(label) {
      code.bytes.push(op.br)
      code.bytes.unsigned(depth - label.depth)
    },
    brIf(label) {
      code.bytes.push(op.br_if)
      code.bytes.unsigned(depth - label.depth)
    },
    call(index) {
      code.bytes.push(op.call)
      code.bytes.unsigned(index)
    },
  }
  return code
}

const view = new DataView(new ArrayBuffer(4))
export function floatBits(value: number): number {
  view.setFloat32(0, value)
  return view.getInt32(0)
}
const wordBytes = (word: number) => [word & 255, (word >> 8) & 255, (word >> 16) & 255, (word >> 24) & 255]
