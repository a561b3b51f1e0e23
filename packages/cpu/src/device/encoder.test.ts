import { afterAll, describe, expect, test } from 'vitest'
import { bind, buffer, errorOf, openDevice, pipelineOf, read, usage } from '../testing/open-device.js'

const device = await openDevice({ requiredFeatures: ['timestamp-query'] })
afterAll(() => device.destroy())
const { STORAGE, COPY_SRC, COPY_DST, QUERY_RESOLVE } = usage

describe('encoders', () => {
  const source = buffer(device, 64, STORAGE | COPY_SRC | COPY_DST, 'source')
  const destination = buffer(device, 64, STORAGE | COPY_SRC | COPY_DST, 'destination')
  const only = buffer(device, 64, STORAGE, 'only')
  const refused = (encode: (encoder: GPUCommandEncoder) => void) =>
    errorOf(device, () => {
      const encoder = device.createCommandEncoder({ label: 'e' })
      encode(encoder)
      encoder.finish()
    })

  test.each<[(encoder: GPUCommandEncoder) => void, string]>([
    [(e) => e.copyBufferToBuffer(only, destination), "copyBufferToBuffer: source: buffer 'only': usage: expected COPY_SRC, found STORAGE"],
    [(e) => e.copyBufferToBuffer(source, only), "copyBufferToBuffer: destination: buffer 'only': usage: expected COPY_DST, found STORAGE"],
    [(e) => e.copyBufferToBuffer(source, source), "copyBufferToBuffer: source and destination are the same buffer 'source'"],
    [(e) => e.copyBufferToBuffer(source, 2, destination, 0, 4), 'copyBufferToBuffer: source: offset: expected a multiple of 4, found 2'],
    [
      (e) => e.copyBufferToBuffer(source, 0, destination, 2, 4),
      'copyBufferToBuffer: destination: offset: expected a multiple of 4, found 2',
    ],
    [(e) => e.copyBufferToBuffer(source, destination, 6), 'copyBufferToBuffer: source: size: expected a multiple of 4, found 6'],
    [
      (e) => e.copyBufferToBuffer(source, 32, destination, 0, 36),
      "copyBufferToBuffer: source: bytes 32 to 68 are not within buffer 'source', which has 64",
    ],
    [
      (e) => e.copyBufferToBuffer(source, 0, destination, 8),
      "copyBufferToBuffer: destination: bytes 8 to 72 are not within buffer 'destination', which has 64",
    ],
    [(e) => e.clearBuffer(only), "clearBuffer: buffer: buffer 'only': usage: expected COPY_DST, found STORAGE"],
    [(e) => e.clearBuffer(source, 0, 2), 'clearBuffer: buffer: size: expected a multiple of 4, found 2'],
    [(e) => e.popDebugGroup(), 'popDebugGroup: no debug group was pushed'],
    [(e) => e.pushDebugGroup('x'), '1 debug groups were not popped'],
    [(e) => void e.beginComputePass(), 'a pass has not ended'],
    [
      (e) => {
        e.beginComputePass()
        e.clearBuffer(source)
      },
      'clearBuffer: a pass has not ended',
    ],
    [(e) => (e.copyBufferToTexture as unknown as () => void)(), 'copyBufferToTexture: this adapter computes on buffers only'],
  ])('%s is refused', async (encode, expected) => {
    expect(await refused(encode)).toBe(`finish of command encoder 'e': ${expected}`)
  })

  test('the first thing that is wrong is told, and only by finish', async () => {
    expect(
      await refused((e) => {
        e.clearBuffer(source, 1)
        e.clearBuffer(source, 2)
      }),
    ).toContain('found 1')
  })

  test('once finished, nothing more', async () => {
    const encoder = device.createCommandEncoder({ label: 'e' })
    encoder.finish()
    expect(await errorOf(device, () => encoder.finish())).toBe("finish of command encoder 'e': it was finished before")
    expect(await errorOf(device, () => encoder.clearBuffer(source))).toBe("clearBuffer: command encoder 'e' is finished")
    expect(() => (encoder.beginRenderPass as unknown as () => void)()).toThrow(/beginRenderPass: this adapter computes on buffers only/)
  })

  test('a pass begun when it may not be records nothing', async () => {
    const target = buffer(device, 16)
    const step = pipelineOf(device, 'step')
    const encoder = device.createCommandEncoder({ label: 'e' })
    const finished = encoder.finish()
    let pass!: GPUComputePassEncoder
    expect(await errorOf(device, () => (pass = encoder.beginComputePass()))).toBe("beginComputePass: command encoder 'e' is finished")
    pass.setPipeline(step)
    pass.setBindGroup(0, bind(device, step, [target]))
    pass.dispatchWorkgroups(1)
    pass.end()
    device.queue.submit([finished])
    expect(await read(device, target)).toEqual([0, 0, 0, 0])
    const nested = await refused((e) => {
      e.beginComputePass()
      e.beginComputePass().end()
    })
    expect(nested).toBe("finish of command encoder 'e': beginComputePass: a pass has not ended")
  })

  test('copies and clears, with all their arguments and without', async () => {
    device.queue.writeBuffer(
      source,
      0,
      Uint32Array.from({ length: 16 }, (_, i) => i + 1),
    )
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(source, destination)
    encoder.copyBufferToBuffer(source, destination, 4)
    encoder.copyBufferToBuffer(source, 32, destination, 4, 4)
    encoder.copyBufferToBuffer(source, 56, destination, 8)
    encoder.clearBuffer(destination, 20)
    encoder.clearBuffer(destination, 16, 4)
    encoder.clearBuffer(source)
    device.queue.submit([encoder.finish()])
    expect(await read(device, destination)).toEqual([1, 9, 15, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(await read(device, source)).toEqual(new Array(16).fill(0))
  })
})

describe('timestamps', () => {
  test('around passes, in nanoseconds', async () => {
    const querySet = device.createQuerySet({ label: 'times', type: 'timestamp', count: 4 })
    expect([querySet.type, querySet.count, querySet.label]).toEqual(['timestamp', 4, 'times'])
    const resolved = buffer(device, 512, QUERY_RESOLVE | COPY_SRC)
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass({ timestampWrites: { querySet, beginningOfPassWriteIndex: 1, endOfPassWriteIndex: 2 } })
    pass.end()
    encoder.resolveQuerySet(querySet, 1, 2, resolved, 256)
    device.queue.submit([encoder.finish()])
    const words = await read(device, resolved, 256, 16)
    const [begin, end] = new BigUint64Array(new Uint32Array(words).buffer)
    expect(begin).toBeGreaterThan(0n)
    expect(end).toBeGreaterThanOrEqual(begin)
    querySet.destroy()
    const late = device.createCommandEncoder()
    late.resolveQuerySet(querySet, 0, 1, resolved, 0)
    expect(await errorOf(device, () => late.finish())).toContain("query set 'times' is invalid or destroyed")
  })

  test('what is refused', async () => {
    expect(await errorOf(device, () => device.createQuerySet({ type: 'occlusion', count: 1 }))).toContain(
      'type: expected timestamp, found occlusion',
    )
    expect(await errorOf(device, () => device.createQuerySet({ type: 'timestamp', count: 5000 }))).toContain(
      'count: expected at most 4096, found 5000',
    )
    const without = await openDevice()
    expect(() => without.createQuerySet({ type: 'timestamp', count: 1 })).toThrow(/needs the feature timestamp-query/)
    without.destroy()
    const querySet = device.createQuerySet({ type: 'timestamp', count: 2 })
    const begin = (timestampWrites: GPUComputePassTimestampWrites) =>
      errorOf(device, () => {
        const encoder = device.createCommandEncoder()
        encoder.beginComputePass({ timestampWrites }).end()
        encoder.finish()
      })
    expect(await begin({ querySet })).toContain('timestampWrites: expected an index, found none')
    expect(await begin({ querySet, beginningOfPassWriteIndex: 1, endOfPassWriteIndex: 1 })).toContain('expected two indices, found 1 twice')
    expect(await begin({ querySet, endOfPassWriteIndex: 2 })).toContain("index 2 exceeds the query set's 2")
  })
})
