/** Addresses and sizes in bytes. */
export interface Bulk {
  copy(to: number, from: number, bytes: number): void
  fill(to: number, value: number, bytes: number): void
}

/** A WebAssembly module with `copy(to, from, bytes)` and `fill(to, value, bytes)` on `env.memory`: faster than typed arrays on shared memory. */
export function bulkModule(shared: boolean): WebAssembly.Module {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]
  const section = (id: number, ...bytes: number[]) => [id, bytes.length, ...bytes]
  const body = (...bytes: number[]) => [bytes.length + 2, 0, ...bytes, 0x0b]
  const [i32, local, memory, func] = [0x7f, 0x20, 0x02, 0x00]
  const arguments_ = [local, 0, local, 1, local, 2]
  // A maximum of 65536 pages is needed for shared memory only, and accepts any smaller one.
  const limits = shared ? [0x03, 0, 0x80, 0x80, 0x04] : [0x00, 0]
  return new WebAssembly.Module(
    new Uint8Array([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, 1, 0x60, 3, i32, i32, i32, 0),
      ...section(2, 1, ...text('env'), ...text('memory'), memory, ...limits),
      ...section(3, 2, 0, 0),
      ...section(7, 2, ...text('copy'), func, 0, ...text('fill'), func, 1),
      ...section(10, 2, ...body(...arguments_, 0xfc, 0x0a, 0, 0), ...body(...arguments_, 0xfc, 0x0b, 0)),
    ]),
  )
}
