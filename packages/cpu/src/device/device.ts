import { createBindGroup, createBindGroupLayout, createPipelineLayout } from './bindings.js'
import { createBuffer } from './buffer.js'
import { type Core, type CoreOptions, createCore } from './core.js'
import { CpuCommandEncoder } from './encoder.js'
import { interfaceName, require, UncapturedErrorEvent } from './errors.js'
import { createComputePipeline, createComputePipelineAsync } from './pipeline.js'
import { createQuerySet } from './query-set.js'
import { CpuQueue } from './queue.js'
import { CpuShaderModule } from './shader-module.js'

type Handler = ((this: GPUDevice, event: GPUUncapturedErrorEvent) => unknown) | null

export class CpuDevice extends EventTarget implements GPUDevice {
  declare readonly __brand: 'GPUDevice'
  label: string
  readonly features: GPUSupportedFeatures
  readonly limits: GPUSupportedLimits
  readonly adapterInfo: GPUAdapterInfo
  readonly queue: GPUQueue
  readonly lost: Promise<GPUDeviceLostInfo>
  readonly #core: Core
  #handler: Handler = null

  /** @internal */
  constructor(options: Omit<CoreOptions, 'uncaptured'>, info: GPUAdapterInfo, { label = '', defaultQueue }: GPUDeviceDescriptor) {
    super()
    const uncaptured = (error: GPUError) => void this.dispatchEvent(new UncapturedErrorEvent('uncapturederror', { error }))
    this.#core = createCore({ ...options, uncaptured })
    this.label = label
    this.features = options.features as GPUSupportedFeatures
    this.limits = options.limits as unknown as GPUSupportedLimits
    this.adapterInfo = info
    this.queue = new CpuQueue(this.#core, defaultQueue?.label ?? '') as GPUQueue
    this.lost = this.#core.lost
  }

  get onuncapturederror(): Handler {
    return this.#handler
  }
  set onuncapturederror(handler: Handler) {
    if (this.#handler) this.removeEventListener('uncapturederror', this.#handler as EventListener)
    this.#handler = typeof handler === 'function' ? handler : null
    if (this.#handler) this.addEventListener('uncapturederror', this.#handler as EventListener)
  }

  destroy(): undefined {
    this.#core.lose('destroyed', 'the device was destroyed')
  }

  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    return createBuffer(this.#core, descriptor)
  }
  createBindGroupLayout(descriptor: GPUBindGroupLayoutDescriptor): GPUBindGroupLayout {
    return createBindGroupLayout(this.#core, descriptor)
  }
  createPipelineLayout(descriptor: GPUPipelineLayoutDescriptor): GPUPipelineLayout {
    return createPipelineLayout(this.#core, descriptor)
  }
  createBindGroup(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    return createBindGroup(this.#core, descriptor)
  }
  createShaderModule(descriptor: GPUShaderModuleDescriptor): GPUShaderModule {
    return new CpuShaderModule(this.#core, descriptor)
  }
  createComputePipeline(descriptor: GPUComputePipelineDescriptor): GPUComputePipeline {
    return createComputePipeline(this.#core, descriptor)
  }
  createComputePipelineAsync(descriptor: GPUComputePipelineDescriptor): Promise<GPUComputePipeline> {
    return createComputePipelineAsync(this.#core, descriptor)
  }
  createCommandEncoder({ label = '' }: GPUCommandEncoderDescriptor = {}): GPUCommandEncoder {
    return new CpuCommandEncoder(this.#core, label)
  }
  createQuerySet(descriptor: GPUQuerySetDescriptor): GPUQuerySet {
    return createQuerySet(this.#core, descriptor)
  }

  pushErrorScope(filter: GPUErrorFilter): undefined {
    this.#core.errors.push(filter)
  }
  popErrorScope(): Promise<GPUError | null> {
    return this.#core.errors.pop()
  }

  createTexture(): GPUTexture {
    return this.#unsupported('createTexture')
  }
  createSampler(): GPUSampler {
    return this.#unsupported('createSampler')
  }
  importExternalTexture(): GPUExternalTexture {
    return this.#unsupported('importExternalTexture')
  }
  createRenderPipeline(): GPURenderPipeline {
    return this.#unsupported('createRenderPipeline')
  }
  async createRenderPipelineAsync(): Promise<GPURenderPipeline> {
    return this.#unsupported('createRenderPipelineAsync')
  }
  createRenderBundleEncoder(): GPURenderBundleEncoder {
    return this.#unsupported('createRenderBundleEncoder')
  }

  /** There is no object to go on with, so besides the validation error the call fails. */
  #unsupported(call: string): never {
    this.#core.attempt(call, () => require(false, () => 'this adapter computes on buffers only'))
    throw new DOMException(
      `${call}: this adapter computes on buffers only: it has no textures, samplers and rendering`,
      'NotSupportedError',
    )
  }
}
interfaceName(CpuDevice, 'GPUDevice')
