import type { AdapterPreference, Platform } from './platform.js'

/** `navigator.gpu` of the browser (or Deno, or a worker). */
export async function openPlatform(preference: AdapterPreference): Promise<Platform> {
  const gpu = globalThis.navigator?.gpu
  if (!gpu)
    return {
      adapter: null,
      source: 'browser',
      instance: null,
      tried: ['navigator.gpu is absent: this browser has no WebGPU, or the page is not a secure context'],
    }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter: preference === 'software' })
  const refuse = (why: string): Platform => ({ adapter: null, source: 'browser', instance: gpu, tried: [why] })
  if (!adapter) return refuse('navigator.gpu.requestAdapter() gave null')
  // A page cannot choose among adapters by name, only refuse the one it got.
  const { vendor, architecture, device, description } = adapter.info
  const name = `${vendor} ${architecture} ${device} ${description}`.trim()
  const named = preference && preference !== 'hardware' && preference !== 'software'
  if (named && !name.toLowerCase().includes(preference.toLowerCase())) return refuse(`the browser's adapter is '${name}'`)
  return { adapter, source: 'browser', instance: gpu, tried: [] }
}

export function describeVersions(): Record<string, string> {
  return { userAgent: globalThis.navigator?.userAgent ?? 'unknown' }
}
