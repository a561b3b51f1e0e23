/** Devices for tests, and the errors that calls on them lead to. */
import { openPlatform } from '#platform'
import type { Compiler } from '../device/core.js'
import { globals } from '../device/globals.js'
import { openGpu } from '../device/gpu.js'
import { fakeCompiler } from './fake-compiler.js'

export const { GPUBufferUsage: usage, GPUMapMode: mode, GPUShaderStage: stage } = globals

export interface OpenOptions extends GPUDeviceDescriptor {
  readonly threads?: number
  readonly shared?: boolean
  readonly maxPages?: number
  readonly compiler?: Compiler
}

export async function openDevice({
  threads = 2,
  shared,
  maxPages,
  compiler = fakeCompiler,
  ...descriptor
}: OpenOptions = {}): Promise<GPUDevice> {
  const gpu = openGpu(compiler, openPlatform(), { threads }, { shared, maxPages })
  return (await gpu.requestAdapter())!.requestDevice(descriptor)
}

/** The message of the error that a call leads to; empty: none. */
export async function errorOf(device: GPUDevice, call: () => unknown, filter: GPUErrorFilter = 'validation'): Promise<string> {
  device.pushErrorScope(filter)
  call()
  return (await device.popErrorScope())?.message ?? ''
}

export function buffer(
  device: GPUDevice,
  size: number,
  flags: number = usage.STORAGE | usage.COPY_SRC | usage.COPY_DST,
  label = '',
): GPUBuffer {
  return device.createBuffer({ label, size, usage: flags })
}

export function pipelineOf(
  device: GPUDevice,
  kernel: string,
  layout: GPUPipelineLayout | 'auto' = 'auto',
  label = kernel,
): GPUComputePipeline {
  return device.createComputePipeline({ label, layout, compute: { module: device.createShaderModule({ code: kernel }) } })
}

/** A bind group of whole buffers, at bindings 0, 1, ... */
export function bind(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[], group = 0): GPUBindGroup {
  const entries = buffers.map((resource, binding) => ({ binding, resource: { buffer: resource } }))
  return device.createBindGroup({ layout: pipeline.getBindGroupLayout(group), entries })
}

/** Submits what `encode` records in a compute pass. */
export function compute(device: GPUDevice, encode: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  encode(pass)
  pass.end()
  device.queue.submit([encoder.finish()])
}

export function run(device: GPUDevice, pipeline: GPUComputePipeline, buffers: readonly GPUBuffer[], workgroups = 1): void {
  compute(device, (pass) => {
    pass.setPipeline(pipeline)
    if (buffers.length > 0) pass.setBindGroup(0, bind(device, pipeline, buffers))
    pass.dispatchWorkgroups(workgroups)
  })
}

export async function read(device: GPUDevice, source: GPUBuffer, offset = 0, size = source.size - offset): Promise<number[]> {
  const target = buffer(device, size, usage.MAP_READ | usage.COPY_DST)
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(source, offset, target, 0, size)
  device.queue.submit([encoder.finish()])
  await target.mapAsync(mode.READ)
  const values = Array.from(new Uint32Array(target.getMappedRange()))
  target.destroy()
  return values
}
