import { describe, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import type { Graph, TensorData } from '../graph.js'
import { createRandom } from '../random.js'
import { type ChannelGroup, channelGroups, type Kept, maskGraph, maskName, pruneChannels } from './index.js'
import { difference, run, withoutMasks, withRandomNorms } from './testing/onnx.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

const free = (graph: Graph) => channelGroups(graph).filter((group) => group.locked === null)

/** About half of every free group, at random. */
function randomKept(groups: readonly ChannelGroup[], seed: number): Record<string, number[]> {
  return Object.fromEntries(
    groups.map((group) => {
      const random = createRandom(seed, group.id)
      const count = Math.max(1, Math.floor(group.channels / 2))
      return [group.id, [...random.permutation(group.channels)].slice(0, count)]
    }),
  )
}

/** The graph with the weights that read removed channels set to zero: what "zero where it is read" means, without masks. */
function deafened(graph: Graph, kept: Kept): Graph {
  const initializers = new Map(graph.initializers)
  for (const group of channelGroups(graph)) {
    if (!(group.id in kept)) continue
    const stays = new Set(Array.from(kept[group.id]))
    for (const { layer, side, multiplicity, indices } of group.members) {
      if (side === 'out') continue
      const node = graph.nodes.find((one) => one.name === layer)!
      const weight = initializers.get(node.inputs[1])!
      const data = Float32Array.from(weight.data as Float32Array)
      const [rows, columns] = weight.dims
      const taps = data.length / rows / columns
      const groups = node.op === 'Conv' ? Number(node.attributes.group ?? 1) : 1
      const axis = node.op === 'Conv' || node.attributes.transB ? 1 : 0
      const gone = new Set(indices.filter((_, i) => !stays.has(Math.floor(i / multiplicity))))
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const input = axis === 0 ? row : column + Math.floor(row / (rows / groups)) * columns
          if (gone.has(input)) data.fill(0, (row * columns + column) * taps, (row * columns + column + 1) * taps)
        }
      initializers.set(node.inputs[1], { ...weight, data } as TensorData)
    }
  }
  return { ...graph, initializers }
}

/** Two candidates in one masked run, against two pruned networks. */
async function expectMaskedEqualsPruned(graph: Graph): Promise<void> {
  const groups = free(graph)
  const candidates = [randomKept(groups, 1), randomKept(groups, 2)]
  const masks = Object.fromEntries(
    groups.map(({ id, channels }) => {
      const data = Float32Array.from({ length: 2 * channels }, (_, i) =>
        candidates[Math.floor(i / channels)][id].includes(i % channels) ? 1 : 0,
      )
      return [maskName(id), { dims: [2, channels], data }]
    }),
  )
  const full = await run(graph)
  const masked = await run(withoutMasks(maskGraph(graph, groups, { candidates: 2 }), masks))
  for (const [p, kept] of candidates.entries()) {
    const small = await run(pruneChannels(graph, kept))
    expect(difference(small, await run(deafened(graph, kept)))).toBeLessThan(1e-4)
    expect(difference(masked, small, p)).toBeLessThan(1e-4)
    expect(difference(small, full)).toBeGreaterThan(1e-3)
  }
}

describe.runIf(hasShared)('masked equals pruned in onnxruntime: shared', () => {
  const names = hasShared ? Object.keys(sharedJson<object>('cases/graphs/expected.json')) : []
  test.each(names)('%s', async (name) => expectMaskedEqualsPruned(await sharedGraph(`cases/graphs/${name}.onnx`)))
  test('ResNet-20 with padded shortcuts', async () =>
    expectMaskedEqualsPruned(await sharedGraph('data/models/cifar10-resnet-akamaster/resnet20.onnx')))
})

test.each(['tiny', 'lenet5', 'resnet20', 'mobilenetv2'])('masked equals pruned in onnxruntime: %s', async (name) => {
  await expectMaskedEqualsPruned(withRandomNorms(buildArchitecture(name)))
})
