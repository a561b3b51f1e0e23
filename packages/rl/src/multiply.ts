/**
 * The one loop under the networks: c[m][n] += sum over k of a[m][k] b[n][k], with strides for rows (`am`, `bn`, `cm`) and for k (`ak`, `bk`),
 * from the offsets `a0`, `b0`, `c0`. The forward pass, the gradient of the weights and that of the inputs are this loop with other strides.
 *
 * Where it pays, blocks of 4 x 4 are summed by a WebAssembly function of two float64 lanes (0.2 ns a product on one core, 0.7 in JavaScript).
 * Every sum is made in the same order of k with the same two roundings either way, so that the results are the same to the bit, and where
 * there is no WebAssembly (or a page's policy forbids it) nothing changes but the time.
 */
export function multiply(
  rows: number,
  columns: number,
  depth: number,
  a: Float64Array,
  a0: number,
  am: number,
  ak: number,
  b: Float64Array,
  b0: number,
  bn: number,
  bk: number,
  c: Float64Array,
  c0: number,
  cm: number,
): void {
  // Packing reads and writes every operand once: it has to be few against the products.
  if (rows >= 4 && columns >= 4 && rows * columns * depth >= 4096) {
    kernel ??= instantiate()
    if (kernel) {
      multiplyBlocks(kernel, rows, columns, depth, a, a0, am, ak, b, b0, bn, bk, c, c0, cm)
      return
    }
  }
  multiplyPlain(rows, columns, depth, a, a0, am, ak, b, b0, bn, bk, c, c0, cm)
}

/** The same in JavaScript: two rows by four columns at a time, 8 products for 6 loads. */
export function multiplyPlain(
  rows: number,
  columns: number,
  depth: number,
  a: Float64Array,
  a0: number,
  am: number,
  ak: number,
  b: Float64Array,
  b0: number,
  bn: number,
  bk: number,
  c: Float64Array,
  c0: number,
  cm: number,
): void {
  const evenRows = rows - (rows % 2)
  const blockColumns = columns - (columns % 4)
  for (let m = 0; m < evenRows; m += 2) {
    for (let n = 0; n < blockColumns; n += 4) {
      let p0 = a0 + m * am
      let p1 = p0 + am
      let q0 = b0 + n * bn
      let q1 = q0 + bn
      let q2 = q1 + bn
      let q3 = q2 + bn
      let s00 = 0
      let s01 = 0
      let s02 = 0
      let s03 = 0
      let s10 = 0
      let s11 = 0
      let s12 = 0
      let s13 = 0
      for (let k = 0; k < depth; k++) {
        const x0 = a[p0]
        const x1 = a[p1]
        const y0 = b[q0]
        const y1 = b[q1]
        const y2 = b[q2]
        const y3 = b[q3]
        s00 += x0 * y0
        s01 += x0 * y1
        s02 += x0 * y2
        s03 += x0 * y3
        s10 += x1 * y0
        s11 += x1 * y1
        s12 += x1 * y2
        s13 += x1 * y3
        p0 += ak
        p1 += ak
        q0 += bk
        q1 += bk
        q2 += bk
        q3 += bk
      }
      const r0 = c0 + m * cm + n
      const r1 = r0 + cm
      c[r0] += s00
      c[r0 + 1] += s01
      c[r0 + 2] += s02
      c[r0 + 3] += s03
      c[r1] += s10
      c[r1 + 1] += s11
      c[r1 + 2] += s12
      c[r1 + 3] += s13
    }
  }
  for (let m = 0; m < rows; m++) {
    for (let n = m < evenRows ? blockColumns : 0; n < columns; n++) {
      let sum = 0
      for (let k = 0, p = a0 + m * am, q = b0 + n * bn; k < depth; k++, p += ak, q += bk) sum += a[p] * b[q]
      c[c0 + m * cm + n] += sum
    }
  }
}

/** Sums blocks of 4 x 4 in its own memory; `floats` are views of it that are replaced when it grows. */
interface Kernel {
  readonly memory: WebAssembly.Memory
  readonly run: (rowBlocks: number, columnBlocks: number, depthBytes: number, a: number, b: number, c: number) => void
  floats: Float64Array
}

let kernel: Kernel | false | undefined

function multiplyBlocks(
  kernel: Kernel,
  rows: number,
  columns: number,
  depth: number,
  a: Float64Array,
  a0: number,
  am: number,
  ak: number,
  b: Float64Array,
  b0: number,
  bn: number,
  bk: number,
  c: Float64Array,
  c0: number,
  cm: number,
): void {
  const rowBlocks = Math.ceil(rows / 4)
  const columnBlocks = Math.ceil(columns / 4)
  const bAt = rowBlocks * 4 * depth
  const cAt = bAt + columnBlocks * 4 * depth
  const size = cAt + rowBlocks * columnBlocks * 16
  if (size > kernel.floats.length) {
    kernel.memory.grow(Math.ceil(((size - kernel.floats.length) * 8) / 65536))
    kernel.floats = new Float64Array(kernel.memory.buffer)
  }
  const { floats } = kernel
  pack(rows, depth, a, a0, am, ak, floats, 0)
  pack(columns, depth, b, b0, bn, bk, floats, bAt)
  kernel.run(rowBlocks, columnBlocks, depth * 32, 0, bAt * 8, cAt * 8)
  for (let i = 0, at = cAt; i < rows; i += 4) {
    for (let j = 0; j < columns; j += 4, at += 16) {
      const height = Math.min(4, rows - i)
      const width = Math.min(4, columns - j)
      for (let m = 0; m < height; m++) {
        const to = c0 + (i + m) * cm + j
        if (width === 4) {
          c[to] += floats[at + 4 * m]
          c[to + 1] += floats[at + 4 * m + 1]
          c[to + 2] += floats[at + 4 * m + 2]
          c[to + 3] += floats[at + 4 * m + 3]
        } else for (let n = 0; n < width; n++) c[to + n] += floats[at + 4 * m + n]
      }
    }
  }
}

/** Rows in panels of 4: [panel][k][4]. Rows that fill the last panel up are whatever was there: their sums are not read. */
function pack(
  rows: number,
  depth: number,
  from: Float64Array,
  start: number,
  stride: number,
  step: number,
  into: Float64Array,
  at: number,
): void {
  for (let i = 0; i < rows; i += 4, at += 4 * depth) {
    const p0 = start + i * stride
    if (i + 4 <= rows) {
      for (let k = 0, p = p0, q = at; k < depth; k++, p += step, q += 4) {
        into[q] = from[p]
        into[q + 1] = from[p + stride]
        into[q + 2] = from[p + 2 * stride]
        into[q + 3] = from[p + 3 * stride]
      }
    } else {
      for (let r = 0; r < rows - i; r++)
        for (let k = 0, p = p0 + r * stride, q = at + r; k < depth; k++, p += step, q += 4) into[q] = from[p]
    }
  }
}

/**
 * The WebAssembly module, written out by instruction:
 *
 *   do {                                              // rowBlocks times, a panel of a each
 *     do {                                            // columnBlocks times, a panel of b each
 *       s[4][2] = 0                                   // eight accumulators of two lanes: 4 rows by 4 columns
 *       do { s[m][h] += splat(a[m]) * b[h] } while k  // multiply, then add: two roundings, as in JavaScript
 *       store s
 *     }
 *   }
 */
function instantiate(): Kernel | false {
  const [rowBlocks, columnBlocks, depthBytes, a, b, c, j, q, p, end] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const [s, b0, b1, x] = [10, 18, 19, 20]
  const get = (local: number) => [0x20, local]
  const set = (local: number) => [0x21, local]
  const constant = (value: number) => [0x41, ...signed(value)]
  const add = [0x6a]
  const increase = (local: number, by: number) => [...get(local), ...constant(by), ...add, ...set(local)]
  const doWhile = (body: number[], condition: number[]) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]
  const load = (pointer: number, offset: number) => [...get(pointer), 0xfd, 0x00, 3, offset]
  const loadSplat = (pointer: number, offset: number) => [...get(pointer), 0xfd, 0x0a, 3, offset]
  const store = (pointer: number, offset: number, local: number) => [...get(pointer), ...get(local), 0xfd, 0x0b, 3, offset]
  const zero = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]
  const eight = [0, 1, 2, 3, 4, 5, 6, 7]
  const accumulate = (m: number, h: number) => [
    ...get(s + 2 * m + h),
    ...get(x),
    ...get(h ? b1 : b0),
    ...[0xfd, 0xf2, 0x01], // f64x2.mul
    ...[0xfd, 0xf0, 0x01], // f64x2.add
    ...set(s + 2 * m + h),
  ]
  const products = doWhile(
    [
      ...[...load(q, 0), ...set(b0), ...load(q, 16), ...set(b1)],
      ...[0, 1, 2, 3].flatMap((m) => [...loadSplat(p, 8 * m), ...set(x), ...accumulate(m, 0), ...accumulate(m, 1)]),
      ...increase(q, 32),
      ...increase(p, 32),
    ],
    [...get(p), ...get(end), 0x47], // p != end
  )
  const tile = [
    ...[...get(a), ...set(p), ...get(a), ...get(depthBytes), ...add, ...set(end)],
    ...eight.flatMap((i) => [...zero, ...set(s + i)]),
    ...products,
    ...eight.flatMap((i) => store(c, 16 * i, s + i)),
    ...increase(c, 128),
    ...increase(j, -1),
  ]
  const row = [
    ...[...get(b), ...set(q), ...get(columnBlocks), ...set(j)],
    ...doWhile(tile, get(j)),
    ...[...get(a), ...get(depthBytes), ...add, ...set(a)],
    ...increase(rowBlocks, -1),
  ]
  const code = [...[2, 4, 0x7f, 11, 0x7b], ...doWhile(row, get(rowBlocks)), 0x0b] // locals: 4 i32, 11 v128
  const section = (id: number, content: number[]) => [id, ...unsigned(content.length), ...content]
  const name = (text: string) => [text.length, ...text.split('').map((letter) => letter.charCodeAt(0))]
  const bytes = Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0]), // (i32 x 6) -> ()
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 2]), // memory of 2 pages
    ...section(7, [2, ...name('run'), 0, 0, ...name('memory'), 2, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
    const memory = exports.memory as WebAssembly.Memory
    return { memory, run: exports.run as Kernel['run'], floats: new Float64Array(memory.buffer) }
  } catch {
    return false // no WebAssembly, no vectors in it, or a content security policy without 'wasm-unsafe-eval'
  }
}

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value: number): number[] {
  const rest = value >> 7
  const byte = value & 127
  return (rest === 0 && byte < 64) || (rest === -1 && byte >= 64) ? [byte] : [byte | 128, ...signed(rest)]
}
