import { expect, test } from 'vitest'
import type { NdArray, Operation } from '../operation.js'
import { operations } from '../operations.js'
import { arrayOf, type Case, expectClose, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { lrn, lrnGradient } from './local-response.js'
import { groupNormalization, instanceNormalization, layerNormalization, rowNormalizationGradient } from './normalization.js'

const epsilon = 1e-3
const instance: Case[] = [
  { name: 'odd plane', attributes: { epsilon }, inputs: [[2, 3, 5, 7], [3], [3]] },
  { name: 'signals, vectors', attributes: { epsilon }, inputs: [[3, 5, 12], [5], [5]] },
  { name: 'long planes in pieces', attributes: { epsilon }, inputs: [[1, 2, 50, 52], [2], [2]] },
]
const group: Case[] = [
  { name: 'odd plane, three groups', attributes: { num_groups: 3, epsilon }, inputs: [[2, 6, 3, 5], [6], [6]] },
  { name: 'one group, vectors', attributes: { num_groups: 1, epsilon }, inputs: [[1, 5, 4, 3], [5], [5]] },
  { name: 'rank 2', attributes: { num_groups: 2, epsilon }, inputs: [[3, 14], [14], [14]] },
]
const layer: Case[] = [
  { name: 'last axis', attributes: { epsilon }, inputs: [[2, 3, 5, 7], [7], [7]] },
  { name: 'vectors, no bias', attributes: { epsilon, axis: -1 }, inputs: [[5, 3, 24], [24]] },
  {
    name: 'images as a whole',
    attributes: { epsilon, axis: 1 },
    inputs: [
      [3, 5, 3, 7],
      [5, 3, 7],
      [5, 3, 7],
    ],
  },
  { name: 'many rows', attributes: { epsilon }, inputs: [[700, 3], [3], [3]] },
]
const gradients: Case[] = [
  ...instance.map((c, i): [Case, number, number] => [c, [35, 12, 2600][i], [35, 12, 2600][i]]),
  ...group.map((c, i): [Case, number, number] => [c, [30, 60, 7][i], [15, 12, 1][i]]),
  ...layer.map((c, i): [Case, number, number] => [c, [7, 24, 105, 3][i], 1]),
].map(([c, length, inner]) => ({
  name: `${c.name} of ${length}`,
  attributes: { epsilon, length, inner },
  inputs: [c.inputs[0], c.inputs[0], c.inputs[1]],
}))
const responses: Case[] = [
  { name: 'five channels', attributes: { size: 5, alpha: 0.5, beta: 0.75, bias: 1 }, inputs: [[2, 7, 3, 5]] },
  { name: 'an even window, wider than x', attributes: { size: 8, alpha: 2, beta: 0.5, bias: 2 }, inputs: [[1, 5, 4, 3]] },
  { name: 'one channel', attributes: { size: 3, alpha: 1, beta: 1.5, bias: 0.5 }, inputs: [[2, 1, 7]] },
]

testOperation(instanceNormalization, instance, operations)
testOperation(groupNormalization, group, operations)
testOperation(layerNormalization, layer, operations)
testOperation(rowNormalizationGradient, gradients, operations)
testOperation(lrn, responses, operations)
testOperation(
  lrnGradient,
  responses.map((c) => ({ ...c, inputs: [c.inputs[0], c.inputs[0]] })),
  operations,
)

/** The variant for hardware adapters (more lanes), run on whatever adapter there is. */
const onHardware = (operation: Operation): Operation => ({
  ...operation,
  dispatches: (attributes, inputs, outputs, target) => operation.dispatches(attributes, inputs, outputs, { ...target, kind: 'hardware' }),
})
const asHardware = (cases: readonly Case[]): Case[] => cases.map((c) => ({ ...c, name: `${c.name}, hardware variant`, gradient: false }))
testOperation(onHardware(instanceNormalization), asHardware(instance), operations)
testOperation(onHardware(layerNormalization), asHardware(layer), operations)
testOperation(onHardware(rowNormalizationGradient), asHardware(gradients), operations)

test('a small variance around a large mean survives float32; NaN stays in its row', async () => {
  const [scale, bias] = [arrayOf([2], [1, 1]), arrayOf([2], [0, 0])]
  const far: NdArray = { shape: [1, 2, 32, 33], data: randomArray([1, 2, 32, 33], 5).data.map((value) => Math.fround(4096 + value)) }
  const [y] = await runOperation(await testGpu(), instanceNormalization, { epsilon: 0 }, [far, scale, bias])
  expectClose(y, instanceNormalization.reference({ epsilon: 0 }, [far, scale, bias])[0], 1e-3, 'y')
  const broken = arrayOf([1, 2, 3], [1, Number.NaN, 2, 3, 4, 5])
  const [z] = await runOperation(await testGpu(), instanceNormalization, {}, [broken, scale, bias])
  expect([...z.data].map(Number.isNaN)).toEqual([true, true, true, false, false, false])
})

test('what does not fit is refused', () => {
  expect(() => groupNormalization.infer({ num_groups: 2 }, [[1, 3, 4, 4], [3], [3]])).toThrow(
    'GroupNormalization: 3 channels do not divide into 2 groups',
  )
  expect(() => layerNormalization.infer({}, [[2, 3, 5], [3]])).toThrow('LayerNormalization: scale must have 5 elements, found [3]')
  expect(() => instanceNormalization.infer({}, [[2, 3], [3], [3]])).toThrow('at least 3 dimensions')
})
