import { readFileSync } from 'node:fs'
import { type Network, networks } from '../network.js'

/** What runs in a process of its own: one runtime, and the cases it can do. */

/** What a runtime is started with. */
export interface Settings {
  /** As acquireGpu's `prefer`. */
  readonly prefer?: string
  /** Threads of what computes on the processor. */
  readonly threads?: number
  /** A Python that has PyTorch. */
  readonly python?: string
}

/** Milliseconds, bytes, or whatever else a case measures, by name. `ms` is the time of the whole. */
export type Measurement = Readonly<Record<string, number>>

export interface Case {
  /** Runs once, to the end: when it resolves the device has nothing left to do. */
  once(): Promise<Measurement>
  /** Numbers by which runtimes are compared before anything is timed. */
  outputs?(): Promise<number[]>
  dispose?(): void | Promise<void>
}

export interface Contender {
  readonly adapter: string
  readonly versions: Readonly<Record<string, string>>
  readonly cases: Readonly<Record<string, () => Promise<Case>>>
}

/** Time of an asynchronous piece of work in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** A step that is submitted and then waited for: time of the whole, and of the host alone, less what its thread stood ready for a core. */
export async function timedStep(step: () => unknown, settle: () => Promise<unknown>): Promise<Measurement> {
  let hostMs = 0
  const ms = await timed(async () => {
    const waited = waitedForCore()
    const start = performance.now()
    step()
    hostMs = performance.now() - start - (waitedForCore() - waited)
    await settle()
  })
  return { ms, hostMs }
}

/** SGD of the training case: the same for all. Weight decay is none, so that all update alike. */
export const learningRate = 0.003
export const momentum = 0.9
/** Losses of this many steps must agree: the second depends on every gradient. */
export const comparedSteps = 2

/** A case for each network: `forward resnet20`, and so on. */
export const forEachNetwork = (name: string, make: (network: Network) => Promise<Case>): Contender['cases'] =>
  Object.fromEntries(Object.values(networks).map((network) => [`${name} ${network.id}`, () => make(network)]))

/**
 * Milliseconds that this process's main thread has stood ready for a core that others had (Linux: the second figure of `schedstat`;
 * 0 elsewhere). Taken off host times, which are a millisecond where a busy machine's time slices are several.
 */
function waitedForCore(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
