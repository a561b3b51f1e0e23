/** A WebAssembly module that does nothing but multiply-adds of four floats, in registers. Written by hand: no compiler has a say in it. */
import { setFlagsFromString } from 'node:v8'

// Relaxed SIMD is behind a flag in Node 20.
setFlagsFromString('--experimental-wasm-relaxed-simd')

/** `relaxed_madd`: one fused instruction where the processor has it. `mul and add`: two, as far as WebAssembly promises the same everywhere. */
export type Form = 'relaxed_madd' | 'mul and add'

/** Multiply-adds of a sum in a turn of the loop. */
const unrolled = 8

/** Floating-point operations of a turn: a vector has four lanes, a multiply-add is two operations. */
export const operationsOf = (sums: number) => sums * unrolled * 4 * 2

/**
 * Exports `run(turns: i32, a: f32): f32`. `sums` do not depend on each other, which hides the latency of the units (four cycles, two units: eight); each
 * turns into itself times `a` plus a constant, so that nothing is the same in two turns and nothing overflows.
 */
export function multiplyAdds(sums: number, form: Form): Uint8Array<ArrayBuffer> {
  const [turns, a, factor, term, first] = [0, 1, 2, 3, 4]
  const each = Array.from({ length: sums }, (_, i) => first + i)
  const step = (sum: number) =>
    form === 'relaxed_madd'
      ? [...get(sum), ...get(factor), ...get(term), ...simd(op.relaxedMadd), ...set(sum)]
      : [...get(sum), ...get(factor), ...simd(op.mul), ...get(term), ...simd(op.add), ...set(sum)]
  const body = [
    ...[...get(a), ...simd(op.splat), ...set(factor)],
    ...[...float(0.001), ...simd(op.splat), ...set(term)],
    ...each.flatMap((sum) => [...float(sum), ...simd(op.splat), ...set(sum)]),
    ...[op.loop, op.nothing],
    ...Array.from({ length: unrolled }, () => each.flatMap(step)).flat(),
    // if (--turns) continue
    ...[...get(turns), op.i32, 1, op.subtract, op.tee, turns, op.branchIf, 0, op.end],
    ...[...get(first), ...each.slice(1).flatMap((sum) => [...get(sum), ...simd(op.add)])],
    ...[...simd(op.lane), 0, op.end],
  ]
  const code = [1, ...leb(sums + 2), type.v128, ...body]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, type.i32, type.f32, 1, type.f32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, ...new TextEncoder().encode('run'), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ])
}

export const supported = (form: Form) => WebAssembly.validate(multiplyAdds(1, form))

const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b }
const op = {
  ...{
    loop: 0x03,
    nothing: 0x40,
    end: 0x0b,
    branchIf: 0x0d,
    get: 0x20,
    set: 0x21,
    tee: 0x22,
    i32: 0x41,
    f32: 0x43,
    subtract: 0x6b,
    simd: 0xfd,
  },
  ...{ splat: 0x13, lane: 0x1f, add: 0xe4, mul: 0xe6, relaxedMadd: 0x105 },
}
const get = (local: number) => [op.get, local]
const set = (local: number) => [op.set, local]
const simd = (code: number) => [op.simd, ...leb(code)]
const float = (value: number) => [op.f32, ...new Uint8Array(Float32Array.of(value).buffer)]
const section = (id: number, bytes: readonly number[]) => [id, ...leb(bytes.length), ...bytes]

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}
