/** Where an adapter comes from, in Node and in the browser. */

/** `hardware`, `cpu` (ours: WGSL compiled to WebAssembly), `lavapipe`, `swiftshader`, `software` (the first of these two), or part of an adapter's name; undefined takes the best there is. */
export type AdapterPreference = 'hardware' | 'cpu' | 'lavapipe' | 'swiftshader' | 'software' | (string & {}) | undefined

export type AdapterSource = 'browser' | 'system' | '@espalier/cpu' | '@sparticuz/chromium'

export interface Found {
  readonly adapter: GPUAdapter
  readonly source: AdapterSource
  /** What the adapter was asked of: `navigator.gpu` in a browser, an instance of Dawn in Node, or the CPU device's. */
  readonly instance: GPU
}

/** All adapters there are, in the order in which they are taken. */
export interface Enumeration {
  readonly found: readonly Found[]
  /** Why there are no others. */
  readonly tried: readonly string[]
}

/** An adapter or none, and one line per attempt that failed, for people who wonder. */
export type Platform = (Found | { readonly adapter: undefined }) & { readonly tried: readonly string[] }

/** The adapter, or why there is none. */
export type Attempt = () => Promise<Found | string>

/** The first attempt that finds an adapter. */
export async function firstOf(attempts: readonly Attempt[]): Promise<Platform> {
  const tried: string[] = []
  for (const attempt of attempts) {
    const found = await attempt()
    if (typeof found !== 'string') return { ...found, tried }
    if (!tried.includes(found)) tried.push(found)
  }
  return { adapter: undefined, tried }
}

/** How the CPU device's description ends. No result depends on it, so it is no part of the name. */
const threads = /, (\d+) threads?[^)]*(?=\)$)/

/** How many threads the CPU device computes on. */
export function threadsOf({ info }: GPUAdapter): number {
  return Number(threads.exec(info.description)?.[1])
}

/** Every adapter that an attempt finds, each once, and why the first attempts found none; nobody misses those that are taken `byName` only. */
export async function allOf(attempts: readonly Attempt[], byName: readonly Attempt[]): Promise<Enumeration> {
  const [found, tried]: [Found[], string[]] = [[], []]
  for (const attempt of [...attempts, ...byName]) {
    const result = await attempt()
    if (typeof result !== 'string') {
      if (!found.some((other) => isSame(other, result))) found.push(result)
    } else if (attempts.includes(attempt) && !tried.includes(result)) tried.push(result)
  }
  const [first, last] = [false, true].map((software) => found.filter(({ adapter }) => isSoftware(adapter) === software))
  return { found: [...first, ...last], tried }
}

const isSame = (a: Found, b: Found) =>
  a.source === b.source && a.adapter.info.device === b.adapter.info.device && nameOf(a.adapter) === nameOf(b.adapter)

/** Browsers tell no description, so as not to identify the user, often only vendor and architecture. */
export function nameOf({ info }: GPUAdapter): string {
  const { description, vendor, architecture, device } = info
  return description.replace(threads, '') || [vendor, architecture, device].filter(Boolean).join(' ') || 'unknown adapter'
}

/** Whether the adapter computes on the processor: lavapipe, SwiftShader, WARP. */
export function isSoftware(adapter: GPUAdapter): boolean {
  const info = adapter.info as GPUAdapterInfo & { isFallbackAdapter?: boolean }
  return (
    info.isFallbackAdapter === true ||
    /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i.test(
      `${nameOf(adapter)} ${info.architecture} ${info.device} ${info.vendor}`,
    )
  )
}

export function isCalled(adapter: GPUAdapter, name: string): boolean {
  const { device, vendor, architecture } = adapter.info
  return `${nameOf(adapter)} ${device} ${vendor} ${architecture}`.toLowerCase().includes(name.toLowerCase())
}

/** What computes on the processor is taken by name only: the CPU device does so too, and needs no driver. */
export function refuseSoftware(found: Found): Found | string {
  return isSoftware(found.adapter) ? `'${nameOf(found.adapter)}' computes on the processor: taken by name only (--adapter)` : found
}

/** The device that computes on this machine's processor: always there. */
export async function openCpu(threads: number | undefined): Promise<Found> {
  // Not loaded where a hardware GPU is taken.
  const { createGpu, globals } = await import('@espalier/cpu')
  const instance = await createGpu({ threads })
  const adapter = (await instance.requestAdapter())!
  for (const [name, value] of Object.entries(globals)) if (!(name in globalThis)) Object.assign(globalThis, { [name]: value })
  return { adapter, source: '@espalier/cpu', instance }
}
