import { type Attributes, acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openModel } from '../engine/model.js'
import { createRandom } from '../random.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { difference, type FileNode, onnxFile, runFile } from './testing/models.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const constants: [string, number[], number[]][] = [
  ['channel', [3, 1, 1], [0.25, -0.5, 2]],
  ['whole', [1], [3]],
  ['matrix', [5, 2], Array.from({ length: 10 }, (_, i) => i / 7 - 0.6)],
  ['matrices', [3, 5, 2], Array.from({ length: 30 }, (_, i) => Math.sin(i))],
  ['vector', [5], [1, -1, 0.5, 2, 0]],
]
const named = (op: string, inputs: string[] = ['x'], attributes: FileNode['attributes'] = {}): FileNode[] => [{ op, inputs, attributes }]
/** Of values above 0. */
const positive = (op: string, attributes: FileNode['attributes'] = {}): FileNode[] => [
  { op: 'Exp', inputs: ['x'], outputs: ['e'] },
  { op, inputs: ['e'], attributes },
]

const cases: Record<string, FileNode[]> = {
  ...Object.fromEntries(
    'Selu Celu Elu Softplus Softsign ThresholdedRelu Mish Exp Reciprocal Neg Abs Sign Floor Ceil Round Erf Sin Cos HardSwish'
      .split(' ')
      .map((op) => [op, named(op)]),
  ),
  Gelu: named('Gelu'),
  'Gelu with tanh': named('Gelu', ['x'], { approximate: 'tanh' }),
  'Selu, other parameters': named('Selu', ['x'], { alpha: 2.5, gamma: 0.5 }),
  'Celu, alpha 2': named('Celu', ['x'], { alpha: 2 }),
  Shrink: named('Shrink', ['x'], { lambd: 0.4, bias: 0.1 }),
  Log: positive('Log'),
  Sqrt: positive('Sqrt'),
  PRelu: named('PRelu', ['x', 'channel']),
  Pow: named('Pow', ['x', 'whole']),
  Min: named('Min', ['x', 'channel', 'whole']),
  Max: named('Max', ['x', 'channel']),
  Mean: named('Mean', ['x', 'channel', 'whole']),
  ...Object.fromEntries(
    ['Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSumExp'].map((op) => [
      `Reduce${op}`,
      named(`Reduce${op}`, ['x'], { axes: [2, 3], keepdims: 0 }),
    ]),
  ),
  ReduceLogSum: positive('ReduceLogSum', { axes: [1] }),
  LogSoftmax: named('LogSoftmax', ['x'], { axis: 1 }),
  'MatMul with a matrix': named('MatMul', ['x', 'matrix']),
  'MatMul with matrices': named('MatMul', ['x', 'matrices']),
  'MatMul with a vector': named('MatMul', ['x', 'vector']),
}

/** The runtime has Gelu from opset 20 on, Mish from 18 on; axes of reductions are inputs there. */
const opset = (name: string) => (/Gelu|Mish/.test(name) ? 20 : 17)

test.each(Object.entries(cases))('%s: onnxruntime, our export in it and our kernels agree', async (name, nodes) => {
  const bytes = onnxFile({ opset: opset(name), irVersion: 9, inputs: { x: ['n', 3, 4, 5] }, constants, nodes })
  const expected = await runFile(bytes, 2)
  const graph = await importOnnx(bytes)
  expect(difference(await runFile(exportOnnx(graph), 2), expected), 'export').toBeLessThan(2e-6)
  const model = await openModel(graph, { gpu })
  const random = createRandom(1, 'x')
  const data = Float32Array.from({ length: 120 }, () => random.normal())
  const found = await model.run({ x: { dims: [2, 3, 4, 5], data } })
  expect(difference(found, expected), 'kernels').toBeLessThan(1e-5)
})

test('Silu, which ONNX has not, is written as Mul and Sigmoid', async () => {
  const graph = await importOnnx(onnxFile({ nodes: named('Relu') }))
  const [relu] = graph.nodes
  const silu = (attributes: Attributes = {}) => ({ ...graph, nodes: [{ ...relu, op: 'Silu', attributes }] })
  const again = await importOnnx(exportOnnx(silu()))
  expect(again.nodes.map(({ op, name }) => [op, name])).toEqual([
    ['Sigmoid', `${relu.name}/0`],
    ['Mul', relu.name],
  ])
})
