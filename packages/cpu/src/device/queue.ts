import { bufferOf, type CpuBuffer, requireUsage } from './buffer.js'
import type { Allocation, Core } from './core.js'
import { CpuCommandBuffer } from './encoder.js'
import { Invalid, interfaceName, named, require } from './errors.js'

export class CpuQueue implements GPUQueue {
  declare readonly __brand: 'GPUQueue'
  label: string
  readonly #core: Core

  /** @internal */
  constructor(core: Core, label: string) {
    this.#core = core
    this.label = label
  }

  submit(commandBuffers: Iterable<GPUCommandBuffer>): undefined {
    const core = this.#core
    const given = [...commandBuffers] as CpuCommandBuffer[]
    core.attempt('submit', () => {
      const uses: Allocation[] = []
      for (const [i, each] of given.entries()) check(core, each, given.length > 1 ? `command buffer ${i}` : 'the command buffer', uses)
      require(new Set(given).size === given.length, () => 'a command buffer is given twice')
      for (const each of given) {
        each.submitted = true
        core.submit(each.encoding!.commands, uses)
      }
    })
  }

  async onSubmittedWorkDone(): Promise<undefined> {
    await this.#core.settled()
    return undefined
  }

  writeBuffer(buffer: GPUBuffer, bufferOffset: number, data: GPUAllowSharedBufferSource, dataOffset = 0, size?: number): undefined {
    const core = this.#core
    const bytes = bytesOf(data, dataOffset, size)
    core.attempt('writeBuffer', () => {
      const to = bufferOf(core, buffer, 'buffer')
      requireUsage(to, 'COPY_DST', 'buffer')
      const allocation = available(to)
      require(bufferOffset % 4 === 0, () => `bufferOffset: expected a multiple of 4, found ${bufferOffset}`)
      require(bufferOffset + bytes.length <= to.size, () => {
        return `bytes ${bufferOffset} to ${bufferOffset + bytes.length} exceed the ${to.size} of ${named('buffer', to.label)}`
      })
      if (bytes.length > 0 && !core.write(allocation, bufferOffset, bytes))
        core.errors.report('out-of-memory', `writeBuffer: no room for ${bytes.length} bytes to be kept until earlier work is done`)
    })
  }

  writeTexture(): undefined {
    this.#unsupported('writeTexture')
  }

  copyExternalImageToTexture(): undefined {
    this.#unsupported('copyExternalImageToTexture')
  }

  #unsupported(call: string): void {
    this.#core.attempt(call, () => require(false, () => 'this adapter computes on buffers only'))
  }
}
interfaceName(CpuQueue, 'GPUQueue')

function check(core: Core, each: CpuCommandBuffer, what: string, uses: Allocation[]): void {
  if (!(each instanceof CpuCommandBuffer)) throw new TypeError(`submit: expected command buffers, found ${String(each)}`)
  const name = each.label ? `${what} '${each.label}'` : what
  require(each.core === core, () => `${name} is of another device`)
  require(each.encoding, () => `${name} is invalid: its encoding failed`)
  require(!each.submitted, () => `${name} was submitted before`)
  for (const buffer of each.encoding.buffers) uses.push(available(buffer))
  for (const { allocation, label } of each.encoding.querySets) {
    if (!allocation) throw new Invalid(`${named('query set', label)} is destroyed`)
    uses.push(allocation)
  }
}

/** @throws Invalid for a buffer that is destroyed or mapped */
function available(buffer: CpuBuffer): Allocation {
  if (!buffer.allocation) throw new Invalid(`${named('buffer', buffer.label)} is destroyed`)
  if (buffer.mapState !== 'unmapped')
    throw new Invalid(`${named('buffer', buffer.label)}: mapState: expected unmapped, found ${buffer.mapState}`)
  return buffer.allocation
}

/** The part of the data that is to be written; offset and size are in elements of a typed array, else in bytes. */
function bytesOf(data: GPUAllowSharedBufferSource, dataOffset: number, size: number | undefined): Uint8Array<ArrayBufferLike> {
  const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data)
  const unit = (view as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1
  const from = dataOffset * unit
  const bytes = size === undefined ? view.byteLength - from : size * unit
  if (from > view.byteLength || from + bytes > view.byteLength)
    throw new DOMException(`writeBuffer: data: bytes ${from} to ${from + bytes} exceed the ${view.byteLength} given`, 'OperationError')
  if (bytes % 4 !== 0) throw new DOMException(`writeBuffer: size: expected a multiple of 4 bytes, found ${bytes}`, 'OperationError')
  return new Uint8Array(view.buffer, view.byteOffset + from, bytes)
}
