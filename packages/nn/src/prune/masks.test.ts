import { expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { channelGroups, maskGraph } from './index.js'

const masked = (graph: Graph, candidates = 1) => maskGraph(graph, channelGroups(graph), { candidates })
/** [masked tensor, mask, expand] of every mask. */
const masks = (graph: Graph) =>
  graph.nodes.filter((node) => node.op === 'Mask').map(({ inputs, attributes }) => [...inputs, attributes.expand])
const ops = (graph: Graph, op: string) => graph.nodes.filter((node) => node.op === op)

test('masks stand behind the activation, one per tensor that layers read', () => {
  const net = createBuilder({ name: 'chain', input: [3, 8, 8] })
  let x = net.maxPool('pool1', net.relu('relu1', net.batchNorm('bn1', net.conv('conv1', net.input, 4))), { kernel: 2 })
  x = net.relu('relu2', net.conv('conv2', x, 5))
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool2', x)), 3))
  const found = masked(graph, 2)
  expect(masks(found)).toEqual([
    ['relu1', 'mask:conv1', 1],
    ['relu2', 'mask:conv2', 0],
  ])
  expect(found.inputs.slice(1).map(({ name, shape }) => [name, shape])).toEqual([
    ['mask:conv1', [2, 4]],
    ['mask:conv2', [2, 5]],
  ])
  expect(found.nodes.find((node) => node.name === 'pool1')!.inputs).toEqual(['relu1.masked'])
  expect(found.initializers).toEqual(graph.initializers)
})

test('a depthwise layer needs no mask before it, a block of a residual network one on each side', () => {
  const net = createBuilder({ name: 'block', input: [3, 8, 8] })
  const x = net.relu6('act1', net.conv('conv1', net.input, 6))
  const y = net.relu6('act2', net.batchNorm('bn2', net.conv('dw', x, 6, { groups: 6 })))
  const z = net.relu('act3', net.conv('pw', y, 6))
  const sum = net.relu('act4', net.add('add', net.conv('conv4', z, 6), z))
  const found = masked(net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', sum)), 3)), 3)
  expect(masks(found)).toEqual([
    ['act2', 'mask:conv1', 1],
    ['act3', 'mask:pw', 0],
    ['act4', 'mask:pw', 0],
  ])
  expect(ops(found, 'RepeatBatch')).toEqual([])
})

test('producers of a concatenation are masked one by one; what no mask reaches is repeated where it joins', () => {
  const net = createBuilder({ name: 'joined', input: [3, 8, 8] })
  const a = net.relu('relu_a', net.conv('a', net.input, 4))
  const joined = net.concat('joined', [a, net.relu('relu_b', net.conv('b', net.input, 5)), net.input])
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', net.conv('c', joined, 2))), 3))
  const found = masked(graph, 4)
  expect(masks(found)).toEqual([
    ['relu_a', 'mask:a', 1],
    ['relu_b', 'mask:b', 1],
    ['c', 'mask:c', 0],
  ])
  expect(ops(found, 'RepeatBatch').map(({ inputs, outputs, attributes }) => [inputs, outputs, attributes])).toEqual([
    [['input'], ['input.repeated'], { repeats: 4 }],
  ])
})

test('a tensor of several groups behind a shift gets a mask composed of theirs', () => {
  const net = createBuilder({ name: 'dense', input: [3, 8, 8] })
  const joined = net.concat('joined', [net.conv('a', net.input, 2), net.input, net.conv('b', net.input, 3)])
  const act = net.relu('act', net.batchNorm('bn', joined))
  const found = masked(net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', net.conv('c', act, 2))), 3)))
  expect(masks(found)[0]).toEqual(['act', 'act.mask', 0])
  const gemm = found.nodes.find((node) => node.name === 'act.mask')!
  expect(found.nodes.find((node) => node.name === gemm.inputs[0])!.inputs).toEqual(['mask:a', 'mask:b'])
  const units = found.initializers.get(gemm.inputs[1])!
  expect(units.dims).toEqual([5, 8])
  expect([...(found.initializers.get(gemm.inputs[2])!.data as Float32Array)]).toEqual([0, 0, 1, 1, 1, 0, 0, 0])
})

test('only the groups asked for are masked; an output that none reaches is repeated under its name', () => {
  const graph = buildArchitecture('tiny')
  expect(maskGraph(graph, [{ id: 'conv3' }]).inputs.map((input) => input.name)).toEqual(['input', 'mask:conv3'])
  expect(() => maskGraph(graph, [{ id: 'nowhere' }])).toThrow("group 'nowhere': there is no such channel group")
  const none = maskGraph(graph, [], { candidates: 2 })
  expect(none.nodes.at(-1)).toMatchObject({ op: 'RepeatBatch', inputs: ['output.single'], outputs: ['output'] })
})
