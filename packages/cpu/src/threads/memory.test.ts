import { describe, expect, test } from 'vitest'
import { controlBytes } from './layout.js'
import { createMemory } from './memory.js'

describe.each([true, false])('shared: %s', (shared) => {
  test('allocations are aligned, apart, padded and zero', () => {
    const memory = createMemory(shared)
    const blocks = [1, 4, 255, 256, 300, 5000].map((bytes) => ({ bytes, address: memory.allocate(bytes)! }))
    for (const { address, bytes } of blocks) {
      expect(address % 256).toBe(0)
      expect(address).toBeGreaterThanOrEqual(controlBytes)
      expect(memory.u8.subarray(address, address + bytes).every((value) => value === 0)).toBe(true)
    }
    for (const [i, { address, bytes }] of blocks.entries())
      if (i > 0) expect(address - (blocks[i - 1].address + blocks[i - 1].bytes)).toBeGreaterThanOrEqual(64)
      else expect(bytes).toBe(1)
  })

  test('what was used before is zero again, unless anything will do', () => {
    const memory = createMemory(shared)
    const address = memory.allocate(1000)!
    memory.u8.fill(7, address, address + 1000)
    memory.free(address)
    expect(memory.allocate(1000, false)).toBe(address)
    expect(memory.u8[address]).toBe(7)
    memory.free(address)
    expect(memory.allocate(1000)).toBe(address)
    expect(memory.u8.subarray(address, address + 1000).every((value) => value === 0)).toBe(true)
  })

  test('neighbours that are free become one hole, in any order of freeing', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
    ]) {
      const memory = createMemory(shared)
      const addresses = [memory.allocate(1000)!, memory.allocate(2000)!, memory.allocate(500)!]
      const last = memory.allocate(8)!
      for (const i of order) memory.free(addresses[i])
      expect(memory.allocate(3500)).toBe(addresses[0])
      memory.free(addresses[0])
      memory.free(last)
      expect(memory.used).toBe(0)
    }
  })

  test('it grows, and keeps what it has', () => {
    const memory = createMemory(shared)
    const small = memory.allocate(4)!
    memory.i32[small / 4] = 42
    const large = memory.allocate(100 * 2 ** 20)!
    expect(memory.u8.length).toBeGreaterThanOrEqual(large + 100 * 2 ** 20)
    expect(memory.i32[small / 4]).toBe(42)
    memory.i32[large / 4 + 25 * 2 ** 20 - 1] = 43
    expect(memory.allocate(2 ** 20)).toBeGreaterThan(large)
  })

  test('no room: nothing, and what is freed can be had again', () => {
    const memory = createMemory(shared, 64)
    expect(memory.capacity).toBe(4 * 2 ** 20)
    const half = memory.allocate(2 * 2 ** 20)!
    expect(memory.allocate(3 * 2 ** 20)).toBeUndefined()
    expect(memory.allocate(2 ** 20)).toBeDefined()
    memory.free(half)
    expect(memory.allocate(2 * 2 ** 20)).toBe(half)
  })
})

test('many random allocations never overlap', () => {
  const memory = createMemory(true, 1024)
  const live: { address: number; bytes: number }[] = []
  let seed = 1
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below
  for (let i = 0; i < 3000; i++) {
    if (live.length > 40 || (live.length > 0 && random(3) === 0)) memory.free(live.splice(random(live.length), 1)[0].address)
    else {
      const bytes = 1 + random(100_000)
      const address = memory.allocate(bytes, false)!
      expect(live.some((each) => address < each.address + each.bytes && each.address < address + bytes)).toBe(false)
      live.push({ address, bytes })
    }
  }
  for (const { address } of live) memory.free(address)
  expect(memory.used).toBe(0)
  expect(() => memory.free(256)).toThrow('nothing is allocated at 256')
})
