/** A few lines of assembler, for modules with one function `run(record, first, end, scratch)` on `env.memory`. */

const v = { i32: 0x7f, nothing: 0x40 }

export function leb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const byte = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && !(byte & 0x40)) || (rest === -1 && byte & 0x40)) return [...bytes, byte]
    bytes.push(byte | 0x80)
  }
}

export const get = (local: number) => [0x20, local]
export const set = (local: number) => [0x21, local]
export const constant = (value: number) => [0x41, ...leb(value)]
export const load = (offset = 0) => [0x28, 2, ...leb(offset)]
export const store = (offset = 0) => [0x36, 2, ...leb(offset)]
export const add = [0x6a]
export const sub = [0x6b]
export const mul = [0x6c]
export const shiftLeft = [0x74]
export const lessThan = [0x49]
export const unreachable = [0x00]
/** The address of, and the size bound at, a binding of the record (local 0). */
export const address = (binding: number) => [...get(0), ...load(16 + 8 * binding)]
export const size = (binding: number) => [...get(0), ...load(20 + 8 * binding)]

/** `local` from what it is while it is below the value that `limit` pushes. */
export const loop = (local: number, limit: number[], body: number[]) => [
  ...[0x02, v.nothing, 0x03, v.nothing],
  ...[...get(local), ...limit, ...lessThan, 0x45, 0x0d, 1],
  ...body,
  ...[...get(local), ...constant(1), ...add, ...set(local), 0x0c, 0, 0x0b, 0x0b],
]
export const when = (condition: number[], body: number[]) => [...condition, 0x04, v.nothing, ...body, 0x0b]

/** @param body locals 0 to 3 are the parameters, 4 and 5 are free */
export function runModule(body: readonly number[], shared: boolean): Uint8Array<ArrayBuffer> {
  const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)])
  const section = (id: number, bytes: readonly number[]) => [id, ...unsigned(bytes.length), ...bytes]
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]
  const limits = shared ? [0x03, 0, 0x80, 0x80, 0x04] : [0x00, 0]
  const code = [1, 2, v.i32, ...body, 0x0b]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, v.i32, v.i32, v.i32, v.i32, 0]),
    ...section(2, [1, ...text('env'), ...text('memory'), 2, ...limits]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('run'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}
