import { describeVersions, listPlatforms, openPlatform } from '#platform'
import type { Target } from './operation.js'
import { type AdapterPreference, type AdapterSource, type Found, isSoftware, nameOf, threadsOf } from './platform.js'

export interface GpuInfo {
  /** By which it is found again: the adapter's own description, e.g. `llvmpipe (LLVM 15.0.6, 256 bits)`, without what no result depends on. */
  readonly name: string
  /** The name, for the CPU device with the number of threads, and why there is only one where there is. */
  readonly description: string
  /** `cpu`: ours, on this machine's processor; `software`: a driver of others that computes there. */
  readonly kind: 'hardware' | 'cpu' | 'software'
  /** How many threads the CPU device computes on; undefined for others, which decide themselves. */
  readonly threads: number | undefined
  readonly backend: string
  readonly vendor: string
  readonly architecture: string
  /** Where it came from: the browser, the system's drivers, or a package. */
  readonly source: AdapterSource
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
  /**
   * Waits for what the device promises. Whatever a driver throws becomes a GpuError: of the loss, as soon as the device is lost or closed, although the
   * promise may then never be settled; else `what` and the reason. `begin` is called at once.
   */
  settle<T>(what: string, begin: () => Promise<T>): Promise<T>
  close(): void
  /** What the device came from, for other libraries that want WebGPU's entry point: `navigator.gpu` in a browser, an instance of Dawn in Node, or the CPU device's. */
  readonly instance: GPU
}

/** No usable adapter; `message` says what was tried and what to install. */
export class NoAdapterError extends Error {
  override name = 'NoAdapterError'
}

/** The device was lost, or refused work; `message` begins with which device, or with what it was doing. Once it was lost, whatever needs the device throws this. */
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
 * Opens the best adapter there is, a hardware GPU or else the CPU device, or the preferred one (`--adapter`). `threads` is how many the CPU device
 * computes on, all cores when absent; no other adapter takes it. Throws NoAdapterError with what was tried, GpuError where the adapter gives no device.
 */
export async function acquireGpu(options: { prefer?: AdapterPreference; threads?: number } = {}): Promise<Gpu> {
  const platform = await openPlatform(options.prefer, options.threads)
  if (!platform.adapter)
    throw new NoAdapterError(
      `no usable GPU adapter${options.prefer ? ` for '${options.prefer}'` : ''}:\n${platform.tried.map((line) => `  - ${line}`).join('\n')}`,
    )
  return openDevice(platform, describe(platform, platform.tried))
}

export interface AdapterListing {
  readonly info: GpuInfo
  /** Once only. */
  open(): Promise<Gpu>
}

/** Every adapter of this machine, in the order in which they are taken where none is named, and why there are no others. */
export async function listAdapters(options: { threads?: number } = {}): Promise<{ adapters: AdapterListing[]; absent: readonly string[] }> {
  const { found, tried } = await listPlatforms(options.threads)
  const adapters = found.map((each): AdapterListing => {
    const info = describe(each, [])
    return { info, open: () => openDevice(each, info) }
  })
  return { adapters, absent: tried }
}

async function openDevice({ adapter, instance }: Found, info: GpuInfo): Promise<Gpu> {
  const requiredLimits: Record<string, number> = {}
  for (const name of wanted) requiredLimits[name] = adapter.limits[name]
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[]
  const device = await adapter.requestDevice({ label: 'espalier', requiredLimits, requiredFeatures }).catch((error: unknown) => {
    throw new GpuError(`the GPU '${info.name}' gives no device: ${reasonOf(error)}`)
  })

  let failure: GpuError | undefined
  let closed = false
  /** Of those who wait, and would do so for ever where a driver forgets them. */
  const waiting = new Set<(error: GpuError) => void>()
  device.onuncapturederror = (event) => {
    failure ??= new GpuError(
      `WebGPU ${event.error.constructor.name.replace(/^GPU|Error$/g, '').toLowerCase()} error: ${event.error.message}`,
    )
  }
  void device.lost.then((lost) => {
    failure ??= new GpuError(
      closed ? 'the GPU was closed' : `the GPU '${info.name}' was lost (${lost.reason}): ${lost.message || 'no reason given'}`,
    )
    for (const reject of waiting) reject(failure)
  })
  const check = () => {
    if (closed) throw new GpuError('the GPU was closed')
    if (failure) throw failure
  }
  const settle = async <T>(what: string, begin: () => Promise<T>): Promise<T> => {
    check()
    try {
      const value = await orLost(waiting, begin)
      check()
      return value
    } catch (error) {
      if (error instanceof GpuError) throw error
      // What fails because of the loss may say so before the device does.
      await Promise.race([device.lost, new Promise((resolve) => setTimeout(resolve, lossIsKnownAfter))])
      check()
      throw new GpuError(`${what}: ${reasonOf(error)}`)
    }
  }
  // An adapter that was lost gives a device that is lost.
  await Promise.race([device.lost, undefined])
  check()
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
      workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
      subgroups: device.features.has('subgroups'),
      refused,
    },
    check,
    async sync() {
      await settle('waiting for the GPU', () => device.queue.onSubmittedWorkDone())
    },
    settle,
    close() {
      closed = true
      device.destroy()
    },
    instance,
  }
}

/** Milliseconds. */
const lossIsKnownAfter = 50

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : '') || String(error)

/** Rejects with what is given to the function that waits in `waiting` meanwhile. A device lives long: a race with its `lost` would leave something there each time. */
async function orLost<T>(waiting: Set<(error: GpuError) => void>, begin: () => Promise<T>): Promise<T> {
  let leave: (error: GpuError) => void
  const lost = new Promise<never>((_, reject) => (leave = reject))
  waiting.add(leave!)
  try {
    return await Promise.race([begin(), lost])
  } finally {
    waiting.delete(leave!)
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

function describe({ adapter, source }: Found, skipped: readonly string[]): GpuInfo {
  return {
    name: nameOf(adapter),
    description: adapter.info.description || nameOf(adapter),
    kind: source === '@espalier/cpu' ? 'cpu' : isSoftware(adapter) ? 'software' : 'hardware',
    threads: source === '@espalier/cpu' ? threadsOf(adapter) : undefined,
    backend: backendOf(source),
    vendor: adapter.info.vendor,
    architecture: adapter.info.architecture,
    source,
    versions: describeVersions(),
    skipped,
  }
}

function backendOf(source: AdapterSource): string {
  if (source === '@espalier/cpu') return 'wasm'
  if (source === 'browser') return 'browser'
  return { darwin: 'metal', win32: 'd3d12' }[process.platform as string] ?? 'vulkan'
}
