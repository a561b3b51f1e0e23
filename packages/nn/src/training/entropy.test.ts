import { acquireGpu, elements, type Gpu, operations } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { type Dataset, makeShapes } from '../data/index.js'
import { openModel } from '../engine/index.js'
import type { Graph } from '../graph.js'
import { channelGroups, type Kept, keepTop, pruneChannels, rankChannels } from '../prune/index.js'
import { createRandom } from '../random.js'
import { inferShapes } from '../shapes.js'
import type { EntropySettings } from './entropy.js'
import { maskedEvaluator } from './masked.js'
import { recalibrateBatchNorm } from './recalibrate.js'

let gpu: Gpu
let data: Dataset
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  data = makeShapes('train', 3, 11)
})
afterAll(() => gpu.close())

const normalization = { mean: [0.5], std: [0.25] }
const opened = (graph: Graph) => channelGroups(graph).filter((group) => group.locked === null)
const candidatesOf = (graph: Graph, ratios: readonly number[]): Kept[] =>
  ratios.map((ratio, seed) =>
    Object.fromEntries(
      opened(graph).map((group) => [group.id, keepTop(rankChannels(graph, group, 'random', { seed }), Math.ceil(group.channels * ratio))]),
    ),
  )

/** Two groups in one tensor, one of them read by a layer of its own; maps of one position and a linear layer, which do not count. */
function joined(): Graph {
  const net = createBuilder({ name: 'joined', input: data.shape, seed: 3 })
  const a = net.relu('relu_a', net.conv('a', net.input, 4, { stride: 4, bias: true }))
  const b = net.relu('relu_b', net.batchNorm('bn', net.conv('b', a, 5)))
  const c = net.relu('relu_c', net.concat('joined', [b, net.conv('c', a, 3)]))
  const d = net.relu('relu_d', net.conv('d', net.globalAveragePool('pool', net.relu('relu_e', net.conv('e', c, 6))), 6, { kernel: 1 }))
  const hidden = net.relu('relu_h', net.linear('hidden', net.flatten('flatten', d), 6))
  return net.graph(net.linear('fc', hidden, data.classes))
}

/** Channels on the last axis of [N, positions, channels]: masked before the activation. */
function lastAxis(): Graph {
  const net = createBuilder({ name: 'last axis', input: data.shape, seed: 6 })
  const weight = (name: string, dims: [number, number]) => {
    const random = createRandom(2, name)
    return net.parameter(
      name,
      dims,
      Float32Array.from({ length: dims[0] * dims[1] }, () => random.normal()),
    )
  }
  const a = net.relu('relu_a', net.conv('a', net.input, 4, { stride: 4, bias: true }))
  const tokens = net.node('tokens', 'Transpose', [net.node('flat', 'Reshape', [a], [4, 36], { shape: [0, 4, 36] })], [36, 4], {
    perm: [0, 2, 1],
  })
  const b = net.relu('relu_b', net.node('b', 'MatMul', [tokens, weight('b.weight', [4, 6])], [36, 6]))
  const c = net.node('c', 'MatMul', [b, weight('c.weight', [6, 5])], [36, 5])
  return net.graph(net.linear('fc', net.node('mean', 'ReduceMean', [c], [5], { axes: [1], keepdims: 0 }), data.classes))
}

/** [N, positions, channels] as maps of one row. */
function asMaps({ dims, data: values }: { dims: readonly number[]; data: Float32Array }) {
  if (dims.length === 4) return { shape: dims, data: Float64Array.from(values) }
  const [images, positions, channels] = dims
  const at = (i: number) => Math.floor(i / (positions * channels)) * positions * channels + (i % positions) * channels
  return {
    shape: [images, channels, 1, positions],
    data: Float64Array.from(values, (_, i) => values[at(i) + (Math.floor(i / positions) % channels)]),
  }
}

/** The mean over channels, images and tensors of a network that really is cut, in float64 from its activations on. */
async function oracle(graph: Graph, tensors: readonly string[], settings: EntropySettings): Promise<number> {
  const model = await openModel({ ...graph, outputs: tensors.map((name) => ({ name, shape: [], type: 'float32' as const })) }, { gpu })
  const images = Float32Array.from(data.images, (byte) => (byte / 255 - 0.5) / 0.25)
  const activations = await model.run({ input: { dims: [data.count, ...data.shape], data: images } })
  model.close()
  const means = tensors.map((name) => {
    const [{ data: entropies }] = operations.SpatialEntropy.reference({ ...settings }, [asMaps(activations[name])])
    return entropies.reduce((sum, value) => sum + value, 0) / entropies.length
  })
  return means.reduce((sum, mean) => sum + mean, 0) / means.length
}

describe.each([
  {
    name: 'tiny',
    make: () => buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 4 }),
    tensors: [1, 2, 3, 4, 5].map((i) => `relu${i}`),
  },
  { name: 'groups that meet in one tensor', make: joined, tensors: ['relu_a', 'relu_c', 'relu_e'] },
  { name: 'channels on the last axis', make: lastAxis, tensors: ['relu_a', 'b', 'c'] },
])('$name', ({ make, tensors }) => {
  test.each((['aura', 'aura-matrix'] as const).flatMap((definition) => [8, 16, 32, 256].map((levels) => ({ levels, definition }))))(
    '$definition of $levels levels = that of the networks really cut',
    async (entropy) => {
      const graph = make()
      const candidates = candidatesOf(graph, [0.3, 0.6, 1])
      const expected = await Promise.all(candidates.map((kept) => oracle(pruneChannels(graph, kept), tensors, entropy)))
      for (const p of [1, 2]) {
        // Runs of 4, 4 and 3 images: the last does not fill its batch.
        const evaluator = await maskedEvaluator(gpu, graph, opened(graph), data, { normalization, candidates: p, batch: 4, entropy })
        const judged = await evaluator.evaluate(candidates)
        evaluator.destroy()
        judged.forEach((judgement, i) => expect(Math.abs(judgement.entropy! - expected[i])).toBeLessThan(1e-4 * Math.max(1, expected[i])))
      }
      expect(Math.abs(expected[0] - expected[1])).toBeGreaterThan(1e-3)
    },
  )
})

/** Recalibrated on all images at once, with the biased variances that the batch itself is normalised by. */
async function settled(graph: Graph): Promise<Graph> {
  const recalibrated = await recalibrateBatchNorm(gpu, graph, data, { normalization, batch: data.count, images: data.count })
  const shapes = inferShapes(graph, { batch: data.count })
  const initializers = new Map(recalibrated.initializers)
  for (const { op, inputs } of graph.nodes) {
    if (op !== 'BatchNormalization') continue
    const variance = initializers.get(inputs[4])!
    const n = elements(shapes.get(inputs[0])!) / variance.data.length
    initializers.set(inputs[4], { ...variance, data: (variance.data as Float32Array).map((value) => (value * (n - 1)) / n) })
  }
  return { ...recalibrated, initializers }
}

test('with statistics of their own, entropies are those of the networks cut and recalibrated; losses are as without', async () => {
  // Before the first mask the running statistics stay those of the network.
  const graph = await settled(buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 5 }))
  const candidates = candidatesOf(graph, [0.3, 0.6])
  const entropy = { levels: 16, definition: 'aura' } as const
  const options = { normalization, candidates: 2, batch: data.count, recalibrate: true }
  const judge = async (extra: object) => {
    const evaluator = await maskedEvaluator(gpu, graph, opened(graph), data, { ...options, ...extra })
    const found = await evaluator.evaluate(candidates)
    evaluator.destroy()
    return found
  }
  const [judged, plain] = [await judge({ entropy }), await judge({})]
  const tensors = [1, 2, 3, 4, 5].map((i) => `relu${i}`)
  for (const [i, kept] of candidates.entries()) {
    const cut = pruneChannels(graph, kept)
    expect(Math.abs(judged[i].entropy! - (await oracle(await settled(cut), tensors, entropy)))).toBeLessThan(1e-4)
    expect(Math.abs(judged[i].entropy! - (await oracle(cut, tensors, entropy)))).toBeGreaterThan(1e-3)
    expect(judged[i].loss).toBe(plain[i].loss)
    expect(plain[i]).not.toHaveProperty('entropy')
  }
})

test('a network without masked maps, and settings that are none, are refused', async () => {
  const net = createBuilder({ name: 'flat', input: data.shape, seed: 1 })
  const hidden = net.relu('relu', net.linear('hidden', net.flatten('flatten', net.input), 6))
  const flat = net.graph(net.linear('fc', hidden, data.classes))
  const refused = (graph: Graph, entropy: EntropySettings) => maskedEvaluator(gpu, graph, opened(graph), data, { normalization, entropy })
  await expect(refused(flat, { levels: 16, definition: 'aura' })).rejects.toThrow(/'flat' has no spatial entropy.*found hidden/)
  await expect(refused(joined(), { levels: 257, definition: 'aura' })).rejects.toThrow(/at most 256 levels, found 257/)
})
