/** Latency as a budget: measured on the adapter; what is predicted (latency-table.ts) only proposes. */
import type { Gpu } from '@espalier/kernels'
import { compile, type Executable, fuseForInference, type Graph } from '@espalier/nn'
import type { CostFunction } from './candidate.js'

/** Runs of each of the two networks: at least and at most, and how long one measurement may take once there are enough, in ms. */
const runs = { least: 15, most: 101, patience: 2000 }

/**
 * Milliseconds of a forward pass at batch 1, host and device: the upper 95% confidence bound of the median. The candidate takes turns with the
 * original, and what is measured is the quotient of their times, by which the original's own latency (measured once, before any
 * candidate) is multiplied: a machine that becomes slower in the course of a search slows both.
 * @param known gives the original's own latency where a run measured it before it was interrupted, so that all its values are of one scale
 */
export function latencyMeter(
  gpu: Gpu,
  original: Graph,
  known: (measure: () => Promise<number>) => Promise<number> = (measure) => measure(),
): { cost: CostFunction; close(): Promise<void> } {
  let reference: Promise<{ executable: Executable; ms: number }> | undefined
  const prepare = async () => {
    const executable = await compile(gpu, fuseForInference(original), { batch: 1 })
    for (let i = 0; i < 5; i++) await timeOf(gpu, executable)
    return { executable, ms: await known(async () => median(await sampled(() => timeOf(gpu, executable)))) }
  }
  const cost: CostFunction = async (candidate) => {
    const { executable: whole, ms } = await (reference ??= prepare())
    const executable = await compile(gpu, fuseForInference(candidate.graph()), { batch: 1 })
    try {
      for (let i = 0; i < 3; i++) await timeOf(gpu, executable)
      const quotients = await sampled(async () => {
        const before = await timeOf(gpu, whole)
        return (await timeOf(gpu, executable)) / before
      })
      return ms * upperBoundOfMedian(quotients)
    } finally {
      executable.destroy()
    }
  }
  return {
    cost,
    close: async () => {
      const opened = await reference?.catch(() => undefined)
      opened?.executable.destroy()
    },
  }
}

async function sampled(once: () => Promise<number>): Promise<number[]> {
  const values: number[] = []
  const start = performance.now()
  while (values.length < runs.least || (values.length < runs.most && performance.now() - start < runs.patience)) values.push(await once())
  return values
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
