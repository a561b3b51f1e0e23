import { afterAll, describe, expect, test, vi } from 'vitest'
import { openPlatform } from '#platform'
import type { Platform, WorkerEvents } from '../platform.js'
import { fakeCompiler } from '../testing/fake-compiler.js'
import { bind, buffer, compute, errorOf, mode, openDevice, pipelineOf, run, usage } from '../testing/open-device.js'
import { globals } from './globals.js'
import { openGpu } from './gpu.js'

const device = await openDevice()
afterAll(() => device.destroy())
const open = (options = {}) => openGpu(fakeCompiler, openPlatform(), options)

describe('adapter', () => {
  test('it says what it is', async () => {
    const adapter = (await open({ threads: 3 }).requestAdapter())!
    expect(adapter.info).toMatchObject({
      vendor: 'espalier',
      architecture: 'wasm-relaxed-simd',
      device: 'cpu',
      description: 'Espalier CPU (WebAssembly SIMD, fused multiply-add, 3 threads)',
      isFallbackAdapter: false,
    })
    expect(adapter.features.has('timestamp-query')).toBe(true)
    const plain = (await open({ threads: 1, fused: false }).requestAdapter())!
    expect(plain.info.description).toBe('Espalier CPU (WebAssembly SIMD, multiply and add, 1 thread)')
    expect(plain.info.architecture).toBe('wasm-simd128')
  })

  test('without shared memory there is one thread, and why', async () => {
    const platform = { ...openPlatform(), unshared: 'this page is not cross-origin isolated' }
    const adapter = (await openGpu(fakeCompiler, platform, { threads: 4 }).requestAdapter())!
    expect(adapter.info.description).toContain('1 thread: this page is not cross-origin isolated')
  })

  test('what no adapter fits gives null', async () => {
    expect(await open().requestAdapter({ forceFallbackAdapter: true })).toBeNull()
    expect(await open().requestAdapter({ featureLevel: 'other' })).toBeNull()
    expect(await open().requestAdapter({ powerPreference: 'high-performance', featureLevel: 'core' })).not.toBeNull()
    expect(open().getPreferredCanvasFormat()).toBe('bgra8unorm')
    expect(open().wgslLanguageFeatures.size).toBe(0)
  })

  test.each([0, -1, 1.5, 129, Number.NaN])('%d threads are refused', (threads) => {
    expect(() => open({ threads })).toThrow(/createGpu: threads: expected a whole number/)
  })

  test('limits can be listed; a device has the defaults, or what it asked for', async () => {
    const adapter = (await open().requestAdapter())!
    const offered = { ...(adapter.limits as unknown as Record<string, number>) }
    expect(Object.keys(offered).length).toBeGreaterThan(30)
    expect(offered).toMatchObject({
      maxBufferSize: 2 ** 31,
      maxComputeWorkgroupStorageSize: 1048576,
      maxComputeWorkgroupsPerDimension: 65535,
    })
    const { maxBufferSize, maxComputeWorkgroupStorageSize } = adapter.limits
    const requiredLimits = { maxBufferSize, maxComputeWorkgroupStorageSize, maxBindGroups: undefined, minStorageBufferOffsetAlignment: 64 }
    const made = await adapter.requestDevice({ label: 'mine', requiredLimits, requiredFeatures: ['timestamp-query'] })
    expect(made.limits).toMatchObject({ maxBufferSize, maxComputeWorkgroupStorageSize, minStorageBufferOffsetAlignment: 64 })
    expect(made.limits).toMatchObject({ maxComputeInvocationsPerWorkgroup: 256, maxStorageBufferBindingSize: 134217728 })
    expect([...made.features]).toEqual(['timestamp-query'])
    expect([made.label, made.adapterInfo]).toEqual(['mine', adapter.info])
    made.destroy()
  })

  test('fewer than the defaults asked for: the defaults', async () => {
    const made = await openDevice({ requiredLimits: { maxBufferSize: 4, minStorageBufferOffsetAlignment: 1024 } })
    expect(made.limits).toMatchObject({ maxBufferSize: 268435456, minStorageBufferOffsetAlignment: 256 })
    made.destroy()
  })

  test.each([
    [{ requiredLimits: { maxBufferSize: 2 ** 32 } }, 'OperationError', /maxBufferSize: expected at most 2147483648, found 4294967296/],
    [{ requiredLimits: { minStorageBufferOffsetAlignment: 16 } }, 'OperationError', /expected at least 32, found 16/],
    [{ requiredLimits: { minStorageBufferOffsetAlignment: 96 } }, 'OperationError', /expected a power of two, found 96/],
    [{ requiredLimits: { maxMagic: 1 } }, 'OperationError', /maxMagic: there is no such limit/],
    [{ requiredLimits: { maxBindGroups: -1 } }, 'TypeError', /maxBindGroups: expected a whole number, found -1/],
    [{ requiredFeatures: ['shader-f16' as const] }, 'TypeError', /expected of timestamp-query, found shader-f16/],
  ])('%j is refused', async (descriptor, name, message) => {
    const adapter = (await open().requestAdapter())!
    await expect(adapter.requestDevice(descriptor)).rejects.toMatchObject({ name, message: expect.stringMatching(message) })
    // A refused request does not use the adapter up.
    ;(await adapter.requestDevice()).destroy()
  })

  test('an adapter gives one device', async () => {
    const adapter = (await open().requestAdapter())!
    const made = await adapter.requestDevice()
    await expect(adapter.requestDevice()).rejects.toThrow(/this adapter gave a device before/)
    made.destroy()
  })
})

describe('errors', () => {
  const wrong = () => device.createBuffer({ label: 'wrong', size: 4, usage: 0 })

  test('a scope catches the first error of its kind, the innermost that fits', async () => {
    device.pushErrorScope('validation')
    device.pushErrorScope('out-of-memory')
    device.pushErrorScope('internal')
    wrong()
    device.createBuffer({ label: 'second', size: 4, usage: 0 })
    expect(await device.popErrorScope()).toBeNull()
    expect(await device.popErrorScope()).toBeNull()
    const error = await device.popErrorScope()
    expect(error).toBeInstanceOf(globals.GPUValidationError)
    expect(error).toBeInstanceOf(globals.GPUError)
    expect(error!.constructor.name).toBe('GPUValidationError')
    expect(error!.message).toBe("createBuffer of buffer 'wrong': usage: expected one or more of GPUBufferUsage, found 0")
  })

  test('popping nothing is an OperationError, an unknown filter a TypeError', async () => {
    await expect(device.popErrorScope()).rejects.toMatchObject({ name: 'OperationError' })
    expect(() => device.pushErrorScope('other' as GPUErrorFilter)).toThrow(TypeError)
  })

  test('what no scope catches is an event, and nothing is printed', async () => {
    const listener = vi.fn()
    const handler = vi.fn()
    device.addEventListener('uncapturederror', listener)
    device.onuncapturederror = handler
    expect(device.onuncapturederror).toBe(handler)
    wrong()
    expect(handler).not.toHaveBeenCalled()
    await device.queue.onSubmittedWorkDone()
    expect(handler).toHaveBeenCalledTimes(1)
    expect(listener).toHaveBeenCalledTimes(1)
    const event = handler.mock.calls[0][0] as GPUUncapturedErrorEvent
    expect(event).toBeInstanceOf(globals.GPUUncapturedErrorEvent)
    expect(event.error.message).toContain("buffer 'wrong'")
    device.onuncapturederror = null
    device.removeEventListener('uncapturederror', listener)
    wrong()
    await Promise.resolve()
    expect(handler).toHaveBeenCalledTimes(1)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('the classes can be made, with their names', () => {
    expect(new globals.GPUOutOfMemoryError('x').message).toBe('x')
    const error = new globals.GPUPipelineError('y', { reason: 'internal' })
    expect(error).toBeInstanceOf(DOMException)
    expect([error.name, error.reason, error.message]).toEqual(['GPUPipelineError', 'internal', 'y'])
    for (const [name, value] of Object.entries(globals)) if (typeof value === 'function') expect(value.name).toBe(name)
  })

  test.each(['createTexture', 'createSampler', 'importExternalTexture', 'createRenderPipeline', 'createRenderBundleEncoder'] as const)(
    '%s: a validation error, and no object',
    async (call) => {
      const message = await errorOf(device, () => expect(() => (device[call] as () => void)()).toThrow(/textures, samplers and rendering/))
      expect(message).toBe(`${call}: this adapter computes on buffers only`)
    },
  )

  test('createRenderPipelineAsync, writeTexture and copyExternalImageToTexture too', async () => {
    device.pushErrorScope('validation')
    await expect((device.createRenderPipelineAsync as () => Promise<unknown>)()).rejects.toThrow(/rendering/)
    expect((await device.popErrorScope())!.message).toContain('createRenderPipelineAsync')
    const queue = device.queue as unknown as Record<string, () => void>
    for (const call of ['writeTexture', 'copyExternalImageToTexture']) expect(await errorOf(device, () => queue[call]())).toContain(call)
  })
})

describe('out of memory', () => {
  test('is an error of its own kind, which names the buffer; what is destroyed can be had again', async () => {
    const small = await openDevice({ maxPages: 256 })
    const first = buffer(small, 10 * 2 ** 20)
    let second: GPUBuffer | undefined
    const message = await errorOf(small, () => (second = buffer(small, 10 * 2 ** 20, usage.COPY_DST, 'second')), 'out-of-memory')
    expect(message).toMatch(/^createBuffer of buffer 'second': no room for 10485760 bytes; \d+ of 16777216 are in use$/)
    expect(await errorOf(small, () => small.queue.writeBuffer(second!, 0, new Uint32Array(1)))).toMatch(/buffer 'second' is invalid/)
    first.destroy()
    expect(await errorOf(small, () => buffer(small, 10 * 2 ** 20), 'out-of-memory')).toBe('')
    small.destroy()
  })
})

describe('loss', () => {
  test('destroy: lost resolves, promises settle, calls go on without errors', async () => {
    const doomed = await openDevice()
    const uncaptured = vi.fn()
    doomed.onuncapturederror = uncaptured
    const target = buffer(doomed, 400)
    const mapped = buffer(doomed, 16, usage.MAP_READ | usage.COPY_DST)
    const atCreation = doomed.createBuffer({ size: 16, usage: usage.COPY_DST, mappedAtCreation: true })
    const range = atCreation.getMappedRange()
    run(doomed, pipelineOf(doomed, 'step'), [target], 100)
    const copy = doomed.createCommandEncoder()
    copy.copyBufferToBuffer(target, 0, mapped, 0, 16)
    doomed.queue.submit([copy.finish()])
    const mapping = mapped.mapAsync(mode.READ)
    const work = doomed.queue.onSubmittedWorkDone()
    doomed.destroy()
    doomed.destroy()
    await expect(mapping).rejects.toMatchObject({ name: 'AbortError' })
    await work
    const lost = await doomed.lost
    expect(lost).toBeInstanceOf(globals.GPUDeviceLostInfo)
    expect([lost.reason, lost.message]).toEqual(['destroyed', 'the device was destroyed'])
    expect([atCreation.mapState, range.byteLength]).toEqual(['unmapped', 0])

    doomed.createBuffer({ size: 4, usage: 0 })
    run(doomed, pipelineOf(doomed, 'step'), [target], 100)
    doomed.queue.writeBuffer(target, 0, new Uint32Array(1))
    await doomed.queue.onSubmittedWorkDone()
    await expect(mapped.mapAsync(mode.READ)).rejects.toMatchObject({ name: 'AbortError' })
    await doomed.createComputePipelineAsync({ layout: 'auto', compute: { module: doomed.createShaderModule({ code: 'step' }) } })
    target.destroy()
    expect(uncaptured).not.toHaveBeenCalled()
  })

  test('destroyed before anything was submitted', async () => {
    const doomed = await openDevice()
    doomed.destroy()
    expect((await doomed.lost).reason).toBe('destroyed')
    await doomed.queue.onSubmittedWorkDone()
  })

  test.each([true, false])('a trap loses the device with what happened (shared memory: %s)', async (shared) => {
    const doomed = await openDevice({ shared })
    const result = buffer(doomed, 16, usage.MAP_READ | usage.COPY_DST)
    run(doomed, pipelineOf(doomed, 'trap'), [])
    const encoder = doomed.createCommandEncoder()
    encoder.clearBuffer(result)
    doomed.queue.submit([encoder.finish()])
    await expect(result.mapAsync(mode.READ)).rejects.toMatchObject({ name: 'AbortError' })
    const lost = await doomed.lost
    expect(lost.reason).toBe('unknown')
    expect(lost.message).toMatch(/^the CPU adapter failed: .*unreachable/)
  })

  test('a thread that ends, or that can not be started, loses the device', async () => {
    const platform = openPlatform()
    const events: WorkerEvents[] = []
    const startWorker: Platform['startWorker'] = (code, name, given) => {
      events.push(given)
      return platform.startWorker(code, name, given)
    }
    const doomed = await (await openGpu(fakeCompiler, { ...platform, startWorker }, { threads: 2 }).requestAdapter())!.requestDevice()
    const target = buffer(doomed, 400)
    run(doomed, pipelineOf(doomed, 'step'), [target], 100)
    const work = doomed.queue.onSubmittedWorkDone()
    events[1].failed('it was shot')
    await work
    expect((await doomed.lost).message).toBe('the CPU adapter failed: thread 1: it was shot')

    const refuses: Platform['startWorker'] = () => {
      throw new Error('no threads today')
    }
    const dead = await (await openGpu(fakeCompiler, { ...platform, startWorker: refuses }, {}).requestAdapter())!.requestDevice()
    run(dead, pipelineOf(dead, 'step'), [buffer(dead, 4)])
    expect((await dead.lost).message).toBe('the CPU adapter failed: no threads today')
  })
})

test('two devices have memory and threads of their own', async () => {
  const devices = await Promise.all([openDevice({ threads: 1 }), openDevice({ threads: 2 })])
  const targets = devices.map((each) => buffer(each, 400))
  devices.forEach((each, i) => run(each, pipelineOf(each, 'step'), [targets[i]], 100))
  const message = await errorOf(devices[0], () => devices[0].queue.writeBuffer(targets[1], 0, new Uint32Array(1)))
  expect(message).toBe('writeBuffer: buffer: unlabelled buffer is of another device')
  const pipeline = pipelineOf(devices[0], 'step')
  expect(await errorOf(devices[0], () => bind(devices[0], pipeline, [targets[1]]))).toContain('is of another device')
  expect(await errorOf(devices[1], () => compute(devices[1], (pass) => pass.setPipeline(pipeline)))).toContain(
    "compute pipeline 'step' is of another device",
  )
  devices[0].destroy()
  await devices[1].queue.onSubmittedWorkDone()
  devices[1].destroy()
})
