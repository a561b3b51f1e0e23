/** The one WebAssembly memory of a device, and the allocator of what is in it. */
import { type Bulk, bulkModule } from './bulk.js'
import { controlBytes } from './layout.js'

const page = 65536
const alignment = 256
/** After everything allocated, so that vector loads which begin inside end inside memory. */
const pad = 64

export interface Memory {
  readonly wasm: WebAssembly.Memory
  /** Views of all of it; new ones after it grew. */
  readonly u8: Uint8Array<ArrayBufferLike>
  readonly i32: Int32Array<ArrayBufferLike>
  readonly bulk: Bulk
  /** Bytes that it can grow to. */
  readonly capacity: number
  /** Byte address, a multiple of 256, of `bytes` zeros, or of anything; undefined when there is no room. */
  allocate(bytes: number, zeros?: boolean): number | undefined
  /** @param address what `allocate` returned */
  free(address: number): void
  /** Bytes given out, with padding. */
  readonly used: number
}

interface Hole {
  start: number
  end: number
}

/** @param maxPages of 64 KiB; where so much address space is not to be had, half of it and so on */
export function createMemory(shared: boolean, maxPages = 65536): Memory {
  const wasm = reserve(shared, maxPages)
  let u8 = new Uint8Array<ArrayBufferLike>(wasm.memory.buffer)
  let i32 = new Int32Array<ArrayBufferLike>(wasm.memory.buffer)
  const bulk = new WebAssembly.Instance(bulkModule(shared), { env: { memory: wasm.memory } }).exports as unknown as Bulk
  const capacity = wasm.pages * page
  const sizes = new Map<number, number>()
  /** In order of address, never adjacent. The last one may reach up to `u8.length`, the end of what there is now. */
  const holes: Hole[] = [{ start: Math.ceil(controlBytes / alignment) * alignment, end: u8.length }]
  /** Nothing was ever allocated from here on: zeros. */
  let clean = holes[0].start
  let used = 0

  const grow = (by: number): boolean => {
    const size = u8.length
    // Pages cost nothing until they are touched, but every growth stops all threads for a moment.
    for (const bytes of [Math.max(by, 16 * 2 ** 20, size / 4), by]) {
      const pages = Math.ceil(bytes / page)
      if (size + pages * page > capacity) continue
      try {
        wasm.memory.grow(pages)
      } catch {
        continue
      }
      u8 = new Uint8Array(wasm.memory.buffer)
      i32 = new Int32Array(wasm.memory.buffer)
      const last = holes.at(-1)
      if (last?.end === size) last.end = u8.length
      else holes.push({ start: size, end: u8.length })
      return true
    }
    return false
  }

  const take = (bytes: number): number | undefined => {
    for (let i = 0; i < holes.length; i++) {
      const hole = holes[i]
      if (hole.end - hole.start < bytes) continue
      const { start } = hole
      hole.start += bytes
      if (hole.start === hole.end) holes.splice(i, 1)
      return start
    }
    return undefined
  }

  return {
    wasm: wasm.memory,
    get u8() {
      return u8
    },
    get i32() {
      return i32
    },
    get used() {
      return used
    },
    bulk,
    capacity,
    allocate(size, zeros = true) {
      const bytes = Math.ceil((size + pad) / alignment) * alignment
      let address = take(bytes)
      if (address === undefined) {
        const last = holes.at(-1)
        const atEnd = last?.end === u8.length ? last.end - last.start : 0
        if (!grow(bytes - atEnd)) return undefined
        address = take(bytes)!
      }
      sizes.set(address, bytes)
      used += bytes
      if (zeros && address < clean) bulk.fill(address, 0, Math.min(bytes, clean - address))
      clean = Math.max(clean, address + bytes)
      return address
    },
    free(address) {
      const bytes = sizes.get(address)
      if (bytes === undefined) throw new Error(`free: nothing is allocated at ${address}`)
      sizes.delete(address)
      used -= bytes
      let low = 0
      for (let high = holes.length; low < high; ) {
        const middle = (low + high) >>> 1
        if (holes[middle].start < address) low = middle + 1
        else high = middle
      }
      const [before, after] = [holes[low - 1], holes[low]]
      const end = address + bytes
      if (before?.end === address && after?.start === end) {
        before.end = after.end
        holes.splice(low, 1)
      } else if (before?.end === address) before.end = end
      else if (after?.start === end) after.start = address
      else holes.splice(low, 0, { start: address, end })
    },
  }
}

function reserve(shared: boolean, maxPages: number): { memory: WebAssembly.Memory; pages: number } {
  for (let pages = maxPages; ; pages = Math.floor(pages / 2)) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 16, maximum: pages, shared }), pages }
    } catch (error) {
      if (pages <= 1024) throw error
    }
  }
}
