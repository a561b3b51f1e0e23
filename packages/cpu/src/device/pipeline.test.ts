import { afterAll, describe, expect, test } from 'vitest'
import { bind, buffer, compute, errorOf, openDevice, pipelineOf, read, run, stage } from '../testing/open-device.js'
import { globals } from './globals.js'

const device = await openDevice()
afterAll(() => device.destroy())
const { COMPUTE, VERTEX } = stage

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

describe('shader modules and pipelines', () => {
  test('what is wrong with the code: where, in the error and in the compilation info', async () => {
    let module: GPUShaderModule
    const message = await errorOf(device, () => (module = device.createShaderModule({ label: 'mine', code: 'step\n  wrong' })))
    expect(message).toBe("createShaderModule of shader module 'mine': 2:3: expected a kernel, found 'wrong'")
    const { messages } = await module!.getCompilationInfo()
    expect(messages).toHaveLength(1)
    expect(messages[0]).toMatchObject({
      type: 'error',
      message: "expected a kernel, found 'wrong'",
      lineNum: 2,
      linePos: 3,
      offset: 7,
      length: 5,
    })
    const pipeline = await errorOf(device, () => device.createComputePipeline({ label: 'p', layout: 'auto', compute: { module } }))
    expect(pipeline).toBe(
      "createComputePipeline of compute pipeline 'p': compute.module: shader module 'mine' is invalid: its code is wrong",
    )
    const fine = await device.createShaderModule({ code: 'step' }).getCompilationInfo()
    expect(fine.messages).toMatchObject([{ type: 'warning', message: 'this is not WGSL' }])
  })

  const module = device.createShaderModule({ label: 'm', code: 'step number trap wide hungry' })
  const compute = (more: object) => ({ label: 'p', layout: 'auto' as const, compute: { module, ...more } })
  test.each([
    [{}, "compute.entryPoint: expected one of the entry points of shader module 'm' (step, number, trap, wide, hungry), found nothing"],
    [
      { entryPoint: 'x' },
      "compute.entryPoint: expected one of the entry points of shader module 'm' (step, number, trap, wide, hungry), found 'x'",
    ],
    [
      { entryPoint: 'step', constants: { other: 1 } },
      "compute.constants: expected overrides of shader module 'm' (scale, 7), found 'other'",
    ],
    [
      { entryPoint: 'step', constants: { shift: 1 } },
      "compute.constants: expected overrides of shader module 'm' (scale, 7), found 'shift'",
    ],
    [{ entryPoint: 'wide' }, "entry point 'wide': workgroup size: expected 1 to 256 x 256 x 64, found 2000 x 1 x 1"],
    [
      { entryPoint: 'hungry' },
      "entry point 'hungry': workgroup variables: expected at most maxComputeWorkgroupStorageSize, 16384 bytes, found 1048576",
    ],
  ])('%j is refused, sooner or later', async (more, expected) => {
    expect(await errorOf(device, () => device.createComputePipeline(compute(more)))).toBe(
      `createComputePipeline of compute pipeline 'p': ${expected}`,
    )
    device.pushErrorScope('validation')
    const refused = device.createComputePipelineAsync(compute(more))
    await expect(refused).rejects.toBeInstanceOf(globals.GPUPipelineError)
    await expect(refused).rejects.toMatchObject({ reason: 'validation', message: expect.stringContaining(expected) })
    expect(await device.popErrorScope()).toBeNull()
  })

  test('what is no number, module or layout throws', () => {
    expect(() => device.createComputePipeline(compute({ entryPoint: 'step', constants: { scale: Number.NaN } }))).toThrow(
      /constants: scale: expected a finite number, found NaN/,
    )
    expect(() => device.createComputePipeline(compute({ module: {} }))).toThrow(/compute.module: expected a GPUShaderModule/)
    expect(() => device.createComputePipeline({ ...compute({}), layout: undefined as never })).toThrow(/layout: expected 'auto'/)
  })

  test.each([
    [[entry(0, 'uniform')], 'layout: the shader uses @group(0) @binding(1), which the layout lacks'],
    [[entry(0), entry(1)], 'layout: @group(0) @binding(0): expected uniform as in the shader, found storage'],
    [
      [entry(0, 'uniform'), entry(1, 'read-only-storage')],
      'layout: @group(0) @binding(1): expected storage as in the shader, found read-only-storage',
    ],
    [[{ ...entry(0, 'uniform'), visibility: VERTEX }, entry(1)], 'layout: @group(0) @binding(0) is not visible to compute shaders'],
    [
      [entry(0, 'uniform', { minBindingSize: 2 }), entry(1)],
      'layout: @group(0) @binding(0): minBindingSize: expected 0 or at least 4, found 2',
    ],
  ])('layout %j does not fit', async (entries, expected) => {
    const message = await errorOf(device, () => pipelineOf(device, 'number', pipelineLayout(layoutOf(...entries))))
    expect(message).toBe(`createComputePipeline of compute pipeline 'number': ${expected}`)
  })

  test('entry points and constants are compiled once for a module; layouts differ', async () => {
    const made = await Promise.all(
      [1, 2].map(() => device.createComputePipelineAsync(compute({ entryPoint: 'step', constants: { scale: 2 } }))),
    )
    const target = buffer(device, 16)
    for (const each of made) run(device, each, [target])
    expect(await read(device, target)).toEqual([4, 0, 0, 0])
  })

  test('layouts of auto go with their own pipeline only, those that are given with all', async () => {
    const target = buffer(device, 16)
    const [a, b] = [pipelineOf(device, 'step'), pipelineOf(device, 'step')]
    const group = bind(device, a, [target])
    const use = (pipeline: GPUComputePipeline, with_: GPUBindGroup) => () =>
      compute_(pipeline, (pass) => {
        pass.setBindGroup(0, with_)
        pass.dispatchWorkgroups(1)
      })
    expect(await errorOf(device, use(a, group))).toBe('')
    expect(await errorOf(device, use(b, group))).toContain('which is not equivalent to the pipeline')
    const given = [0, 1].map(() => layoutOf(entry(0)))
    const c = pipelineOf(device, 'step', pipelineLayout(given[0]))
    const other = device.createBindGroup({ layout: given[1], entries: [{ binding: 0, resource: target }] })
    expect(await errorOf(device, use(c, other))).toBe('')
    expect(
      await errorOf(
        device,
        use(c, device.createBindGroup({ layout: c.getBindGroupLayout(0), entries: [{ binding: 0, resource: target }] })),
      ),
    ).toBe('')
    expect(await errorOf(device, () => c.getBindGroupLayout(4))).toContain('index: expected less than maxBindGroups, 4, found 4')
    expect(await read(device, target, 0, 4)).toEqual([13])
  })
})
