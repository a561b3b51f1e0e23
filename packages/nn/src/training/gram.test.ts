import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { type Dataset, makeShapes } from '../data/index.js'
import { openModel } from '../engine/index.js'
import type { Graph, TensorData } from '../graph.js'
import { channelGroups, pruneAndRefit, pruneChannels } from '../prune/index.js'
import { gatherGrams } from './gram.js'
import { compareGraphs } from './self-check.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }

/** Strides, padding and dilation; then a linear layer behind a flatten with several columns per channel. */
function convolutions(data: Dataset): Graph {
  const net = createBuilder({ name: 'convolutions', input: data.shape, seed: 5 })
  const a = net.relu('act_a', net.conv('a', net.input, 6, { stride: 4, bias: true }))
  const b = net.relu('act_b', net.batchNorm('bn', net.conv('b', a, 5, { kernel: [3, 2], stride: 2, dilation: 2, padding: 1 })))
  return net.graph(net.linear('fc', net.flatten('flatten', b), data.classes))
}

test('the sums are those of the columns that the layers read, padding and all', async () => {
  const data = makeShapes('train', 0, 4)
  const graph = convolutions(data)
  const { layers, skipped } = await gatherGrams(gpu, graph, channelGroups(graph), data, { normalization, batch: 2, positions: 1e6 })
  expect(skipped).toEqual([])
  expect([...layers.keys()]).toEqual(['b', 'fc'])
  const model = await openModel({ ...graph, outputs: ['act_a', 'flatten'].map((name) => ({ name, shape: [], type: 'float32' })) }, { gpu })
  const images = Float32Array.from(data.images, (byte) => (byte / 255 - 0.5) / 0.25)
  const { act_a: x, flatten } = await model.run({ input: { dims: [4, ...data.shape], data: images } })
  model.close()
  const [, channels, height, width] = x.dims
  const places = (size: number, kernel: number) => Math.floor((size + 2 - 2 * (kernel - 1) - 1) / 2) + 1
  const rows: number[][] = []
  for (let n = 0; n < 4; n++)
    for (let i = 0; i < places(height, 3); i++)
      for (let j = 0; j < places(width, 2); j++) {
        const row: number[] = []
        for (let c = 0; c < channels; c++)
          for (let k = 0; k < 6; k++) {
            const [u, v] = [2 * i - 1 + 2 * Math.floor(k / 2), 2 * j - 1 + 2 * (k % 2)]
            row.push(u < 0 || v < 0 || u >= height || v >= width ? 0 : x.data[((n * channels + c) * height + u) * width + v])
          }
        rows.push(row)
      }
  const flat = Array.from({ length: 4 }, (_, n) => [
    ...flatten.data.subarray((n * flatten.data.length) / 4, ((n + 1) * flatten.data.length) / 4),
  ])
  for (const [name, expected] of [
    ['b', rows],
    ['fc', flat],
  ] as const) {
    const { gram, columns, samples } = layers.get(name)!
    expect([columns, samples]).toEqual([expected[0].length, expected.length])
    const at = (row: readonly number[], i: number) => (i === columns ? 1 : row[i])
    for (let i = 0; i <= columns; i += 3)
      for (let j = 0; j <= columns; j++)
        expect(gram[i * (columns + 1) + j]).toBeCloseTo(
          expected.reduce((sum, row) => sum + at(row, i) * at(row, j), 0),
          3,
        )
  }
})

test('a network whose removed channels are combinations of the kept ones gives the same without them', async () => {
  const data = makeShapes('train', 1, 40)
  const graph = convolutions(data)
  const initializers = new Map(graph.initializers)
  // Before a ReLU only positive multiples stay combinations: channel 4 is twice channel 0, channel 5 half of channel 2.
  const copy = (name: string, per: number) => {
    const tensor = graph.initializers.get(name)! as TensorData & { data: Float32Array }
    const values = tensor.data.slice()
    for (let k = 0; k < per; k++) {
      values[4 * per + k] = 2 * values[k]
      values[5 * per + k] = 0.5 * values[2 * per + k]
    }
    initializers.set(name, { ...tensor, data: values })
  }
  copy('a.weight', graph.initializers.get('a.weight')!.data.length / 6)
  copy('a.bias', 1)
  const redundant = { ...graph, initializers }
  const statistics = await gatherGrams(gpu, redundant, channelGroups(graph), data, { normalization, images: 40, batch: 20 })
  const kept = { a: [0, 1, 2, 3] }
  const { graph: small, refitted } = pruneAndRefit(redundant, kept, statistics, { ridge: 1e-10 })
  expect(refitted[0].after).toBeLessThan(1e-8 * refitted[0].before)
  const fitted = await compareGraphs(gpu, redundant, small)
  expect(fitted.maxAbsDifference).toBeLessThan(1e-4 * Math.max(1, fitted.scale))
  expect((await compareGraphs(gpu, redundant, pruneChannels(redundant, kept))).maxAbsDifference).toBeGreaterThan(1e-2)
})

test('too large a layer is left out with the reason; the seed decides', async () => {
  const data = makeShapes('train', 2, 20)
  const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes })
  const options = { normalization, images: 20, batch: 10, maxBytes: 8 * 290 ** 2 } as const
  const { layers, skipped } = await gatherGrams(gpu, graph, channelGroups(graph), data, { ...options, maxBytes: 8 * 289 ** 2 - 1 })
  expect([...layers.keys()]).toEqual(['conv2', 'fc'])
  expect(skipped[0]).toEqual({ layer: 'conv3', reason: expect.stringMatching(/288 input columns need 668168 bytes, more than 668167/) })
  const one = await gatherGrams(gpu, graph, channelGroups(graph), data, options)
  const same = await gatherGrams(gpu, graph, channelGroups(graph), data, options)
  const other = await gatherGrams(gpu, graph, channelGroups(graph), data, { ...options, seed: 1 })
  expect(same).toEqual(one)
  expect(other.layers.get('conv2')!.gram).not.toEqual(one.layers.get('conv2')!.gram)
})
