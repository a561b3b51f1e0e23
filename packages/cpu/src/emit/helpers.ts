/** Functions of WebAssembly for what lanes do one after the other, made when first called. */
import type { AtomicName } from '../analyse/ir.js'
import { type Code, createCode } from './code.js'
import { type FunctionBody, op, simd, type WasmType } from './wasm.js'

export interface Helpers {
  /** The index of a function of that name, which `make` writes. Index 0 is the kernel. */
  index(name: string, make: () => FunctionBody): number
  readonly bodies: FunctionBody[]
}

export function createHelpers(): Helpers {
  const known = new Map<string, number>()
  const bodies: FunctionBody[] = []
  return {
    bodies,
    index(name, make) {
      let found = known.get(name)
      if (found === undefined) {
        found = bodies.push(make())
        known.set(name, found)
      }
      return found
    },
  }
}

function define(parameters: readonly WasmType[], results: readonly WasmType[], write: (code: Code) => void): FunctionBody {
  const code = createCode(parameters)
  write(code)
  return { parameters, results, locals: code.locals, code: code.bytes }
}

/** v128 (v128, ...): an instruction for single integers, lane by lane. */
export function perLane(opcode: number, operands: 1 | 2): FunctionBody {
  return define(Array(operands).fill('v128'), ['v128'], (code) => {
    const result = code.local('v128')
    for (let lane = 0; lane < 4; lane++) {
      code.get(result)
      for (let i = 0; i < operands; i++) {
        code.get(i)
        code.lane(simd.extract, lane)
      }
      code.emit(opcode)
      code.lane(simd.replace, lane)
      code.set(result)
    }
    code.get(result)
  })
}

/**
 * Integer division through doubles, which hold the quotient of 32-bit integers exactly enough for it to be cut to the right one.
 * x / 0 = x, and the least number divided by -1 is itself.
 */
export function divide(signed: boolean, remainder: boolean): FunctionBody {
  return define(['v128', 'v128'], ['v128'], (code) => {
    const [a, b] = [0, 1]
    const quotient = code.local('v128')
    const special = code.local('v128')
    const half = (local: number, high: boolean) => {
      code.get(local)
      if (high) {
        code.get(local)
        code.shuffle([2, 3, 2, 3])
      }
      code.simd(signed ? simd.f64_convert_low_s : simd.f64_convert_low_u)
    }
    for (const high of [false, true]) {
      half(a, high)
      half(b, high)
      code.simd(simd.f64_div)
      code.simd(signed ? simd.i32_trunc_sat_f64_s : simd.i32_trunc_sat_f64_u)
    }
    code.shuffle([0, 1, 4, 5])
    code.set(quotient)
    code.get(b)
    code.v128([0, 0, 0, 0])
    code.simd(simd.i32_eq)
    if (signed) {
      const least = -(2 ** 31)
      code.get(a)
      code.v128([least, least, least, least])
      code.simd(simd.i32_eq)
      code.get(b)
      code.v128([-1, -1, -1, -1])
      code.simd(simd.i32_eq)
      code.simd(simd.and)
      code.simd(simd.or)
    }
    code.set(special)
    code.get(a)
    code.get(quotient)
    code.get(special)
    code.simd(simd.bitselect)
    if (!remainder) return
    // a - quotient b; by 0: a - a 1
    code.set(quotient)
    code.get(a)
    code.get(quotient)
    code.get(b)
    code.v128([1, 1, 1, 1])
    code.get(special)
    code.simd(simd.not)
    code.simd(simd.bitselect)
    code.simd(simd.i32_mul)
    code.simd(simd.i32_sub)
  })
}

/** (base, limit, offsets, values, lanes): stores the words of the lanes (bits) whose offset is below the limit. */
export function scatter(): FunctionBody {
  return define(['i32', 'i32', 'v128', 'v128', 'i32'], [], (code) => {
    const offset = code.local('i32')
    for (let lane = 0; lane < 4; lane++) {
      code.get(2)
      code.lane(simd.extract, lane)
      code.tee(offset)
      code.get(1)
      code.emit(op.i32_lt_u)
      code.get(4)
      code.i32(1 << lane)
      code.emit(op.i32_and)
      code.i32(lane)
      code.emit(op.i32_shr_u, op.i32_and)
      code.if(() => {
        code.get(0)
        code.get(offset)
        code.emit(op.i32_add)
        code.get(3)
        code.memorySimd(simd.store32_lane, 0, lane)
      })
    }
  })
}

/** (base, limit, offsets) -> words, 0 where an offset is not below the limit. */
export function gather(): FunctionBody {
  return define(['i32', 'i32', 'v128'], ['v128'], (code) => {
    const offset = code.local('i32')
    const result = code.local('v128')
    for (let lane = 0; lane < 4; lane++) {
      code.get(2)
      code.lane(simd.extract, lane)
      code.tee(offset)
      code.get(1)
      code.emit(op.i32_lt_u)
      code.if(() => {
        code.get(0)
        code.get(offset)
        code.emit(op.i32_add)
        code.get(result)
        code.memorySimd(simd.load32_lane, 0, lane)
        code.set(result)
      })
    }
    code.get(result)
  })
}

const atomicOpcodes: Partial<Record<AtomicName, number>> = {
  load: 0x10,
  store: 0x17,
  add: 0x1e,
  sub: 0x25,
  and: 0x2c,
  or: 0x33,
  xor: 0x3a,
  exchange: 0x41,
  compareExchange: 0x48,
}

/** One atomic operation at `address` (a local); gives the old value, or nothing for `store`. `max` and `min` try until nobody came between. */
export function writeAtomic(code: Code, name: AtomicName, signed: boolean, address: number, value: number, compare: number): void {
  const opcode = atomicOpcodes[name]
  if (opcode !== undefined) {
    code.get(address)
    if (name === 'compareExchange') code.get(compare)
    if (name !== 'load') code.get(value)
    code.atomic(opcode)
    return
  }
  const old = code.local('i32')
  code.loop((again) => {
    code.get(address)
    code.get(address)
    code.atomic(0x10)
    code.tee(old)
    code.get(value)
    code.get(old)
    code.get(value)
    code.get(old)
    code.emit(name === 'max' ? (signed ? op.i32_gt_s : op.i32_gt_u) : signed ? op.i32_lt_s : op.i32_lt_u)
    code.emit(op.select)
    code.atomic(0x48)
    code.get(old)
    code.emit(op.i32_ne)
    code.brIf(again)
  })
  code.get(old)
}

/** (base, limit, offsets, values, compare, lanes) -> old values, lane by lane. */
export function atomicLanes(name: AtomicName, signed: boolean): FunctionBody {
  return define(['i32', 'i32', 'v128', 'v128', 'v128', 'i32'], ['v128'], (code) => {
    const [address, value, compare] = [code.local('i32'), code.local('i32'), code.local('i32')]
    const result = code.local('v128')
    for (let lane = 0; lane < 4; lane++) {
      code.get(2)
      code.lane(simd.extract, lane)
      code.tee(address)
      code.get(1)
      code.emit(op.i32_lt_u)
      code.get(5)
      code.i32(1 << lane)
      code.emit(op.i32_and)
      code.i32(lane)
      code.emit(op.i32_shr_u, op.i32_and)
      code.if(() => {
        code.get(address)
        code.get(0)
        code.emit(op.i32_add)
        code.set(address)
        code.get(3)
        code.lane(simd.extract, lane)
        code.set(value)
        code.get(4)
        code.lane(simd.extract, lane)
        code.set(compare)
        if (name !== 'store') code.get(result)
        writeAtomic(code, name, signed, address, value, compare)
        if (name !== 'store') {
          code.lane(simd.replace, lane)
          code.set(result)
        }
      })
    }
    code.get(result)
  })
}
