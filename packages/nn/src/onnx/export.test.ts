import { expect, test } from 'vitest'
import { createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { comparable, runFile } from './testing/models.js'

/** One node of everything that has a form of its own in a file. */
function everything(): Graph {
  const net = createBuilder({ name: 'everything', input: [3, 8, 8], metadata: { 'espalier.std': '1,1,1', 'espalier.arch': 'everything' } })
  const node = net.node
  let x = net.relu6('relu6', net.batchNorm('bn', net.conv('conv', net.input, 4, { bias: true })))
  x = node('low', 'Clip', [x], x.shape, { min: -1, max: 3.4028234663852886e38 })
  x = net.concat('concat', [net.maxPool('max', x, { kernel: 2 }), net.averagePool('mean', x, { kernel: 2 })])
  x = node('pad', 'Pad', [x], [8, 6, 6], { pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: 'constant', value: 0.5 })
  x = node('slice', 'Slice', [x], [6, 6, 3], { starts: [1, 0], ends: [7, 2147483647], axes: [1, 3], steps: [1, 2] })
  x = node('leaky', 'LeakyRelu', [x], x.shape, { alpha: 1 })
  x = node('prelu', 'PRelu', [x, net.parameter('slope', [6, 1, 1], new Float32Array(6).fill(0.25))], x.shape)
  x = node('transpose', 'Transpose', [x], [6, 3, 6], { perm: [0, 1, 3, 2] })
  x = node('up', 'Resize', [x], [6, 6, 12], {
    scales: [1, 1, 2, 2],
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
    cubic_coeff_a: -0.75,
    exclude_outside: 0,
  })
  x = node('sum', 'ReduceSum', [x], [6, 6], { axes: [3], keepdims: 0 })
  x = node('unsqueeze', 'Unsqueeze', [x], [1, 6, 6], { axes: [1] })
  x = node('squeeze', 'Squeeze', [x], [6, 6], { axes: [1] })
  x = node('mean2', 'ReduceMean', [x], [6, 1], { axes: [2], keepdims: 1 })
  x = node('reshape', 'Reshape', [x], [6], { shape: [0, -1] })
  return net.graph(net.softmax('softmax', net.linear('fc', x, 3)))
}

test('import of export is the graph itself, and onnxruntime runs it', async () => {
  const graph = everything()
  const bytes = exportOnnx(graph)
  expect(comparable(await importOnnx(bytes))).toEqual(comparable(graph))
  const { output } = await runFile(bytes, 2)
  expect(output.dims).toEqual([2, 3])
  expect(output.data[0] + output.data[1] + output.data[2]).toBeCloseTo(1, 5)
})

test('the same graph, the same bytes: in whatever order its attributes and metadata were written', () => {
  const graph = everything()
  const reversed = (record: object) => Object.fromEntries(Object.entries(record).reverse())
  const other: Graph = {
    ...graph,
    metadata: reversed(graph.metadata),
    nodes: graph.nodes.map((node) => ({ ...node, attributes: reversed(node.attributes) as never })),
  }
  expect(Buffer.from(exportOnnx(other)).equals(exportOnnx(graph))).toBe(true)
})

test('constants of attributes take names that are free', async () => {
  const net = createBuilder({ name: 'names', input: [1, 2, 2] })
  const b = net.parameter('clip.min', [1], Float32Array.of(3))
  const graph = net.graph(net.node('clip', 'Clip', [net.node('add', 'Add', [net.input, b], [1, 2, 2])], [1, 2, 2], { min: 0, max: 4 }))
  expect(comparable(await importOnnx(exportOnnx(graph)))).toEqual(comparable(graph))
})

test.each([
  ['FusedConv', {}, /node 'odd': FusedConv is not an operator of ONNX opset 17.*masked or fused/],
  ['Mask', {}, /node 'odd': Mask/],
  ['BatchNormalizationTraining', {}, /BatchNormalizationTraining/],
  ['DropoutTraining', {}, /DropoutTraining/],
  ['AveragePool', { dilations: [2, 2] }, /needs opset 19/],
])('%s is refused', (op, attributes, message) => {
  const net = createBuilder({ name: 'odd', input: [1, 2, 2] })
  expect(() => exportOnnx(net.graph(net.node('odd', op, [net.input], [1, 2, 2], attributes)))).toThrow(message)
})

test('adaptive pooling is written as windows where its bins are equal', async () => {
  const pooled = (output_size: number[]) => {
    const net = createBuilder({ name: 'adaptive', input: [3, 6, 8] })
    return net.graph(net.node('pool', 'AdaptiveAveragePool', [net.input], [3, ...output_size], { output_size }))
  }
  const [{ op, attributes }] = (await importOnnx(exportOnnx(pooled([3, 2])))).nodes
  expect(op).toBe('AveragePool')
  expect(attributes).toMatchObject({ kernel_shape: [2, 4], strides: [2, 4] })
  expect(() => exportOnnx(pooled([4, 2]))).toThrow(/node 'pool': AdaptiveAveragePool of 6 x 8 to 4 x 2 has bins of different sizes/)
})

test('an initialiser with the wrong number of elements is refused', () => {
  const net = createBuilder({ name: 'wrong', input: [1, 2, 2] })
  const graph = net.graph(net.node('add', 'Add', [net.input, net.parameter('b', [3], new Float32Array(2))], [1, 2, 2]))
  expect(() => exportOnnx(graph)).toThrow(/initializer 'b': expected 3 elements for \[3\], found 2/)
})
