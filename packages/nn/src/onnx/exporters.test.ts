/** What exporters write of one and the same network: it is read alike, cut alike, and onnxruntime agrees at every step. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { readBeside } from '../platform.node.js'
import { channelGroups, pruneChannels } from '../prune/index.js'
import { createRandom } from '../random.js'
import { exportOnnx, tensorProto } from './export.js'
import { importOnnx } from './import.js'
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as Location,
  type TensorProto,
  TensorProto_DataType as Type,
} from './proto/onnx_pb.js'
import { difference, type FileNode, type FileOptions, onnxFile, rawTensor, runFile } from './testing/models.js'

type Constant = [string, number[], number[], ('int64' | 'float32')?]
const draw = (name: string, count: number, low = -1, high = 1) => {
  const random = createRandom(4, name)
  return Array.from({ length: count }, () => random.uniform(low, high))
}
const weight = (name: string, ...dims: number[]): Constant => [
  name,
  dims,
  draw(
    name,
    dims.reduce((a, b) => a * b, 1),
  ),
]
const positive = (name: string, ...dims: number[]): Constant => [
  name,
  dims,
  draw(
    name,
    dims.reduce((a, b) => a * b, 1),
    0.5,
    1.5,
  ),
]
const integers = (name: string, ...values: number[]): Constant => [name, [values.length], values, 'int64']
const node = (op: string, inputs: string[], to: string, attributes: FileNode['attributes'] = {}, name = ''): FileNode => ({
  op,
  inputs,
  outputs: [to],
  attributes,
  name,
})
const same = { pads: [1, 1, 1, 1] }
const conv = (from: string, to: string, w: string) => node('Conv', [from, w], to, same, to)
/** Whatever is between `c` and `d`; a convolution before and one behind, then a linear layer. */
const around = (between: FileNode[]): FileNode[] => [
  conv('x', 'c', 'w1'),
  ...between,
  conv('d', 'e', 'w2'),
  node('GlobalAveragePool', ['e'], 'f'),
  node('Flatten', ['f'], 'g'),
  node('Gemm', ['g', 'fc'], 'y', { transB: 1 }, 'fc'),
]
const weights = [weight('w1', 6, 3, 3, 3), weight('w2', 5, 6, 3, 3), weight('fc', 4, 5)]
const files = async (options: FileOptions, batch = 2): Promise<Graph> => {
  const bytes = onnxFile(options)
  const graph = await importOnnx(bytes, { file: 'm.onnx' })
  expect(difference(await runFile(exportOnnx(graph), batch), await runFile(bytes, batch))).toBeLessThan(1e-6)
  return graph
}

/** The first convolution's channels go where they should, and what is left runs. */
async function expectCut(graph: Graph): Promise<void> {
  const free = channelGroups(graph).filter(({ locked }) => locked === null)
  expect(free.map(({ id, channels }) => [id, channels])).toEqual([
    ['c', 6],
    ['e', 5],
  ])
  const small = await importOnnx(exportOnnx(pruneChannels(graph, { c: [0, 2, 5] })))
  const dims = [...small.initializers.values()].map((tensor) => tensor.dims)
  expect(dims).toContainEqual([3, 3, 3, 3])
  expect(dims).toContainEqual([5, 3, 3, 3])
  for (const each of dims) expect(each).not.toContain(6)
  await runFile(exportOnnx(small), 2)
}

describe('normalisation that was not fused', () => {
  const statistics = (...dims: number[]) => [
    weight('beta', ...dims),
    weight('mean', ...dims),
    positive('variance', ...dims),
    positive('gamma', ...dims),
  ]
  const epsilon: Constant = ['epsilon', [], [0.001]]
  test.each<[string, FileNode[], Constant[]]>([
    ['scale and shift', [node('Mul', ['c', 'gamma'], 'm'), node('Add', ['m', 'beta'], 'd')], statistics(6, 1, 1)],
    ['with a dimension for the batch', [node('Mul', ['gamma', 'c'], 'm'), node('Add', ['beta', 'm'], 'd')], statistics(1, 6, 1, 1)],
    [
      'written out: (x - mean) / sqrt(variance + epsilon) * gamma + beta',
      [
        node('Sub', ['c', 'mean'], 'centred'),
        node('Add', ['variance', 'epsilon'], 'v'),
        node('Sqrt', ['v'], 'deviation'),
        node('Div', ['centred', 'deviation'], 'n'),
        node('Mul', ['n', 'gamma'], 's'),
        node('Add', ['s', 'beta'], 'd'),
      ],
      [...statistics(6, 1, 1), epsilon],
    ],
    [
      'as TensorFlow folds it: x * k + (beta - mean * k), k = gamma / sqrt(variance + epsilon)',
      [
        node('Add', ['variance', 'epsilon'], 'v'),
        node('Sqrt', ['v'], 'deviation'),
        node('Reciprocal', ['deviation'], 'r'),
        node('Mul', ['r', 'gamma'], 'k'),
        node('Mul', ['c', 'k'], 'p'),
        node('Mul', ['mean', 'k'], 'q'),
        node('Sub', ['beta', 'q'], 'shift'),
        node('Add', ['p', 'shift'], 'd'),
      ],
      [...statistics(6, 1, 1), epsilon],
    ],
    [
      'with statistics that are unsqueezed at run time',
      [
        node('Unsqueeze', ['gamma', 'axes'], 'scale'),
        node('Unsqueeze', ['beta', 'axes'], 'shift'),
        node('Mul', ['c', 'scale'], 'm'),
        node('Add', ['m', 'shift'], 'd'),
      ],
      [...statistics(6), integers('axes', 1, 2)],
    ],
    ['fused', [node('BatchNormalization', ['c', 'gamma', 'beta', 'mean', 'variance'], 'd')], statistics(6)],
  ])('%s', async (_, between, constants) => {
    const graph = await files({ nodes: around(between), constants: [...weights, ...constants] })
    await expectCut(graph)
  })
})

describe('constants', () => {
  const attribute = (name: string, type: AttributeType, fields: Partial<AttributeProto>): Record<string, AttributeProto> => ({
    [name]: create(AttributeProtoSchema, { name, type, ...fields } as never),
  })
  const value = (tensor: TensorProto) => attribute('value', AttributeType.TENSOR, { t: tensor })
  const gamma = draw('gamma', 6)
  const scaled = (attributes: FileNode['attributes']): FileNode[] => [
    { op: 'Constant', inputs: [], outputs: ['k'], attributes },
    node('Mul', ['c', 'k'], 'd'),
  ]

  test.each<[string, FileNode[]]>([
    ['a tensor', scaled(value(tensorProto('', { dims: [6, 1, 1], type: 'float32', data: Float32Array.from(gamma) })))],
    ['a number', scaled(attribute('value_float', AttributeType.FLOAT, { f: 0.5 }))],
    [
      'numbers',
      [
        { op: 'Constant', inputs: [], outputs: ['k'], attributes: attribute('value_floats', AttributeType.FLOATS, { floats: gamma }) },
        node('Unsqueeze', ['k', 'axes'], 's'),
        node('Mul', ['c', 's'], 'd'),
      ],
    ],
    [
      'integers',
      [
        { op: 'Constant', inputs: [], outputs: ['k'], attributes: attribute('value_ints', AttributeType.INTS, { ints: [0n, 6n, 8n, 8n] }) },
        node('Reshape', ['c', 'k'], 'd'),
      ],
    ],
    [
      'an integer',
      [
        { op: 'Constant', inputs: [], outputs: ['i'], attributes: attribute('value_int', AttributeType.INT, { i: 2n }) },
        node('Cast', ['i'], 'k', { to: 1 }),
        node('Mul', ['c', 'k'], 'd'),
      ],
    ],
  ])('%s', async (_, between) => {
    await expectCut(await files({ nodes: around(between), constants: [...weights, integers('axes', 1, 2)] }))
  })

  test.each<[string, FileNode['attributes'], RegExp]>([
    ['sparse', attribute('sparse_value', AttributeType.SPARSE_TENSOR, {}), /node 'k' \(Constant\).*'sparse_value' of type SPARSE_TENSOR/],
    ['text', attribute('value_string', AttributeType.STRING, { s: new Uint8Array([65]) }), /node 'k' \(Constant\).*value_string/],
    ['nothing', {}, /node 'k' \(Constant\): cannot be imported: expected a tensor or numbers, found nothing/],
    [
      'of integers of 8 bits',
      value(rawTensor('', [1], Type.INT8, { rawData: new Uint8Array(1) })),
      /node 'k' \(Constant\), attribute value: unsupported element type.*INT8/,
    ],
  ])('%s is refused', async (_, attributes, message) => {
    const nodes: FileNode[] = [{ op: 'Constant', inputs: [], outputs: ['k'], name: 'k', attributes }, node('Mul', ['x', 'k'], 'y')]
    const error = await importOnnx(onnxFile({ nodes }), { file: 'm.onnx' }).catch((caught) => caught)
    expect(error).toBeInstanceOf(InputError)
    expect(error.message).toMatch(message)
  })
})

describe('heads', () => {
  const head = (nodes: FileNode[]) => [conv('x', 'c', 'w1'), node('Relu', ['c'], 'd'), conv('d', 'e', 'w2'), ...nodes]
  test.each<[string, FileOptions]>([
    [
      'MatMul and Add',
      {
        nodes: head([
          node('GlobalAveragePool', ['e'], 'f'),
          node('Squeeze', ['f', 'axes'], 'g'),
          node('MatMul', ['g', 'wt'], 'h'),
          node('Add', ['h', 'b'], 'y'),
        ]),
      },
    ],
    [
      'a mean and a transposed Gemm',
      {
        nodes: head([node('ReduceMean', ['e', 'axes'], 'g', { keepdims: 0 }), node('Gemm', ['g', 'fc', 'b'], 'y', { transB: 1 })]),
        opset: 18,
      },
    ],
    [
      'Shape, Gather, Unsqueeze, Concat, Reshape',
      {
        nodes: head([
          node('GlobalAveragePool', ['e'], 'f'),
          node('Shape', ['f'], 's'),
          node('Gather', ['s', 'zero'], 'n', { axis: 0 }),
          node('Unsqueeze', ['n', 'front'], 'n1'),
          node('Concat', ['n1', 'rest'], 'target', { axis: 0 }),
          node('Reshape', ['f', 'target'], 'g'),
          node('MatMul', ['g', 'wt'], 'h'),
          node('Add', ['b', 'h'], 'y'),
        ]),
      },
    ],
    [
      'a Dropout of opset 6 and a weight turned at run time',
      {
        opset: 7,
        nodes: head([
          node('GlobalAveragePool', ['e'], 'f'),
          node('Flatten', ['f'], 'g'),
          { op: 'Dropout', inputs: ['g'], outputs: ['g1', 'mask'], attributes: { ratio: 0.5 } },
          node('Transpose', ['fc'], 'turned', { perm: [1, 0] }),
          node('Gemm', ['g1', 'turned', 'b'], 'y'),
        ]),
      },
    ],
    [
      'a Dropout of opset 12 with its inputs',
      {
        nodes: head([
          node('GlobalAveragePool', ['e'], 'f'),
          node('Flatten', ['f'], 'g'),
          node('Dropout', ['g', 'ratio', 'training'], 'g1'),
          node('Gemm', ['g1', 'wt', 'b'], 'y'),
        ]),
      },
    ],
  ])('%s', async (_, options) => {
    const constants = [
      ...weights.filter(([name]) => options.nodes.some(({ inputs }) => inputs.includes(name))),
      weight('wt', 5, 4),
      weight('b', 4),
      integers('axes', 2, 3),
      integers('front', 0),
      integers('rest', -1),
      ['zero', [], [0], 'int64'] as Constant,
      ['ratio', [], [0.5]] as Constant,
    ]
    const training = rawTensor('training', [], Type.BOOL, { rawData: new Uint8Array(1) })
    for (const inputs of [{ x: ['batch', 3, 8, 8] }, { x: [1, 3, 8, 8] }, { x: ['', 3, 8, 8] }])
      await expectCut(await files({ ...options, inputs, constants: [...constants, training] }, 1))
  })
})

describe('weights in other files', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'external-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('are read at their offsets', async () => {
    let at = 64
    const parts: Uint8Array[] = [new Uint8Array(64)]
    const external = weights.map(([name, dims, values]) => {
      const bytes = new Uint8Array(Float32Array.from(values).buffer)
      const entries = { location: 'model.onnx.data', offset: String(at), length: String(bytes.length) }
      parts.push(bytes)
      at += bytes.length
      return rawTensor(name, dims, Type.FLOAT, {
        dataLocation: Location.EXTERNAL,
        externalData: Object.entries(entries).map(([key, value]) => ({ key, value })) as never,
      })
    })
    await writeFile(join(folder, 'model.onnx.data'), Buffer.concat(parts))
    const nodes = around([node('Relu', ['c'], 'd')])
    const path = join(folder, 'model.onnx')
    const graph = await importOnnx(onnxFile({ nodes, constants: external }), { file: path, readExternal: readBeside(path) })
    const inside = await files({ nodes, constants: weights })
    expect(graph).toEqual(inside)
    await writeFile(join(folder, 'model.onnx.data'), Buffer.concat(parts).subarray(0, at - 1))
    await expect(importOnnx(onnxFile({ nodes, constants: external }), { file: path, readExternal: readBeside(path) })).rejects.toThrow(
      /external data is truncated: expected \d+ bytes at \d+ of 'model\.onnx\.data', found \d+/,
    )
  })
})
