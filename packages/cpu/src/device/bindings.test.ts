import { afterAll, describe, expect, test } from 'vitest'
import { buffer, errorOf, openDevice, stage, usage } from '../testing/open-device.js'

const device = await openDevice()
afterAll(() => device.destroy())
const { STORAGE, UNIFORM } = usage
const { COMPUTE, VERTEX } = stage

const entry = (binding: number, type: GPUBufferBindingType = 'storage', more: GPUBufferBindingLayout = {}) => {
  return { binding, visibility: COMPUTE, buffer: { type, ...more } }
}
const layoutOf = (...entries: GPUBindGroupLayoutEntry[]) => device.createBindGroupLayout({ label: 'layout', entries })
const pipelineLayout = (...bindGroupLayouts: (GPUBindGroupLayout | null)[]) =>
  device.createPipelineLayout({ label: 'pl', bindGroupLayouts })

describe('bind group layouts', () => {
  test.each([
    [[entry(1000)], 'binding 1000: expected a number below 1000'],
    [[entry(2), entry(1), entry(2)], 'binding 2 is given twice'],
    [[{ binding: 0, visibility: COMPUTE }], 'binding 0: expected a buffer, found nothing'],
    [[{ binding: 0, visibility: COMPUTE, sampler: {} }], 'binding 0: sampler: this adapter computes on buffers only'],
    [[{ binding: 0, visibility: COMPUTE, texture: {} }], 'binding 0: texture: this adapter computes on buffers only'],
    [[{ binding: 0, visibility: 8, buffer: {} }], 'binding 0: visibility: expected flags of GPUShaderStage, found 8'],
    [[{ ...entry(0), visibility: VERTEX | COMPUTE }], 'binding 0: writable storage is not visible to vertex shaders'],
    [Array.from({ length: 9 }, (_, i) => entry(i)), '9 buffers exceed maxStorageBuffersPerShaderStage, 8'],
    [Array.from({ length: 13 }, (_, i) => entry(i, 'uniform')), '13 buffers exceed maxUniformBuffersPerShaderStage, 12'],
    [
      Array.from({ length: 5 }, (_, i) => entry(i, 'storage', { hasDynamicOffset: true })),
      '5 buffers exceed maxDynamicStorageBuffersPerPipelineLayout, 4',
    ],
  ])('%j is refused', async (entries, expected) => {
    const message = await errorOf(device, () => layoutOf(...entries))
    expect(message).toBe(`createBindGroupLayout of bind group layout 'layout': ${expected}`)
  })

  test('a type that is none throws', () => {
    expect(() => layoutOf(entry(0, 'texture' as never))).toThrow(
      /binding 0: buffer.type: expected uniform, storage, read-only-storage, found texture/,
    )
  })

  test('pipeline layouts: their number, their buffers in all, invalid ones', async () => {
    const four = layoutOf(...[0, 1, 2, 3, 4].map((i) => entry(i)))
    expect(await errorOf(device, () => pipelineLayout(four, null, null, null, null))).toContain(
      'expected at most maxBindGroups, 4, found 5',
    )
    expect(await errorOf(device, () => pipelineLayout(four, four))).toContain('10 buffers exceed maxStorageBuffersPerShaderStage, 8')
    device.pushErrorScope('validation')
    const invalid = layoutOf(entry(1000))
    expect(await device.popErrorScope()).not.toBeNull()
    expect(await errorOf(device, () => pipelineLayout(invalid))).toContain("bindGroupLayouts[0]: bind group layout 'layout' is invalid")
    expect(await errorOf(device, () => pipelineLayout(null, four))).toBe('')
    expect(() => pipelineLayout({} as GPUBindGroupLayout)).toThrow(TypeError)
  })
})

describe('bind groups', () => {
  const storage = buffer(device, 1024, STORAGE, 'storage')
  const uniform = buffer(device, 2 ** 17, UNIFORM, 'uniform')
  const layout = layoutOf(entry(0, 'uniform', { minBindingSize: 32 }), entry(3))
  const group = (...entries: GPUBindGroupEntry[]) => device.createBindGroup({ label: 'group', layout, entries })
  const first = { binding: 0, resource: { buffer: uniform, size: 64 } }
  const second = { binding: 3, resource: storage }

  test('buffers, or ranges of them, in any order', async () => {
    expect(await errorOf(device, () => group(second, first))).toBe('')
    expect(await errorOf(device, () => group(first, { binding: 3, resource: { buffer: storage, offset: 256, size: 4 } }))).toBe('')
  })

  test.each([
    [[first], "entries: expected bindings 0, 3 of bind group layout 'layout', found 0"],
    [[first, { ...second, binding: 1 }], "entries: expected bindings 0, 3 of bind group layout 'layout', found 0, 1"],
    [[first, first], "entries: expected bindings 0, 3 of bind group layout 'layout', found 0, 0"],
    [[], "entries: expected bindings 0, 3 of bind group layout 'layout', found none"],
    [[{ ...first, resource: storage }, second], "binding 0: buffer 'storage': usage: expected UNIFORM, found STORAGE"],
    [[first, { ...second, resource: uniform }], "binding 3: buffer 'uniform': usage: expected STORAGE, found UNIFORM"],
    [
      [first, { ...second, resource: { buffer: storage, offset: 128 } }],
      "binding 3: buffer 'storage': offset: expected a multiple of 256, found 128",
    ],
    [
      [first, { ...second, resource: { buffer: storage, offset: 1024 } }],
      "binding 3: buffer 'storage': bytes 1024 to 1024 are not within its 1024",
    ],
    [
      [first, { ...second, resource: { buffer: storage, offset: 512, size: 516 } }],
      "binding 3: buffer 'storage': bytes 512 to 1028 are not within its 1024",
    ],
    [[first, { ...second, resource: { buffer: storage, size: 0 } }], "binding 3: buffer 'storage': bytes 0 to 0 are not within its 1024"],
    [
      [first, { ...second, resource: { buffer: storage, size: 6 } }],
      "binding 3: buffer 'storage': size: expected a multiple of 4, found 6",
    ],
    [
      [{ ...first, resource: { buffer: uniform } }, second],
      "binding 0: buffer 'uniform': size: expected at most maxUniformBufferBindingSize, 65536, found 131072",
    ],
    [
      [{ ...first, resource: { buffer: uniform, size: 16 } }, second],
      "binding 0: buffer 'uniform': size: expected at least the layout's minBindingSize, 32, found 16",
    ],
    // Not '%j': the text of an entry holds all of its buffer's memory.
  ])('what does not fit is refused: %#', async (entries, expected) => {
    expect(await errorOf(device, () => group(...entries))).toBe(`createBindGroup of bind group 'group': ${expected}`)
  })

  test('what is no layout or buffer throws', () => {
    expect(() => device.createBindGroup({ layout: {} as GPUBindGroupLayout, entries: [] })).toThrow(/layout: expected a GPUBindGroupLayout/)
    expect(() => group({ binding: 0, resource: {} as GPUBufferBinding }, second)).toThrow(/binding 0: expected a GPUBuffer/)
  })
})
