/** What the machine can do at most through WebAssembly: multiply-adds in registers, on one thread and on all at once. `ms` is the time of 1e9 operations. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Form, multiplyAdds, operationsOf, supported } from '../multiply-adds.js'
import type { Case, Contender, Settings } from './contender.js'

/** Milliseconds of a measurement: as long as a small kernel, so that a busy machine interrupts neither more often than the other. */
const length = 15

/** What a thread does: says that it is ready, then waits for all to be, so that they compute at the same time. */
const program = `
const { parentPort, workerData: { cell, bytes } } = require('node:worker_threads')
const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports
const now = () => performance.timeOrigin + performance.now()
parentPort.on('message', ({ calls, turns, threads }) => {
  if (Atomics.add(cell, 0, 1) === threads - 1) Atomics.store(cell, 1, 1), Atomics.notify(cell, 1)
  else Atomics.wait(cell, 1, 0)
  const start = now()
  for (let i = 0; i < calls; i++) run(turns, 0.999)
  parentPort.postMessage({ start, end: now() })
})
parentPort.postMessage('up')`

/** Short enough for the engine to see that the loop is hot: it optimises between calls. */
const turns = 10_000

interface Team {
  /** Milliseconds in which `threads` of the team make `calls` each, from the first to begin to the last to end. */
  time(threads: number, calls: number): Promise<number>
  end(): void
}

async function assemble(threads: number, bytes: Uint8Array): Promise<Team> {
  const cell = new Int32Array(new SharedArrayBuffer(8))
  const workers = Array.from({ length: threads }, () => new Worker(program, { eval: true, workerData: { cell, bytes } }))
  const replyOf = async (worker: Worker) => (await once(worker, 'message'))[0] as { start: number; end: number }
  await Promise.all(workers.map(replyOf))
  return {
    async time(wanted, calls) {
      cell.fill(0)
      const replies = Promise.all(workers.slice(0, wanted).map(replyOf))
      for (const worker of workers.slice(0, wanted)) worker.postMessage({ calls, turns, threads: wanted })
      const spans = await replies
      return Math.max(...spans.map(({ end }) => end)) - Math.min(...spans.map(({ start }) => start))
    },
    end() {
      for (const worker of workers) void worker.terminate()
    },
  }
}

interface Found {
  readonly team: Team
  /** Of a call, and calls of a measurement. */
  readonly operations: number
  readonly calls: number
}

/** How many sums are best depends on the processor and on the engine: tried on one thread. */
async function best(form: Form, threads: number): Promise<Found> {
  let found: (Found & { readonly speed: number }) | undefined
  for (const sums of [8, 10, 12, 14]) {
    const team = await assemble(threads, multiplyAdds(sums, form))
    const operations = operationsOf(sums) * turns
    await team.time(1, 200)
    const ms = Math.min(await team.time(1, 100), await team.time(1, 100)) / 100
    const fresh = { team, operations, calls: Math.max(1, Math.round(length / ms)), speed: operations / ms }
    const better = !found || fresh.speed > found.speed
    ;(better ? found : fresh)?.team.end()
    if (better) found = fresh
  }
  // So that the code of all threads is optimised.
  await found!.team.time(threads, 200)
  return found!
}

async function ceiling(form: Form, threads: number, used: number): Promise<Case> {
  const { team, operations, calls } = await best(form, threads)
  return {
    async once() {
      const before = process.cpuUsage()
      const ms = await team.time(used, calls)
      const { user, system } = process.cpuUsage(before)
      const share = 1e9 / (operations * calls * used)
      return { ms: ms * share, processorMs: ((user + system) / 1000) * share }
    },
    dispose: () => team.end(),
  }
}

export async function createContender({ threads = 1 }: Settings): Promise<Contender> {
  const forms = (['relaxed_madd', 'mul and add'] as const).filter(supported)
  const cases = Object.fromEntries(
    forms.flatMap((form) => [
      [`${form}, all threads`, () => ceiling(form, threads, threads)],
      [`${form}, one thread`, () => ceiling(form, threads, 1)],
    ]),
  )
  const [most] = forms
  return {
    adapter: `WebAssembly, ${threads} threads`,
    versions: { 'WebAssembly multiply-add': most },
    cases: { ...cases, ceiling: cases[`${most}, all threads`] },
  }
}
