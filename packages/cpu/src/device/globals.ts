import { CpuBindGroup, CpuBindGroupLayout, CpuPipelineLayout } from './bindings.js'
import { CpuBuffer } from './buffer.js'
import { bufferUsage, colorWrite, mapMode, shaderStage, textureUsage } from './constants.js'
import { CpuDevice } from './device.js'
import { CpuCommandBuffer, CpuCommandEncoder } from './encoder.js'
import {
  DeviceError,
  DeviceLostInfo,
  InternalError,
  interfaceName,
  OutOfMemoryError,
  PipelineError,
  UncapturedErrorEvent,
  ValidationError,
} from './errors.js'
import { CpuAdapter, CpuAdapterInfo, CpuGpu } from './gpu.js'
import { CpuSupportedLimits } from './limits.js'
import { CpuComputePassEncoder } from './pass.js'
import { CpuComputePipeline } from './pipeline.js'
import { CpuQuerySet } from './query-set.js'
import { CpuQueue } from './queue.js'
import { CpuShaderModule } from './shader-module.js'

/** What this adapter has none of; libraries ask `instanceof`. */
function absent(name: string): new () => never {
  class Absent {
    constructor() {
      throw new TypeError(`${name}: illegal constructor`)
    }
  }
  interfaceName(Absent, name)
  return Absent as unknown as new () => never
}

/** WebGPU's global names, to be assigned to `globalThis` where there is no WebGPU: `Object.assign(globalThis, globals)`. */
export const globals = {
  GPU: CpuGpu,
  GPUAdapter: CpuAdapter,
  GPUAdapterInfo: CpuAdapterInfo,
  GPUBindGroup: CpuBindGroup,
  GPUBindGroupLayout: CpuBindGroupLayout,
  GPUBuffer: CpuBuffer,
  GPUBufferUsage: bufferUsage,
  GPUColorWrite: colorWrite,
  GPUCommandBuffer: CpuCommandBuffer,
  GPUCommandEncoder: CpuCommandEncoder,
  GPUComputePassEncoder: CpuComputePassEncoder,
  GPUComputePipeline: CpuComputePipeline,
  GPUDevice: CpuDevice,
  GPUDeviceLostInfo: DeviceLostInfo,
  GPUError: DeviceError,
  GPUExternalTexture: absent('GPUExternalTexture'),
  GPUInternalError: InternalError,
  GPUMapMode: mapMode,
  GPUOutOfMemoryError: OutOfMemoryError,
  GPUPipelineError: PipelineError,
  GPUPipelineLayout: CpuPipelineLayout,
  GPUQuerySet: CpuQuerySet,
  GPUQueue: CpuQueue,
  GPURenderPipeline: absent('GPURenderPipeline'),
  GPUSampler: absent('GPUSampler'),
  GPUShaderModule: CpuShaderModule,
  GPUShaderStage: shaderStage,
  GPUSupportedLimits: CpuSupportedLimits,
  GPUTexture: absent('GPUTexture'),
  GPUTextureUsage: textureUsage,
  GPUTextureView: absent('GPUTextureView'),
  GPUUncapturedErrorEvent: UncapturedErrorEvent,
  GPUValidationError: ValidationError,
} as const
