import { acquireGpu, elements, type Gpu, type NdArray } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { inferShapes } from '../shapes.js'
import { evaluateReference } from '../testing/reference.js'
import { compile, memoryOf } from './compile.js'
import { differentiate } from './differentiate.js'
import { fuseForInference, prepareForTraining } from './fuse.js'
import { openModel } from './model.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

function randomInput(shape: readonly number[], seed = 1): NdArray {
  const random = createRandom(seed, 'input')
  return { shape, data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(random.normal())) }
}

/** Statistics as after some training: a fresh network's BN would hide errors in mean, variance, scale and shift. */
function withRandomStatistics(graph: Graph): Graph {
  const random = createRandom(7, 'statistics')
  const initializers = new Map(graph.initializers)
  for (const node of graph.nodes) {
    if (node.op !== 'BatchNormalization') continue
    node.inputs.slice(1).forEach((name, i) => {
      const tensor = initializers.get(name)!
      const draw = [
        () => random.uniform(0.5, 1.5),
        () => random.uniform(-0.3, 0.3),
        () => random.uniform(-0.3, 0.3),
        () => random.uniform(0.5, 1.5),
      ][i]
      initializers.set(name, { ...tensor, data: Float32Array.from({ length: tensor.data.length }, draw) })
    })
  }
  return { ...graph, initializers }
}

describe('networks run as their float64 references', () => {
  for (const [name, input] of [
    ['tiny', [3, 12, 12]],
    ['lenet5', [1, 28, 28]],
    ['resnet20', [3, 8, 8]],
    ['mobilenetv2', [3, 8, 8]],
  ] as const) {
    test(`${name}: plain and fused`, async () => {
      const graph = withRandomStatistics(buildArchitecture(name, { input, classes: 5, seed: 3 }))
      const x = randomInput([2, ...input])
      const expected = evaluateReference(graph, { [graph.inputs[0].name]: x }).get(graph.outputs[0].name)!
      const scale = Math.max(...expected.data.map(Math.abs))
      for (const variant of [graph, fuseForInference(graph)]) {
        const executable = await compile(gpu, variant, { batch: 2 })
        executable.write(graph.inputs[0].name, Float32Array.from(x.data))
        executable.run()
        const actual = await executable.read(graph.outputs[0].name)
        for (const [i, value] of expected.data.entries()) expect(Math.abs(actual[i] - value)).toBeLessThan(1e-4 * scale)
        expect(executable.plan.arenaBytes).toBeLessThanOrEqual(1.2 * executable.plan.lowerBoundBytes)
        executable.destroy()
      }
    })
  }
})

test('normalisation, residual additions and activations all go into the convolutions', () => {
  for (const [name, expected] of [
    ['resnet20', ['Flatten', 'FusedConv', 'Gemm', 'GlobalAveragePool']],
    ['mobilenetv2', ['Flatten', 'FusedConv', 'Gemm', 'GlobalAveragePool']],
    ['vgg11', ['Flatten', 'FusedConv', 'Gemm', 'GlobalAveragePool', 'MaxPool']],
  ] as const)
    expect([...new Set(fuseForInference(buildArchitecture(name)).nodes.map(({ op }) => op))].sort(), name).toEqual(expected)
})

/** Layers that networks of other kinds than residual ones have. */
function rarerLayers(): Graph {
  const net = createBuilder({ name: 'rarer', input: [3, 8, 8], seed: 5 })
  const random = createRandom(5, 'rarer')
  const drawn = (name: string, ...dims: number[]) =>
    net.parameter(
      name,
      dims,
      Float32Array.from({ length: elements(dims) }, () => random.uniform(0.3, 0.9)),
    )
  const affine = (name: string, ...dims: number[]) => [drawn(`${name}.scale`, ...dims), drawn(`${name}.bias`, ...dims)]
  let x = net.node('reflect', 'Pad', [net.conv('c1', net.input, 6)], [6, 10, 9], { pads: [0, 0, 1, 1, 0, 0, 1, 0], mode: 'reflect' })
  x = net.node('gn', 'GroupNormalization', [x, ...affine('gn', 6)], [6, 10, 9], { num_groups: 3, epsilon: 1e-3 })
  x = net.node('lrn', 'LRN', [x], [6, 10, 9], { size: 3, alpha: 0.5, beta: 0.75, bias: 1 })
  x = net.node('adaptive', 'AdaptiveAveragePool', [x], [6, 4, 6], { output_size: [4, 6] })
  const up = { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }
  x = net.node('up', 'ConvTranspose', [x, drawn('up.weight', 6, 4, 3, 3), drawn('up.bias', 4)], [4, 8, 12], up)
  x = net.node('in', 'InstanceNormalization', [x, ...affine('in', 4)], [4, 8, 12], { epsilon: 1e-3 })
  x = net.node('half', 'Resize', [x], [4, 4, 6], { scales: [1, 1, 0.5, 0.5], mode: 'linear' })
  x = net.node('deep', 'SpaceToDepth', [x], [16, 2, 3], { blocksize: 2 })
  x = net.node('ln', 'LayerNormalization', [x, ...affine('ln', 16, 2, 3)], [16, 2, 3], { axis: 1, epsilon: 1e-3 })
  return net.graph(net.linear('fc', net.flatten('flatten', net.conv('c2', x, 5)), 4))
}

test.each([
  [
    'a residual network with batch normalisation',
    () => withRandomStatistics(buildArchitecture('tiny', { input: [3, 8, 8], classes: 4, seed: 5 })),
  ],
  ['rarer layers', rarerLayers],
])('gradients of %s: shaders = references = central differences', async (_, build) => {
  const graph = build()
  const network = prepareForTraining(graph)
  const batch = 3
  const parameters = [...graph.initializers.keys()].filter((name) => !/running|mean|var/.test(name))
  const forward: Graph = {
    ...network,
    inputs: [...network.inputs, { name: 'labels', shape: [batch], type: 'int32' }],
    nodes: [
      ...network.nodes,
      {
        name: 'loss',
        op: 'SoftmaxCrossEntropy',
        inputs: [graph.outputs[0].name, 'labels'],
        outputs: ['loss', 'd(loss)'],
        attributes: { labelSmoothing: 0.1 },
      },
    ],
  }
  const { graph: both, gradients } = differentiate(forward, new Map([[graph.outputs[0].name, 'd(loss)']]), new Set(parameters), batch)
  expect([...gradients.keys()].sort()).toEqual([...parameters].sort())
  const x = randomInput([batch, 3, 8, 8])
  const labels: NdArray = { shape: [batch], data: Float64Array.of(0, 3, 1) }
  const values = evaluateReference(both, { [graph.inputs[0].name]: x, labels })
  const executable = await compile(gpu, both, { batch, keep: [...gradients.values()] })
  executable.write(graph.inputs[0].name, Float32Array.from(x.data))
  executable.write('labels', Uint32Array.from(labels.data))
  executable.run()
  const mean = (graph: Graph, inputs: Record<string, NdArray>) =>
    evaluateReference(graph, inputs)
      .get('loss')!
      .data.reduce((a, b) => a + b, 0) / batch
  for (const [name, gradient] of gradients) {
    const expected = values.get(gradient)!.data
    const scale = Math.max(1e-3, ...expected.map(Math.abs))
    const actual = await executable.read(gradient)
    for (const [i, value] of expected.entries()) expect(Math.abs(actual[i] - value), `${name}[${i}]`).toBeLessThan(2e-4 * scale)
    // One position of each parameter against the loss itself.
    const position = expected.length >> 1
    const original = values.get(name)!
    const moved = [1e-5, -1e-5].map((h) => {
      const data = Float64Array.from(original.data)
      data[position] += h
      return mean(forward, { [graph.inputs[0].name]: x, labels, [name]: { shape: original.shape, data } })
    })
    expect(Math.abs((moved[0] - moved[1]) / 2e-5 - expected[position]), name).toBeLessThan(1e-4 * Math.max(0.1, scale))
  }
  executable.destroy()
})

describe('openModel', () => {
  test('runs that overlap do not mix their outputs', async () => {
    const relu = (name: string, input: string) => ({ name, op: 'Relu', inputs: [input], outputs: [name], attributes: {} })
    const value = (name: string) => ({ name, shape: ['N', 4], type: 'float32' as const })
    const graph: Graph = {
      name: 'two outputs',
      inputs: [value('x')],
      outputs: [value('a'), value('b')],
      nodes: [relu('a', 'x'), relu('b', 'x')],
      initializers: new Map(),
      metadata: {},
    }
    const model = await openModel(graph, { gpu })
    const runs = [1, 2, 3, 4].map((fill) => model.run({ x: { dims: [1, 4], data: new Float32Array(4).fill(fill) } }))
    for (const [i, { a, b }] of (await Promise.all(runs)).entries()) expect([a.data[0], b.data[0]]).toEqual([i + 1, i + 1])
    model.close()
  })

  test('runs any batch, and says what does not fit', async () => {
    const graph = buildArchitecture('tiny', { input: [3, 8, 8], classes: 4, seed: 5 })
    const model = await openModel(graph, { gpu })
    const input = graph.inputs[0].name
    const random = createRandom(2, 'values')
    const data = Float32Array.from({ length: 2 * 192 }, () => random.normal())
    const two = await model.run({ [input]: { dims: [2, 3, 8, 8], data } })
    const one = await model.run({ [input]: { dims: [1, 3, 8, 8], data: data.slice(192) } })
    const output = graph.outputs[0].name
    expect(two[output].dims).toEqual([2, 4])
    for (let i = 0; i < 4; i++) expect(one[output].data[i]).toBeCloseTo(two[output].data[4 + i], 5)
    await expect(model.run({})).rejects.toThrow(/input is missing/)
    await expect(model.run({ [input]: { dims: [1, 3, 8, 9], data } })).rejects.toThrow(/expected \[N, 3, 8, 8\], found \[1, 3, 8, 9\]/)
    await expect(model.run({ [input]: { dims: [0, 3, 8, 8], data: new Float32Array(0) } })).rejects.toThrow(/found \[0, 3, 8, 8\]/)
    model.close()
  })

  test('an operation without a kernel is refused by name', () => {
    const graph = buildArchitecture('tiny', { input: [3, 8, 8], classes: 4, seed: 5 })
    const broken = { ...graph, nodes: graph.nodes.map((node, i) => (i === 2 ? { ...node, op: 'Einsum' } : node)) }
    expect(() => inferShapes(broken, { batch: 1 })).toThrow(/'Einsum' is not supported/)
  })
})

test('memory is that of the fused plan at batch 1', () => {
  const graph = buildArchitecture('resnet20', { input: [3, 32, 32], classes: 10, seed: 0 })
  // The first stage's Add holds its two inputs and its output, 16 channels of 32 x 32 each.
  expect(memoryOf(graph)).toBe(3 * 16 * 32 * 32 * 4)
})

test('a tensor of more than 128 MiB is run where the adapter binds as much, and refused by name where it does not', async () => {
  const length = 2 ** 25 + 20
  const graph: Graph = {
    name: 'large',
    inputs: [{ name: 'x', shape: ['N', length], type: 'float32' }],
    outputs: [{ name: 'y', shape: ['N', length], type: 'float32' }],
    nodes: [{ name: 'relu', op: 'Relu', inputs: ['x'], outputs: ['y'], attributes: {} }],
    initializers: new Map(),
    metadata: {},
  }
  if (gpu.target.maxBindingBytes >= 4 * length) {
    const executable = await compile(gpu, graph, { batch: 1 })
    executable.write(
      'x',
      Float32Array.from({ length }, (_, i) => (i % 2 ? i : -i)),
    )
    executable.run()
    const y = await executable.read('y')
    for (const i of [0, 1, 2, length - 2, length - 1]) expect(y[i]).toBe(i % 2 ? Math.fround(i) : 0)
    executable.destroy()
  }
  const small = { ...gpu, target: { ...gpu.target, maxBindingBytes: 2 ** 27 } }
  await expect(compile(small, graph, { batch: 1 })).rejects.toThrow(
    /operation 'activation': tensor 'x' \[1, 33554452\] needs 134217808 bytes/,
  )
})

test('a linear layer whose weights are more than an adapter binds runs in parts', async () => {
  const net = createBuilder({ name: 'wide', input: [3, 4, 4], seed: 2 })
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.input), 50))
  const x = randomInput([2, 3, 4, 4])
  const expected = evaluateReference(graph, { [graph.inputs[0].name]: x }).get(graph.outputs[0].name)!
  // 50 rows of 48 weights: 9,600 bytes, in three parts.
  const executable = await compile({ ...gpu, target: { ...gpu.target, maxBindingBytes: 4096 } }, graph, { batch: 2 })
  executable.write(graph.inputs[0].name, Float32Array.from(x.data))
  executable.run()
  const actual = await executable.read(graph.outputs[0].name)
  for (const [i, value] of expected.data.entries()) expect(actual[i]).toBeCloseTo(value, 4)
  executable.destroy()
})
