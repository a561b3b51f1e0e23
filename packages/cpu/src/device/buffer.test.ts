import { afterAll, describe, expect, test } from 'vitest'
import { buffer, errorOf, mode, openDevice, read, usage } from '../testing/open-device.js'

const device = await openDevice()
afterAll(() => device.destroy())
const { MAP_READ, MAP_WRITE, COPY_SRC, COPY_DST, STORAGE, UNIFORM } = usage

describe('creation', () => {
  test('zeros, also where something was before', async () => {
    const first = buffer(device, 4096)
    device.queue.writeBuffer(first, 0, new Uint32Array(1024).fill(9))
    first.destroy()
    expect(await read(device, buffer(device, 4096))).toEqual(new Array(1024).fill(0))
  })

  test('its members are as given', () => {
    const made = device.createBuffer({ label: 'weights', size: 12, usage: UNIFORM | COPY_DST })
    expect([made.label, made.size, made.usage, made.mapState]).toEqual(['weights', 12, UNIFORM | COPY_DST, 'unmapped'])
    made.label = 'other'
    expect(made.label).toBe('other')
    expect(device.createBuffer({ size: 0, usage: COPY_DST }).size).toBe(0)
    expect(device.createBuffer({ size: 7, usage: COPY_DST }).size).toBe(7)
  })

  test.each([
    [{ usage: 0 }, 'usage: expected one or more of GPUBufferUsage, found 0'],
    [{ usage: 0x400 }, 'usage: expected one or more of GPUBufferUsage, found 1024'],
    [{ usage: MAP_READ | STORAGE }, 'usage: MAP_READ goes with COPY_DST only, found MAP_READ | STORAGE'],
    [{ usage: MAP_WRITE | COPY_DST }, 'usage: MAP_WRITE goes with COPY_SRC only, found MAP_WRITE | COPY_DST'],
    [{ size: 2 ** 28 + 4 }, 'size: expected at most maxBufferSize, 268435456 bytes, found 268435460'],
  ])('%j is refused', async (wrong, expected) => {
    const message = await errorOf(device, () => device.createBuffer({ label: 'x', size: 16, usage: COPY_DST, ...wrong }))
    expect(message).toBe(`createBuffer of buffer 'x': ${expected}`)
  })

  test('what is no size or usage throws', () => {
    expect(() => device.createBuffer({ size: -4, usage: COPY_DST })).toThrow(/size: expected a whole number of bytes, found -4/)
    expect(() => device.createBuffer({ size: 'x' as never, usage: COPY_DST })).toThrow(TypeError)
    expect(() => device.createBuffer({ size: 4 } as GPUBufferDescriptor)).toThrow(/usage: expected a number/)
    expect(() => device.createBuffer({ size: 7, usage: COPY_DST, mappedAtCreation: true })).toThrow(RangeError)
  })
})

describe('mapping', () => {
  test('at creation, for any usage: what is written is there after unmap', async () => {
    const made = device.createBuffer({ size: 16, usage: COPY_SRC, mappedAtCreation: true })
    expect(made.mapState).toBe('mapped')
    const range = made.getMappedRange()
    expect(range).toBeInstanceOf(ArrayBuffer)
    new Uint32Array(range).set([1, 2, 3, 4])
    made.unmap()
    expect([made.mapState, range.byteLength]).toEqual(['unmapped', 0])
    expect(await read(device, made)).toEqual([1, 2, 3, 4])
    made.unmap()
  })

  test('of an invalid buffer at creation, like of a valid one', async () => {
    device.pushErrorScope('validation')
    const made = device.createBuffer({ size: 16, usage: MAP_READ | STORAGE, mappedAtCreation: true })
    expect((await device.popErrorScope())!.message).toContain('MAP_READ goes with')
    expect(made.getMappedRange().byteLength).toBe(16)
    made.unmap()
  })

  test('for reading and for writing, in parts', async () => {
    const source = device.createBuffer({ size: 64, usage: MAP_WRITE | COPY_SRC })
    const pending = source.mapAsync(mode.WRITE, 16, 32)
    expect(source.mapState).toBe('pending')
    expect(await pending).toBeUndefined()
    expect(source.mapState).toBe('mapped')
    expect(source.getMappedRange.bind(source)).toThrow(/bytes 0 to 64 are not within those mapped, 16 to 48/)
    const [a, b] = [source.getMappedRange(16, 8), source.getMappedRange(24, 24)]
    new Uint32Array(a).fill(5)
    new Uint32Array(b).set([6, 7])
    source.unmap()
    expect([a.byteLength, b.byteLength]).toEqual([0, 0])
    expect(await read(device, source, 8, 32)).toEqual([0, 0, 5, 5, 6, 7, 0, 0])
    await source.mapAsync(mode.WRITE)
    expect(Array.from(new Uint32Array(source.getMappedRange(16, 8)))).toEqual([5, 5])
    source.destroy()
  })

  test('what is changed in a range that is mapped for reading stays where it is', async () => {
    const made = buffer(device, 8, MAP_READ | COPY_DST)
    device.queue.writeBuffer(made, 0, new Uint32Array([1, 2]))
    await made.mapAsync(mode.READ)
    new Uint32Array(made.getMappedRange())[0] = 100
    made.unmap()
    await made.mapAsync(mode.READ)
    expect(Array.from(new Uint32Array(made.getMappedRange()))).toEqual([1, 2])
    made.unmap()
  })

  test.each([
    [(b: GPUBuffer) => b.mapAsync(0), 'mode: expected GPUMapMode.READ or WRITE, found 0'],
    [(b: GPUBuffer) => b.mapAsync(3), 'mode: expected GPUMapMode.READ or WRITE, found 3'],
    [(b: GPUBuffer) => b.mapAsync(mode.WRITE), 'usage: expected MAP_WRITE, found MAP_READ | COPY_DST'],
    [(b: GPUBuffer) => b.mapAsync(mode.READ, 4), 'offset: expected a multiple of 8, found 4'],
    [(b: GPUBuffer) => b.mapAsync(mode.READ, 0, 6), 'size: expected a multiple of 4, found 6'],
    [(b: GPUBuffer) => b.mapAsync(mode.READ, 8, 64), "bytes 8 to 72 exceed the buffer's 64"],
  ])('%o is refused, twice over', async (call, expected) => {
    const made = buffer(device, 64, MAP_READ | COPY_DST, 'x')
    device.pushErrorScope('validation')
    await expect(call(made)).rejects.toMatchObject({ name: 'OperationError', message: `mapAsync of buffer 'x': ${expected}` })
    expect((await device.popErrorScope())!.message).toBe(`mapAsync of buffer 'x': ${expected}`)
  })

  test('twice, destroyed or invalid is refused', async () => {
    const made = buffer(device, 64, MAP_READ | COPY_DST, 'x')
    const first = made.mapAsync(mode.READ)
    device.pushErrorScope('validation')
    await expect(made.mapAsync(mode.READ)).rejects.toThrow(/mapState: expected unmapped, found pending/)
    await first
    await expect(made.mapAsync(mode.READ)).rejects.toThrow(/mapState: expected unmapped, found mapped/)
    made.destroy()
    expect(made.mapState).toBe('unmapped')
    await expect(made.mapAsync(mode.READ)).rejects.toThrow(/the buffer is destroyed/)
    await expect(buffer(device, 4, MAP_READ | STORAGE).mapAsync(mode.READ)).rejects.toThrow(/the buffer is invalid/)
    expect(await device.popErrorScope()).not.toBeNull()
  })

  test('unmap and destroy meanwhile reject it', async () => {
    const made = buffer(device, 64, MAP_READ | COPY_DST)
    const unmapped = made.mapAsync(mode.READ)
    made.unmap()
    expect(made.mapState).toBe('unmapped')
    const destroyed = made.mapAsync(mode.READ)
    made.destroy()
    made.destroy()
    await expect(unmapped).rejects.toMatchObject({ name: 'AbortError' })
    await expect(destroyed).rejects.toMatchObject({ name: 'AbortError' })
  })

  test.each([
    [4, 4, 'offset: expected a multiple of 8, found 4'],
    [0, 6, 'size: expected a multiple of 4, found 6'],
    [56, 16, 'bytes 56 to 72 are not within those mapped, 0 to 64'],
    [8, 8, 'bytes 8 to 16 overlap bytes 0 to 16, which were given out before'],
  ])('a range from %i of %i bytes is refused', async (offset, size, expected) => {
    const made = device.createBuffer({ label: 'x', size: 64, usage: COPY_DST, mappedAtCreation: true })
    made.getMappedRange(0, 16)
    expect(() => made.getMappedRange(offset, size)).toThrow(`getMappedRange of buffer 'x': ${expected}`)
    made.unmap()
    expect(() => made.getMappedRange()).toThrow("getMappedRange of buffer 'x': it is not mapped, but unmapped")
  })
})
