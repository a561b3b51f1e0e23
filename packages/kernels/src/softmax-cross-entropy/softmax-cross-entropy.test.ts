import { expect, test } from 'vitest'
import { operations } from '../operations.js'
import { arrayOf, randomArray, testOperation } from '../testing/cases.js'
import { distillationLoss, softmaxCrossEntropy } from './softmax-cross-entropy.js'
import { crossEntropy, distillation } from './softmax-cross-entropy.reference.js'

const large = arrayOf([2, 3], [1000, 999, -1000, -1e30, 0, 1e30])
for (const op of ['Softmax', 'LogSoftmax']) {
  testOperation(
    operations[op],
    [
      { name: 'rows', attributes: { axis: 1 }, inputs: [[5, 7]] },
      { name: 'a middle axis', attributes: { axis: 1 }, inputs: [[2, 3, 5, 1]] },
      { name: 'the first axis', attributes: { axis: 0 }, inputs: [[5, 2, 3]] },
      { name: 'the last axis of four, by default', attributes: {}, inputs: [[1, 2, 3, 65]] },
      { name: 'large logits do not overflow', attributes: { axis: -1 }, inputs: [large], gradient: false },
      {
        name: 'NaN spreads over its row',
        attributes: { axis: -1 },
        inputs: [arrayOf([2, 3], [1, Number.NaN, 2, 1, 2, 3])],
        gradient: false,
      },
    ],
    operations,
  )
  testOperation(
    operations[`${op}Gradient`],
    [
      {
        name: 'a middle axis',
        attributes: { axis: 1 },
        inputs: [
          [2, 3, 5],
          [2, 3, 5],
        ],
      },
    ],
    operations,
  )
}
testOperation(
  distillationLoss,
  [
    {
      name: 'one image',
      attributes: { temperature: 1 },
      inputs: [
        [1, 3],
        [1, 3],
      ],
    },
    {
      name: 'a batch at temperature 4',
      attributes: { temperature: 4 },
      inputs: [
        [67, 10],
        [67, 10],
      ],
    },
    { name: 'large logits', attributes: { temperature: 2 }, inputs: [arrayOf([2, 3], [900, 899, -900, -1e3, 0, 1e3]), [2, 3]] },
    { name: 'NaN is in its loss and gradient', attributes: {}, inputs: [arrayOf([2, 2], [1, Number.NaN, 2, 1]), [2, 2]] },
  ],
  operations,
)
testOperation(
  softmaxCrossEntropy,
  [
    { name: 'one image', attributes: { labelSmoothing: 0 }, inputs: [[1, 3], arrayOf([1], [2])], integerInputs: [1] },
    {
      name: 'a batch with smoothing',
      attributes: { labelSmoothing: 0.1 },
      inputs: [
        [67, 10],
        arrayOf(
          [67],
          Array.from({ length: 67 }, (_, i) => i % 10),
        ),
      ],
      integerInputs: [1],
    },
    { name: 'large logits', attributes: { labelSmoothing: 0 }, inputs: [large, arrayOf([2], [2, 2])], integerInputs: [1] },
  ],
  operations,
)

test('the gradient output of distillation is that of the mean loss, which is 0 for equal logits', () => {
  const [student, teacher] = [randomArray([3, 4], 1), randomArray([3, 4], 2)]
  const mean = (data: Float64Array) => distillation({ shape: [3, 4], data }, teacher, 3)[0].data.reduce((a, b) => a + b, 0) / 3
  distillation(student, teacher, 3)[1].data.forEach((value, i) => {
    const [up, down] = [1e-6, -1e-6].map((h) => mean(student.data.map((x, j) => (i === j ? x + h : x))))
    expect(value).toBeCloseTo((up - down) / 2e-6, 7)
  })
  expect(mean(teacher.data)).toBeCloseTo(0, 14)
})

test('the gradient output is that of the mean loss', () => {
  const logits = arrayOf([3, 4], [0.3, -1, 2, 0.5, 1, 1, -2, 0, 0.1, 0.2, 0.3, 0.4])
  const labels = arrayOf([3], [2, 0, 3])
  const mean = (data: Float64Array) => crossEntropy({ shape: [3, 4], data }, labels, 0.2)[0].data.reduce((a, b) => a + b, 0) / 3
  const [, gradient] = crossEntropy(logits, labels, 0.2)
  gradient.data.forEach((value, i) => {
    const [up, down] = [1e-6, -1e-6].map((h) => mean(logits.data.map((x, j) => (i === j ? x + h : x))))
    expect(value).toBeCloseTo((up - down) / 2e-6, 7)
  })
})
