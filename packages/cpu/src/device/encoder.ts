import { bufferOf, type CpuBuffer, requireUsage } from './buffer.js'
import type { Core } from './core.js'
import { Encoding } from './encoding.js'
import { Invalid, interfaceName, named, require } from './errors.js'
import { CpuComputePassEncoder } from './pass.js'
import { type CpuQuerySet, querySetOf } from './query-set.js'

export class CpuCommandBuffer implements GPUCommandBuffer {
  declare readonly __brand: 'GPUCommandBuffer'
  label: string
  /** @internal */
  submitted = false
  /** @internal */
  constructor(
    readonly core: Core,
    label: string,
    /** Undefined: it is invalid. */
    readonly encoding: Encoding | undefined,
  ) {
    this.label = label
  }
}
interfaceName(CpuCommandBuffer, 'GPUCommandBuffer')

export class CpuCommandEncoder implements GPUCommandEncoder {
  declare readonly __brand: 'GPUCommandEncoder'
  label: string
  readonly #core: Core
  readonly #encoding: Encoding
  #debugGroups = 0

  /** @internal */
  constructor(core: Core, label: string) {
    this.#core = core
    this.label = label
    this.#encoding = new Encoding(core)
  }

  beginComputePass(descriptor: GPUComputePassDescriptor = {}): CpuComputePassEncoder {
    const { label = '', timestampWrites } = descriptor
    let end: { querySet: CpuQuerySet; index: number } | undefined
    let encoding: Encoding | undefined
    this.#try('beginComputePass', () => {
      if (timestampWrites) end = this.#timestamps(timestampWrites)
      encoding = this.#encoding
      encoding.state = 'in a pass'
    })
    if (!encoding) {
      // What a pass that did not begin records goes nowhere.
      encoding = new Encoding(this.#core)
      encoding.fail('the pass did not begin')
    }
    return new CpuComputePassEncoder(encoding, label, end)
  }

  copyBufferToBuffer(source: GPUBuffer, destination: GPUBuffer, size?: number): undefined
  copyBufferToBuffer(source: GPUBuffer, sourceOffset: number, destination: GPUBuffer, destinationOffset: number, size?: number): undefined
  copyBufferToBuffer(
    source: GPUBuffer,
    second: GPUBuffer | number,
    third?: GPUBuffer | number,
    destinationOffset = 0,
    fifth?: number,
  ): undefined {
    const short = typeof second !== 'number'
    const [from, destination, wanted] = short ? [0, second, third as number | undefined] : [second, third as GPUBuffer, fifth]
    const to = short ? 0 : destinationOffset
    this.#try('copyBufferToBuffer', () => {
      const a = bufferOf(this.#core, source, 'source')
      const b = bufferOf(this.#core, destination, 'destination')
      requireUsage(a, 'COPY_SRC', 'source')
      requireUsage(b, 'COPY_DST', 'destination')
      const size = wanted ?? a.size - from
      require(a !== b, () => `source and destination are the same ${named('buffer', a.label)}`)
      checkRange(a, from, size, 'source')
      checkRange(b, to, size, 'destination')
      this.#encoding.use(a)
      this.#encoding.use(b)
      this.#encoding.commands.copy((b.allocation?.address ?? 0) + to, (a.allocation?.address ?? 0) + from, size)
    })
  }

  clearBuffer(buffer: GPUBuffer, offset = 0, size?: number): undefined {
    this.#try('clearBuffer', () => {
      const target = bufferOf(this.#core, buffer, 'buffer')
      requireUsage(target, 'COPY_DST', 'buffer')
      const bytes = size ?? Math.max(0, target.size - offset)
      checkRange(target, offset, bytes, 'buffer')
      this.#encoding.use(target)
      this.#encoding.commands.clear((target.allocation?.address ?? 0) + offset, bytes)
    })
  }

  resolveQuerySet(querySet: GPUQuerySet, first: number, count: number, destination: GPUBuffer, offset: number): undefined {
    this.#try('resolveQuerySet', () => {
      const set = querySetOf(this.#core, querySet, 'querySet')
      const target = bufferOf(this.#core, destination, 'destination')
      requireUsage(target, 'QUERY_RESOLVE', 'destination')
      require(first + count <= set.count, () => `queries ${first} to ${first + count} exceed the query set's ${set.count}`)
      require(offset % 256 === 0, () => `destinationOffset: expected a multiple of 256, found ${offset}`)
      checkRange(target, offset, 8 * count, 'destination')
      this.#encoding.use(target)
      this.#encoding.useQuerySet(set)
      this.#encoding.commands.copy((target.allocation?.address ?? 0) + offset, set.allocation!.address + 8 * first, 8 * count)
    })
  }

  /** @deprecated Older WebGPU: `timestampWrites` of a pass. */
  writeTimestamp(querySet: GPUQuerySet, index: number): undefined {
    this.#try('writeTimestamp', () => {
      const set = querySetOf(this.#core, querySet, 'querySet')
      require(index < set.count, () => `queryIndex: expected less than ${set.count}, found ${index}`)
      this.#encoding.writeTime(set, index)
    })
  }

  pushDebugGroup(_label: string): undefined {
    this.#try('pushDebugGroup', () => void this.#debugGroups++)
  }

  popDebugGroup(): undefined {
    this.#try('popDebugGroup', () => {
      require(this.#debugGroups > 0, () => 'no debug group was pushed')
      this.#debugGroups--
    })
  }

  insertDebugMarker(_label: string): undefined {
    this.#try('insertDebugMarker', () => {})
  }

  beginRenderPass(): never {
    throw this.#unsupported('beginRenderPass')
  }
  copyBufferToTexture(): undefined {
    this.#encoding.fail(this.#unsupported('copyBufferToTexture').message)
  }
  copyTextureToBuffer(): undefined {
    this.#encoding.fail(this.#unsupported('copyTextureToBuffer').message)
  }
  copyTextureToTexture(): undefined {
    this.#encoding.fail(this.#unsupported('copyTextureToTexture').message)
  }

  finish(descriptor: GPUCommandBufferDescriptor = {}): CpuCommandBuffer {
    const core = this.#core
    const valid = core.attempt(`finish of ${this.#name()}`, () => {
      require(this.#encoding.state !== 'finished', () => 'it was finished before')
      const inPass = this.#encoding.state === 'in a pass'
      this.#encoding.state = 'finished'
      require(this.#encoding.failure === undefined, () => this.#encoding.failure!)
      require(!inPass, () => 'a pass has not ended')
      require(this.#debugGroups === 0, () => `${this.#debugGroups} debug groups were not popped`)
      return true
    })
    return new CpuCommandBuffer(core, descriptor.label ?? '', valid ? this.#encoding : undefined)
  }

  #name(): string {
    return named('command encoder', this.label)
  }

  #unsupported(call: string): Error {
    return new DOMException(`${call}: this adapter computes on buffers only`, 'NotSupportedError')
  }

  #try(call: string, body: () => void): void {
    if (this.#core.isLost) return
    if (this.#encoding.state === 'finished') {
      this.#core.errors.report('validation', `${call}: ${this.#name()} is finished`)
      return
    }
    if (this.#encoding.failure !== undefined) return
    try {
      require(this.#encoding.state === 'open', () => 'a pass has not ended')
      body()
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      this.#encoding.fail(`${call}: ${error.message}`)
    }
  }

  #timestamps(writes: GPUComputePassTimestampWrites): { querySet: CpuQuerySet; index: number } | undefined {
    const querySet = querySetOf(this.#core, writes.querySet, 'timestampWrites.querySet')
    const { beginningOfPassWriteIndex: begin, endOfPassWriteIndex: end } = writes
    require(begin !== undefined || end !== undefined, () => 'timestampWrites: expected an index, found none')
    require(begin !== end, () => `timestampWrites: expected two indices, found ${begin} twice`)
    for (const index of [begin, end])
      require(index === undefined || index < querySet.count, () =>
        `timestampWrites: index ${index} exceeds the query set's ${querySet.count}`)
    if (begin !== undefined) this.#encoding.writeTime(querySet, begin)
    return end === undefined ? undefined : { querySet, index: end }
  }
}
interfaceName(CpuCommandEncoder, 'GPUCommandEncoder')

function checkRange(buffer: CpuBuffer, offset: number, size: number, what: string): void {
  require(offset % 4 === 0, () => `${what}: offset: expected a multiple of 4, found ${offset}`)
  require(size % 4 === 0, () => `${what}: size: expected a multiple of 4, found ${size}`)
  require(offset >= 0 && size >= 0 && offset + size <= buffer.size, () => {
    return `${what}: bytes ${offset} to ${offset + size} are not within ${named('buffer', buffer.label)}, which has ${buffer.size}`
  })
}
