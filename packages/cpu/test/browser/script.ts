/** What the tests run in the page. */
import { createGpu, globals } from '../../src/index.js'
import { bind, buffer, compute, openDevice, pipelineOf, read, run, usage } from '../../src/testing/open-device.js'

const code = `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&b)) { b[id.x] = a[id.x] * 2.0 + f32(id.x); }
}`

const page = {
  /** A shader from WGSL to its result. */
  async shader() {
    const adapter = (await (await createGpu({ threads: 2 })).requestAdapter())!
    const device = await adapter.requestDevice()
    const module = device.createShaderModule({ code })
    const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } })
    const [a, b] = [buffer(device, 4000), buffer(device, 4000)]
    device.queue.writeBuffer(
      a,
      0,
      Float32Array.from({ length: 1000 }, (_, i) => i),
    )
    run(device, pipeline, [a, b], 16)
    const values = new Float32Array(new Uint32Array(await read(device, b)).buffer)
    device.destroy()
    return {
      description: adapter.info.description,
      wrong: values.findIndex((value, i) => value !== 3 * i),
      lost: (await device.lost).reason,
    }
  },

  /** Long work beside the page's own: how often its timers came to their turn, and the result. */
  async busy() {
    const device = await openDevice({ threads: 2, shared: globalThis.crossOriginIsolated })
    const [limit, out] = [buffer(device, 16, usage.UNIFORM | usage.COPY_DST), buffer(device, 4096)]
    device.queue.writeBuffer(limit, 0, new Uint32Array([500_000]))
    const pipeline = pipelineOf(device, 'turns')
    const group = bind(device, pipeline, [limit, out])
    compute(device, (pass) => {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      for (let i = 0; i < 3; i++) pass.dispatchWorkgroups(100)
    })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const values = await read(device, out, 0, 400)
    clearInterval(timer)
    device.destroy()
    return { turns, wrong: values.findIndex((value) => value !== 500_000) }
  },

  async trap() {
    const device = await openDevice({ threads: 2, shared: globalThis.crossOriginIsolated })
    run(device, pipelineOf(device, 'trap'), [])
    await device.queue.onSubmittedWorkDone()
    return (await device.lost).message
  },

  names: () => Object.keys(globals).length,
}
export type Page = typeof page
Object.assign(globalThis, { espalierCpu: page })
