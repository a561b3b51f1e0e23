/** The host's own thread as the only one, where memory cannot be shared: work in slices, so that the page stays alive. */
import type { CommandList } from './commands.js'
import { command, op } from './layout.js'
import type { Memory } from './memory.js'
import type { Runner } from './runner.js'
import { createScratch } from './scratch.js'

/** Milliseconds of work between two turns of the event loop. */
const slice = 10
/** Chunks per dispatch, so that a long one can be left in between. */
const pieces = 64

type Run = (record: number, first: number, end: number, scratch: number) => void

export interface InlineOptions {
  readonly memory: Memory
  /** A pipeline trapped; the runner is closed. */
  failed(reason: string): void
}

interface Submission {
  readonly number: number
  readonly address: number
  readonly starts: readonly number[]
}

export function createInline({ memory, failed }: InlineOptions): Runner {
  const scratch = createScratch(memory, 1)
  const { bulk } = memory
  const runs = new Map<number, Run>()
  const queue: Submission[] = []
  const waiting: { submission: number; resolve: () => void }[] = []
  const turnLater = createLater(turn)
  /** Pipelines to be forgotten once the submission is done. */
  let forgotten: { after: number; pipeline: number }[] = []
  let pipelines = 0
  let submitted = 0
  let done = 0
  let index = 0
  let scheduled = false
  let closed = false

  function schedule(): void {
    if (scheduled || closed || queue.length === 0) return
    scheduled = true
    turnLater()
  }

  function turn(): void {
    scheduled = false
    if (closed) return
    const end = performance.now() + slice
    try {
      while (queue.length > 0 && performance.now() < end) step(end)
    } catch (error) {
      close()
      failed((error as Error).stack ?? String(error))
    }
    schedule()
  }

  function step(end: number): void {
    const { number, address, starts } = queue[0]
    if (index < starts.length) {
      if (!runCommand(address / 4 + starts[index], end)) return
      index++
    }
    if (index < starts.length) return
    queue.shift()
    memory.free(address)
    index = 0
    done = number
    for (const { after, pipeline } of forgotten) if (after <= done) runs.delete(pipeline)
    forgotten = forgotten.filter(({ after }) => after > done)
    while (waiting.length > 0 && waiting[0].submission <= done) waiting.shift()!.resolve()
  }

  /** @returns whether all of it is done */
  function runCommand(at: number, end: number): boolean {
    const { i32 } = memory
    const args = at + command.args
    const kind = i32[at + command.op]
    if (kind === op.dispatch) return runDispatch(at, end)
    if (kind === op.copy) bulk.copy(i32[args], i32[args + 1], i32[args + 2])
    else if (kind === op.clear) bulk.fill(i32[args], 0, i32[args + 1])
    else if (kind === op.indirect) indirect(i32[args] >>> 2, i32[args + 1], at + i32[args + 2])
    else if (kind === op.timestamp)
      new BigUint64Array(memory.wasm.buffer, i32[args] >>> 0, 1)[0] = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))
    return true
  }

  function runDispatch(at: number, end: number): boolean {
    const { i32 } = memory
    const total = i32[at + command.total]
    const chunk = Math.max(1, Math.floor(total / pieces))
    const run = runs.get(i32[at + command.args])!
    while (i32[at + command.next] < total) {
      if (performance.now() >= end) return false
      const unit = i32[at + command.next]
      const next = Math.min(unit + chunk, total)
      run(4 * (at + command.args + 1), unit, next, scratch.address)
      i32[at + command.next] = next
    }
    return true
  }

  function indirect(counts: number, most: number, dispatch: number): void {
    const { i32 } = memory
    const [x, y, z] = [i32[counts] >>> 0, i32[counts + 1] >>> 0, i32[counts + 2] >>> 0]
    const total = x * y * z
    if (total === 0 || total > 0x3fffffff || Math.max(x, y, z) > most) {
      i32[dispatch + command.op] = op.nothing
      return
    }
    i32.set([x, y, z], dispatch + command.args + 1)
    i32[dispatch + command.total] = total
    i32[dispatch + command.chunk] = total
  }

  function submit(list: CommandList): number | undefined {
    const address = memory.allocate(4 * Math.max(1, list.length), false)
    if (address === undefined) return undefined
    memory.i32.set(list.words.subarray(0, list.length), address / 4)
    queue.push({ number: ++submitted, address, starts: list.starts.slice() })
    schedule()
    return submitted
  }

  function close(): void {
    closed = true
    for (const { resolve } of waiting.splice(0)) resolve()
  }

  return {
    threads: 1,
    costOf: () => 0,
    addPipeline(module, scratchBytes) {
      // Nothing that runs is interrupted, so the old scratch memory is free at once.
      const old = scratch.grow(scratchBytes)
      if (old > 0) memory.free(old)
      const { run } = new WebAssembly.Instance(module, { env: { memory: memory.wasm } }).exports
      runs.set(++pipelines, run as Run)
      return pipelines
    },
    removePipeline(pipeline) {
      if (queue.length === 0) runs.delete(pipeline)
      else forgotten.push({ after: submitted, pipeline })
    },
    submit,
    done: () => done,
    wait(submission) {
      if (closed || done >= submission) return Promise.resolve()
      return new Promise((resolve) => {
        const at = waiting.findIndex((each) => each.submission > submission)
        waiting.splice(at < 0 ? waiting.length : at, 0, { submission, resolve })
      })
    },
    close,
  }
}

/** Calls `turn` in a later turn of the event loop; timers wait 4 ms in browsers, messages do not. */
function createLater(turn: () => void): () => void {
  if (typeof setImmediate === 'function') return () => void setImmediate(turn)
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = turn
  return () => port2.postMessage(0)
}
