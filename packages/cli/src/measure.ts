/** What is said of a network in results. */
import type { Gpu } from '@espalier/kernels'
import { costOf, type Graph, measureLatency, memoryOf, nonZeroWeights } from '@espalier/nn'

/** Time for a measurement of latency, in ms. */
const patience = 3000

/** Median and 95th percentile in ms at batch 1; fewer runs where one takes long. */
export async function latencyOf(gpu: Gpu, graph: Graph): Promise<{ median: number; p95: number }> {
  const { median } = await measureLatency(gpu, graph, { runs: 3, warmup: 1 })
  return measureLatency(gpu, graph, { runs: Math.round(Math.min(50, Math.max(5, patience / median))), warmup: 2 })
}

export interface Figures {
  readonly params: number
  readonly macs: number
  readonly bytes: number
  readonly memory: number
  /** Those of convolutions and linear layers that are not zero. */
  readonly weights: number
  readonly latencyMs: number
  /** On the test set, 0 to 1. */
  readonly accuracy: number
}

export async function figuresOf(gpu: Gpu, graph: Graph, bytes: Uint8Array, accuracy: number): Promise<Figures> {
  const { params, macs } = costOf(graph)
  return {
    params,
    macs,
    bytes: bytes.length,
    memory: memoryOf(graph),
    weights: nonZeroWeights(graph).nonZero,
    latencyMs: (await latencyOf(gpu, graph)).median,
    accuracy,
  }
}
