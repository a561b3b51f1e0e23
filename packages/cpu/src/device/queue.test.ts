import { afterAll, describe, expect, test } from 'vitest'
import { bind, buffer, compute, errorOf, mode, openDevice, pipelineOf, read, run, usage } from '../testing/open-device.js'

const device = await openDevice()
afterAll(() => device.destroy())
const { queue } = device
const { STORAGE, COPY_SRC, COPY_DST, MAP_READ, UNIFORM } = usage

describe('writeBuffer', () => {
  test('offsets and sizes are in elements of typed arrays, in bytes of buffers and DataViews', async () => {
    const target = buffer(device, 32)
    queue.writeBuffer(target, 0, new Uint32Array([1, 2, 3, 4]), 1, 2)
    queue.writeBuffer(target, 8, new Uint32Array([5, 6, 7, 8]).buffer, 8)
    queue.writeBuffer(target, 16, new DataView(new Uint32Array([9, 10, 11]).buffer, 4), 4)
    queue.writeBuffer(target, 20, new Float32Array(new SharedArrayBuffer(4)).fill(1))
    queue.writeBuffer(target, 24, new Uint16Array([1, 0, 2, 0]).subarray(2))
    expect(await read(device, target)).toEqual([2, 3, 7, 8, 11, 0x3f800000, 2, 0])
    queue.writeBuffer(target, 32, new Uint32Array(0))
  })

  test('data that is not there, or no whole words, throws', () => {
    const target = buffer(device, 32)
    expect(() => queue.writeBuffer(target, 0, new Uint32Array(2), 1, 2)).toThrow(/bytes 4 to 12 exceed the 8 given/)
    expect(() => queue.writeBuffer(target, 0, new Uint32Array(2), 3)).toThrow(/exceed the 8 given/)
    expect(() => queue.writeBuffer(target, 0, new Uint8Array(3))).toThrow(/size: expected a multiple of 4 bytes, found 3/)
    expect(() => queue.writeBuffer({} as GPUBuffer, 0, new Uint8Array(4))).toThrow(/expected a GPUBuffer of this adapter/)
  })

  test.each([
    [STORAGE, 0, "buffer: buffer 'x': usage: expected COPY_DST, found STORAGE"],
    [COPY_DST, 2, 'bufferOffset: expected a multiple of 4, found 2'],
    [COPY_DST, 8, "bytes 8 to 20 exceed the 16 of buffer 'x'"],
  ])('usage %i at %i is refused', async (flags, offset, expected) => {
    const target = buffer(device, 16, flags, 'x')
    expect(await errorOf(device, () => queue.writeBuffer(target, offset, new Uint32Array(3)))).toBe(`writeBuffer: ${expected}`)
  })

  test('destroyed and mapped buffers are refused', async () => {
    const target = buffer(device, 16, COPY_DST, 'x')
    target.destroy()
    expect(await errorOf(device, () => queue.writeBuffer(target, 0, new Uint32Array(1)))).toBe("writeBuffer: buffer 'x' is destroyed")
    const mapped = device.createBuffer({ label: 'y', size: 16, usage: COPY_DST, mappedAtCreation: true })
    const message = await errorOf(device, () => queue.writeBuffer(mapped, 0, new Uint32Array(1)))
    expect(message).toBe("writeBuffer: buffer 'y': mapState: expected unmapped, found mapped")
    mapped.destroy()
  })

  test('writes stand in the queue between what was submitted before and after', async () => {
    const [limit, out, log] = [buffer(device, 16, UNIFORM | COPY_DST), buffer(device, 4), buffer(device, 4000)]
    const pipeline = pipelineOf(device, 'turns')
    const group = bind(device, pipeline, [limit, out])
    for (let i = 0; i < 1000; i++) {
      queue.writeBuffer(limit, 0, new Uint32Array([1000 - i]))
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(1)
      pass.end()
      encoder.copyBufferToBuffer(out, 0, log, 4 * i, 4)
      queue.submit([encoder.finish()])
    }
    queue.writeBuffer(limit, 0, new Uint32Array([77]))
    queue.writeBuffer(limit, 4, new Uint32Array([78, 79]))
    expect(await read(device, log)).toEqual(Array.from({ length: 1000 }, (_, i) => 1000 - i))
    const copy = buffer(device, 16)
    const encoder = device.createCommandEncoder()
    expect(await errorOf(device, () => encoder.copyBufferToBuffer(limit, 0, copy, 0, 16))).toBe('')
  })

  test('the data may change once the call is over, and large writes do not wait for a submission', async () => {
    const [limit, out] = [buffer(device, 16, UNIFORM | COPY_DST), buffer(device, 2 ** 23)]
    queue.writeBuffer(limit, 0, new Uint32Array([3_000_000]))
    run(device, pipelineOf(device, 'turns'), [limit, out])
    const data = new Uint32Array(2 ** 21).fill(1)
    queue.writeBuffer(out, 0, data)
    data.fill(2)
    queue.writeBuffer(out, 16, data, 0, 2)
    data.fill(3)
    expect(await read(device, out, 0, 32)).toEqual([1, 1, 1, 1, 2, 2, 1, 1])
  })
})

describe('submit', () => {
  const step = pipelineOf(device, 'step')

  test('command buffers in order; a writeBuffer before them comes first', async () => {
    const target = buffer(device, 4)
    const group = bind(device, step, [target])
    const encode = () => {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(step)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(1)
      pass.end()
      return encoder.finish()
    }
    const clear = device.createCommandEncoder()
    clear.clearBuffer(target)
    queue.writeBuffer(target, 0, new Uint32Array([9]))
    queue.submit([encode(), clear.finish(), encode(), encode()])
    expect(await read(device, target)).toEqual([4])
    queue.submit([])
  })

  test('an empty command buffer is fine; the same one twice is not', async () => {
    const empty = device.createCommandEncoder().finish({ label: 'mine' })
    queue.submit([empty])
    expect(await errorOf(device, () => queue.submit([empty]))).toBe("submit: the command buffer 'mine' was submitted before")
    const other = device.createCommandEncoder().finish()
    expect(await errorOf(device, () => queue.submit([other, other]))).toBe('submit: a command buffer is given twice')
    expect(() => queue.submit([{} as GPUCommandBuffer])).toThrow(/expected command buffers/)
  })

  test('invalid, or with destroyed or mapped buffers, nothing of it runs', async () => {
    const [a, b] = [buffer(device, 16, undefined, 'a'), buffer(device, 16, MAP_READ | COPY_DST, 'b')]
    const encode = () => {
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(a, b)
      return encoder.finish()
    }
    queue.writeBuffer(a, 0, new Uint32Array([1]))
    const [first, second, third] = [encode(), encode(), encode()]
    await b.mapAsync(mode.READ)
    expect(await errorOf(device, () => queue.submit([first]))).toBe("submit: buffer 'b': mapState: expected unmapped, found mapped")
    b.unmap()
    const mapping = b.mapAsync(mode.READ)
    expect(await errorOf(device, () => queue.submit([second]))).toBe("submit: buffer 'b': mapState: expected unmapped, found pending")
    await mapping
    expect(new Uint32Array(b.getMappedRange())[0]).toBe(0)
    b.unmap()
    a.destroy()
    expect(await errorOf(device, () => queue.submit([third]))).toBe("submit: buffer 'a' is destroyed")
    const encoder = device.createCommandEncoder()
    encoder.clearBuffer(b, 1)
    let invalid: GPUCommandBuffer
    expect(await errorOf(device, () => (invalid = encoder.finish()))).toContain('clearBuffer')
    expect(await errorOf(device, () => queue.submit([invalid]))).toBe('submit: the command buffer is invalid: its encoding failed')
  })

  test('a buffer destroyed after the submission serves it to its end, and its memory only then anything else', async () => {
    const small = await openDevice({ maxPages: 256 })
    const [limit, out] = [buffer(small, 16, UNIFORM | COPY_DST), buffer(small, 12 * 2 ** 20)]
    small.queue.writeBuffer(limit, 0, new Uint32Array([5_000_000]))
    run(small, pipelineOf(small, 'turns'), [limit, out], 2)
    const result = buffer(small, 8)
    const encoder = small.createCommandEncoder()
    encoder.copyBufferToBuffer(out, 0, result, 0, 8)
    small.queue.submit([encoder.finish()])
    out.destroy()
    limit.destroy()
    // There is room for one of this size only: not while the work goes on.
    expect(await errorOf(small, () => buffer(small, 12 * 2 ** 20), 'out-of-memory')).toContain('no room')
    expect(await read(small, result)).toEqual([5_000_000, 5_000_000])
    expect(await errorOf(small, () => buffer(small, 12 * 2 ** 20), 'out-of-memory')).toBe('')
    small.destroy()
  })

  test('onSubmittedWorkDone resolves in order, also with nothing submitted', async () => {
    const target = buffer(device, 4)
    const order: number[] = []
    const group = bind(device, step, [target])
    const promises = [0, 1, 2].map((i) => {
      compute(device, (pass) => {
        pass.setPipeline(step)
        pass.setBindGroup(0, group)
        for (let j = 0; j < 1000; j++) pass.dispatchWorkgroups(1)
      })
      return queue.onSubmittedWorkDone().then(() => order.push(i))
    })
    await Promise.all(promises)
    expect(order).toEqual([0, 1, 2])
    expect(await queue.onSubmittedWorkDone()).toBeUndefined()
  })
})

test.each([true, false])('addresses above 2 GiB (shared memory: %s)', async (shared) => {
  const large = await openDevice({ shared, requiredLimits: { maxBufferSize: 2 ** 31 } })
  // Never touched, so nothing but addresses.
  for (let i = 0; i < 2; i++) large.createBuffer({ size: 1.25 * 2 ** 30, usage: STORAGE })
  const [base, a, b] = [buffer(large, 16, UNIFORM | COPY_DST), buffer(large, 4000), buffer(large, 4000)]
  large.queue.writeBuffer(base, 0, new Uint32Array([3]))
  run(large, pipelineOf(large, 'number'), [base, a], 1000)
  run(large, pipelineOf(large, 'turns'), [base, b], 10)
  const encoder = large.createCommandEncoder()
  encoder.copyBufferToBuffer(a, 4, b, 8, 3000)
  encoder.clearBuffer(a, 0, 2000)
  large.queue.submit([encoder.finish()])
  expect((await read(large, b)).slice(0, 5)).toEqual([3, 3, 4, 5, 6])
  expect((await read(large, a)).slice(498, 502)).toEqual([0, 0, 503, 504])
  large.destroy()
})

test.each([1, 2, 3, 4])('%i threads, and one without shared memory, give the same bits', async (threads) => {
  const results = await Promise.all(
    [true, false].map(async (shared) => {
      const each = await openDevice({ threads, shared })
      const [base, a, b] = [buffer(each, 16, UNIFORM | COPY_DST), buffer(each, 40_000, STORAGE | COPY_SRC), buffer(each, 40_000)]
      each.queue.writeBuffer(base, 0, new Uint32Array([5]))
      run(each, pipelineOf(each, 'number'), [base, a], 10_000)
      const [step, copy] = ['step', 'copy'].map((name) => pipelineOf(each, name))
      const [groupStep, groupCopy] = [bind(each, step, [a]), bind(each, copy, [a, b])]
      compute(each, (pass) => {
        for (let i = 0; i < 300; i++) {
          pass.setPipeline(i % 3 === 0 ? copy : step)
          pass.setBindGroup(0, i % 3 === 0 ? groupCopy : groupStep)
          pass.dispatchWorkgroups(1 + ((i * 7919) % 10_000))
        }
      })
      const values = [await read(each, a), await read(each, b)]
      each.destroy()
      return values
    }),
  )
  const a = Array.from({ length: 10_000 }, (_, n) => 5 + n)
  const b = new Array<number>(10_000).fill(0)
  for (let i = 0; i < 300; i++)
    for (let n = 0; n < 1 + ((i * 7919) % 10_000); n++) {
      if (i % 3 === 0) b[n] = a[n]
      else a[n] = (Math.imul(3, a[n]) + 1) >>> 0
    }
  for (const values of results) expect(values).toEqual([a, b])
})
