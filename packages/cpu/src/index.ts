import { openPlatform } from '#platform'
import { checkModule } from './check/index.js'
import { compilePipeline } from './compile.js'
import { type GpuOptions, openGpu } from './device/gpu.js'

export { globals } from './device/globals.js'
export type { GpuOptions }

/**
 * WebGPU's entry point, as `navigator.gpu`, whose adapter computes on this machine's processor: shaders are compiled to WebAssembly and run on threads.
 * It has what computing needs; textures, samplers and rendering are refused. Nothing is set on `globalThis`: see `globals`.
 */
export async function createGpu(options: GpuOptions = {}): Promise<GPU> {
  return openGpu({ check: checkModule, compile: compilePipeline }, openPlatform(), options)
}
