/** Latency as a budget: measured on the adapter, never modelled. */
import type { Gpu } from '@espalier/kernels'
import { compile, type Executable, fuseForInference, type Graph } from '@espalier/nn'
import type { CostFunction } from './budgets.js'

/** Runs of each of the two networks: at least and at most, and how long one measurement may take once there are enough, in ms. */
const runs = { least: 15, most: 101, patience: 2000 }

/**
 * Milliseconds of a forward pass at batch 1, host and device: the upper 95% confidence bound of the median. The candidate takes turns with the
 * original, and what is measured is the quotient of their times, by which the original's own latency (measured once, before any
 * candidate) is multiplied: a machine that becomes slower in the course of a search slows both.
 */
export function latencyMeter(gpu: Gpu, original: Graph): CostFunction {
  let reference: Promise<{ executable: Executable; ms: number }> | undefined
  const prepare = async () => {
    const executable = await compile(gpu, fuseForInference(original), { batch: 1 })
    for (let i = 0; i < 5; i++) await timeOf(gpu, executable)
    const times: number[] = []
    const start = performance.now()
    while (times.length < runs.least || (times.length < runs.most && performance.now() - start < runs.patience))
      times.push(await timeOf(gpu, executable))
    return { executable, ms: median(times) }
  }
  return async (candidate) => {
    const { executable: whole, ms } = await (reference ??= prepare())
    const executable = await compile(gpu, fuseForInference(candidate.graph()), { batch: 1 })
    try {
      for (let i = 0; i < 3; i++) await timeOf(gpu, executable)
      const quotients: number[] = []
      const start = performance.now()
      while (quotients.length < runs.least || (quotients.length < runs.most && performance.now() - start < runs.patience)) {
        const before = await timeOf(gpu, whole)
        quotients.push((await timeOf(gpu, executable)) / before)
      }
      return ms * upperBoundOfMedian(quotients)
    } finally {
      executable.destroy()
    }
  }
}

async function timeOf(gpu: Gpu, executable: Executable): Promise<number> {
  const start = performance.now()
  executable.run()
  await gpu.sync()
  return performance.now() - start
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)
const median = (values: readonly number[]) => sorted(values)[Math.floor(values.length / 2)]

/**
 * The order statistic that is above the median in 95 of 100 samples: as many values below it as a fair coin gives heads in `n` throws, by the
 * normal approximation to the binomial (Conover, Practical Nonparametric Statistics, 3.2). Needs 10 values or more.
 */
export function upperBoundOfMedian(values: readonly number[]): number {
  const n = values.length
  return sorted(values)[Math.min(n - 1, Math.ceil(n / 2 + (1.645 * Math.sqrt(n)) / 2) - 1)]
}
