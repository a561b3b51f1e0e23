import { channelSum } from './conv2d/channel-sum.js'
import { conv, fusedConv } from './conv2d/conv2d.js'
import { convInputGradient } from './conv2d/input-gradient.js'
import { convWeightGradient } from './conv2d/weight-gradient.js'
import { gemm, matMul } from './matmul/matmul.js'
import type { Operation } from './operation.js'

/** Every operation the GPU runs, by operator name. */
export const operations: Readonly<Record<string, Operation>> = Object.fromEntries(
  [conv, fusedConv, convInputGradient, convWeightGradient, channelSum, gemm, matMul].map((operation: Operation) => [
    operation.op,
    operation,
  ]),
)
