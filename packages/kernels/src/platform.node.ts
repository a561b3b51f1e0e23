import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { create, globals } from 'webgpu'
import type { AdapterPreference, Platform } from './platform.js'
import { unpackSwiftShader } from './swiftshader.node.js'

/** dlopen's RTLD_NODELETE: the loader must stay in the process after `process.dlopen` rejects it. */
const RTLD_NODELETE = 0x1000

/**
 * Hardware first, then a system software adapter (lavapipe), then the SwiftShader that came with `npm install`.
 * `software` skips hardware; any other text must be part of the adapter's name (`swiftshader` takes the bundled one).
 */
export async function openPlatform(preference: AdapterPreference): Promise<Platform> {
  Object.assign(globalThis, globals)
  const tried: string[] = []
  const bundledOnly = /swift/i.test(preference ?? '')
  const named = preference && preference !== 'hardware' && preference !== 'software' && !bundledOnly
  if (!bundledOnly && hasSystemVulkan()) {
    if (named) {
      // The name may be the one we print (the adapter's description), which Dawn's own filter does not know.
      const found = await request([])
      if (typeof found !== 'string' && isCalled(found.adapter, preference))
        return { adapter: found.adapter, source: 'system', instance: found.instance, tried }
    }
    const filter = named ? preference : preference === 'software' ? 'llvmpipe' : undefined
    const found = await request(filter ? [`adapter=${filter}`] : [])
    if (typeof found !== 'string') return { adapter: found.adapter, source: 'system', instance: found.instance, tried }
    tried.push(`system adapter${filter ? ` '${filter}'` : ''}: ${found}${named || process.platform !== 'linux' ? '' : refusedHint}`)
  } else if (!bundledOnly) tried.push(systemVulkanHint)
  if (named || preference === 'hardware') return { adapter: null, source: 'system', instance: null, tried }

  const folder = await unpackSwiftShader()
  if (!folder) {
    tried.push('bundled SwiftShader: the optional package @sparticuz/chromium is not installed (npm install --include=optional)')
    return { adapter: null, source: 'bundled SwiftShader', instance: null, tried }
  }
  // The loader reads this variable when an instance is made, so setting it here is in time.
  process.env.VK_ICD_FILENAMES = `${folder}/vk_swiftshader_icd.json`
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES
  if (!hasSystemVulkan()) loadVulkanLoader(`${folder}/libvulkan.so.1`)
  const found = await request([])
  if (typeof found === 'string') tried.push(`bundled SwiftShader: ${found}`)
  return typeof found === 'string'
    ? { adapter: null, source: 'bundled SwiftShader', instance: null, tried }
    : { adapter: found.adapter, source: 'bundled SwiftShader', instance: found.instance, tried }
}

const systemVulkanHint =
  'no Vulkan loader (libvulkan.so.1) on this system: install the GPU driver, or mesa-vulkan-drivers for a software adapter faster than the bundled one'

/** Dawn says so on standard error only, in terms of Vulkan's features. */
const refusedHint =
  ' (Vulkan drivers may be too old for Dawn: Mesa 22.3 of Debian 12 is, Mesa 25 of `apt install -t bookworm-backports mesa-vulkan-drivers` is not)'

function hasSystemVulkan(): boolean {
  if (process.platform !== 'linux') return true
  return loadVulkanLoader('libvulkan.so.1')
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

function instanceWith(flags: string[]): GPU {
  const key = JSON.stringify([process.env.VK_ICD_FILENAMES, ...flags])
  const known = instances.get(key)
  if (known) return known
  const made = create(['disable-dawn-features=timestamp_quantization', ...flags])
  instances.set(key, made)
  return made
}

async function request(flags: string[]): Promise<{ adapter: GPUAdapter; instance: GPU } | string> {
  try {
    const instance = instanceWith(flags)
    const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' })
    return adapter ? { adapter, instance } : 'no adapter'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function isCalled({ info }: GPUAdapter, name: string): boolean {
  return `${info.description} ${info.device} ${info.vendor} ${info.architecture}`.toLowerCase().includes(name.toLowerCase())
}

export function describeVersions(): Record<string, string> {
  const require = createRequire(import.meta.url)
  return { node: process.versions.node, webgpu: (require('webgpu/package.json') as { version: string }).version }
}
