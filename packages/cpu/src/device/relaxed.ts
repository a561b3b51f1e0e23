/** Whether this engine has relaxed SIMD's f32x4.relaxed_madd, by a module with nothing else. It rounds once or twice, as the processor does: on x86-64 with FMA and on ARM once. */
export function canFuse(): boolean {
  const v128 = 0x7b
  const type = [1, 8, 1, 0x60, 3, v128, v128, v128, 1, v128]
  const body = [0x20, 0, 0x20, 1, 0x20, 2, 0xfd, 0x85, 0x02, 0x0b]
  const code = [10, body.length + 3, 1, body.length + 1, 0, ...body]
  return WebAssembly.validate(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 3, 2, 1, 0, ...code]))
}
