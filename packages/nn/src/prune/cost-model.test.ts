import { describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { costOf } from '../cost.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { channelGroups, costAfter, costModel, minimumCost, pruneChannels } from './index.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

function expectExact(graph: Graph): void {
  const groups = channelGroups(graph)
  const model = costModel(graph, groups)
  const of = (kept: Record<string, number[]>) => {
    const { params, macs } = costOf(pruneChannels(graph, kept))
    return { params, macs }
  }
  expect(model(groups.map((group) => group.channels))).toEqual(of({}))
  for (const seed of [1, 2, 3]) {
    const random = createRandom(seed, 'widths')
    const counts = groups.map(({ channels, locked }) => (locked === null ? 1 + random.integer(channels) : channels))
    const kept = groups.map(({ id, channels }, g) => [id, [...random.permutation(channels)].slice(0, counts[g])] as const)
    expect(model(counts)).toEqual(of(Object.fromEntries(kept)))
  }
  const least = Object.fromEntries(groups.map(({ id, channels, locked }) => [id, locked === null ? [0] : [...Array(channels).keys()]]))
  expect(minimumCost(graph, groups)).toEqual(of(least))
}

describe.runIf(hasShared)('cost of a pruned network without making it: shared', () => {
  const names = hasShared ? Object.keys(sharedJson<object>('cases/graphs/expected.json')) : []
  test.each(names)('%s', async (name) => expectExact(await sharedGraph(`cases/graphs/${name}.onnx`)))
  test('padded shortcuts', async () => expectExact(await sharedGraph('data/models/cifar10-resnet-akamaster/resnet20.onnx')))
})

test.each(['tiny', 'lenet5', 'resnet20', 'mobilenetv2'])('cost of a pruned network without making it: %s', (name) => {
  expectExact(buildArchitecture(name))
})

test('vectors shared by unrelated layers part when they are cut differently, and are counted so', () => {
  const net = createBuilder({ name: 'shared', input: [2, 4, 4] })
  const bias = net.parameter('bias', [6], new Float32Array(6).fill(0.5))
  const conv = (name: string, x: typeof net.input, c: number) =>
    net.node(name, 'Conv', [x, net.parameter(`${name}.weight`, [6, c, 1, 1], new Float32Array(6 * c).fill(0.1)), bias], [6, 4, 4], {
      kernel_shape: [1, 1],
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: 1,
    })
  const graph = net.graph(net.linear('fc', net.flatten('flatten', conv('b', conv('a', net.input, 2), 6)), 3))
  expect(channelGroups(graph).map((group) => group.id)).toEqual(['input', 'a', 'b', 'fc'])
  expectExact(graph)
  const one = pruneChannels(graph, { a: [1, 2] })
  expect(one.initializers.get('bias')).toBe(graph.initializers.get('bias'))
  expect(one.nodes[0].inputs[2]).toBe('bias.2')
})

test('a width that is not possible is refused', () => {
  const graph = buildArchitecture('tiny')
  const groups = channelGroups(graph)
  expect(costAfter(graph, groups, {})).toEqual({ params: costOf(graph).params, macs: costOf(graph).macs })
  expect(() => costAfter(graph, groups, { conv1: 0 })).toThrow("group 'conv1': width: expected a whole number from 1 to 16, found 0")
})
