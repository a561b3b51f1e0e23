import type { Gpu } from './gpu.js'

/**
 * Waits for submitted work without burning a core. In Node the main thread spins while it waits for the device, which takes
 * one core away from an adapter that computes on the CPU: most of the expected time is slept through, and only the rest is
 * waited for. `units` is how much was submitted (steps, batches); the time of one is learnt from call to call. Results do
 * not depend on it.
 */
export function createWaiter(gpu: Gpu): (units: number) => Promise<void> {
  // Ours computes on threads of its own, and this one sleeps until they are done.
  if (gpu.info.kind === 'cpu') return () => gpu.sync()
  let perUnit = 0
  return async (units) => {
    const start = performance.now()
    const nap = 0.85 * perUnit * units
    if (nap > 2) await new Promise((resolve) => setTimeout(resolve, nap))
    await gpu.sync()
    // A nap that was too long shows as a wait of nothing after it: the estimate then falls by a twentieth each time.
    const took = (performance.now() - start) / units
    // A process that was suspended (a laptop's lid, Ctrl-Z) sees hours in one wait: one call may raise the estimate by half at most.
    perUnit = perUnit === 0 ? took : 0.7 * perUnit + 0.3 * Math.min(took, 2.5 * perUnit)
  }
}
