import type { Platform } from '../platform.js'
import { maxThreads } from '../threads/layout.js'
import type { Compiler } from './core.js'
import { CpuDevice } from './device.js'
import { Invalid, interfaceName } from './errors.js'
import { adapterLimits, requestLimits, type SupportedLimits } from './limits.js'
import { canFuse } from './relaxed.js'

export interface GpuOptions {
  /** Threads that compute; default: one a core. */
  readonly threads?: number
  /** false: multiply and add in two roundings also where the machine can do both in one. */
  readonly fused?: boolean
}

/** How devices are made, apart from what each asks for. */
export interface Setup {
  readonly compiler: Compiler
  readonly platform: Platform
  readonly threads: number
  readonly fused: boolean
  readonly shared: boolean
  readonly maxPages?: number
}

const features: ReadonlySet<string> = new Set(['timestamp-query'])

class AdapterInfo implements GPUAdapterInfo {
  declare readonly __brand: 'GPUAdapterInfo'
  readonly vendor = 'espalier'
  readonly architecture: string
  readonly device = 'cpu'
  readonly description: string
  readonly subgroupMinSize = 4
  readonly subgroupMaxSize = 4
  readonly isFallbackAdapter = false
  constructor({ threads, fused, shared, platform }: Setup) {
    this.architecture = fused ? 'wasm-relaxed-simd' : 'wasm-simd128'
    const counted = `${threads} thread${threads === 1 ? '' : 's'}${shared ? '' : `: ${platform.unshared}`}`
    this.description = `Espalier CPU (WebAssembly SIMD, ${fused ? 'fused multiply-add' : 'multiply and add'}, ${counted})`
  }
}
interfaceName(AdapterInfo, 'GPUAdapterInfo')

class Adapter implements GPUAdapter {
  declare readonly __brand: 'GPUAdapter'
  readonly features: GPUSupportedFeatures = features as GPUSupportedFeatures
  readonly limits: GPUSupportedLimits
  readonly info: GPUAdapterInfo
  readonly isFallbackAdapter = false
  readonly #setup: Setup
  readonly #offered: SupportedLimits
  #consumed = false as boolean

  constructor(setup: Setup) {
    this.#setup = setup
    this.#offered = adapterLimits()
    this.limits = this.#offered as unknown as GPUSupportedLimits
    this.info = new AdapterInfo(setup)
  }

  /** @deprecated Older WebGPU: `info`. */
  async requestAdapterInfo(): Promise<GPUAdapterInfo> {
    return this.info
  }

  async requestDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
    const wanted = new Set<string>(descriptor.requiredFeatures ?? [])
    for (const feature of wanted)
      if (!features.has(feature))
        throw new TypeError(`requestDevice: requiredFeatures: expected of ${[...features].join(', ')}, found ${feature}`)
    let limits: SupportedLimits
    try {
      limits = requestLimits(this.#offered, descriptor.requiredLimits)
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      throw new DOMException(`requestDevice: ${error.message}`, 'OperationError')
    }
    if (this.#consumed)
      throw new DOMException('requestDevice: this adapter gave a device before; request another adapter', 'OperationError')
    this.#consumed = true
    try {
      return new CpuDevice({ ...this.#setup, limits, features: wanted }, this.info, descriptor)
    } catch (error) {
      throw new DOMException(`requestDevice: no memory for a device: ${(error as Error).message}`, 'OperationError')
    }
  }
}
interfaceName(Adapter, 'GPUAdapter')

class Gpu implements GPU {
  declare readonly __brand: 'GPU'
  readonly wgslLanguageFeatures: WGSLLanguageFeatures = new Set<string>() as WGSLLanguageFeatures
  readonly #setup: Setup
  constructor(setup: Setup) {
    this.#setup = setup
  }

  async requestAdapter(options: GPURequestAdapterOptions = {}): Promise<GPUAdapter | null> {
    // WebGPU: a feature level that is not known, and what no adapter fits, give null.
    const { featureLevel = 'core', forceFallbackAdapter = false } = options
    if ((featureLevel !== 'core' && featureLevel !== 'compatibility') || forceFallbackAdapter) return null
    return new Adapter(this.#setup)
  }

  getPreferredCanvasFormat(): GPUTextureFormat {
    return 'bgra8unorm'
  }
}
interfaceName(Gpu, 'GPU')

/** @throws RangeError for a number of threads that is none */
export function openGpu(
  compiler: Compiler,
  platform: Platform,
  { threads, fused = true }: GpuOptions,
  { shared = platform.unshared === undefined, maxPages }: { shared?: boolean; maxPages?: number } = {},
): GPU {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= maxThreads))
    throw new RangeError(`createGpu: threads: expected a whole number from 1 to ${maxThreads}, found ${threads}`)
  const count = shared ? Math.min(maxThreads, threads ?? platform.cores) : 1
  return new Gpu({ compiler, platform, threads: count, fused: fused && canFuse(), shared, maxPages })
}

export { Adapter as CpuAdapter, AdapterInfo as CpuAdapterInfo, Gpu as CpuGpu }
