import { createRequire } from 'node:module'
import { constants } from 'node:os'
import {
  type AdapterPreference,
  allOf,
  type Enumeration,
  type Found,
  firstOf,
  isCalled,
  nameOf,
  openCpu,
  type Platform,
  refuseSoftware,
} from './platform.js'
import { unpackSwiftShader } from './swiftshader.node.js'

/** dlopen's RTLD_NODELETE: the loader must stay in the process after `process.dlopen` rejects it. */
const RTLD_NODELETE = 0x1000

/** The first there is of hardware and the CPU device; the software adapters of others by name only. */
export async function openPlatform(preference: AdapterPreference, threads?: number): Promise<Platform> {
  const wanted = preference?.toLowerCase() || undefined
  const hardware = async () => orReason(await system([]), refuseSoftware)
  const lavapipe = () => system(['adapter=llvmpipe'])
  const cpu = () => openCpu(threads)
  if (wanted === undefined) return firstOf([hardware, cpu])
  if (wanted === 'hardware') return firstOf([hardware])
  if (wanted === 'cpu') return firstOf([cpu])
  if (wanted === 'lavapipe') return firstOf([lavapipe])
  if (wanted === 'software') return firstOf([lavapipe, swiftShader])
  if (wanted.includes('swift')) return firstOf([swiftShader])
  // The name may be the one we print (the adapter's description), which Dawn's own filter does not know.
  const named = async (make: () => Promise<Found | string>) =>
    orReason(await make(), (found) => (isCalled(found.adapter, wanted) ? found : `there is '${nameOf(found.adapter)}'`))
  return firstOf([() => named(() => system([])), () => system([`adapter=${preference}`]), () => named(cpu)])
}

/** All adapters: what Dawn takes where speed is wanted and where power is to be saved (a second GPU, where there is one), then the rest. */
export function listPlatforms(threads?: number): Promise<Enumeration> {
  const lavapipe = () => system(['adapter=llvmpipe'])
  return allOf([() => system([]), () => system([], 'low-power'), () => openCpu(threads)], [lavapipe, swiftShader])
}

const orReason = (found: Found | string, then: (found: Found) => Found | string): Found | string =>
  typeof found === 'string' ? found : then(found)

const systemVulkanHint =
  "no Vulkan loader (libvulkan.so.1) on this system: where it has a GPU, install the GPU's driver (lavapipe: mesa-vulkan-drivers)"

/** Dawn says so on standard error only, in terms of Vulkan's features. */
const refusedHint =
  ' (Vulkan drivers may be too old for Dawn: Mesa 22.3 of Debian 12 is, Mesa 25 of `apt install -t bookworm-backports mesa-vulkan-drivers` is not)'

/** Adapters of the system's drivers. */
async function system(flags: readonly string[], power: GPUPowerPreference = 'high-performance'): Promise<Found | string> {
  // Looked for before Dawn is loaded, which costs more.
  if (!hasSystemVulkan()) return systemVulkanHint
  const found = await request(flags, undefined, power)
  if (typeof found !== 'string') return { ...found, source: 'system' }
  const what = `the system's adapters${flags.map((flag) => `, '${flag.replace('adapter=', '')}'`).join('')}`
  return `${what}: ${found}${found === none && flags.length === 0 && process.platform === 'linux' ? refusedHint : ''}`
}

async function swiftShader(): Promise<Found | string> {
  const folder = await unpackSwiftShader()
  if (!folder) return 'SwiftShader: the package @sparticuz/chromium, which carries it, is not installed'
  if (!hasSystemVulkan()) loadVulkanLoader(`${folder}/libvulkan.so.1`)
  const found = await request([], `${folder}/vk_swiftshader_icd.json`)
  return typeof found === 'string' ? `SwiftShader: ${found}` : { ...found, source: '@sparticuz/chromium' }
}

let systemVulkan: boolean | undefined

function hasSystemVulkan(): boolean {
  // Asked once: the loader that comes with SwiftShader has the same name, and would be found from then on.
  return (systemVulkan ??= process.platform !== 'linux' || loadVulkanLoader('libvulkan.so.1'))
}

/** Makes a shared library resident; Dawn's own dlopen by name then finds it. Node complains that it is no addon: that is expected. */
function loadVulkanLoader(path: string): boolean {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE)
    return true
  } catch (error) {
    return /self-register/.test(String(error))
  }
}

/**
 * Dawn's instances by flags and driver, kept for the life of the process. Its binding asks for events from Node's event loop, once more after
 * the last promise was settled, whether or not the instance was garbage-collected meanwhile: freed memory, and a crash once in a dozen runs.
 */
const instances = new Map<string, GPU>()

/** The drivers the user's environment names. */
const drivers = { VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES, VK_DRIVER_FILES: process.env.VK_DRIVER_FILES }

async function request(
  flags: readonly string[],
  driver: string | undefined,
  powerPreference: GPUPowerPreference = 'high-performance',
): Promise<Omit<Found, 'source'> | string> {
  // Loaded when first needed: there is no build of it for some platforms, and the CPU device needs none.
  const dawn = await import('webgpu').catch((error: unknown) => error)
  if (dawn instanceof Error) return `Dawn (the package webgpu) cannot be loaded: ${firstLine(dawn)}`
  try {
    const { create, globals } = dawn as typeof import('webgpu')
    Object.assign(globalThis, globals)
    // The loader reads these variables when an instance is made, so setting them here is in time.
    for (const name of ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'] as const) {
      const value = driver ?? drivers[name]
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    const key = JSON.stringify([driver, ...flags])
    const instance = instances.get(key) ?? create(['disable-dawn-features=timestamp_quantization', ...flags])
    instances.set(key, instance)
    const adapter = await instance.requestAdapter({ powerPreference })
    return adapter ? { adapter, instance } : none
  } catch (error) {
    // Dawn names all that are there when none has the name.
    return /no suitable backends/.test(String(error)) ? none : firstLine(error)
  }
}

const none = 'none that Dawn takes'
const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n')[0]

export function describeVersions(): Record<string, string> {
  return { node: process.versions.node, ...dawnVersion() }
}

function dawnVersion(): Record<string, string> {
  try {
    return { webgpu: (createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version }
  } catch {
    return {}
  }
}
