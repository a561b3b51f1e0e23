import { describe, expect, test } from 'vitest'
import { type Builder, buildArchitecture, createBuilder, type Value } from '../architectures/index.js'
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
  const masked = await run(withoutMasks(maskGraph(graph, groups, { candidates: 2 }), graph, masks))
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

type Body = (net: Builder, x: Value) => Value

const window2 = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], output_padding: [0, 0] }
const seeded = (net: Builder, name: string, dims: number[]) => {
  const random = createRandom(7, name)
  return net.parameter(
    name,
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal(0, 0.4)),
  )
}

/** One structure each, between a convolution to 12 channels of 6 x 6 and a convolution behind it. */
const structures: Record<string, Body> = {
  'a gate for all channels alike': (net, x) => {
    const gate = net.node('gate', 'Sigmoid', [net.conv('gate1', x, 1, { bias: true })], [1, 6, 6])
    return net.node('shifted', 'Add', [net.node('gated', 'Mul', [x, gate], [12, 6, 6]), gate], [12, 6, 6])
  },
  'depth to space, by columns': (net, x) => net.node('shuffle', 'DepthToSpace', [x], [3, 12, 12], { blocksize: 2, mode: 'DCR' }),
  'depth to space, by rows': (net, x) => net.node('shuffle', 'DepthToSpace', [x], [3, 12, 12], { blocksize: 2, mode: 'CRD' }),
  'space to depth': (net, x) => net.node('fold', 'SpaceToDepth', [x], [48, 3, 3], { blocksize: 2 }),
  'slices that overlap': (net, x) => {
    const slice = (name: string, from: number, to: number) =>
      net.node(name, 'Slice', [x], [from < 0 ? 8 : to - from, 3, 6], {
        starts: [from, 0],
        ends: [to, 2147483647],
        axes: [1, 2],
        steps: [1, 2],
      })
    return net.concat('both', [slice('left', 0, 7), net.relu('relu1', slice('right', -8, 12))])
  },
  'a shuffle of three branches, and a Gather of the rest': (net, x) => {
    const parts = net.node('parts', 'Reshape', [x], [3, 4, 36], { shape: [-1, 3, 4, 36] })
    const turned = net.node('turned', 'Transpose', [parts], [4, 3, 36], { perm: [0, 2, 1, 3] })
    const shuffled = net.node('shuffled', 'Reshape', [turned], [12, 6, 6], { shape: [0, 12, 6, -1] })
    const order = net.indices('order', [5, -1, 0, 7, 2, 7])
    return net.node('picked', 'Gather', [net.conv('c1', shuffled, 8), order], [6, 6, 6], { axis: 1 })
  },
  'a shuffle between groups of other sizes': (net, x) => {
    const grouped = net.relu('relu1', net.conv('c1', x, 18, { groups: 3, bias: true }))
    const parts = net.node('parts', 'Reshape', [grouped], [3, 6, 6, 6], { shape: [0, 3, 6, 6, 6] })
    const turned = net.node('turned', 'Transpose', [parts], [6, 3, 6, 6], { perm: [0, 2, 1, 3, 4] })
    const shuffled = net.node('shuffled', 'Reshape', [turned], [18, 6, 6], { shape: [0, 18, 6, 6] })
    return net.conv('c2', shuffled, 8, { groups: 2 })
  },
  'a grouped transposed convolution': (net, x) =>
    net.node('up', 'ConvTranspose', [x, seeded(net, 'up.weight', [12, 3, 2, 2]), seeded(net, 'up.bias', [9])], [9, 12, 12], {
      ...window2,
      group: 3,
    }),
  'a depthwise transposed convolution': (net, x) =>
    net.node('up', 'ConvTranspose', [x, seeded(net, 'up.weight', [12, 1, 2, 2])], [12, 12, 12], { ...window2, group: 12 }),
  'a linear layer over positions': (net, x) => {
    const rows = net.node('rows', 'Reshape', [x], [12, 36], { shape: [0, 12, 36] })
    const mixed = net.node('mixed', 'MatMul', [rows, seeded(net, 'w', [36, 9])], [12, 9])
    return net.node('image', 'Reshape', [mixed], [12, 3, 3], { shape: [-1, 12, 3, 3] })
  },
  'a linear layer over channels': (net, x) => {
    const last = net.node('last', 'Transpose', [x], [6, 6, 12], { perm: [0, 2, 3, 1] })
    const mixed = net.node('mixed', 'Relu', [net.node('product', 'MatMul', [last, seeded(net, 'w', [12, 8])], [6, 6, 8])], [6, 6, 8])
    return net.node('first', 'Transpose', [mixed], [8, 6, 6], { perm: [0, 3, 1, 2] })
  },
  'a linear layer made an image': (net, x) => {
    const flat = net.linear('fc1', net.flatten('flatten1', net.globalAveragePool('pool1', x)), 45)
    return net.node('image', 'Reshape', [net.relu('relu1', flat)], [5, 3, 3], { shape: [0, -1, 3, 3] })
  },
  'pre-activation and concatenation': (net, x) => {
    const y = net.conv('c1', net.relu('relu1', net.batchNorm('bn1', x)), 5)
    return net.relu('relu2', net.batchNorm('bn2', net.concat('joined', [x, y, net.input])))
  },
  'an instance normalisation': (net, x) =>
    net.node('in', 'InstanceNormalization', [x, seeded(net, 'in.scale', [12]), seeded(net, 'in.bias', [12])], [12, 6, 6], {
      epsilon: 1e-5,
    }),
  'normalisations that mix channels': (net, x) => {
    const parameters = (name: string, size: number) => [seeded(net, `${name}.scale`, [size]), seeded(net, `${name}.bias`, [size])]
    const grouped = [net.conv('c1', x, 8), ...parameters('gn', 8)]
    const y = net.node('gn', 'GroupNormalization', grouped, [8, 6, 6], { num_groups: 2, epsilon: 1e-5 })
    const last = net.node('last', 'Transpose', [net.conv('c2', y, 7)], [6, 6, 7], { perm: [0, 2, 3, 1] })
    const normalized = net.node('ln', 'LayerNormalization', [last, ...parameters('ln', 7)], [6, 6, 7], { axis: -1, epsilon: 1e-5 })
    const first = net.node('first', 'Transpose', [normalized], [7, 6, 6], { perm: [0, 3, 1, 2] })
    return net.node('lrn', 'LRN', [first], [7, 6, 6], { size: 3, alpha: 0.5, beta: 0.75, bias: 1 })
  },
  'resized and pooled to a size': (net, x) => {
    const up = net.node('up', 'Resize', [x], [12, 12, 12], { scales: [1, 1, 2, 2], mode: 'linear' })
    return net.node('pooled', 'AdaptiveAveragePool', [up], [12, 4, 6], { output_size: [4, 6] })
  },
  'an output that no mask reaches': (net, x) => net.add('sum', x, net.conv('side', net.input, 12, { bias: true })),
}

test.each(Object.entries(structures))('masked equals pruned in onnxruntime: %s', async (_, body) => {
  const net = createBuilder({ name: 'structure', input: [3, 6, 6], seed: 2 })
  const x = net.relu('relu0', net.batchNorm('bn0', net.conv('stem', net.input, 12)))
  const y = net.conv('tail', body(net, x), 4, { bias: true })
  const fc = net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', y)), 3)
  const graph = withRandomNorms(net.graph(fc, net.conv('head', net.input, 1)))
  expect(free(graph).map((group) => group.id)).toContain('tail')
  expect(free(graph).length).toBeGreaterThan(1)
  await expectMaskedEqualsPruned(graph)
})
