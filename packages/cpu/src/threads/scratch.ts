import type { Memory } from './memory.js'

/** Scratch memory for every thread: of the size that the greediest pipeline so far wants. */
export interface Scratch {
  /** Byte address of the first thread's, and bytes from one thread's to the next's. */
  readonly address: number
  readonly stride: number
  /** @returns the address of the memory it had before, to be freed when nothing runs that was submitted with it; 0: none */
  grow(bytes: number): number
}

export function createScratch(memory: Memory, threads: number): Scratch {
  let address = 0
  let stride = 0
  return {
    get address() {
      return address
    },
    get stride() {
      return stride
    },
    grow(bytes) {
      if (bytes <= stride) return 0
      const old = address
      // 128 bytes between threads: no cache line, nor the pair that processors fetch together, is two threads'.
      const wanted = Math.ceil(bytes / 64) * 64 + 128
      const found = memory.allocate(wanted * threads, false)
      if (found === undefined) throw new RangeError(`${wanted} bytes of scratch memory for each of ${threads} threads: no memory left`)
      address = found
      stride = wanted
      return old
    },
  }
}
