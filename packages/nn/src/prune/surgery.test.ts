import { describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { channelGroups, type Kept, pruneChannels } from './index.js'
import { run, withRandomNorms } from './testing/onnx.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

const free = (graph: Graph) => channelGroups(graph).filter((group) => group.locked === null)
const plain = (graph: Graph) => ({ ...graph, initializers: Object.fromEntries(graph.initializers) })

/** Keeps about `share` of the given units, at random. */
const sample = (units: readonly number[], share: number, seed: number, name: string) => {
  const random = createRandom(seed, name)
  const order = [...random.permutation(units.length)].map((i) => units[i])
  return order.slice(0, Math.max(1, Math.ceil(units.length * share))).sort((a, b) => a - b)
}

/** Pruning A and then B equals pruning both at once; nothing removed is the identity; the input is untouched. */
function expectLaws(graph: Graph): void {
  const before = structuredClone(plain(graph))
  const groups = free(graph)
  expect(plain(pruneChannels(graph, {}))).toEqual(before)
  const all = Object.fromEntries(groups.map(({ id, channels }) => [id, [...Array(channels).keys()].reverse()]))
  const same = pruneChannels(graph, all)
  expect(plain(same)).toEqual(before)
  for (const [name, tensor] of graph.initializers) expect(same.initializers.get(name)).toBe(tensor)

  const first: Record<string, number[]> = {}
  const second: Record<string, number[]> = {}
  const both: Record<string, number[]> = {}
  for (const { id, channels } of groups) {
    first[id] = sample([...Array(channels).keys()], 0.7, 1, id)
    both[id] = sample(first[id], 0.6, 2, id)
    second[id] = both[id].map((unit) => first[id].indexOf(unit))
  }
  const once = pruneChannels(graph, both)
  expect(plain(pruneChannels(pruneChannels(graph, first), second))).toEqual(plain(once))
  expect(plain(graph)).toEqual(before)
  // A group that is not named keeps its very tensors.
  const [one] = groups
  const others = pruneChannels(graph, { [one.id]: both[one.id] })
  const layers = new Set(one.members.map((member) => member.layer))
  for (const node of graph.nodes.filter((each) => each.op === 'Gemm' && !layers.has(each.name))) {
    expect(others.initializers.get(node.inputs[1])).toBe(graph.initializers.get(node.inputs[1]))
  }
}

describe.runIf(hasShared)('laws of pruning: shared graphs', () => {
  const names = hasShared ? Object.keys(sharedJson<object>('cases/graphs/expected.json')) : []
  test.each(names)('%s', async (name) => expectLaws(await sharedGraph(`cases/graphs/${name}.onnx`)))
  test('padded shortcuts', async () => expectLaws(await sharedGraph('data/models/cifar10-resnet-akamaster/resnet20.onnx')))
})

test('laws of pruning: tiny', () => expectLaws(withRandomNorms(buildArchitecture('tiny'))))

describe.runIf(hasShared)('shortcuts of slices and pads', () => {
  test('three groups of stage widths, amounts counted anew', async () => {
    const graph = await sharedGraph('data/models/cifar10-resnet-akamaster/resnet20.onnx')
    const stages = free(graph).filter((group) => group.members.length > 4)
    expect(stages.map(({ id, channels }) => [id, channels])).toEqual([
      ['conv1', 16],
      ['layer2.0.conv2', 16],
      ['layer3.0.conv2', 32],
    ])
    // Channels 0..7 and 24..31 of stage 2 are its own: of these 1, 2, 3 and 30 stay.
    const small = pruneChannels(graph, { 'layer2.0.conv2': [1, 2, 3, 14], conv1: [0, 5, 9] })
    const pads = (name: string) => small.nodes.find((node) => node.name === name)!.attributes.pads
    expect(pads('layer2.0.pad')).toEqual([0, 3, 0, 0, 0, 1, 0, 0])
    expect(pads('layer3.0.pad')).toEqual([0, 16, 0, 0, 0, 16, 0, 0])
    expect(small.initializers.get('layer2.1.conv1.weight')!.dims).toEqual([32, 7, 3, 3])
    expect(small.initializers.get('layer3.0.conv2.weight')!.dims).toEqual([39, 64, 3, 3])
  })
})

describe('bad input', () => {
  const graph = buildArchitecture('tiny')
  const cases: [string, Kept, string][] = [
    ['unknown group', { nowhere: [0] }, "group 'nowhere': there is no such channel group: expected one of conv1, conv2, conv3, conv5"],
    ['locked group', { fc: [0] }, "group 'fc': this group is locked (graph output): expected all 10 channels, found 1"],
    ['nothing kept', { conv1: [] }, "group 'conv1': nothing kept: expected at least 1 channel, found 0"],
    ['out of range', { conv1: [0, 16] }, "group 'conv1': kept channel out of range: expected whole numbers from 0 to 15, found 16"],
    ['negative', { conv1: [-1] }, "group 'conv1': kept channel out of range: expected whole numbers from 0 to 15, found -1"],
    ['fractional', { conv1: [1.5] }, "group 'conv1': kept channel out of range: expected whole numbers from 0 to 15, found 1.5"],
    ['twice', { conv1: [1, 2, 1] }, "group 'conv1': kept channel given twice: found 1"],
  ]
  test.each(cases)('%s', (_, kept, message) => {
    expect(() => pruneChannels(graph, kept)).toThrow(InputError)
    expect(() => pruneChannels(graph, kept)).toThrow(message)
  })
})

test('a convolution used twice is cut once, for both', async () => {
  const net = createBuilder({ name: 'twice', input: [3, 6, 6], seed: 1 })
  const weight = net.parameter(
    'w',
    [8, 8, 3, 3],
    Float32Array.from({ length: 576 }, (_, i) => Math.sin(i) / 5),
  )
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }
  const stem = net.relu('relu0', net.conv('stem', net.input, 8))
  const a = net.relu('relu1', net.node('a', 'Conv', [stem, weight], [8, 6, 6], attributes))
  const b = net.relu('relu2', net.node('b', 'Conv', [a, weight], [8, 6, 6], attributes))
  const graph = net.graph(net.linear('fc', net.flatten('flatten', b), 4))
  // Both axes of the weight are read and written by the same tensors: one group.
  expect(free(graph).map(({ id, channels }) => [id, channels])).toEqual([['stem', 8]])
  const small = pruneChannels(graph, { stem: [1, 2, 5] })
  expect([...small.initializers].map(([name, { dims }]) => [name, dims])).toContainEqual(['w', [3, 3, 3, 3]])
  expect(small.initializers.size).toBe(graph.initializers.size)
  expect((await run(small)).output.dims).toEqual([1, 4])
})

test('one output channel is not depthwise, and is not removed', () => {
  const net = createBuilder({ name: 'one', input: [1, 6, 6] })
  const x = net.conv('wide', net.conv('narrow', net.conv('first', net.input, 5), 1), 6)
  const groups = channelGroups(net.graph(net.linear('fc', net.flatten('flatten', x), 2)))
  expect(groups.map(({ id, channels, locked }) => [id, channels, locked])).toEqual([
    ['input', 1, 'graph input'],
    ['first', 5, null],
    ['narrow', 1, 'a single channel'],
    ['wide', 6, null],
    ['fc', 2, 'graph output'],
  ])
})

test('what cannot be cut says why', () => {
  const net = createBuilder({ name: 'locked', input: [3, 6, 6] })
  const strange = net.node('strange', 'Einsum', [net.conv('a', net.input, 4)], [4, 6, 6], { equation: 'nchw->nchw' })
  const norm = net.node('lrn', 'LRN', [net.conv('b', strange, 5)], [5, 6, 6], { size: 3 })
  const mean = net.node('mean', 'ReduceMean', [net.conv('c', norm, 6)], [1, 6, 6], { axes: [1], keepdims: 1 })
  // A gate for all channels alike ties none of them.
  const gated = net.node('gated', 'Mul', [net.conv('d', norm, 7), mean], [7, 6, 6])
  const pooled = net.flatten('flatten', net.globalAveragePool('pool', net.relu('relu', gated)))
  const sum = net.node('sum', 'Add', [net.linear('e', pooled, 4), net.node('tail', 'Einsum', [pooled], [4], { equation: 'nc->nd' })], [4])
  const groups = channelGroups(net.graph(net.linear('fc', sum, 2)))
  expect(Object.fromEntries(groups.map(({ id, locked }) => [id, locked]))).toEqual({
    input: 'graph input',
    a: 'unknown operation Einsum at strange',
    strange: 'unknown operation Einsum at strange',
    b: 'not separable: LRN at lrn mixes channels',
    c: 'not separable: ReduceMean at mean runs over the channels',
    d: 'unknown operation Einsum at tail',
    e: 'unknown operation Einsum at tail',
    sum: 'unknown operation Einsum at tail',
    fc: 'graph output',
  })
})

test('half the channels are a quarter of the cost', () => {
  const graph = buildArchitecture('resnet20')
  const groups = free(graph)
  const small = pruneChannels(graph, Object.fromEntries(groups.map(({ id, channels }) => [id, [...Array(channels >> 1).keys()]])))
  const [before, after] = [costOf(graph), costOf(small)]
  expect(after.params / before.params).toBeCloseTo(0.25, 1)
  expect(after.macs / before.macs).toBeCloseTo(0.25, 1)
})
