import { expect, test } from 'vitest'
import type { Operation } from '../operation.js'
import { operations } from '../operations.js'
import { expectClose, randomArray, testGpu, testOperation } from '../testing/cases.js'
import { runOperation } from '../testing/run.js'
import { gemm, gemmGeometry, matMul, plainGemm, tiledGemm } from './matmul.js'

testOperation(
  gemm,
  [
    { name: 'linear layer', attributes: { transB: 1 }, inputs: [[5, 7], [3, 7], [3]] },
    {
      name: 'both transposed, scaled, column c',
      attributes: { transA: 1, transB: 1, alpha: 0.5, beta: -2 },
      inputs: [
        [7, 5],
        [6, 7],
        [5, 1],
      ],
    },
    {
      name: 'A transposed, full c',
      attributes: { transA: 1, beta: 3 },
      inputs: [
        [4, 9],
        [4, 11],
        [9, 11],
      ],
    },
    { name: 'one row, scalar c', attributes: {}, inputs: [[1, 33], [33, 10], [1]] },
    {
      name: 'multiples of 4, no c',
      attributes: { transB: 1, alpha: 2 },
      inputs: [
        [32, 16],
        [64, 16],
      ],
    },
  ],
  operations,
)
testOperation(
  matMul,
  [
    {
      name: 'odd',
      attributes: {},
      inputs: [
        [13, 17],
        [17, 19],
      ],
    },
    {
      name: 'multiples of 4',
      attributes: {},
      inputs: [
        [16, 32],
        [32, 64],
      ],
    },
    {
      name: 'one B for all',
      attributes: {},
      inputs: [
        [2, 3, 5, 7],
        [7, 4],
      ],
    },
    {
      name: 'each its own',
      attributes: {},
      inputs: [
        [2, 3, 5, 7],
        [2, 3, 7, 4],
      ],
    },
    {
      name: 'one A for all',
      attributes: {},
      inputs: [
        [5, 7],
        [3, 7, 4],
      ],
    },
    {
      name: 'dimensions of 1',
      attributes: {},
      inputs: [
        [3, 1, 7],
        [1, 7, 4],
      ],
    },
  ],
  operations,
)

test('the tiled kernel, with and without quads, agrees with the plain one', async () => {
  const gpu = await testGpu()
  for (const [a, b, attributes] of [
    [[37, 19], [19, 21], {}],
    [[5, 12], [33, 5], { transA: 1, transB: 1, alpha: 2, beta: -1 }],
  ] as const) {
    const inputs = [randomArray(a, 1), randomArray(b, 2), randomArray([1], 3)]
    const results = []
    for (const [kernel, subgroups] of [
      [plainGemm, false],
      [tiledGemm, true],
      [tiledGemm, false],
    ] as const) {
      const forced: Operation = {
        ...gemm,
        dispatches: (_, [x, y, c], [out], target) => [
          kernel(gemmGeometry('Gemm', attributes, a, b, [1]), x!, y!, c, out, { ...target, subgroups: subgroups && target.subgroups }),
        ],
      }
      results.push((await runOperation(gpu, forced, attributes, inputs))[0])
    }
    expectClose(results[1], results[0], 1e-6, 'tiled')
    expectClose(results[2], results[0], 1e-6, 'tiled without quads')
  }
})

test('shapes that do not fit are errors', () => {
  expect(() =>
    matMul.infer({}, [
      [2, 3],
      [4, 5],
    ]),
  ).toThrow('MatMul: [2, 3] times [4, 5]: inner dimensions 3 and 4 differ')
  expect(() =>
    gemm.infer({ transB: 1 }, [
      [2, 3],
      [3, 5],
    ]),
  ).toThrow('Gemm: [2, 3] times [3, 5] transposed: inner dimensions 3 and 5 differ')
  expect(() => gemm.infer({}, [[2, 3], [3, 5], [2]])).toThrow('Gemm: the third input must broadcast to [2, 5], found [2]')
  expect(() =>
    matMul.infer({}, [
      [2, 3, 4],
      [3, 4, 5],
    ]),
  ).toThrow('MatMul: [2, 3, 4] times [3, 4, 5]: dimensions before the last two must be equal, or all 1 in one input')
  expect(
    matMul.macs!(
      {},
      [
        [2, 3],
        [3, 5],
      ],
      [[2, 5]],
    ),
  ).toBe(30)
})
