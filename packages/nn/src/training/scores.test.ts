import { acquireGpu, type Gpu, operations } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { type Dataset, makeShapes, subset } from '../data/index.js'
import { fuseForInference } from '../engine/fuse.js'
import { openModel } from '../engine/index.js'
import type { Graph } from '../graph.js'
import { channelGroups, maskGraph } from '../prune/index.js'
import { createJudge } from './judge.js'
import { channelScores } from './scores.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }
const opened = (graph: Graph) => channelGroups(graph).filter((group) => group.locked === null)
/** Convolutions with a sum, two groups in one tensor, a flatten, two linear layers. */
function small(data: Dataset): Graph {
  const net = createBuilder({ name: 'small', input: data.shape, seed: 3 })
  const a = net.relu('relu_a', net.conv('a', net.input, 4, { stride: 4, bias: true }))
  const b = net.relu('relu_b', net.batchNorm('bn', net.conv('b', a, 4)))
  const c = net.conv('c', net.input, 3, { stride: 4 })
  const joined = net.relu('relu_j', net.concat('joined', [net.add('sum', a, b), c]))
  const hidden = net.relu('relu_h', net.linear('hidden', net.flatten('flatten', net.maxPool('pool', joined, { kernel: 2 })), 6))
  return net.graph(net.linear('fc', hidden, data.classes))
}

test('taylor is what central differences of each image by its masks say', async () => {
  const data = makeShapes('train', 0, 6)
  const graph = small(data)
  const groups = opened(graph)
  expect(groups.map(({ id }) => id)).toEqual(['a', 'c', 'hidden'])
  const scores = await channelScores(gpu, graph, groups, data, { criterion: 'taylor', normalization, images: 6, batch: 3 })
  const sums = new Map(groups.map(({ id, channels }) => [id, new Float64Array(channels)]))
  const h = 1 / 512
  for (let n = 0; n < data.count; n++) {
    const judge = await createJudge(gpu, fuseForInference(maskGraph(graph, groups)), subset(data, [n]), { normalization, batch: 1 })
    for (const { id, channels } of groups) judge.executable.write(`mask:${id}`, new Float32Array(channels).fill(1))
    for (const { id, channels } of groups) {
      for (let c = 0; c < channels; c++) {
        const loss = async (value: number) => {
          judge.executable.write(
            `mask:${id}`,
            Float32Array.from({ length: channels }, (_, i) => (i === c ? value : 1)),
          )
          return (await judge.judge())[0].loss
        }
        sums.get(id)![c] += Math.abs(((await loss(1 + h)) - (await loss(1 - h))) / (2 * h))
      }
      judge.executable.write(`mask:${id}`, new Float32Array(channels).fill(1))
    }
    judge.destroy()
  }
  for (const [id, sum] of sums) {
    const mean = sum.reduce((a, b) => a + b, 0) / sum.length
    sum.forEach((value, c) => expect(scores.get(id)![c], `${id}[${c}]`).toBeCloseTo(value / mean, 2))
  }
})

test('entropy is that of the reference on the activations', async () => {
  const data = makeShapes('train', 1, 8)
  const graph = small(data)
  const groups = opened(graph)
  const scores = await channelScores(gpu, graph, groups, data, { criterion: 'entropy', normalization, images: 8, batch: 4 })
  const points = ['relu_a', 'relu_j']
  const model = await openModel({ ...graph, outputs: points.map((name) => ({ name, shape: [], type: 'float32' as const })) }, { gpu })
  const images = Float32Array.from(data.images, (byte) => (byte / 255 - 0.5) / 0.25)
  const activations = await model.run({ input: { dims: [8, ...data.shape], data: images } })
  model.close()
  const maps = (name: string) => {
    const { dims, data: values } = activations[name]
    const x = { shape: dims, data: Float64Array.from(values) }
    const [{ data: entropies }] = operations.SpatialEntropy.reference({ levels: 16, definition: 'aura' }, [x])
    return Array.from({ length: dims[1] }, (_, c) =>
      entropies.reduce((sum: number, value: number, i: number) => sum + (i % dims[1] === c ? value : 0), 0),
    )
  }
  const normal = (part: readonly number[]) => part.map((value) => (value * part.length) / part.reduce((a, b) => a + b, 0))
  const [joined, a] = [maps('relu_j'), normal(maps('relu_a'))]
  const sum = normal(joined.slice(0, 4))
  expect([...scores.get('c')!].map((x) => x.toFixed(3))).toEqual(normal(joined.slice(4)).map((x) => x.toFixed(3)))
  expect([...scores.get('a')!].map((x) => x.toFixed(3))).toEqual(sum.map((x, i) => ((x + a[i]) / 2).toFixed(3)))
  expect(scores.get('hidden')!.reduce((x, y) => x + y, 0)).toBeCloseTo(6, 6)
})

test('the seed decides; unknown groups and criteria are refused', async () => {
  const data = makeShapes('train', 2, 30)
  const graph = buildArchitecture('tiny', { input: data.shape, classes: data.classes })
  const options = { criterion: 'taylor', normalization, images: 10, batch: 5, seed: 1 } as const
  const [first, again, other] = [
    await channelScores(gpu, graph, opened(graph), data, options),
    await channelScores(gpu, graph, opened(graph), data, options),
    await channelScores(gpu, graph, opened(graph), data, { ...options, seed: 2 }),
  ]
  expect(again).toEqual(first)
  expect(other).not.toEqual(first)
  await expect(channelScores(gpu, graph, [{ id: 'nowhere' }], data, options)).rejects.toThrow("group 'nowhere'")
  await expect(channelScores(gpu, graph, [], data, { ...options, criterion: 'l1' as never })).rejects.toThrow('one of taylor, entropy')
})
