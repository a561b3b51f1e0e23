import type { Graph, LayerCost } from '@espalier/nn'

/** What a budget function sees of a network: everything is computed when it is asked for, and then kept. */
export interface Candidate {
  /** The network, as plain data. */
  graph(): Graph
  /** The network as it would be written, before any fine-tuning. */
  onnx(): Uint8Array
  readonly layers: readonly LayerCost[]
  readonly params: number
  readonly macs: number
  /** Size of the ONNX file. */
  readonly bytes: number
  /** Peak activation bytes of the execution plan at batch 1. */
  readonly memory: number
  /** Weights of convolutions and linear layers that are not zero. */
  readonly weights: number
  /** Channels left by group id, and which ones. */
  readonly widths: Readonly<Record<string, number>>
  readonly kept: Readonly<Record<string, readonly number[]>>
}

export type CostFunction = (candidate: Candidate) => number | Promise<number>
