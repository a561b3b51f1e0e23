/** A writer of WebAssembly's binary format: just what the compiler makes. */

export class Bytes {
  private bytes = new Uint8Array(256)
  length = 0

  push(...values: number[]): void {
    if (this.length + values.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length + values.length))
      grown.set(this.bytes)
      this.bytes = grown
    }
    for (const value of values) this.bytes[this.length++] = value
  }

  append(other: Bytes): void {
    if (this.length + other.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length + other.length))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(other.bytes.subarray(0, other.length), this.length)
    this.length += other.length
  }

  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.push((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.push(rest)
  }

  signed(value: number): void {
    let rest = value | 0
    for (;;) {
      const byte = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && !(byte & 0x40)) || (rest === -1 && byte & 0x40)) {
        this.push(byte)
        return
      }
      this.push(byte | 0x80)
    }
  }

  text(text: string): void {
    const encoded = new TextEncoder().encode(text)
    this.unsigned(encoded.length)
    this.push(...encoded)
  }

  toUint8Array(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length) as Uint8Array<ArrayBuffer>
  }
}

export const types = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const
export type WasmType = keyof typeof types

export interface FunctionBody {
  readonly parameters: readonly WasmType[]
  readonly results: readonly WasmType[]
  readonly locals: readonly WasmType[]
  readonly code: Bytes
}

function section(into: Bytes, id: number, content: Bytes): void {
  into.push(id)
  into.unsigned(content.length)
  into.append(content)
}

/** A module that imports `env.memory` and exports its first function as `name`. */
export function encodeModule(functions: readonly FunctionBody[], name: string, shared: boolean): Uint8Array<ArrayBuffer> {
  const out = new Bytes()
  out.push(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
  const signatures = new Bytes()
  signatures.unsigned(functions.length)
  for (const { parameters, results } of functions) {
    signatures.push(0x60)
    signatures.unsigned(parameters.length)
    for (const type of parameters) signatures.push(types[type])
    signatures.unsigned(results.length)
    for (const type of results) signatures.push(types[type])
  }
  section(out, 1, signatures)
  const imports = new Bytes()
  imports.unsigned(1)
  imports.text('env')
  imports.text('memory')
  imports.push(2, shared ? 3 : 1)
  imports.unsigned(0)
  imports.unsigned(65536)
  section(out, 2, imports)
  const indices = new Bytes()
  indices.unsigned(functions.length)
  functions.forEach((_, i) => indices.unsigned(i))
  section(out, 3, indices)
  const exported = new Bytes()
  exported.unsigned(1)
  exported.text(name)
  exported.push(0)
  exported.unsigned(0)
  section(out, 7, exported)
  const bodies = new Bytes()
  bodies.unsigned(functions.length)
  for (const { locals, code } of functions) {
    const body = new Bytes()
    const runs: [number, WasmType][] = []
    for (const type of locals) {
      const last = runs.at(-1)
      if (last && last[1] === type) last[0]++
      else runs.push([1, type])
    }
    body.unsigned(runs.length)
    for (const [count, type] of runs) {
      body.unsigned(count)
      body.push(types[type])
    }
    body.append(code)
    body.push(0x0b)
    bodies.unsigned(body.length)
    bodies.append(body)
  }
  section(out, 10, bodies)
  return out.toUint8Array()
}

/** Opcodes of one byte, and of those behind a prefix (0xfc saturating conversions and bulk memory, 0xfd SIMD, 0xfe atomics). */
export const op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  i32_load: 0x28,
  f32_load: 0x2a,
  i32_store: 0x36,
  f32_store: 0x38,
  i32_const: 0x41,
  i64_const: 0x42,
  f32_const: 0x43,
  f64_const: 0x44,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_gt_u: 0x4b,
  i32_le_s: 0x4c,
  i32_le_u: 0x4d,
  i32_ge_s: 0x4e,
  i32_ge_u: 0x4f,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_gt_s: 0x55,
  i64_le_s: 0x57,
  f32_eq: 0x5b,
  f32_ne: 0x5c,
  f32_lt: 0x5d,
  f32_gt: 0x5e,
  f32_le: 0x5f,
  f32_ge: 0x60,
  i32_clz: 0x67,
  i32_ctz: 0x68,
  i32_popcnt: 0x69,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_s: 0x6d,
  i32_div_u: 0x6e,
  i32_rem_s: 0x6f,
  i32_rem_u: 0x70,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_s: 0x75,
  i32_shr_u: 0x76,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  f32_abs: 0x8b,
  f32_neg: 0x8c,
  f32_ceil: 0x8d,
  f32_floor: 0x8e,
  f32_trunc: 0x8f,
  f32_nearest: 0x90,
  f32_sqrt: 0x91,
  f32_add: 0x92,
  f32_sub: 0x93,
  f32_mul: 0x94,
  f32_div: 0x95,
  f32_min: 0x96,
  f32_max: 0x97,
  i64_extend_s: 0xac,
  i64_extend_u: 0xad,
  f32_convert_s: 0xb2,
  f32_convert_u: 0xb3,
  i32_reinterpret: 0xbc,
  f32_reinterpret: 0xbe,
} as const

export const simd = {
  load: 0,
  load32_splat: 9,
  store: 11,
  const: 12,
  shuffle: 13,
  i32_splat: 17,
  f32_splat: 19,
  extract: 27,
  replace: 28,
  f32_extract: 31,
  f32_replace: 32,
  i32_eq: 55,
  i32_ne: 56,
  i32_lt_s: 57,
  i32_lt_u: 58,
  i32_gt_s: 59,
  i32_gt_u: 60,
  i32_le_s: 61,
  i32_le_u: 62,
  i32_ge_s: 63,
  i32_ge_u: 64,
  f32_eq: 65,
  f32_ne: 66,
  f32_lt: 67,
  f32_gt: 68,
  f32_le: 69,
  f32_ge: 70,
  not: 77,
  and: 78,
  andnot: 79,
  or: 80,
  xor: 81,
  bitselect: 82,
  any_true: 83,
  load32_lane: 86,
  store32_lane: 90,
  i8_popcnt: 98,
  f32_ceil: 103,
  f32_floor: 104,
  f32_trunc: 105,
  f32_nearest: 106,
  i16_pairwise_u: 125,
  i32_pairwise_u: 127,
  i32_abs: 160,
  i32_neg: 161,
  i32_all_true: 163,
  i32_bitmask: 164,
  i32_shl: 171,
  i32_shr_s: 172,
  i32_shr_u: 173,
  i32_add: 174,
  i32_sub: 177,
  i32_mul: 181,
  i32_min_s: 182,
  i32_min_u: 183,
  i32_max_s: 184,
  i32_max_u: 185,
  f32_abs: 224,
  f32_neg: 225,
  f32_sqrt: 227,
  f32_add: 228,
  f32_sub: 229,
  f32_mul: 230,
  f32_div: 231,
  f32_min: 232,
  f32_max: 233,
  f32_pmin: 234,
  f32_pmax: 235,
  f64_div: 243,
  f64_trunc: 122,
  i32_trunc_sat_s: 248,
  i32_trunc_sat_u: 249,
  f32_convert_s: 250,
  f32_convert_u: 251,
  i32_trunc_sat_f64_s: 252,
  i32_trunc_sat_f64_u: 253,
  f64_convert_low_s: 254,
  f64_convert_low_u: 255,
  relaxed_madd: 0x105,
  relaxed_nmadd: 0x106,
} as const
