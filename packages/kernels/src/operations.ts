import { countCorrect } from './accuracy/accuracy.js'
import { activationOperations } from './activation/activation.js'
import {
  batchNormalization,
  batchNormalizationGradient,
  batchNormalizationTraining,
  candidateBatchNormalization,
} from './batch-normalization/batch-normalization.js'
import { concat, split } from './concat/concat.js'
import { channelSum } from './conv2d/channel-sum.js'
import { convTranspose } from './conv2d/conv-transpose.js'
import { conv, fusedConv } from './conv2d/conv2d.js'
import { convInputGradient } from './conv2d/input-gradient.js'
import { convWeightGradient } from './conv2d/weight-gradient.js'
import { dropoutTraining } from './dropout/dropout.js'
import { accumulate, elementwiseOperations, mean, scale } from './elementwise/elementwise.js'
import { spatialEntropy } from './entropy/entropy.js'
import { augmentImages, normalizeImages } from './images/images.js'
import { depthToSpace, spaceToDepth } from './layout/depth.js'
import { gather, gatherGradient } from './layout/gather.js'
import { copyOperations, expand, repeatBatch, transpose } from './layout/layout.js'
import { pad, padGradient } from './layout/pad.js'
import { slice, sliceGradient } from './layout/slice.js'
import { tile } from './layout/tile.js'
import { mask } from './mask/mask.js'
import { gemm, matMul } from './matmul/matmul.js'
import { lrn, lrnGradient } from './normalization/local-response.js'
import { normalizationOperations } from './normalization/normalization.js'
import type { Operation } from './operation.js'
import { adamUpdate, sgdUpdate } from './optimizer/optimizer.js'
import { adaptiveAveragePool, adaptiveAveragePoolGradient } from './pooling/adaptive-pool.js'
import {
  averagePool,
  averagePoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  globalMaxPool,
  maxPool,
  maxPoolGradient,
} from './pooling/pooling.js'
import { randomNormal, randomUniform } from './random/random.js'
import { otherReductions, reduceMean, reduceSum, sumTo } from './reduce/reduce.js'
import { resize, resizeGradient } from './resize/resize.js'
import { distillationLoss, softmaxCrossEntropy, softmaxOperations } from './softmax-cross-entropy/softmax-cross-entropy.js'

const all: readonly Operation[] = [
  ...[conv, fusedConv, convTranspose, convInputGradient, convWeightGradient, channelSum, gemm, matMul],
  ...[batchNormalization, batchNormalizationTraining, batchNormalizationGradient, candidateBatchNormalization],
  ...[...normalizationOperations, lrn, lrnGradient],
  ...activationOperations,
  ...[maxPool, maxPoolGradient, averagePool, averagePoolGradient, globalAveragePool, globalAveragePoolGradient, globalMaxPool],
  ...[adaptiveAveragePool, adaptiveAveragePoolGradient],
  ...[resize, resizeGradient],
  ...elementwiseOperations,
  ...[mean, scale, accumulate, sumTo, reduceMean, reduceSum, ...otherReductions],
  ...[concat, split, slice, sliceGradient, pad, padGradient, transpose, expand, repeatBatch, ...copyOperations],
  ...[depthToSpace, spaceToDepth, tile, gather, gatherGradient],
  ...[...softmaxOperations, softmaxCrossEntropy, distillationLoss, countCorrect],
  ...[mask, dropoutTraining, spatialEntropy],
  ...[sgdUpdate, adamUpdate],
  ...[normalizeImages, augmentImages, randomUniform, randomNormal],
]

/** Every operation the GPU runs, by operator name. */
export const operations: Readonly<Record<string, Operation>> = Object.fromEntries(all.map((operation) => [operation.op, operation]))
