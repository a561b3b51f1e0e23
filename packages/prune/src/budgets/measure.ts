/** What is said of a network in results. */
import type { Gpu } from '@espalier/kernels'
import { costOf, type Graph, type Latency, measureLatencies, memoryOf, nonZeroWeights } from '@espalier/nn'

/** Time for a measurement of a network's latency, in ms. */
const patience = 3000

/** Median and 95th percentile in ms at batch 1, of several networks in turn; fewer runs where one takes long. */
export async function latenciesOf(gpu: Gpu, graphs: readonly Graph[]): Promise<Latency[]> {
  const first = await measureLatencies(gpu, graphs, { runs: 3, warmup: 1 })
  const round = first.reduce((sum, { median }) => sum + median, 0) / graphs.length
  return measureLatencies(gpu, graphs, { runs: Math.round(Math.min(50, Math.max(5, patience / round))), warmup: 2 })
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

/** All but the latency, which is measured beside that of another network. */
export function figuresOf(graph: Graph, bytes: Uint8Array, accuracy: number): Omit<Figures, 'latencyMs'> {
  const { params, macs } = costOf(graph)
  return { params, macs, bytes: bytes.length, memory: memoryOf(graph), weights: nonZeroWeights(graph).nonZero, accuracy }
}
