import { describe, expect, test } from 'vitest'
import { createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { channelGroups, compensatedGraph, type Kept, maskGraph, maskName, pruneChannels, pruneChannelsWithReport } from './index.js'
import { difference, run, withoutMasks, withRandomNorms } from './testing/onnx.js'
import { hasShared, sharedGraph, sharedJson } from './testing/shared.js'

/** The graph with every filter and bias of removed channels zero, and all else as it was: normalisations and constants still shift these channels. */
function killed(graph: Graph, kept: Kept): Graph {
  const initializers = new Map(graph.initializers)
  for (const group of channelGroups(graph).filter(({ id }) => id in kept)) {
    const stays = new Set(Array.from(kept[group.id]))
    for (const { layer, side, multiplicity, indices } of group.members) {
      if (side === 'in') continue
      const node = graph.nodes.find((one) => one.name === layer)!
      const axis = node.op === 'ConvTranspose' || node.op === 'MatMul' || (node.op === 'Gemm' && !node.attributes.transB) ? 1 : 0
      for (const [input, along] of [
        [1, axis],
        [2, 0],
      ] as const) {
        const tensor = initializers.get(node.inputs[input])
        if (!tensor) continue
        const data = Float32Array.from(tensor.data as Float32Array)
        const inner = tensor.dims.slice(along + 1).reduce((a, b) => a * b, 1)
        const gone = new Set(indices.filter((_, i) => !stays.has(Math.floor(i / multiplicity))))
        for (let k = 0; k < data.length; k++) if (gone.has(Math.floor(k / inner) % tensor.dims[along])) data[k] = 0
        initializers.set(node.inputs[input], { ...tensor, data })
      }
    }
  }
  return { ...graph, initializers }
}

function half(graph: Graph, seed = 5): Record<string, number[]> {
  const free = channelGroups(graph).filter((group) => group.locked === null)
  return Object.fromEntries(
    free.map(({ id, channels }) => [id, [...createRandom(seed, id).permutation(channels)].slice(0, Math.max(1, channels >> 1))]),
  )
}

/** Convolutions with the given padding and kernel, one behind the other, and a linear head. */
function chain(padding: number, bias: boolean): Graph {
  const net = createBuilder({ name: 'chain', input: [2, 9, 8], seed: 1 })
  let x = net.relu('relu1', net.batchNorm('bn1', net.conv('conv1', net.input, 7, { padding })))
  x = net.relu6('relu2', net.batchNorm('bn2', net.conv('conv2', x, 6, { padding, bias })))
  x = net.relu('relu3', net.conv('conv3', x, 5, { padding, bias: true }))
  x = net.conv('conv4', x, 4, { kernel: 1, padding: 0 })
  return withRandomNorms(net.graph(net.linear('fc', net.flatten('flatten', x), 3)))
}

describe('constants that dead channels leave behind', () => {
  test.each([true, false])('are held exactly by biases where nothing pads (bias %s)', async (bias) => {
    const graph = chain(0, bias)
    const kept = half(graph)
    const dead = killed(graph, kept)
    const { graph: small, residue } = pruneChannelsWithReport(dead, kept)
    expect(residue).toEqual([])
    expect(difference(await run(small), await run(dead))).toBeLessThan(1e-5)
    // It is the constants that make the difference.
    expect(difference(await run(pruneChannels(graph, kept)), await run(dead))).toBeGreaterThan(1e-2)
  })

  test.each(['Gelu', 'Mish', 'Silu', 'Selu', 'Celu', 'Softplus', 'ThresholdedRelu', 'Shrink', 'Erf', 'Cos', 'Round'])(
    'are carried through %s',
    async (op) => {
      const net = createBuilder({ name: 'through', input: [2, 5, 5], seed: 3 })
      const x = net.batchNorm('bn1', net.conv('conv1', net.input, 6, { padding: 0 }))
      const y = net.conv('conv2', net.node('activation', op, [x], [6, 3, 3]), 3, { padding: 0 })
      const graph = withRandomNorms(net.graph(net.linear('fc', net.flatten('flatten', y), 3)))
      const kept = { conv1: [1, 4] }
      const dead = killed(graph, kept)
      const { graph: small, residue } = pruneChannelsWithReport(dead, kept)
      expect(residue).toEqual([])
      expect(difference(await run(small), await run(dead))).toBeLessThan(1e-5)
    },
  )

  test('are reported where padding meets them, with a bound that holds', async () => {
    const net = createBuilder({ name: 'padded', input: [2, 6, 6], seed: 2 })
    const x = net.relu('relu1', net.batchNorm('bn1', net.conv('conv1', net.input, 6)))
    const graph = withRandomNorms(net.graph(net.conv('conv2', x, 3, { bias: true })))
    const kept = { conv1: [1, 4] }
    const dead = killed(graph, kept)
    const { graph: small, residue } = pruneChannelsWithReport(dead, kept)
    expect(residue.map(({ layer }) => layer)).toEqual(['conv2'])
    const [expected, found] = [(await run(dead)).output.data, (await run(small)).output.data]
    const error = (y: number, x: number) =>
      Math.max(...[0, 1, 2].map((c) => Math.abs(expected[c * 36 + y * 6 + x] - found[c * 36 + y * 6 + x])))
    expect(error(2, 3)).toBeLessThan(1e-5)
    const worst = Math.max(...Array.from({ length: 36 }, (_, i) => error(Math.floor(i / 6), i % 6)))
    expect(worst).toBeGreaterThan(1e-3)
    expect(residue[0].maxAbs).toBeCloseTo(worst, 4)
  })

  test('move the mean of a normalisation behind the reader, and add no parameter', () => {
    const graph = chain(0, false)
    const dead = killed(graph, { conv1: [0, 1] })
    const small = pruneChannels(dead, { conv1: [0, 1] })
    expect([...small.initializers.keys()]).toEqual([...graph.initializers.keys()])
    expect(small.initializers.get('bn2.running_mean')!.data).not.toEqual(graph.initializers.get('bn2.running_mean')!.data)
  })

  test('masked equals pruned once the full network has the same biases', async () => {
    const graph = chain(1, true)
    const kept = half(graph)
    const dead = killed(graph, kept)
    const groups = channelGroups(dead).filter((group) => group.locked === null)
    const masks = Object.fromEntries(
      groups.map(({ id, channels }) => [
        maskName(id),
        { dims: [1, channels], data: Float32Array.from({ length: channels }, (_, i) => (kept[id].includes(i) ? 1 : 0)) },
      ]),
    )
    const masked = withoutMasks(maskGraph(compensatedGraph(dead, kept), groups), dead, masks)
    expect(difference(await run(masked), await run(pruneChannels(dead, kept)))).toBeLessThan(1e-5)
  })
})

test('means of removed channels go into the bias of their reader', async () => {
  const net = createBuilder({ name: 'means', input: [2, 1, 1], seed: 4 })
  const x = net.conv('conv1', net.input, 4, { kernel: 1, padding: 0, bias: true })
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.conv('conv2', x, 3, { kernel: 1, padding: 0 })), 2))
  const means = new Map([
    ['conv1', Float32Array.of(1, -2, 3, 0.5)],
    ['flatten', Float32Array.of(0, 2, 0)],
  ])
  const kept = { conv1: [0, 3], conv2: [0, 2] }
  const small = pruneChannels(graph, kept, { means })
  const w = graph.initializers.get('conv2.weight')!.data as Float32Array
  const bias = [0, 2].map((o) => w[o * 4 + 1] * -2 + w[o * 4 + 2] * 3)
  expect([...(small.initializers.get('conv2.bias')!.data as Float32Array)]).toEqual(bias.map(Math.fround))
  const full = compensatedGraph(graph, kept, { means })
  expect(full.initializers.get('conv2.weight')).toBe(graph.initializers.get('conv2.weight'))
  const masks = {
    [maskName('conv1')]: { dims: [1, 4], data: Float32Array.of(1, 0, 0, 1) },
    [maskName('conv2')]: { dims: [1, 3], data: Float32Array.of(1, 0, 1) },
  }
  const masked = withoutMasks(maskGraph(full, channelGroups(full)), full, masks)
  expect(difference(await run(masked), await run(small))).toBeLessThan(1e-5)
  expect(() => pruneChannels(graph, kept, { means: new Map([['conv1', [1, 2]]]) })).toThrow(
    "means of 'conv1': expected 4 channels, found 2",
  )
})

/** Every padded convolution padded by copies of the border instead: a constant then stays constant, and a bias can hold it. */
function withEdgePads(graph: Graph): Graph {
  const nodes = graph.nodes.flatMap((node) => {
    const pads = node.op === 'Conv' ? (node.attributes.pads as number[]) : []
    if (!pads.some((size) => size > 0)) return [node]
    const padded = `${node.name}.padded`
    const [top, left, bottom, right] = pads
    const pad = {
      name: padded,
      op: 'Pad',
      inputs: [node.inputs[0]],
      outputs: [padded],
      attributes: { mode: 'edge', value: 0, pads: [0, 0, top, left, 0, 0, bottom, right] },
    }
    return [pad, { ...node, inputs: [padded, ...node.inputs.slice(1)], attributes: { ...node.attributes, pads: [0, 0, 0, 0] } }]
  })
  return { ...graph, nodes }
}

describe.runIf(hasShared)('dead channels of the shared graphs', () => {
  const names = hasShared ? Object.keys(sharedJson<object>('cases/graphs/expected.json')) : []
  // A pool and a Pad bring zeros or another value; a transposed convolution spreads a constant unevenly.
  const inexact: Record<string, string[]> = {
    constant_pad: ['c2'],
    inception_block: ['p1'],
    unet_skip: ['up'],
  }
  test.each(names)('%s', async (name) => {
    const graph = withEdgePads(await sharedGraph(`cases/graphs/${name}.onnx`))
    const kept = half(graph)
    const dead = killed(graph, kept)
    const { graph: small, residue } = pruneChannelsWithReport(dead, kept)
    expect(residue.map(({ layer }) => layer).sort((a, b) => a.localeCompare(b))).toEqual(inexact[name] ?? [])
    if (residue.length === 0) expect(difference(await run(small), await run(dead))).toBeLessThan(1e-4)
  })
})
