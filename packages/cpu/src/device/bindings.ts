/** Bind group layouts, pipeline layouts and bind groups. */
import { bufferOf, type CpuBuffer, requireUsage } from './buffer.js'
import { shaderStage } from './constants.js'
import type { Core } from './core.js'
import { interfaceName, named, require } from './errors.js'

type BufferType = 'uniform' | 'storage' | 'read-only-storage'

export interface LayoutEntry {
  readonly binding: number
  readonly visibility: number
  readonly type: BufferType
  /** Its place among the dynamic offsets; -1: it has none. */
  readonly dynamic: number
  /** 0: what the pipeline needs is checked at the dispatch. */
  readonly minSize: number
}

export class CpuBindGroupLayout implements GPUBindGroupLayout {
  declare readonly __brand: 'GPUBindGroupLayout'
  label: string
  /** In order of their numbers. @internal */
  readonly entries: readonly LayoutEntry[]
  /** Equal for equivalent layouts of a device. @internal */
  readonly id: number
  /** @internal */
  readonly dynamicOffsets: number

  /** @internal */
  constructor(
    readonly core: Core,
    label: string,
    entries: readonly LayoutEntry[],
    readonly invalid: boolean,
    /** Layouts of `layout: 'auto'` go with their own pipeline only. */
    pipeline = '',
  ) {
    this.label = label
    this.entries = entries
    this.dynamicOffsets = entries.filter(({ dynamic }) => dynamic >= 0).length
    const key = `${pipeline} ${entries.map((entry) => Object.values(entry).join()).join(';')}`
    const { layoutIds } = core
    let id = layoutIds.get(key)
    if (id === undefined) layoutIds.set(key, (id = layoutIds.size))
    this.id = id
  }
}
interfaceName(CpuBindGroupLayout, 'GPUBindGroupLayout')

const bufferTypes: readonly string[] = ['uniform', 'storage', 'read-only-storage'] satisfies BufferType[]

export function createBindGroupLayout(core: Core, descriptor: GPUBindGroupLayoutDescriptor): CpuBindGroupLayout {
  const { label = '' } = descriptor
  const given = [...descriptor.entries].sort((a, b) => a.binding - b.binding)
  for (const { binding, buffer } of given) {
    const type = buffer?.type ?? 'uniform'
    if (!bufferTypes.includes(type))
      throw new TypeError(
        `createBindGroupLayout of '${label}': binding ${binding}: buffer.type: expected ${bufferTypes.join(', ')}, found ${type}`,
      )
  }
  const entries = core.attempt(`createBindGroupLayout of ${named('bind group layout', label)}`, () => {
    const result = layoutEntries(core, given)
    checkCounts(core, result)
    return result
  })
  return new CpuBindGroupLayout(core, label, entries ?? [], entries === undefined)
}

function layoutEntries(core: Core, given: readonly GPUBindGroupLayoutEntry[]): LayoutEntry[] {
  let dynamic = 0
  return given.map((entry, i) => {
    const { binding, visibility, buffer } = entry
    const what = `binding ${binding}`
    const most = core.limits.maxBindingsPerBindGroup
    require(Number.isInteger(binding) && binding >= 0 && binding < most, () => `${what}: expected a number below ${most}`)
    require(i === 0 || given[i - 1].binding !== binding, () => `${what} is given twice`)
    require((visibility & ~7) === 0, () => `${what}: visibility: expected flags of GPUShaderStage, found ${visibility}`)
    const others = (['sampler', 'texture', 'storageTexture', 'externalTexture'] as const).filter((name) => entry[name] !== undefined)
    require(others.length === 0, () => `${what}: ${others.join(', ')}: this adapter computes on buffers only`)
    require(buffer, () => `${what}: expected a buffer, found nothing`)
    const { type = 'uniform', hasDynamicOffset = false, minBindingSize: minSize = 0 } = buffer
    require(type !== 'storage' || !(visibility & shaderStage.VERTEX), () => `${what}: writable storage is not visible to vertex shaders`)
    return { binding, visibility, type, dynamic: hasDynamicOffset ? dynamic++ : -1, minSize }
  })
}

function checkCounts(core: Core, entries: readonly LayoutEntry[]): void {
  const { limits } = core
  const computing = entries.filter(({ visibility }) => visibility & shaderStage.COMPUTE)
  const count = (uniform: boolean, of: readonly LayoutEntry[]) => of.filter(({ type }) => (type === 'uniform') === uniform).length
  const dynamic = entries.filter((entry) => entry.dynamic >= 0)
  const counts = {
    maxUniformBuffersPerShaderStage: count(true, computing),
    maxStorageBuffersPerShaderStage: count(false, computing),
    maxDynamicUniformBuffersPerPipelineLayout: count(true, dynamic),
    maxDynamicStorageBuffersPerPipelineLayout: count(false, dynamic),
  }
  for (const [name, found] of Object.entries(counts)) {
    const most = limits[name as keyof typeof counts]
    require(found <= most, () => `${found} buffers exceed ${name}, ${most}`)
  }
}

export class CpuPipelineLayout implements GPUPipelineLayout {
  declare readonly __brand: 'GPUPipelineLayout'
  label: string
  /** @internal */
  constructor(
    readonly core: Core,
    label: string,
    readonly groups: readonly (CpuBindGroupLayout | undefined)[],
    readonly invalid: boolean,
  ) {
    this.label = label
  }
}
interfaceName(CpuPipelineLayout, 'GPUPipelineLayout')

export function createPipelineLayout(core: Core, descriptor: GPUPipelineLayoutDescriptor): CpuPipelineLayout {
  const { label = '' } = descriptor
  const given = [...descriptor.bindGroupLayouts]
  const groups = core.attempt(`createPipelineLayout of ${named('pipeline layout', label)}`, () => {
    const { maxBindGroups } = core.limits
    require(given.length <= maxBindGroups, () =>
      `bindGroupLayouts: expected at most maxBindGroups, ${maxBindGroups}, found ${given.length}`)
    const result = given.map((layout, i) => (layout ? layoutOf(core, layout, `bindGroupLayouts[${i}]`) : undefined))
    checkCounts(
      core,
      result.flatMap((layout) => layout?.entries ?? []),
    )
    return result
  })
  return new CpuPipelineLayout(core, label, groups ?? [], groups === undefined)
}

function layoutOf(core: Core, layout: GPUBindGroupLayout, what: string): CpuBindGroupLayout {
  if (!(layout instanceof CpuBindGroupLayout)) throw new TypeError(`${what}: expected a GPUBindGroupLayout, found ${String(layout)}`)
  require(layout.core === core, () => `${what}: ${named('bind group layout', layout.label)} is of another device`)
  require(!layout.invalid, () => `${what}: ${named('bind group layout', layout.label)} is invalid: its creation failed`)
  return layout
}

/** What is bound where, by place in the layout's entries. Addresses are in memory, offsets in the buffer. */
interface Bound {
  readonly buffers: readonly CpuBuffer[]
  readonly addresses: readonly number[]
  readonly offsets: readonly number[]
  readonly sizes: readonly number[]
}

export class CpuBindGroup implements GPUBindGroup, Bound {
  declare readonly __brand: 'GPUBindGroup'
  label: string
  readonly buffers: readonly CpuBuffer[]
  readonly addresses: readonly number[]
  readonly offsets: readonly number[]
  readonly sizes: readonly number[]
  /** Why it can not be used in a dispatch by itself; undefined: it can, or that depends on dynamic offsets. @internal */
  readonly conflict: string | undefined
  /** The last encoder that listed its buffers. @internal */
  stamp = 0
  /** @internal */
  constructor(
    readonly core: Core,
    label: string,
    readonly layout: CpuBindGroupLayout,
    bound: Bound | undefined,
  ) {
    this.label = label
    this.buffers = bound?.buffers ?? []
    this.addresses = bound?.addresses ?? []
    this.offsets = bound?.offsets ?? []
    this.sizes = bound?.sizes ?? []
    this.invalid = bound === undefined
    this.conflict = bound && layout.dynamicOffsets === 0 ? findConflict(usesOf(0, this, [])) : undefined
  }
  readonly invalid: boolean
}
interfaceName(CpuBindGroup, 'GPUBindGroup')

export function createBindGroup(core: Core, descriptor: GPUBindGroupDescriptor): CpuBindGroup {
  const { label = '', layout } = descriptor
  if (!(layout instanceof CpuBindGroupLayout)) throw new TypeError(`createBindGroup of '${label}': layout: expected a GPUBindGroupLayout`)
  const entries = [...descriptor.entries]
  const bound = core.attempt(`createBindGroup of ${named('bind group', label)}`, () => {
    layoutOf(core, layout, 'layout')
    const expected = layout.entries.map(({ binding }) => binding)
    const sorted = entries.length > 1 ? entries.sort((a, b) => a.binding - b.binding) : entries
    const fits = sorted.length === expected.length && sorted.every(({ binding }, i) => binding === expected[i])
    require(fits, () => {
      const found = sorted.map(({ binding }) => binding)
      return `entries: expected bindings ${expected.join(', ') || 'none'} of ${named('bind group layout', layout.label)}, found ${found.join(', ') || 'none'}`
    })
    const [buffers, addresses, offsets, sizes]: [CpuBuffer[], number[], number[], number[]] = [[], [], [], []]
    for (let i = 0; i < sorted.length; i++) {
      const { buffer, offset, size } = checkBinding(core, layout.entries[i], sorted[i].resource)
      buffers.push(buffer)
      // Of a destroyed buffer: it is refused when it is submitted.
      addresses.push((buffer.allocation?.address ?? 0) + offset)
      offsets.push(offset)
      sizes.push(size)
    }
    return { buffers, addresses, offsets, sizes }
  })
  return new CpuBindGroup(core, label, layout, bound)
}

function checkBinding(core: Core, entry: LayoutEntry, resource: GPUBindingResource) {
  const what = `binding ${entry.binding}`
  const given: GPUBufferBinding = resource && 'buffer' in resource ? resource : { buffer: resource as GPUBuffer }
  const buffer = bufferOf(core, given.buffer, what)
  const { offset = 0 } = given
  const size = given.size ?? buffer.size - offset
  const uniform = entry.type === 'uniform'
  requireUsage(buffer, uniform ? 'UNIFORM' : 'STORAGE', what)
  const { limits } = core
  const alignment = uniform ? limits.minUniformBufferOffsetAlignment : limits.minStorageBufferOffsetAlignment
  const most = uniform ? limits.maxUniformBufferBindingSize : limits.maxStorageBufferBindingSize
  const text = () => `${what}: ${named('buffer', buffer.label)}`
  require(offset % alignment === 0, () => `${text()}: offset: expected a multiple of ${alignment}, found ${offset}`)
  require(size > 0 && offset + size <= buffer.size, () =>
    `${text()}: bytes ${offset} to ${offset + size} are not within its ${buffer.size}`)
  require(size <= most, () => {
    return `${text()}: size: expected at most ${uniform ? 'maxUniformBufferBindingSize' : 'maxStorageBufferBindingSize'}, ${most}, found ${size}`
  })
  require(uniform || size % 4 === 0, () => `${text()}: size: expected a multiple of 4, found ${size}`)
  require(size >= entry.minSize, () => `${text()}: size: expected at least the layout's minBindingSize, ${entry.minSize}, found ${size}`)
  return { buffer, offset, size }
}

/** A buffer's use in a dispatch. */
interface Use {
  readonly buffer: CpuBuffer
  readonly start: number
  readonly end: number
  readonly writable: boolean
  readonly where: string
}

export function usesOf(index: number, group: CpuBindGroup, dynamic: readonly number[]): Use[] {
  return group.layout.entries.map((entry, i) => {
    const start = group.offsets[i] + (entry.dynamic >= 0 ? dynamic[entry.dynamic] : 0)
    const where = `group ${index} binding ${entry.binding}`
    return { buffer: group.buffers[i], start, end: start + group.sizes[i], writable: entry.type === 'storage', where }
  })
}

/** What is wrong with using these in one dispatch: a buffer read and written, or the same bytes written through two bindings. */
export function findConflict(uses: readonly Use[]): string | undefined {
  for (let i = 1; i < uses.length; i++)
    for (let j = 0; j < i; j++) {
      const [a, b] = [uses[j], uses[i]]
      if (a.buffer !== b.buffer || !(a.writable || b.writable)) continue
      const both = `${named('buffer', a.buffer.label)} is bound at ${a.where} and ${b.where}`
      if (a.writable !== b.writable) return `${both}, once for reading only and once for writing`
      if (a.start < b.end && b.start < a.end)
        return `${both} for writing, and the ranges overlap (${a.start} to ${a.end}, ${b.start} to ${b.end})`
    }
  return undefined
}
