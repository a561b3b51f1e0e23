import { expect, test } from 'vitest'
import { openPlatform } from '#platform'
import { fakeCompiler } from '../testing/fake-compiler.js'
import { globals } from './globals.js'
import { openGpu } from './gpu.js'

const { GPUBufferUsage: usage, GPUMapMode: mode } = globals

test('first', async () => {
  const gpu = openGpu(fakeCompiler, openPlatform(), { threads: 2 })
  const adapter = (await gpu.requestAdapter())!
  const device = await adapter.requestDevice()
  const base = device.createBuffer({ size: 16, usage: usage.UNIFORM | usage.COPY_DST })
  device.queue.writeBuffer(base, 0, new Uint32Array([100, 0, 0, 0]))
  const out = device.createBuffer({ size: 4000, usage: usage.STORAGE | usage.COPY_SRC })
  const read = device.createBuffer({ size: 4000, usage: usage.MAP_READ | usage.COPY_DST })
  const module = device.createShaderModule({ code: 'number' })
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } })
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      { binding: 0, resource: base },
      { binding: 1, resource: { buffer: out } },
    ],
  })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, group)
  pass.dispatchWorkgroups(1000)
  pass.end()
  encoder.copyBufferToBuffer(out, read)
  device.queue.submit([encoder.finish()])
  await read.mapAsync(mode.READ)
  const got = new Uint32Array(read.getMappedRange())
  expect(Array.from(got)).toEqual(Array.from({ length: 1000 }, (_, i) => 100 + i))
  device.destroy()
})
