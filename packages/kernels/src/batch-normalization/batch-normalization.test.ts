import { expect, test } from 'vitest'
import type { NdArray } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, asOn, type Case, expectClose, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import {
  batchNormalization,
  batchNormalizationGradient,
  batchNormalizationTraining,
  candidateBatchNormalization,
} from './batch-normalization.js'

/** Positive values, for variances. */
function positive(channels: number): NdArray {
  return { shape: [channels], data: randomArray([channels], 77).data.map((value) => value * value + 0.1) }
}

function shifted(shape: readonly number[], mean: number, deviation: number): NdArray {
  return { shape, data: randomArray(shape, 5).data.map((value) => Math.fround(mean + deviation * value)) }
}

/** A batch whose relu6 is cut on both sides, with scales that move it around. */
const wide = (shape: readonly number[]) => [shifted(shape, 0, 1), shifted([shape[1]], 4, 3), shifted([shape[1]], 2, 2)]

const inference: Case[] = [
  { name: 'odd plane', attributes: { epsilon: 1e-5 }, inputs: [[2, 3, 5, 7], [3], [3], [3], positive(3)], gradient: [0, 1, 2] },
  {
    name: 'vectors, relu6',
    attributes: { epsilon: 1e-3, activation: 'relu6' },
    inputs: [...wide([1, 5, 4, 6]), [5], positive(5)],
    gradient: false,
  },
  {
    name: 'rank 2, no scale, bias, mean',
    attributes: { epsilon: 0.5 },
    inputs: [[3, 7], undefined, undefined, undefined, positive(7)],
    gradient: [0],
  },
]

const training: Case[] = [
  {
    name: 'odd plane',
    attributes: { epsilon: 1e-5, momentum: 0.9 },
    inputs: [[3, 5, 3, 7], [5], [5], [5], positive(5)],
    gradient: [0, 1, 2],
  },
  {
    name: 'relu, vectors, parts of uneven size',
    attributes: { epsilon: 1e-5, momentum: 0.7, activation: 'relu' },
    inputs: [[67, 3, 8, 6], [3], [3], [3], positive(3)],
    gradient: false,
  },
  {
    name: 'relu6',
    attributes: { epsilon: 1e-5, momentum: 0.9, activation: 'relu6' },
    inputs: [...wide([2, 3, 6, 6]), [3], positive(3)],
    gradient: [0, 1, 2],
  },
  {
    name: 'one plane of one channel',
    attributes: { epsilon: 1e-5, momentum: 0 },
    inputs: [[1, 1, 2, 3], [1], [1], [1], [1]],
    gradient: [0, 1, 2],
  },
  { name: 'rank 2', attributes: { epsilon: 1e-5, momentum: 0.9 }, inputs: [[33, 7], [7], [7], [7], positive(7)], gradient: [0, 1, 2] },
  ...[1, 2, 3, 4, 5, 6, 7, 8, 16, 18, 31].map((width): Case => {
    const activation = (['none', 'relu', 'relu6'] as const)[width % 3]
    const [x, scale, bias] = wide([2, 9, 1, width])
    const inputs = [x, scale, bias, [9], positive(9)]
    return { name: `planes of ${width}, ${activation}`, attributes: { epsilon: 1e-3, momentum: 0.9, activation }, inputs, gradient: false }
  }),
]

const gradients: Case[] = training.map(({ name, attributes, inputs: [x, scale, bias] }) => {
  const shape = 'data' in x! ? x.shape : x!
  const channels = shape[1]
  return {
    name,
    attributes: { activation: attributes.activation ?? 'none' },
    inputs: [x, shape, scale, bias, [channels], positive(channels)],
  }
})

const candidates: Case[] = [
  { name: 'three candidates, odd plane', attributes: { candidates: 3, epsilon: 1e-5 }, inputs: [[6, 5, 3, 7], [5], [5]] },
  {
    name: 'two candidates, vectors, parts of uneven size, relu6',
    attributes: { candidates: 2, epsilon: 1e-3, activation: 'relu6' },
    inputs: [...wide([134, 3, 8, 6]), arrayOf([2, 3], [1, 0, 1, 0, 1, 0])],
  },
  { name: 'rank 2, without scale and bias', attributes: { candidates: 4 }, inputs: [[36, 7], undefined, undefined] },
]

testOperation(batchNormalization, inference, operations)
testOperation(candidateBatchNormalization, candidates, operations)
testOperation(batchNormalizationTraining, training, operations)
testOperation(batchNormalizationGradient, gradients, operations)

/** What other adapters take: cooperating lanes for hardware, whole channels on the CPU device, run on whatever adapter there is. */
for (const kind of ['hardware', 'cpu', 'software'] as const) {
  const named = (cases: readonly Case[]) => cases.map((c) => ({ ...c, name: `${c.name}, as for ${kind}`, gradient: false as const }))
  testOperation(asOn(kind, batchNormalization), named(inference), operations)
  testOperation(asOn(kind, batchNormalizationTraining), named(training), operations)
  testOperation(asOn(kind, candidateBatchNormalization), named(candidates), operations)
  testOperation(asOn(kind, batchNormalizationGradient), named(gradients), operations)
}

test('a small variance around a large mean survives float32', async () => {
  const [channels, attributes] = [2, { epsilon: 0, momentum: 0 }]
  const x = shifted([16, channels, 32, 32], 4096, 1)
  const inputs = [x, ...[1, 0, 0, 0].map((value) => arrayOf([channels], [value, value]))]
  const expected = batchNormalizationTraining.reference(attributes, inputs)
  const actual = await runOperation(await testGpu(), batchNormalizationTraining, attributes, inputs)
  // The mean itself has a unit of 4.9e-4 in float32; the deviation is what must not be lost.
  expectClose(actual[2], expected[2], 1e-6, 'invStd')
  expectClose(actual[0], expected[0], 1e-3, 'y')
})

test('NaN and infinity pass through the activation', async () => {
  const x = arrayOf([1, 1, 1, 8], [NaN, -Infinity, Infinity, -1, 1, 7, -0, 3])
  for (const activation of ['relu', 'relu6'] as const) {
    const attributes = { epsilon: 0, activation }
    const inputs = [x, undefined, undefined, undefined, arrayOf([1], [1])]
    const [y] = await runOperation(await testGpu(), batchNormalization, attributes, inputs)
    expect([...y.data]).toEqual(activation === 'relu' ? [NaN, 0, Infinity, 0, 1, 7, 0, 3] : [NaN, 0, 6, 0, 1, 6, 0, 3])
  }
})

test('a scale of the wrong length is refused by name', () => {
  expect(() => batchNormalization.infer({}, [[2, 3, 4, 4], [4], [3], [3], [3]])).toThrow('BatchNormalization: scale must be [3], found [4]')
})
