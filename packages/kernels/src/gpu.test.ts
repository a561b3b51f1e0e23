import { expect, test } from 'vitest'
import { acquireGpu, type Gpu, listAdapters, NoAdapterError } from './gpu.js'
import { allocate, readBuffer } from './program.js'

test('an adapter is found, named and classed', async () => {
  const gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  expect(gpu.info.name).not.toBe('')
  expect(['hardware', 'cpu', 'software']).toContain(gpu.info.kind)
  await gpu.sync()
  gpu.close()
  expect(() => gpu.check()).toThrow('closed')
})

test('an adapter is found again by the name it was given', async () => {
  const gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  const again = await acquireGpu({ prefer: gpu.info.name })
  expect(again.info.name).toBe(gpu.info.name)
  gpu.close()
  again.close()
})

test('the CPU device is there on any machine, on as many threads as are wanted, and on any number it is the same adapter', async () => {
  const [gpu, all] = [await acquireGpu({ prefer: 'cpu', threads: 1 }), await acquireGpu({ prefer: 'CPU' })]
  expect(gpu.info).toMatchObject({ kind: 'cpu', threads: 1, backend: 'wasm', source: '@espalier/cpu', skipped: [] })
  expect(gpu.info.description).toMatch(/ 1 thread\)$/)
  expect(all.info.threads).toBeGreaterThanOrEqual(1)
  expect(all.info.name).toBe(gpu.info.name)
  expect(gpu.target.kind).toBe('cpu')
  gpu.close()
  all.close()
})

test('all adapters are listed in the order in which they are taken, and open', async () => {
  const { adapters } = await listAdapters({ threads: 1 })
  const kinds = adapters.map(({ info }) => info.kind)
  const order = ['hardware', 'cpu', 'software']
  expect(kinds).toEqual([...kinds].sort((a, b) => order.indexOf(a) - order.indexOf(b)))
  expect(kinds.filter((kind) => kind === 'cpu')).toHaveLength(1)
  const best = await acquireGpu()
  expect(adapters[0].info.name).toBe(best.info.name)
  best.close()
  for (const { info, open } of adapters) {
    const gpu = await open()
    expect(gpu.info).toBe(info)
    await gpu.sync()
    gpu.close()
  }
})

test('an adapter that does not exist is an error that says what was tried', async () => {
  await expect(acquireGpu({ prefer: 'no-such-adapter' })).rejects.toThrow(NoAdapterError)
})

test('who waits for a device that is lost or closed hears of it, also where the driver forgets him or fails first', async () => {
  for (const [end, message] of [
    ['destroy', /^the GPU '.+' was lost \(destroyed\): .+/],
    ['close', /^the GPU was closed$/],
  ] as const) {
    const gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
    const fail = () => Promise.reject(new DOMException('', 'AbortError'))
    await expect(gpu.settle('trying', fail)).rejects.toThrow(/^trying: .*AbortError/)
    const waits = [gpu.settle('waiting', () => new Promise(() => {})), gpu.sync(), gpu.settle('trying', fail)]
    const heard = Promise.allSettled(waits)
    if (end === 'close') gpu.close()
    else gpu.device.destroy()
    const [forgotten, , failed] = await heard
    for (const each of [forgotten, failed])
      expect(each).toMatchObject({ reason: { name: 'GpuError', message: expect.stringMatching(message) } })
    await expect(gpu.sync()).rejects.toThrow(message)
  }
})

test('an adapter that gives no device, or one that is lost by then, is a GpuError', async () => {
  const { instance, close } = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  const adapters: GPUAdapter = Object.getPrototypeOf(await instance.requestAdapter())
  const { requestDevice } = adapters
  try {
    adapters.requestDevice = () => Promise.reject(new DOMException('the driver is gone', 'OperationError'))
    await expect(acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })).rejects.toThrow(/^the GPU '.+' gives no device: the driver is gone$/)
    adapters.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor)
      device.destroy()
      return device
    }
    // Chromium says so when something is read.
    const read = async (gpu: Gpu) => readBuffer(gpu, await allocate(gpu, 'anything', 16), 0, 16)
    await expect(acquireGpu({ prefer: process.env.ESPALIER_ADAPTER }).then(read)).rejects.toThrow(/^the GPU '.+' was lost/)
  } finally {
    adapters.requestDevice = requestDevice
    close()
  }
})

test('SwiftShader opens by its name where the package that carries it is', async () => {
  const gpu = await acquireGpu({ prefer: 'swiftshader' })
  expect(gpu.info).toMatchObject({ kind: 'software', source: '@sparticuz/chromium' })
  expect(gpu.info.name).toMatch(/swiftshader/i)
  gpu.close()
})
