import { Invalid, interfaceName } from './errors.js'

/** What every WebGPU device has. */
const defaults = {
  maxTextureDimension1D: 8192,
  maxTextureDimension2D: 8192,
  maxTextureDimension3D: 2048,
  maxTextureArrayLayers: 256,
  maxBindGroups: 4,
  maxBindGroupsPlusVertexBuffers: 24,
  maxBindingsPerBindGroup: 1000,
  maxDynamicUniformBuffersPerPipelineLayout: 8,
  maxDynamicStorageBuffersPerPipelineLayout: 4,
  maxSampledTexturesPerShaderStage: 16,
  maxSamplersPerShaderStage: 16,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBuffersInVertexStage: 8,
  maxStorageBuffersInFragmentStage: 8,
  maxStorageTexturesPerShaderStage: 4,
  maxStorageTexturesInVertexStage: 4,
  maxStorageTexturesInFragmentStage: 4,
  maxUniformBuffersPerShaderStage: 12,
  maxUniformBufferBindingSize: 65536,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
  maxVertexBuffers: 8,
  maxBufferSize: 256 * 2 ** 20,
  maxVertexAttributes: 16,
  maxVertexBufferArrayStride: 2048,
  maxInterStageShaderVariables: 16,
  maxColorAttachments: 8,
  maxColorAttachmentBytesPerSample: 32,
  maxComputeWorkgroupStorageSize: 16 * 1024,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65535,
  maxImmediateSize: 0,
}
type Name = keyof typeof defaults
type Limits = Readonly<typeof defaults>

/** Own and enumerable, so that spreading or listing them works; in browsers they are on the prototype. */
export class CpuSupportedLimits {
  declare readonly __brand: 'GPUSupportedLimits'
  constructor(limits: Limits) {
    Object.assign(this, limits)
    Object.freeze(this)
  }
}
interfaceName(CpuSupportedLimits, 'GPUSupportedLimits')

export type SupportedLimits = CpuSupportedLimits & Limits
const supported = (limits: Limits) => new CpuSupportedLimits(limits) as SupportedLimits

/** What a device may ask for. */
export function adapterLimits(): SupportedLimits {
  const maxBufferSize = 2 ** 31
  return supported({
    ...defaults,
    maxBufferSize,
    // A multiple of 4 that is a positive i32.
    maxStorageBufferBindingSize: maxBufferSize - 4,
    maxStorageBuffersPerShaderStage: 64,
    maxDynamicStorageBuffersPerPipelineLayout: 64,
    maxDynamicUniformBuffersPerPipelineLayout: 12,
    maxComputeWorkgroupStorageSize: 1 << 20,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupSizeY: 1024,
    minUniformBufferOffsetAlignment: 32,
    minStorageBufferOffsetAlignment: 32,
  })
}

/** The limits of a device: WebGPU's own, or what is asked for where that is better. @throws Invalid where the adapter has less */
export function requestLimits(adapter: SupportedLimits, asked: Readonly<Record<string, number | undefined>> = {}): SupportedLimits {
  const limits: Record<Name, number> = { ...defaults }
  for (const [name, value] of Object.entries(asked)) {
    if (value === undefined) continue
    if (!Object.hasOwn(defaults, name)) throw new Invalid(`requiredLimits.${name}: there is no such limit`)
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`requiredLimits.${name}: expected a whole number, found ${value}`)
    const offered = adapter[name as Name]
    const isAlignment = name.startsWith('min')
    if (isAlignment ? value < offered : value > offered)
      throw new Invalid(`requiredLimits.${name}: expected at ${isAlignment ? 'least' : 'most'} ${offered}, found ${value}`)
    if (isAlignment && (value & (value - 1)) !== 0) throw new Invalid(`requiredLimits.${name}: expected a power of two, found ${value}`)
    limits[name as Name] = isAlignment ? Math.min(limits[name as Name], value) : Math.max(limits[name as Name], value)
  }
  return supported(limits)
}
