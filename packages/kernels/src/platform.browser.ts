import type { AdapterPreference, Platform } from './platform.js'

/** `navigator.gpu` of the browser (or Deno, or a worker). */
export async function openPlatform(preference: AdapterPreference): Promise<Platform> {
  const gpu = globalThis.navigator?.gpu
  if (!gpu)
    return {
      adapter: null,
      source: 'browser',
      keepAlive: null,
      tried: ['navigator.gpu is absent: this browser has no WebGPU, or the page is not a secure context'],
    }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter: preference === 'software' })
  return { adapter, source: 'browser', keepAlive: gpu, tried: adapter ? [] : ['navigator.gpu.requestAdapter() gave null'] }
}

export function describeVersions(): Record<string, string> {
  return { userAgent: globalThis.navigator?.userAgent ?? 'unknown' }
}
