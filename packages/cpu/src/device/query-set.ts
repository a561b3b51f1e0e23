import type { Allocation, Core } from './core.js'
import { Invalid, interfaceName, named, require } from './errors.js'

/** Timestamps only. */
export class CpuQuerySet implements GPUQuerySet {
  declare readonly __brand: 'GPUQuerySet'
  label: string
  readonly type: GPUQueryType
  readonly count: number
  /** Eight bytes a query; undefined: invalid or destroyed. @internal */
  allocation: Allocation | undefined
  /** @internal */
  constructor(
    readonly core: Core,
    descriptor: GPUQuerySetDescriptor,
    allocation: Allocation | undefined,
  ) {
    this.label = descriptor.label ?? ''
    this.type = descriptor.type
    this.count = descriptor.count
    this.allocation = allocation
  }

  destroy(): undefined {
    if (this.allocation) this.core.release(this.allocation)
    this.allocation = undefined
  }
}
interfaceName(CpuQuerySet, 'GPUQuerySet')

export function createQuerySet(core: Core, descriptor: GPUQuerySetDescriptor): CpuQuerySet {
  const { label = '', type, count } = descriptor
  const call = `createQuerySet of ${named('query set', label)}`
  if (type === 'timestamp' && !core.options.features.has('timestamp-query'))
    throw new TypeError(`${call}: type: timestamp needs the feature timestamp-query, which was not asked for`)
  const allocation = core.attempt(call, () => {
    require(type === 'timestamp', () => `type: expected timestamp, found ${type}: this adapter does not render`)
    require(Number.isInteger(count) && count >= 0 && count <= 4096, () => `count: expected at most 4096, found ${count}`)
    const made = core.allocate(8 * Math.max(1, count))
    if (!made) core.errors.report('out-of-memory', `${call}: no room for ${8 * count} bytes`)
    return made
  })
  return new CpuQuerySet(core, descriptor, allocation)
}

/** @throws Invalid where it is another device's or its creation failed */
export function querySetOf(core: Core, value: GPUQuerySet, what: string): CpuQuerySet {
  if (!(value instanceof CpuQuerySet)) throw new TypeError(`${what}: expected a GPUQuerySet, found ${String(value)}`)
  if (value.core !== core) throw new Invalid(`${what}: ${named('query set', value.label)} is of another device`)
  if (!value.allocation) throw new Invalid(`${what}: ${named('query set', value.label)} is invalid or destroyed`)
  return value
}
