import { describeVersions, openPlatform } from '#platform'
import type { Target } from './operation.js'
import type { AdapterPreference, Platform } from './platform.js'

export interface GpuInfo {
  /** The adapter's own description, e.g. `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string
  readonly kind: 'hardware' | 'software'
  readonly backend: string
  readonly vendor: string
  readonly architecture: string
  /** Where it came from: the browser, the system's driver, or the SwiftShader that npm installed. */
  readonly source: string
  readonly versions: Readonly<Record<string, string>>
  /** Adapters that would have been taken before this one, and why each was not. */
  readonly skipped: readonly string[]
}

export interface Gpu {
  readonly device: GPUDevice
  readonly info: GpuInfo
  readonly limits: Readonly<Record<string, number>>
  readonly features: readonly string[]
  readonly target: Target
  /** Names of shaders that gave wrong results here (`validate`); `target.refused` is the same set. */
  readonly refused: Set<string>
  /** Throws the first error the device reported since it was opened: validation, out of memory, or loss; its message names the operation by label. */
  check(): void
  /** Waits for all submitted work, then `check()`s. */
  sync(): Promise<void>
  close(): void
  /** What the device came from, for other libraries that want WebGPU's entry point: `navigator.gpu` in a browser, an instance of Dawn in Node. */
  readonly instance: GPU | null
}

/** No usable adapter; `message` says what was tried and what to install. */
export class NoAdapterError extends Error {
  override name = 'NoAdapterError'
}

/** The device refused or lost work; `message` begins with what it was doing. */
export class GpuError extends Error {
  override name = 'GpuError'
}

/** Limits worth having when the adapter offers them; all others stay at the defaults every device has. */
const wanted = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBuffersPerShaderStage',
] as const
const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query'] as const

/**
 * Opens the best adapter there is, or the preferred one (`--adapter`): hardware, then a system software adapter, then
 * the bundled SwiftShader. Throws NoAdapterError with what was tried.
 */
export async function acquireGpu(options: { prefer?: AdapterPreference } = {}): Promise<Gpu> {
  const platform = await openPlatform(options.prefer)
  const { adapter } = platform
  if (!adapter)
    throw new NoAdapterError(
      `no usable GPU adapter${options.prefer ? ` for '${options.prefer}'` : ''}:\n${platform.tried.map((line) => `  - ${line}`).join('\n')}`,
    )
  const info = describe(adapter, platform)
  if (options.prefer === 'hardware' && info.kind !== 'hardware') {
    throw new NoAdapterError(
      `no hardware GPU adapter: the best one found is '${info.name}' (${info.kind}); use --adapter software to accept it`,
    )
  }
  const requiredLimits: Record<string, number> = {}
  for (const name of wanted) requiredLimits[name] = adapter.limits[name]
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[]
  const device = await adapter.requestDevice({ label: 'espalier', requiredLimits, requiredFeatures })

  let failure: GpuError | undefined
  let closed = false
  device.onuncapturederror = (event) => {
    failure ??= new GpuError(
      `WebGPU ${event.error.constructor.name.replace(/^GPU|Error$/g, '').toLowerCase()} error: ${event.error.message}`,
    )
  }
  void device.lost.then((lost) => {
    if (!closed) failure ??= new GpuError(`the GPU device was lost (${lost.reason}): ${lost.message || 'no reason given'}`)
  })
  const check = () => {
    if (closed) throw new GpuError('the GPU was closed')
    if (failure) throw failure
  }
  const refused = new Set<string>()
  return {
    device,
    info,
    refused,
    limits: Object.fromEntries(limitNames(device.limits).map((name) => [name, device.limits[name as keyof GPUSupportedLimits] as number])),
    features: [...device.features].sort(),
    target: {
      kind: info.kind,
      maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
      maxBindingBytes: device.limits.maxStorageBufferBindingSize,
      subgroups: device.features.has('subgroups'),
      refused,
    },
    check,
    async sync() {
      check()
      await device.queue.onSubmittedWorkDone()
      check()
    },
    close() {
      closed = true
      device.destroy()
    },
    instance: platform.instance,
  }
}

function limitNames(limits: GPUSupportedLimits): string[] {
  const names: string[] = []
  for (const name in limits) if (typeof limits[name as keyof GPUSupportedLimits] === 'number') names.push(name)
  return names.length
    ? names
    : Object.getOwnPropertyNames(Object.getPrototypeOf(limits)).filter(
        (name) => typeof limits[name as keyof GPUSupportedLimits] === 'number',
      )
}

function describe(adapter: GPUAdapter, { source, tried }: Platform): GpuInfo {
  const info = adapter.info as GPUAdapterInfo & { isFallbackAdapter?: boolean; backend?: string; driver?: string }
  // Browsers tell no description, so as not to identify the user, often only vendor and architecture.
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unknown adapter'
  const software =
    info.isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i.test(`${name} ${info.architecture} ${info.device} ${info.vendor}`)
  return {
    name,
    kind: software ? 'software' : 'hardware',
    backend:
      source === 'browser'
        ? 'browser'
        : typeof process === 'undefined'
          ? 'unknown'
          : ({ linux: 'vulkan', darwin: 'metal', win32: 'd3d12' }[process.platform as string] ?? 'vulkan'),
    vendor: info.vendor,
    architecture: info.architecture,
    source,
    versions: describeVersions(),
    skipped: tried,
  }
}
