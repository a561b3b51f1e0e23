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
  ],
  operations,
)

const products: Record<string, [number[], number[]]> = {
  'a matrix for all of a batch': [
    [2, 3, 5, 7],
    [7, 3],
  ],
  'a matrix for all, with leading ones': [
    [3, 5, 7],
    [1, 1, 7, 4],
  ],
  'a product each': [
    [2, 3, 5, 7],
    [2, 3, 7, 4],
  ],
  'broadcast both ways': [
    [5, 1, 3, 4],
    [2, 4, 3],
  ],
  'a repeated on the left': [
    [3, 5],
    [7, 5, 2],
  ],
  'vectors: an inner product': [[7], [7]],
  'a row and matrices': [[5], [3, 5, 2]],
  'matrices and a column': [[3, 2, 5], [5]],
}
testOperation(
  matMul,
  Object.entries(products).map(([name, inputs]) => ({ name, attributes: {}, inputs })),
  operations,
)
testOperation(
  gemm,
  [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].flatMap(([transA, transB]) =>
    [[], [1], [6], [5, 1], [1, 6], [1, 1], [5, 6]].map((c) => ({
      name: `transA ${transA}, transB ${transB}, c [${c}]`,
      attributes: { transA, transB, alpha: 1.5, beta: 0.5 },
      inputs: [transA ? [7, 5] : [5, 7], transB ? [6, 7] : [7, 6], c.length ? c : undefined],
    })),
  ),
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
  ).toThrow('MatMul: [2] and [3] do not broadcast: dimension 0 is 2 and 3')
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
