/** What the objects of one device share: memory, threads, errors, the order of its queue. */
import type { Program } from '../check/program.js'
import type { CompiledPipeline, CompileOptions } from '../emit/pipeline.js'
import type { Platform } from '../platform.js'
import { type CommandList, CommandWriter } from '../threads/commands.js'
import { createInline } from '../threads/inline.js'
import { createMemory, type Memory } from '../threads/memory.js'
import { createPool } from '../threads/pool.js'
import type { Runner } from '../threads/runner.js'
import { createErrorScopes, DeviceLostInfo, type ErrorScopes, Invalid } from './errors.js'
import type { SupportedLimits } from './limits.js'

/** From WGSL to WebAssembly; both throw WgslError. */
export interface Compiler {
  check(source: string): Program
  compile(program: Program, entryPoint: string, constants: Readonly<Record<string, number>>, options: CompileOptions): CompiledPipeline
}

export interface Allocation {
  /** In bytes. */
  readonly address: number
  readonly size: number
  /** The last submission that uses it; Infinity: one that has yet to be appended. */
  lastUse: number
}

export interface CoreOptions {
  readonly compiler: Compiler
  readonly platform: Platform
  readonly threads: number
  readonly fused: boolean
  readonly shared: boolean
  readonly limits: SupportedLimits
  readonly features: ReadonlySet<string>
  /** Most pages of memory, for tests. */
  readonly maxPages?: number
  /** May hold the device, and all else: what holds the core is what users hold. */
  uncaptured(error: GPUError): void
}

/**
 * Ends the threads of a device of which nothing is held any more. They hold their runner, so the runner must not hold the core (`failing`); all of a device's
 * objects do.
 */
const abandoned = new FinalizationRegistry<{ runner?: Runner }>(({ runner }) => runner?.close())

const failing = (core: WeakRef<Core>) => (reason: string) => core.deref()?.lose('unknown', `the CPU adapter failed: ${reason}`)

export interface Core {
  readonly options: CoreOptions
  readonly limits: SupportedLimits
  readonly errors: ErrorScopes
  readonly memory: Memory
  readonly lost: Promise<GPUDeviceLostInfo>
  readonly isLost: boolean
  readonly layoutIds: Map<string, number>
  /** Called when the device is lost: what is mapped is unmapped. */
  readonly onLoss: Set<() => void>
  /** Runs a call: what is invalid about it becomes an error for the scopes that begins with `call`. @returns undefined then, or when the device is lost */
  attempt<T>(call: string, body: () => T): T | undefined
  commands(): CommandWriter
  runner(): Runner
  /** @returns undefined when there is no room */
  allocate(bytes: number): Allocation | undefined
  /** Gives memory back once nothing that was submitted uses it. */
  release(allocation: Allocation): void
  /** Copies into memory in the queue's order. @returns whether there was room */
  write(to: Allocation, offset: number, data: Uint8Array<ArrayBufferLike>): boolean
  submit(list: CommandList, uses: readonly Allocation[]): void
  /** Resolves when all that uses it, or all that was submitted, is done; or the device is lost. */
  settled(allocation?: Allocation): Promise<void>
  lose(reason: GPUDeviceLostReason, message: string): void
}

/** Instead of one that could not be made. */
const idle: Runner = {
  threads: 0,
  costOf: () => 0,
  addPipeline: () => 0,
  removePipeline: () => {},
  submit: () => 0,
  done: () => 0,
  wait: () => Promise.resolve(),
  close: () => {},
}

/** Bytes of staged writes after which they are submitted by themselves. */
const mostStaged = 4 * 2 ** 20

export function createCore(options: CoreOptions): Core {
  const memory = createMemory(options.shared, options.maxPages)
  const scopes = createErrorScopes(options.uncaptured)
  const errors: ErrorScopes = { ...scopes, report: (kind, message) => void (isLost || scopes.report(kind, message)) }
  let loseWith: (info: GPUDeviceLostInfo) => void
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => (loseWith = resolve))
  let isLost = false
  const running: { runner?: Runner } = {}
  let submitted = 0
  /** Freed memory that something submitted may still use. */
  let freed: Allocation[] = []
  /** Writes that wait for the next submission. */
  const staged = new CommandWriter(options.threads)
  let stagedBytes = 0
  let stagedUses: Allocation[] = []
  const onLoss = new Set<() => void>()

  const runner = (): Runner => {
    if (running.runner) return running.runner
    const failed = failing(new WeakRef(core))
    try {
      running.runner = options.shared
        ? createPool({ memory, threads: options.threads, platform: options.platform, failed })
        : createInline({ memory, failed })
    } catch (error) {
      running.runner = idle
      failed((error as Error).message)
    }
    return running.runner
  }

  const done = () => running.runner?.done() ?? 0

  const reclaim = () => {
    if (freed.length === 0) return
    const reached = done()
    freed = freed.filter((allocation) => {
      if (allocation.lastUse > reached) return true
      memory.free(allocation.address)
      return false
    })
  }

  const append = (list: CommandList, uses: readonly Allocation[]) => {
    const number = runner().submit(list)
    if (number === undefined) {
      errors.report('out-of-memory', 'submit: no memory for the commands')
      return
    }
    submitted = number
    for (const allocation of uses) allocation.lastUse = number
  }

  const flush = () => {
    if (staged.length === 0) return
    const uses = stagedUses
    stagedUses = []
    stagedBytes = 0
    append(staged, uses)
    staged.reset()
  }

  function lose(reason: GPUDeviceLostReason, message: string): void {
    if (isLost) return
    isLost = true
    running.runner?.close()
    for (const each of [...onLoss]) each()
    loseWith(new DeviceLostInfo(reason, message) as GPUDeviceLostInfo)
  }

  const core: Core = {
    options,
    limits: options.limits,
    errors,
    memory,
    lost,
    get isLost() {
      return isLost
    },
    layoutIds: new Map(),
    onLoss,
    attempt(call, body) {
      if (isLost) return undefined
      try {
        return body()
      } catch (error) {
        if (!(error instanceof Invalid)) throw error
        errors.report(error.kind, `${call}: ${error.message}`)
        return undefined
      }
    },
    commands: () => new CommandWriter(options.threads, running.runner?.costOf),
    runner,
    allocate(bytes) {
      reclaim()
      const address = memory.allocate(bytes)
      return address === undefined ? undefined : { address, size: bytes, lastUse: 0 }
    },
    release(allocation) {
      if (isLost) return
      freed.push(allocation)
      reclaim()
    },
    write(to, offset, data) {
      if (to.lastUse <= done()) {
        memory.u8.set(data, to.address + offset)
        return true
      }
      const staging = core.allocate(data.byteLength)
      if (!staging) return false
      memory.u8.set(data, staging.address)
      staged.copy(to.address + offset, staging.address, data.byteLength)
      to.lastUse = staging.lastUse = Number.POSITIVE_INFINITY
      stagedUses.push(to, staging)
      freed.push(staging)
      stagedBytes += data.byteLength
      if (stagedBytes > mostStaged) flush()
      return true
    },
    submit(list, uses) {
      if (staged.length === 0) {
        if (list.length > 0) append(list, uses)
        return
      }
      staged.append(list)
      for (const allocation of uses) stagedUses.push(allocation)
      flush()
    },
    async settled(allocation) {
      if (isLost) return
      flush()
      const until = allocation ? allocation.lastUse : submitted
      if (until > done()) await runner().wait(until)
    },
    lose,
  }
  abandoned.register(core, running)
  return core
}
