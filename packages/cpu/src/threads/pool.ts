/** Threads: the host's side of what `worker.ts` does. */
import type { Platform } from '../platform.js'
import { bulkModule } from './bulk.js'
import { type CommandList, CommandWriter } from './commands.js'
import { block, control, costs } from './layout.js'
import type { Memory } from './memory.js'
import type { Runner } from './runner.js'
import { createScratch } from './scratch.js'
import { type Message, type Report, workerCode } from './worker.js'

export interface PoolOptions {
  readonly memory: Memory
  readonly threads: number
  readonly platform: Pick<Platform, 'startWorker'>
  /** A thread failed; the pool is closed. At most once. */
  failed(reason: string): void
}

interface Block {
  readonly address: number
  readonly number: number
  /** Progress when it is done. */
  readonly end: number
}

/** So many blocks that are done are left for threads which sleep through them; then those are woken, to let them go. */
const kept = 256

export function createPool({ memory, threads, platform, failed }: PoolOptions): Runner {
  const scratch = createScratch(memory, threads)
  /** Blocks that a thread may still read, in order: the first `past` of them are done. */
  const blocks: Block[] = []
  let past = 0
  let submitted = 0
  let progress = 0
  let finished = 0
  let pipelines = 0
  let closed = false
  /** Done once the submission is. */
  let later: { readonly after: number; act(): void }[] = []
  /** By the number of the submission that signals. */
  const waiting = new Map<number, { promise: Promise<void>; resolve: () => void }>()

  const first = append(new CommandWriter(threads))
  if (first === undefined) throw new RangeError('no memory for the first block of commands')
  finished = first
  const bulk = bulkModule(true)
  const workers = Array.from({ length: threads }, (_, thread) => {
    const worker = platform.startWorker(workerCode, `espalier-cpu ${thread}`, {
      message: (data) => report(data as Report),
      failed: (reason) => fail(`thread ${thread}: ${reason}`),
    })
    worker.post({ start: { memory: memory.wasm, bulk, thread, block: blocks[0].address / 4 } } satisfies Message)
    return worker
  })

  function report(data: Report): void {
    if ('failed' in data) {
      fail(data.failed)
      return
    }
    finished = Math.max(finished, data.signal)
    waiting.get(data.signal)?.resolve()
    waiting.delete(data.signal)
    if (waiting.size === 0) workers[0].keepAlive(false)
  }

  function fail(reason: string): void {
    if (closed) return
    close()
    failed(reason)
  }

  function close(): void {
    if (closed) return
    closed = true
    for (const worker of workers) worker.terminate()
    for (const { resolve } of waiting.values()) resolve()
    waiting.clear()
  }

  function append(list: CommandList): number | undefined {
    const count = list.starts.length
    const header = block.commands + count
    const address = memory.allocate(4 * (header + list.length), false)
    if (address === undefined) return undefined
    const { i32 } = memory
    const at = address / 4
    const number = submitted + 1
    i32[at + block.next] = 0
    i32[at + block.number] = number
    i32[at + block.first] = progress
    i32[at + block.count] = count
    i32[at + block.scratch] = scratch.address
    i32[at + block.scratchStride] = scratch.stride
    i32[at + block.memory] = i32.length
    for (let i = 0, to = at + block.commands; i < count; i++) i32[to + i] = header + list.starts[i]
    i32.set(list.length === list.words.length ? list.words : list.words.subarray(0, list.length), at + header)
    const before = blocks.at(-1)
    progress = (progress + count) | 0
    blocks.push({ address, number, end: progress })
    submitted = number
    if (!before) return number
    Atomics.store(i32, before.address / 4 + block.next, at)
    Atomics.add(i32, control.epoch, 1)
    // Whoever finishes the last command before this looks for more by itself, and so does who watches: the epoch is another one.
    if (Atomics.load(i32, control.progress) === before.end && Atomics.load(i32, control.sleepers) > 0) {
      const wanted = list.width - Math.min(1, Atomics.load(i32, control.watchers))
      if (wanted > 0) Atomics.notify(i32, control.epoch, wanted)
    }
    return number
  }

  /** The last submission that is done; frees what nobody needs. */
  function done(): number {
    const { i32 } = memory
    const reached = Atomics.load(i32, control.progress)
    while (past < blocks.length && ((reached - blocks[past].end) | 0) >= 0) finished = Math.max(finished, blocks[past++].number)
    if (past > 1 && (past > 16 || later.length > 0)) release()
    return finished
  }

  function release(): void {
    const { i32 } = memory
    let oldest = blocks[past - 1].number
    for (let thread = 0; thread < threads; thread++) {
      const position = Atomics.load(i32, control.positions + control.positionStride * thread)
      if (((position - oldest) | 0) < 0) oldest = position
    }
    let free = 0
    while (((blocks[free].number - oldest) | 0) < 0) memory.free(blocks[free++].address)
    blocks.splice(0, free)
    past -= free
    if (past > kept) Atomics.notify(i32, control.epoch)
    later = later.filter(({ after, act }) => {
      if (after > finished) return true
      act()
      return false
    })
  }

  return {
    threads,
    costOf: (pipeline) => memory.i32[costs.at + (pipeline % costs.count)],
    addPipeline(module, scratchBytes) {
      const old = scratch.grow(scratchBytes)
      if (old > 0) later.push({ after: submitted, act: () => memory.free(old) })
      const pipeline = ++pipelines
      if (!closed) for (const worker of workers) worker.post({ pipeline, module } satisfies Message)
      return pipeline
    },
    removePipeline(pipeline) {
      // A thread may read its messages before it comes to the last command with the pipeline.
      const act = () => workers.forEach((worker) => worker.post({ forget: pipeline } satisfies Message))
      if (!closed) later.push({ after: submitted, act })
    },
    submit(list) {
      done()
      return append(list)
    },
    done,
    async wait(submission) {
      if (closed || done() >= submission) return
      for (const [number, { promise }] of waiting) if (number >= submission) return promise
      const number = submitted + 1
      const signal = new CommandWriter(threads)
      signal.signal(number)
      // No memory for a command: look now and then.
      if (append(signal) === undefined) {
        while (!closed && done() < submission) await new Promise((resolve) => setTimeout(resolve, 1))
        return
      }
      let resolve = () => {}
      const promise = new Promise<void>((settle) => (resolve = settle))
      waiting.set(number, { promise, resolve })
      workers[0].keepAlive(true)
      return promise
    },
    close,
  }
}
