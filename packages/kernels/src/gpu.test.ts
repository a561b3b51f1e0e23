import { expect, test } from 'vitest'
import { acquireGpu, NoAdapterError } from './gpu.js'

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

test('an adapter that does not exist is an error that says what was tried', async () => {
  await expect(acquireGpu({ prefer: 'no-such-adapter' })).rejects.toThrow(NoAdapterError)
})

test('SwiftShader opens by its name where the package that carries it is', async () => {
  const gpu = await acquireGpu({ prefer: 'swiftshader' })
  expect(gpu.info).toMatchObject({ kind: 'software', source: '@sparticuz/chromium' })
  expect(gpu.info.name).toMatch(/swiftshader/i)
  gpu.close()
})
