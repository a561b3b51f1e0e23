import { expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { exportOnnx, importOnnx } from '../onnx/index.js'
import { comparable } from '../onnx/testing/models.js'
import { nonZeroWeights, pruneWeights, weightLayers } from './weights.js'

/** Every kind of layer, with weights 1, -2, 3, ... so that magnitudes are positions. */
function layers(): Graph {
  const net = createBuilder({ name: 'layers', input: [4, 6, 6] })
  const weight = (name: string, dims: number[]) =>
    net.parameter(
      name,
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (i % 2 ? -1 : 1) * (i + 1)),
    )
  let x = net.node('conv', 'Conv', [net.input, weight('w.conv', [3, 2, 1, 1])], [3, 6, 6], { kernel_shape: [1, 1], group: 1 })
  x = net.node('up', 'ConvTranspose', [x, weight('w.up', [4, 2, 1, 2])], [4, 6, 7], { kernel_shape: [1, 2], group: 2 })
  x = net.node('fc', 'Gemm', [x, weight('w.fc', [2, 3]), weight('b.fc', [2])], [2], { transB: 1 })
  x = net.node('in out', 'Gemm', [x, weight('w.inout', [2, 3])], [3], { transB: 0 })
  x = net.node('product', 'MatMul', [x, weight('w.product', [3, 2])], [2])
  const shared = weight('w.shared', [2, 2])
  x = net.node('first', 'MatMul', [x, shared], [2])
  x = net.node('second', 'MatMul', [x, shared], [2])
  return net.graph(net.node('no weight', 'MatMul', [x, x], [2]))
}
const values = (graph: Graph, name: string) => Array.from(graph.initializers.get(name)!.data as Float32Array)

test('layers whose weights can be pruned, and why others are left out', () => {
  const { layers: found, skipped } = weightLayers(layers())
  expect(found).toEqual([
    { name: 'conv', weight: 'w.conv', count: 6, filters: 3 },
    { name: 'up', weight: 'w.up', count: 16, filters: 4 },
    { name: 'fc', weight: 'w.fc', count: 6, filters: 2 },
    { name: 'in out', weight: 'w.inout', count: 6, filters: 3 },
    { name: 'product', weight: 'w.product', count: 6, filters: 2 },
  ])
  expect(skipped).toEqual([
    { layer: 'first', reason: 'its weight is used more than once' },
    { layer: 'second', reason: 'its weight is used more than once' },
    { layer: 'no weight', reason: 'its weight is not a constant' },
  ])
  const graph = layers()
  const doubles = new Map(graph.initializers).set('w.fc', { dims: [2, 3], type: 'float64', data: new Float64Array(6) })
  expect(weightLayers({ ...graph, initializers: doubles }).skipped).toContainEqual({
    layer: 'fc',
    reason: 'its weight is float64, not float32',
  })
})

test('the largest magnitudes stay, of equal ones the first, and exactly so many', () => {
  const graph = layers()
  expect(values(pruneWeights(graph, { conv: 2 }), 'w.conv')).toEqual([0, 0, 0, 0, 5, -6])
  expect(values(pruneWeights(graph, { conv: 0 }), 'w.conv')).toEqual([0, 0, 0, 0, 0, 0])
  expect(values(pruneWeights(graph, { conv: 6 }), 'w.conv')).toEqual(values(graph, 'w.conv'))
  const equal = new Map(graph.initializers).set('w.conv', {
    dims: [3, 2, 1, 1],
    type: 'float32',
    data: Float32Array.of(-1, 2, 1, -2, 1, 0),
  })
  const tied = { ...graph, initializers: equal }
  expect(values(pruneWeights(tied, { conv: 1 }), 'w.conv')).toEqual([0, 2, 0, 0, 0, 0])
  expect(values(pruneWeights(tied, { conv: 4 }), 'w.conv')).toEqual([-1, 2, 1, -2, 0, 0])
  const pruned = pruneWeights(graph, { conv: 2, up: 5, 'in out': 0 })
  expect(nonZeroWeights(pruned)).toMatchObject({ count: 40, nonZero: 19, layers: [{ name: 'conv', count: 6, nonZero: 2 }, {}, {}, {}, {}] })
  expect(nonZeroWeights(graph).nonZero).toBe(40)
  expect(values(graph, 'w.up')).not.toContain(0)
})

test('filters keep all their weights or none, and their biases', () => {
  const pruned = pruneWeights(layers(), { conv: [0, 2], up: [1, 2], fc: [1], 'in out': [2], product: Uint8Array.of(0) })
  expect(values(pruned, 'w.conv')).toEqual([1, -2, 0, 0, 5, -6])
  // [in, out / groups, ...]: the first two rows are of filters 0 and 1, the others of 2 and 3.
  expect(values(pruned, 'w.up')).toEqual([0, 0, 3, -4, 0, 0, 7, -8, 9, -10, 0, 0, 13, -14, 0, 0])
  expect(values(pruned, 'w.fc')).toEqual([0, 0, 0, -4, 5, -6].map((x, i) => (i < 3 ? 0 : x)))
  expect(values(pruned, 'b.fc')).toEqual([1, -2])
  expect(values(pruned, 'w.inout')).toEqual([0, 0, 3, 0, 0, -6])
  expect(values(pruned, 'w.product')).toEqual([1, 0, 3, 0, 5, 0])
})

test('the file of a sparse network is as large as that of the dense one, and keeps the zeros', async () => {
  const graph = buildArchitecture('tiny', { input: [1, 24, 24], classes: 10, seed: 2 })
  const kept = Object.fromEntries(weightLayers(graph).layers.map(({ name, count }) => [name, Math.round(count / 10)]))
  const sparse = pruneWeights(graph, kept)
  const bytes = exportOnnx(sparse)
  expect(bytes.length).toBe(exportOnnx(graph).length)
  const back = await importOnnx(bytes)
  expect(comparable(back)).toEqual(comparable(sparse))
  expect(nonZeroWeights(back).layers.map(({ nonZero }) => nonZero)).toEqual(Object.values(kept))
})

test.each([
  [{ conv: 7 }, /layer 'conv': number of weights to keep.*from 0 to 6.*found 7/],
  [{ conv: 1.5 }, /found 1.5/],
  [{ conv: [3] }, /layer 'conv': kept filter out of range.*from 0 to 2.*found 3/],
  [{ first: 1 }, /layer 'first': .*cannot be pruned: its weight is used more than once/],
  [{ none: 1 }, /layer 'none': there is no such layer.*one of conv, up, fc, in out, product/],
])('%j is refused', (kept, message) => {
  expect(() => pruneWeights(layers(), kept as never)).toThrow(message)
})

test('weights that are no numbers are refused', () => {
  const graph = layers()
  const broken = new Map(graph.initializers).set('w.fc', {
    dims: [2, 3],
    type: 'float32',
    data: Float32Array.of(1, 2, Number.NaN, 4, 5, 6),
  })
  expect(() => pruneWeights({ ...graph, initializers: broken }, { fc: 2 })).toThrow(/layer 'fc'.*found NaN/)
})
