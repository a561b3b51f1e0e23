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

/** `navigator.gpu` of the browser (or Deno, or a worker) where hardware is behind it, else the CPU device; a software adapter of the browser by name only. */
export async function openPlatform(preference: AdapterPreference, threads?: number): Promise<Platform> {
  const wanted = preference?.toLowerCase() || undefined
  const cpu = () => openCpu(threads)
  const hardware = async () => {
    const found = await request(false)
    return typeof found === 'string' ? found : refuseSoftware(found)
  }
  if (wanted === undefined) return firstOf([hardware, cpu])
  if (wanted === 'hardware') return firstOf([hardware])
  if (wanted === 'cpu') return firstOf([cpu])
  if (wanted === 'software') return firstOf([() => request(true)])
  // A page cannot choose among adapters by name, only refuse the one it got.
  const named = async (make: () => Promise<Found | string>, whose: string) => {
    const found = await make()
    return typeof found === 'string' || isCalled(found.adapter, wanted) ? found : `${whose} adapter is '${nameOf(found.adapter)}'`
  }
  return firstOf([() => named(() => request(false), "the browser's"), () => named(cpu, 'the other')])
}

export function listPlatforms(threads?: number): Promise<Enumeration> {
  return allOf([() => request(false), () => openCpu(threads)], [() => request(true)])
}

async function request(forceFallbackAdapter: boolean): Promise<Found | string> {
  const instance = globalThis.navigator?.gpu
  if (!instance) return 'navigator.gpu is absent: this browser has no WebGPU, or the page is not a secure context'
  const adapter = await instance.requestAdapter({ powerPreference: 'high-performance', forceFallbackAdapter })
  return adapter ? { adapter, source: 'browser', instance } : 'navigator.gpu.requestAdapter() gave null'
}

export function describeVersions(): Record<string, string> {
  return { userAgent: globalThis.navigator?.userAgent ?? 'unknown' }
}
