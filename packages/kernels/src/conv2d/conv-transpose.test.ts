import { expect, test } from 'vitest'
import type { Operation } from '../operation.js'
import { operations } from '../operations.js'
import { type Case, testOperation } from '../testing/cases.js'
import { convTranspose } from './conv-transpose.js'
import { transposedGeometry } from './geometry.js'
import { gatherInputGradient } from './input-gradient.js'

const cases: Case[] = [
  { name: '2x2 stride 2', attributes: { strides: [2, 2] }, inputs: [[2, 3, 5, 7], [3, 5, 2, 2], [5]] },
  {
    name: '3x3 stride 2, output padding',
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 0] },
    inputs: [
      [1, 5, 4, 6],
      [5, 3, 3, 3],
    ],
  },
  {
    name: 'uneven everything',
    attributes: { strides: [1, 3], pads: [2, 0, 1, 3], dilations: [2, 1], output_padding: [0, 2] },
    inputs: [[2, 2, 7, 5], [2, 3, 3, 4], [3]],
  },
  {
    name: 'strides beyond the kernel',
    attributes: { strides: [3, 2] },
    inputs: [[2, 3, 3, 4], [3, 1, 2, 1], [1]],
  },
  { name: 'two groups', attributes: { strides: [2, 1], group: 2, pads: [1, 1, 1, 1] }, inputs: [[2, 6, 3, 4], [6, 5, 3, 3], [10]] },
  { name: 'depthwise', attributes: { group: 5 }, inputs: [[1, 5, 4, 3], [5, 1, 3, 3], [5]] },
]
testOperation(convTranspose, cases, operations)

/** The kernel for small images on hardware. */
const plain: Operation = {
  ...convTranspose,
  dispatches: (attributes, [x, w, bias], [y], target) =>
    gatherInputGradient(transposedGeometry('ConvTranspose', attributes, x!.shape, w!.shape), x!, w!, y, target, bias),
}
testOperation(
  plain,
  cases.map((c) => ({ ...c, name: `${c.name}, gathered`, gradient: false })),
  operations,
)

test('what does not fit is refused', () => {
  const [x, w] = [
    [1, 3, 4, 4],
    [3, 2, 3, 3],
  ]
  expect(() => convTranspose.infer({}, [x, [2, 3, 3, 3]])).toThrow(
    'ConvTranspose: weights [2, 3, 3, 3] take 2 channels, the input is [1, 3, 4, 4]',
  )
  expect(() => convTranspose.infer({ output_padding: [1, 0] }, [x, w])).toThrow("'output_padding' must be less than the strides [1, 1]")
  expect(() => convTranspose.infer({ pads: [5, 5, 5, 5] }, [x, w])).toThrow('leave nothing')
  expect(() => convTranspose.infer({}, [x, w, [3]])).toThrow('ConvTranspose: bias must be [2], found [3]')
})
