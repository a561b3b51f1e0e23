import { bufferUsage, mapMode, usageNames } from './constants.js'
import type { Allocation, Core } from './core.js'
import { Invalid, interfaceName, named, require } from './errors.js'

/** Frees the memory of buffers that were collected without `destroy`. */
const collected = new FinalizationRegistry<{ core: Core; allocation: Allocation }>(({ core, allocation }) => core.release(allocation))

interface Mapping {
  readonly mode: number
  readonly offset: number
  readonly size: number
  readonly ranges: { readonly start: number; readonly end: number; readonly bytes: ArrayBuffer }[]
}

export class CpuBuffer implements GPUBuffer {
  declare readonly __brand: 'GPUBuffer'
  label: string
  readonly size: number
  readonly usage: number
  /** @internal */
  readonly core: Core
  /** Undefined: the buffer is invalid or destroyed. @internal */
  allocation: Allocation | undefined
  /** Its creation failed. @internal */
  readonly invalid: boolean
  /** The last encoder that listed it among its buffers. @internal */
  stamp = 0
  #mapping: Mapping | undefined
  #pending: { abort: boolean } | undefined
  readonly #unmapOnLoss = () => this.unmap()

  constructor(core: Core, descriptor: GPUBufferDescriptor, allocation: Allocation | undefined) {
    this.label = descriptor.label ?? ''
    this.size = descriptor.size
    this.usage = descriptor.usage
    this.core = core
    this.allocation = allocation
    this.invalid = allocation === undefined
    if (allocation) collected.register(this, { core, allocation }, this)
    if (descriptor.mappedAtCreation) this.#map({ mode: mapMode.WRITE, offset: 0, size: descriptor.size, ranges: [] })
  }

  get mapState(): GPUBufferMapState {
    return this.#pending ? 'pending' : this.#mapping ? 'mapped' : 'unmapped'
  }

  async mapAsync(mode: number, offset = 0, size?: number): Promise<undefined> {
    const { core } = this
    const call = `mapAsync of ${named('buffer', this.label)}`
    if (core.isLost) throw new DOMException(`${call}: the device is lost`, 'AbortError')
    const bytes = size ?? Math.max(0, this.size - offset)
    let reason = ''
    core.attempt(call, () => {
      try {
        this.#checkMap(mode, offset, bytes)
      } catch (error) {
        reason = (error as Error).message
        throw error
      }
    })
    if (reason) throw new DOMException(`${call}: ${reason}`, 'OperationError')
    const pending = { abort: false as boolean }
    this.#pending = pending
    await core.settled(this.allocation)
    if (pending.abort) throw new DOMException(`${call}: it was unmapped or destroyed meanwhile`, 'AbortError')
    this.#pending = undefined
    if (core.isLost) throw new DOMException(`${call}: the device was lost meanwhile`, 'AbortError')
    this.#map({ mode, offset, size: bytes, ranges: [] })
    return undefined
  }

  /** A copy of what is in memory; after `mapAsync` with WRITE or mapping at creation, `unmap` copies it back. */
  getMappedRange(offset = 0, size?: number): ArrayBuffer {
    const mapping = this.#mapping
    const bytes = size ?? Math.max(0, this.size - offset)
    const refuse = (reason: string): never => {
      throw new DOMException(`getMappedRange of ${named('buffer', this.label)}: ${reason}`, 'OperationError')
    }
    if (!mapping) return refuse(`it is not mapped, but ${this.mapState}`)
    if (offset % 8 !== 0) return refuse(`offset: expected a multiple of 8, found ${offset}`)
    if (bytes % 4 !== 0) return refuse(`size: expected a multiple of 4, found ${bytes}`)
    const end = offset + bytes
    if (offset < mapping.offset || end > mapping.offset + mapping.size)
      return refuse(`bytes ${offset} to ${end} are not within those mapped, ${mapping.offset} to ${mapping.offset + mapping.size}`)
    const overlapped = mapping.ranges.find((range) => offset < range.end && range.start < end)
    if (overlapped)
      return refuse(`bytes ${offset} to ${end} overlap bytes ${overlapped.start} to ${overlapped.end}, which were given out before`)
    const range = new ArrayBuffer(bytes)
    const { allocation } = this
    if (allocation) new Uint8Array(range).set(this.core.memory.u8.subarray(allocation.address + offset, allocation.address + end))
    mapping.ranges.push({ start: offset, end, bytes: range })
    return range
  }

  unmap(): undefined {
    if (this.#pending) this.#pending.abort = true
    this.#pending = undefined
    const mapping = this.#mapping
    if (!mapping) return
    this.#mapping = undefined
    this.core.onLoss.delete(this.#unmapOnLoss)
    for (const { start, bytes } of mapping.ranges) {
      const { allocation } = this
      if (mapping.mode === mapMode.WRITE && allocation && bytes.byteLength > 0)
        this.core.memory.u8.set(new Uint8Array(bytes), allocation.address + start)
      // Detaches it.
      structuredClone(bytes, { transfer: [bytes] })
    }
  }

  destroy(): undefined {
    this.unmap()
    const { allocation } = this
    if (!allocation) return
    this.allocation = undefined
    collected.unregister(this)
    this.core.release(allocation)
  }

  #map(mapping: Mapping): void {
    this.#mapping = mapping
    this.core.onLoss.add(this.#unmapOnLoss)
  }

  #checkMap(mode: number, offset: number, size: number): void {
    const { usage } = this
    require(!this.invalid, () => 'the buffer is invalid')
    require(this.allocation, () => 'the buffer is destroyed')
    require(this.mapState === 'unmapped', () => `mapState: expected unmapped, found ${this.mapState}`)
    require(mode === mapMode.READ || mode === mapMode.WRITE, () => `mode: expected GPUMapMode.READ or WRITE, found ${mode}`)
    const needed = mode === mapMode.READ ? 'MAP_READ' : 'MAP_WRITE'
    require(usage & bufferUsage[needed], () => `usage: expected ${needed}, found ${usageNames(usage)}`)
    require(offset % 8 === 0, () => `offset: expected a multiple of 8, found ${offset}`)
    require(size % 4 === 0, () => `size: expected a multiple of 4, found ${size}`)
    require(offset + size <= this.size, () => `bytes ${offset} to ${offset + size} exceed the buffer's ${this.size}`)
  }
}
interfaceName(CpuBuffer, 'GPUBuffer')

export function createBuffer(core: Core, descriptor: GPUBufferDescriptor): CpuBuffer {
  const { label = '', usage, mappedAtCreation } = descriptor
  const size = Math.trunc(descriptor.size)
  const call = `createBuffer of ${named('buffer', label)}`
  if (!Number.isSafeInteger(size) || size < 0)
    throw new TypeError(`${call}: size: expected a whole number of bytes, found ${String(descriptor.size)}`)
  if (typeof usage !== 'number') throw new TypeError(`${call}: usage: expected a number, found ${String(usage)}`)
  if (mappedAtCreation && size % 4 !== 0)
    throw new RangeError(`${call}: size: expected a multiple of 4 for mappedAtCreation, found ${size}`)
  const allocation = core.attempt(call, () => {
    const all = Object.values(bufferUsage).reduce((sum, bit) => sum | bit, 0)
    require(usage !== 0 && (usage & ~all) === 0, () => `usage: expected one or more of GPUBufferUsage, found ${usage}`)
    const { MAP_READ, MAP_WRITE, COPY_SRC, COPY_DST } = bufferUsage
    if (usage & MAP_READ)
      require((usage & ~(MAP_READ | COPY_DST)) === 0, () => `usage: MAP_READ goes with COPY_DST only, found ${usageNames(usage)}`)
    if (usage & MAP_WRITE)
      require((usage & ~(MAP_WRITE | COPY_SRC)) === 0, () => `usage: MAP_WRITE goes with COPY_SRC only, found ${usageNames(usage)}`)
    const { maxBufferSize } = core.limits
    require(size <= maxBufferSize, () => `size: expected at most maxBufferSize, ${maxBufferSize} bytes, found ${size}`)
    const allocated = core.allocate(Math.max(4, size))
    if (!allocated)
      core.errors.report('out-of-memory', `${call}: no room for ${size} bytes; ${core.memory.used} of ${core.memory.capacity} are in use`)
    return allocated
  })
  if (mappedAtCreation && !allocation && size > core.limits.maxBufferSize) throw new RangeError(`${call}: can not map ${size} bytes`)
  return new CpuBuffer(core, { label, size, usage, mappedAtCreation }, allocation)
}

/** The buffer given to a call. @throws Invalid where it is another device's or its creation failed */
export function bufferOf(core: Core, value: GPUBuffer | undefined, what: string): CpuBuffer {
  if (!(value instanceof CpuBuffer)) throw new TypeError(`${what}: expected a GPUBuffer of this adapter, found ${String(value)}`)
  if (value.core !== core) throw new Invalid(`${what}: ${named('buffer', value.label)} is of another device`)
  if (value.invalid) throw new Invalid(`${what}: ${named('buffer', value.label)} is invalid: its creation failed`)
  return value
}

/** @throws Invalid where the buffer lacks a usage that the call needs */
export function requireUsage(buffer: CpuBuffer, usage: keyof typeof bufferUsage, what: string): void {
  if (!(buffer.usage & bufferUsage[usage]))
    throw new Invalid(`${what}: ${named('buffer', buffer.label)}: usage: expected ${usage}, found ${usageNames(buffer.usage)}`)
}
