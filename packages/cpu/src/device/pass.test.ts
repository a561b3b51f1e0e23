import { afterAll, describe, expect, test } from 'vitest'
import { bind, buffer, compute, errorOf, openDevice, pipelineOf, read, stage, usage } from '../testing/open-device.js'

const device = await openDevice()
afterAll(() => device.destroy())
const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, INDIRECT } = usage
const { COMPUTE } = stage

const entry = (binding: number, type: GPUBufferBindingType = 'storage', more: GPUBufferBindingLayout = {}) => {
  return { binding, visibility: COMPUTE, buffer: { type, ...more } }
}
const layoutOf = (...entries: GPUBindGroupLayoutEntry[]) => device.createBindGroupLayout({ label: 'layout', entries })
const pipelineLayout = (...bindGroupLayouts: (GPUBindGroupLayout | null)[]) =>
  device.createPipelineLayout({ label: 'pl', bindGroupLayouts })

/** A pass with the pipeline set; the error, if any, comes with `finish`. */
function compute_(pipeline: GPUComputePipeline, encode: (pass: GPUComputePassEncoder) => void): void {
  compute(device, (pass) => {
    pass.setPipeline(pipeline)
    encode(pass)
  })
}

describe('passes', () => {
  const step = pipelineOf(device, 'step')
  const target = buffer(device, 1024, STORAGE | INDIRECT | COPY_SRC | COPY_DST | UNIFORM, 'target')
  const group = bind(device, step, [target])
  /** The error of a pass, less what stands before it; an invalid command buffer is a second error. */
  const refused = async (pipeline: GPUComputePipeline, encode: (pass: GPUComputePassEncoder) => void) => {
    let pass: GPUComputePassEncoder
    const encoder = device.createCommandEncoder({ label: 'e' })
    const message = await errorOf(device, () => {
      pass = encoder.beginComputePass({ label: 'pass' })
      pass.setPipeline(pipeline)
      encode(pass)
      pass.end()
      encoder.finish()
    })
    return message.replace(/^finish of command encoder 'e': /, '')
  }

  test.each<[(pass: GPUComputePassEncoder) => void, string]>([
    [(p) => p.dispatchWorkgroups(1), "dispatchWorkgroups of compute pipeline 'step': group 0: expected a bind group, found none"],
    [
      (p) => p.dispatchWorkgroups(65536),
      "dispatchWorkgroups of compute pipeline 'step': expected at most 65535 workgroups in a dimension, found 65536 x 1 x 1",
    ],
    [
      (p) => p.dispatchWorkgroups(1, 1, -1),
      "dispatchWorkgroups of compute pipeline 'step': expected at most 65535 workgroups in a dimension, found 1 x 1 x -1",
    ],
    [
      (p) => p.setBindGroup(4, group),
      "setBindGroup of compute pipeline 'step' in compute pass 'pass': index: expected less than maxBindGroups, 4, found 4",
    ],
    [
      (p) => p.setBindGroup(0, group, [0]),
      "setBindGroup of compute pipeline 'step' in compute pass 'pass': unlabelled bind group: dynamic offsets: expected 0, found 1",
    ],
    [(p) => p.popDebugGroup(), "popDebugGroup of compute pipeline 'step' in compute pass 'pass': no debug group was pushed"],
    [(p) => p.pushDebugGroup('x'), "end of compute pass 'pass': 1 debug groups were not popped"],
    [
      (p) => p.dispatchWorkgroupsIndirect(buffer(device, 12, STORAGE, 'x'), 0),
      "dispatchWorkgroupsIndirect of compute pipeline 'step' in compute pass 'pass': indirectBuffer: buffer 'x': usage: expected INDIRECT, found STORAGE",
    ],
    [
      (p) => p.dispatchWorkgroupsIndirect(target, 2),
      "dispatchWorkgroupsIndirect of compute pipeline 'step' in compute pass 'pass': indirectOffset: expected a multiple of 4, found 2",
    ],
    [
      (p) => p.dispatchWorkgroupsIndirect(target, 1016),
      "dispatchWorkgroupsIndirect of compute pipeline 'step' in compute pass 'pass': indirectOffset: 12 bytes at 1016 exceed the buffer's 1024",
    ],
    [
      (p) => {
        p.setBindGroup(0, group)
        p.dispatchWorkgroupsIndirect(target, 0)
      },
      "dispatchWorkgroupsIndirect of compute pipeline 'step': buffer 'target' is bound at group 0 binding 0 and indirectBuffer, once for reading only and once for writing",
    ],
  ])('%s is refused', async (encode, expected) => {
    expect(await refused(step, encode)).toBe(expected)
  })

  test('without a pipeline, after its end, with what is no group', async () => {
    const encoder = device.createCommandEncoder({ label: 'e' })
    const pass = encoder.beginComputePass({ label: 'pass' })
    pass.dispatchWorkgroups(1)
    expect(() => pass.setBindGroup(0, {} as GPUBindGroup)).toThrow(TypeError)
    expect(() => pass.setPipeline({} as GPUComputePipeline)).toThrow(TypeError)
    expect(() => pass.setBindGroup(0, group, new Uint32Array(1), 1, 1)).toThrow(RangeError)
    pass.end()
    for (const call of [
      () => pass.end(),
      () => pass.setPipeline(step),
      () => pass.setBindGroup(0, group),
      () => pass.dispatchWorkgroups(1),
    ])
      expect(await errorOf(device, call)).toMatch(/: compute pass 'pass' has ended$/)
    expect(await errorOf(device, () => encoder.finish())).toBe("finish of command encoder 'e': dispatchWorkgroups: no pipeline is set")
  })

  test('one buffer read and written, and bytes written twice, are refused at the dispatch; what is apart is fine', async () => {
    const copy = pipelineOf(device, 'copy')
    const successor = pipelineOf(device, 'successor')
    const two = (pipeline: GPUComputePipeline, a: GPUBufferBinding, b: GPUBufferBinding) => {
      const entries = [a, b].map((resource, binding) => ({ binding, resource }))
      const made = device.createBindGroup({ label: 'two', layout: pipeline.getBindGroupLayout(0), entries })
      return refused(pipeline, (pass) => {
        pass.setBindGroup(0, made)
        pass.dispatchWorkgroups(1)
      })
    }
    const [low, high] = [
      { buffer: target, size: 256 },
      { buffer: target, offset: 256, size: 256 },
    ]
    expect(await two(copy, low, high)).toBe('')
    expect(await two(copy, low, { buffer: target })).toBe(
      "dispatchWorkgroups of compute pipeline 'copy': buffer 'target' is bound at group 0 binding 0 and group 0 binding 1 for writing, and the ranges overlap (0 to 256, 0 to 1024)",
    )
    expect(await two(successor, low, high)).toBe(
      "dispatchWorkgroups of compute pipeline 'successor': buffer 'target' is bound at group 0 binding 0 and group 0 binding 1, once for reading only and once for writing",
    )
    expect(await two(successor, low, { buffer: buffer(device, 256) })).toBe('')
  })

  test('across groups, and by dynamic offsets', async () => {
    const apart = pipelineLayout(
      layoutOf(entry(0, 'storage', { hasDynamicOffset: true })),
      layoutOf(entry(0, 'uniform', { hasDynamicOffset: true })),
    )
    const pipeline = pipelineOf(device, 'numberApart', apart)
    const [out, base] = [
      buffer(device, 1024, STORAGE | COPY_SRC | COPY_DST | UNIFORM, 'out'),
      buffer(device, 1024, UNIFORM | COPY_DST, 'base'),
    ]
    device.queue.writeBuffer(base, 512, new Uint32Array([40]))
    const groups = [
      device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: out, size: 16 } }] }),
      device.createBindGroup({ layout: pipeline.getBindGroupLayout(1), entries: [{ binding: 0, resource: { buffer: base, size: 16 } }] }),
      device.createBindGroup({
        label: 'same',
        layout: pipeline.getBindGroupLayout(1),
        entries: [{ binding: 0, resource: { buffer: out, size: 16 } }],
      }),
    ]
    compute_(pipeline, (pass) => {
      pass.setBindGroup(0, groups[0], [256])
      pass.setBindGroup(1, groups[1], new Uint32Array([0, 512, 0]), 1, 1)
      pass.dispatchWorkgroups(100)
      pass.setBindGroup(0, groups[0], new Set([0]))
      pass.dispatchWorkgroups(2)
    })
    const values = await read(device, out)
    expect(values.slice(64, 70)).toEqual([40, 41, 42, 43, 0, 0])
    expect(values.slice(0, 4)).toEqual([40, 41, 0, 0])

    const offsets = (a: number, b: number, second = groups[1]) =>
      refused(pipeline, (pass) => {
        pass.setBindGroup(0, groups[0], [a])
        pass.setBindGroup(1, second, [b])
        pass.dispatchWorkgroups(1)
      })
    expect(await offsets(0, 100)).toContain('binding 0: dynamic offset: expected a multiple of 256, found 100')
    expect(await offsets(1024, 0)).toContain("dynamic offset 1024: the binding then ends at byte 1040 of buffer 'out', which has 1024")
    expect(await offsets(0, 512, groups[2])).toContain(
      "buffer 'out' is bound at group 0 binding 0 and group 1 binding 0, once for reading only",
    )
    expect(await offsets(0, 512)).toBe('')
    // Offsets are given anew each time.
    const forgotten = await refused(pipeline, (pass) => {
      pass.setBindGroup(0, groups[0], [0])
      pass.setBindGroup(0, groups[0])
    })
    expect(forgotten).toContain('dynamic offsets: expected 1, found 0')
  })

  test('a binding smaller than the shader needs is refused at the dispatch, where the layout says nothing', async () => {
    const layout = layoutOf(entry(0, 'uniform'))
    const needy = pipelineOf(device, 'needy', pipelineLayout(layout))
    const small = device.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: { buffer: buffer(device, 256, UNIFORM), size: 32 } }],
    })
    const message = await refused(needy, (pass) => {
      pass.setBindGroup(0, small)
      pass.dispatchWorkgroups(1)
    })
    expect(message).toBe("dispatch of compute pipeline 'needy': group 0 binding 0: expected at least 64 bytes as in the shader, found 32")
    expect(await errorOf(device, () => bind(device, pipelineOf(device, 'needy'), [buffer(device, 32, UNIFORM)]))).toContain(
      "layout's minBindingSize, 64, found 32",
    )
  })

  test('nothing at all, debug groups and markers', async () => {
    const zeros = buffer(device, 16)
    compute_(step, (pass) => {
      pass.setBindGroup(0, bind(device, step, [zeros]))
      pass.pushDebugGroup('a')
      pass.insertDebugMarker('b')
      pass.popDebugGroup()
      pass.dispatchWorkgroups(0)
      pass.dispatchWorkgroups(5, 0)
    })
    expect(await read(device, zeros)).toEqual([0, 0, 0, 0])
  })

  test('counts from a buffer', async () => {
    const [counts, out] = [buffer(device, 16, INDIRECT | COPY_DST), buffer(device, 64)]
    device.queue.writeBuffer(counts, 4, new Uint32Array([2, 3, 1]))
    compute_(step, (pass) => {
      pass.setBindGroup(0, bind(device, step, [out]))
      pass.dispatchWorkgroupsIndirect(counts, 4)
    })
    expect(await read(device, out)).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })
})
