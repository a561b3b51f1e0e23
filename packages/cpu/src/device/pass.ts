import { CpuBindGroup, findConflict, usesOf } from './bindings.js'
import { bufferOf, type CpuBuffer, requireUsage } from './buffer.js'
import type { Encoding } from './encoding.js'
import { Invalid, interfaceName, named } from './errors.js'
import { CpuComputePipeline } from './pipeline.js'
import type { CpuQuerySet } from './query-set.js'

/** The most workgroups of one dispatch: their linear numbers are i32, with room for the threads' counting. */
const mostWorkgroups = 2 ** 30 - 1

const none: readonly number[] = []

export class CpuComputePassEncoder implements GPUComputePassEncoder {
  declare readonly __brand: 'GPUComputePassEncoder'
  label: string
  readonly #encoding: Encoding
  #pipeline: CpuComputePipeline | undefined
  readonly #groups: (CpuBindGroup | undefined)[] = []
  readonly #offsets: (readonly number[])[] = []
  /** Pipeline and groups are those of the last dispatch. */
  #checked = false as boolean
  #debugGroups = 0
  #ended = false as boolean
  readonly #end: { readonly querySet: CpuQuerySet; readonly index: number } | undefined

  /** @internal */
  constructor(encoding: Encoding, label: string, end: { querySet: CpuQuerySet; index: number } | undefined) {
    this.#encoding = encoding
    this.label = label
    this.#end = end
  }

  setPipeline(pipeline: GPUComputePipeline): undefined {
    if (!(pipeline instanceof CpuComputePipeline))
      throw new TypeError(`setPipeline: expected a GPUComputePipeline, found ${String(pipeline)}`)
    if (pipeline === this.#pipeline && !this.#ended) return
    this.#try('setPipeline', () => {
      if (pipeline.core !== this.#encoding.core) throw new Invalid(`${named('compute pipeline', pipeline.label)} is of another device`)
      if (!pipeline.plan) throw new Invalid(`${named('compute pipeline', pipeline.label)} is invalid: its creation failed`)
      this.#pipeline = pipeline
      this.#checked = false
    })
  }

  setBindGroup(index: number, group: GPUBindGroup | null | undefined, offsets?: Iterable<number>): undefined
  setBindGroup(index: number, group: GPUBindGroup | null | undefined, offsets: Uint32Array, start: number, length: number): undefined
  setBindGroup(
    index: number,
    group: GPUBindGroup | null | undefined,
    offsets: Iterable<number> = none,
    start?: number,
    length?: number,
  ): undefined {
    if (group && group === this.#groups[index] && offsets === none && this.#offsets[index] === none && !this.#ended) return
    if (group && !(group instanceof CpuBindGroup)) throw new TypeError(`setBindGroup: expected a GPUBindGroup, found ${String(group)}`)
    if (start !== undefined && (!(offsets instanceof Uint32Array) || start < 0 || start + length! > offsets.length))
      throw new RangeError(`setBindGroup: dynamic offsets ${start} to ${start + length!} are not within a Uint32Array`)
    const dynamic =
      offsets === none ? none : start === undefined ? [...offsets] : [...(offsets as Uint32Array).subarray(start, start + length!)]
    this.#try('setBindGroup', () => {
      const { core } = this.#encoding
      const { maxBindGroups } = core.limits
      if (!(index >= 0 && index < maxBindGroups))
        throw new Invalid(`index: expected less than maxBindGroups, ${maxBindGroups}, found ${index}`)
      if (group) checkGroup(this.#encoding, group, dynamic)
      else if (dynamic.length > 0) throw new Invalid(`dynamic offsets: expected none without a bind group, found ${dynamic.length}`)
      this.#groups[index] = group ?? undefined
      this.#offsets[index] = dynamic
      this.#checked = false
    })
  }

  setImmediates(): undefined {
    this.#try('setImmediates', () => {
      throw new Invalid('this adapter has no immediate data (maxImmediateSize is 0)')
    })
  }

  dispatchWorkgroups(countX: number, countY = 1, countZ = 1): undefined {
    const [x, y, z] = [Math.trunc(countX), Math.trunc(countY), Math.trunc(countZ)]
    const encoding = this.#encoding
    if (this.#ended) return this.#refuse('dispatchWorkgroups')
    if (encoding.failure !== undefined) return
    const most = encoding.core.limits.maxComputeWorkgroupsPerDimension
    // Written so that NaN and what is no number are refused too.
    if (!(x <= most && y <= most && z <= most && x >= 0 && y >= 0 && z >= 0))
      return encoding.fail(
        `dispatchWorkgroups${this.#what()}: expected at most ${most} workgroups in a dimension, found ${x} x ${y} x ${z}`,
      )
    const plan = this.#ready('dispatchWorkgroups', undefined)
    if (!plan) return
    const total = x * y * z
    if (total === 0) return
    if (total > mostWorkgroups)
      return encoding.fail(
        `dispatchWorkgroups${this.#what()}: this adapter runs at most ${mostWorkgroups} workgroups at once, found ${x} x ${y} x ${z}`,
      )
    const { commands } = encoding
    this.#bind(plan, commands.dispatch(plan.kernel.id!, x, y, z, plan.slots.length))
  }

  dispatchWorkgroupsIndirect(buffer: GPUBuffer, offset: number): undefined {
    this.#try('dispatchWorkgroupsIndirect', () => {
      const encoding = this.#encoding
      const source = bufferOf(encoding.core, buffer, 'indirectBuffer')
      requireUsage(source, 'INDIRECT', 'indirectBuffer')
      if (offset % 4 !== 0) throw new Invalid(`indirectOffset: expected a multiple of 4, found ${offset}`)
      if (offset + 12 > source.size) throw new Invalid(`indirectOffset: 12 bytes at ${offset} exceed the buffer's ${source.size}`)
      const plan = this.#ready('dispatchWorkgroupsIndirect', source)
      if (!plan) return
      encoding.use(source)
      const address = (source.allocation?.address ?? 0) + offset
      const most = encoding.core.limits.maxComputeWorkgroupsPerDimension
      this.#bind(plan, encoding.commands.dispatchIndirect(plan.kernel.id!, address, most, plan.slots.length))
    })
  }

  pushDebugGroup(_label: string): undefined {
    this.#try('pushDebugGroup', () => void this.#debugGroups++)
  }

  popDebugGroup(): undefined {
    this.#try('popDebugGroup', () => {
      if (this.#debugGroups === 0) throw new Invalid('no debug group was pushed')
      this.#debugGroups--
    })
  }

  insertDebugMarker(_label: string): undefined {
    this.#try('insertDebugMarker', () => {})
  }

  end(): undefined {
    if (this.#ended) return this.#refuse('end')
    if (this.#debugGroups > 0)
      this.#encoding.fail(`end of ${named('compute pass', this.label)}: ${this.#debugGroups} debug groups were not popped`)
    this.#ended = true
    if (this.#end) this.#encoding.writeTime(this.#end.querySet, this.#end.index)
    this.#encoding.state = 'open'
  }

  #what(): string {
    return this.#pipeline ? ` of ${named('compute pipeline', this.#pipeline.label)}` : ''
  }

  #refuse(call: string): undefined {
    this.#encoding.core.errors.report('validation', `${call}: ${named('compute pass', this.label)} has ended`)
  }

  #try(call: string, body: () => void): undefined {
    if (this.#ended) return this.#refuse(call)
    if (this.#encoding.failure !== undefined) return
    try {
      body()
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      this.#encoding.fail(`${call}${this.#what()} in ${named('compute pass', this.label)}: ${error.message}`)
    }
  }

  /** The plan of the pipeline if all that it needs is bound; else the encoder has failed. */
  #ready(call: string, indirect: CpuBuffer | undefined) {
    const plan = this.#pipeline?.plan
    if (this.#checked && !indirect) return plan
    const encoding = this.#encoding
    const problem = plan ? this.#problem(plan.layouts, indirect) : 'no pipeline is set'
    if (problem !== undefined) {
      encoding.fail(`${call}${this.#what()}: ${problem}`)
      return undefined
    }
    this.#checked = true
    for (let i = 0; i < plan!.layouts.length; i++) {
      const group = this.#groups[i]
      if (group && group.stamp !== encoding.stamp) {
        group.stamp = encoding.stamp
        for (const buffer of group.buffers) encoding.use(buffer)
      }
    }
    encoding.kernels.add(plan!.kernel)
    return plan
  }

  #problem(layouts: readonly (CpuBindGroup['layout'] | undefined)[], indirect: CpuBuffer | undefined): string | undefined {
    let together = 0
    let dynamic = false
    for (let i = 0; i < layouts.length; i++) {
      const layout = layouts[i]
      if (!layout || layout.entries.length === 0) continue
      const group = this.#groups[i]
      if (!group) return `group ${i}: expected a bind group, found none`
      if (group.layout.id !== layout.id)
        return `group ${i}: ${named('bind group', group.label)} is of ${named('bind group layout', group.layout.label)}, which is not equivalent to the pipeline's ${named('bind group layout', layout.label)}`
      if (group.conflict !== undefined) return group.conflict
      together++
      dynamic ||= layout.dynamicOffsets > 0
    }
    if (together < 2 && !dynamic && !indirect) return undefined
    const uses = layouts.flatMap((layout, i) => (layout && layout.entries.length > 0 ? usesOf(i, this.#groups[i]!, this.#offsets[i]) : []))
    if (indirect) uses.push({ buffer: indirect, start: 0, end: 0, writable: false, where: 'indirectBuffer' })
    return findConflict(uses)
  }

  /** Writes addresses and sizes of what is bound into the dispatch's record. */
  #bind(plan: NonNullable<CpuComputePipeline['plan']>, at: number): void {
    const { words } = this.#encoding.commands
    const { slots } = plan
    let to = at
    for (let i = 0; i < slots.length; i++) {
      const { group, entry, dynamic, use } = slots[i]
      const bound = this.#groups[group]!
      const size = bound.sizes[entry]
      if (size < use.minSize)
        this.#encoding.fail(
          `dispatch${this.#what()}: group ${group} binding ${use.binding}: expected at least ${use.minSize} bytes as in the shader, found ${size}`,
        )
      words[to++] = bound.addresses[entry] + (dynamic < 0 ? 0 : this.#offsets[group][dynamic])
      words[to++] = size
    }
  }
}
interfaceName(CpuComputePassEncoder, 'GPUComputePassEncoder')

function checkGroup({ core }: Encoding, group: CpuBindGroup, dynamic: readonly number[]): void {
  const what = named('bind group', group.label)
  if (group.core !== core) throw new Invalid(`${what} is of another device`)
  if (group.invalid) throw new Invalid(`${what} is invalid: its creation failed`)
  const { layout } = group
  if (dynamic.length !== layout.dynamicOffsets)
    throw new Invalid(`${what}: dynamic offsets: expected ${layout.dynamicOffsets}, found ${dynamic.length}`)
  if (dynamic.length === 0) return
  const { minUniformBufferOffsetAlignment, minStorageBufferOffsetAlignment } = core.limits
  layout.entries.forEach((entry, i) => {
    if (entry.dynamic < 0) return
    const offset = dynamic[entry.dynamic]
    const alignment = entry.type === 'uniform' ? minUniformBufferOffsetAlignment : minStorageBufferOffsetAlignment
    const where = `${what}: binding ${entry.binding}: dynamic offset`
    if (offset % alignment !== 0) throw new Invalid(`${where}: expected a multiple of ${alignment}, found ${offset}`)
    const end = group.offsets[i] + offset + group.sizes[i]
    if (end > group.buffers[i].size)
      throw new Invalid(
        `${where} ${offset}: the binding then ends at byte ${end} of ${named('buffer', group.buffers[i].label)}, which has ${group.buffers[i].size}`,
      )
  })
}
