import type { CommandWriter } from '../threads/commands.js'
import type { CpuBuffer } from './buffer.js'
import type { Core } from './core.js'
import type { CpuQuerySet } from './query-set.js'
import type { Kernel } from './shader-module.js'

let encodings = 0

/** What a command encoder and its passes write. */
export class Encoding {
  readonly commands: CommandWriter
  readonly buffers: CpuBuffer[] = []
  readonly querySets: CpuQuerySet[] = []
  /** Held until submitted: their numbers are in the commands. */
  readonly kernels = new Set<Kernel>()
  /** Its own number, left on what it has listed. */
  readonly stamp = ++encodings
  state: 'open' | 'in a pass' | 'finished' = 'open'
  /** The first thing that was wrong. */
  failure: string | undefined

  constructor(readonly core: Core) {
    this.commands = core.commands()
  }

  fail(message: string): undefined {
    this.failure ??= message
  }

  use(buffer: CpuBuffer): void {
    if (buffer.stamp === this.stamp) return
    buffer.stamp = this.stamp
    this.buffers.push(buffer)
  }

  /** Has the time written when all before it is done. */
  writeTime(querySet: CpuQuerySet, index: number): void {
    if (!querySet.allocation) return
    this.useQuerySet(querySet)
    this.commands.timestamp(querySet.allocation.address + 8 * index)
  }

  useQuerySet(querySet: CpuQuerySet): void {
    if (!this.querySets.includes(querySet)) this.querySets.push(querySet)
  }
}
