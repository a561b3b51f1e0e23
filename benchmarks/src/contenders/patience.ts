/**
 * Waiting on the device without a busy main thread. While anything is awaited from it (`mapAsync`, `onSubmittedWorkDone`), Dawn's Node
 * binding asks for events in a loop that never sleeps: it takes a core, and makes tens of megabytes of garbage in a second. A software adapter
 * computes on those same cores: with naps of a millisecond our training step took half the time on a busy 2-core machine (lavapipe
 * 2933 -> 1602 ms, SwiftShader 11368 -> 6494 ms). Our training loop sleeps through its waits too; here all runtimes wait in the same way.
 */
import type { Gpu } from '@espalier/kernels'

const nap = 1
const cell = new Int32Array(new SharedArrayBuffer(4))

export async function patiently<T>(work: Promise<T>): Promise<T> {
  let settled = false
  const sleep = () => {
    if (settled) return
    Atomics.wait(cell, 0, 0, nap)
    setImmediate(sleep)
  }
  setImmediate(sleep)
  return work.finally(() => {
    settled = true
  })
}

/** How to wait for a device of ours: the one on the CPU has no such loop, and tells when it is done. */
export const waitingFor =
  ({ info }: Pick<Gpu, 'info'>) =>
  <T>(work: Promise<T>): Promise<T> =>
    info.kind === 'cpu' ? work : patiently(work)
