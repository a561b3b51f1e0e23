import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openModel } from '../engine/model.js'
import { createRandom } from '../random.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { difference, type FileNode, type FileOptions, onnxFile, runFile } from './testing/models.js'

const draw = (count: number, seed: string) => {
  const random = createRandom(5, seed)
  return Array.from({ length: count }, () => random.normal())
}
const weight = (name: string, ...dims: number[]): [string, number[], number[]] => [
  name,
  dims,
  draw(
    dims.reduce((a, b) => a * b, 1),
    name,
  ),
]
const one = (op: string, inputs: string[], attributes: FileNode['attributes'] = {}): FileNode[] => [{ op, inputs, attributes }]
const images6 = { x: ['batch', 6, 4, 5] }
const signal = { x: ['batch', 3, 13] }

const models: Record<string, FileOptions> = {
  'Conv of signals': {
    inputs: signal,
    nodes: one('Conv', ['x', 'w', 'b'], { strides: [2], pads: [1, 2], dilations: [2] }),
    constants: [weight('w', 5, 3, 3), weight('b', 5)],
  },
  'ConvTranspose of signals': {
    inputs: signal,
    nodes: one('ConvTranspose', ['x', 'w'], { strides: [3], pads: [1, 0], output_padding: [1], group: 3 }),
    constants: [weight('w', 3, 2, 4)],
  },
  'MaxPool of signals': { inputs: signal, nodes: one('MaxPool', ['x'], { kernel_shape: [3], strides: [2], pads: [1, 1] }) },
  'AveragePool of signals': { inputs: signal, nodes: one('AveragePool', ['x'], { kernel_shape: [3], strides: [2], pads: [1, 1] }) },
  'GlobalMaxPool of signals': { inputs: signal, nodes: one('GlobalMaxPool', ['x']) },
  ConvTranspose: {
    nodes: one('ConvTranspose', ['x', 'w', 'b'], { strides: [2, 3], pads: [1, 0, 2, 1], dilations: [2, 1], output_padding: [1, 0] }),
    constants: [weight('w', 3, 5, 3, 4), weight('b', 5)],
  },
  InstanceNormalization: {
    nodes: one('InstanceNormalization', ['x', 'w', 'b'], { epsilon: 0.5 }),
    constants: [weight('w', 3), weight('b', 3)],
  },
  LayerNormalization: {
    nodes: one('LayerNormalization', ['x', 'w', 'b'], { axis: 2 }),
    constants: [weight('w', 8, 8), weight('b', 8, 8)],
  },
  'GroupNormalization by channel': {
    opset: 21,
    irVersion: 10,
    inputs: images6,
    nodes: one('GroupNormalization', ['x', 'w', 'b'], { num_groups: 2, epsilon: 0.25 }),
    constants: [weight('w', 6), weight('b', 6)],
  },
  LRN: { inputs: images6, nodes: one('LRN', ['x'], { size: 5, alpha: 0.5, beta: 0.6, bias: 2 }) },
  ...Object.fromEntries(
    ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap((coordinate_transformation_mode) =>
      ['nearest', 'linear', 'cubic'].map((mode): [string, FileOptions] => [
        `Resize: ${mode}, ${coordinate_transformation_mode}`,
        {
          opset: 19,
          irVersion: 9,
          inputs: { x: ['batch', 3, 6, 7] },
          nodes: one('Resize', ['x', '', 's'], { mode, coordinate_transformation_mode, nearest_mode: 'floor' }),
          constants: [['s', [4], [1, 1, 1.75, 0.6]]],
        },
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map((nearest_mode): [string, FileOptions] => [
      `Resize: to sizes, ${nearest_mode}`,
      {
        inputs: { x: [2, 3, 3, 10] },
        nodes: one('Resize', ['x', '', '', 's'], { nearest_mode }),
        constants: [['s', [4], [2, 3, 10, 4], 'int64']],
      },
    ]),
  ),
  'Resize: to sizes, where rounding decides': {
    inputs: { x: [2, 3, 3, 5] },
    nodes: [
      { op: 'Resize', inputs: ['x', '', '', 's'], outputs: ['r'], attributes: { mode: 'linear' } },
      { op: 'Conv', inputs: ['r', 'w'], outputs: ['c'] },
      { op: 'Resize', inputs: ['x', '', '', 's'], outputs: ['q'] },
      { op: 'Add', inputs: ['c', 'q'] },
    ],
    constants: [['s', [4], [2, 3, 10, 7], 'int64'], weight('w', 3, 3, 1, 1)],
  },
  'Resize: cubic without outside': {
    nodes: one('Resize', ['x', '', 's'], { mode: 'cubic', exclude_outside: 1 }),
    constants: [['s', [4], [1, 1, 2, 0.5]]],
  },
  'DepthToSpace by depth': { inputs: { x: ['batch', 12, 3, 5] }, nodes: one('DepthToSpace', ['x'], { blocksize: 2 }) },
  'DepthToSpace by columns': { inputs: { x: ['batch', 12, 3, 5] }, nodes: one('DepthToSpace', ['x'], { blocksize: 2, mode: 'CRD' }) },
  SpaceToDepth: { nodes: one('SpaceToDepth', ['x'], { blocksize: 4 }) },
  Tile: { nodes: one('Tile', ['x', 'r']), constants: [['r', [4], [1, 2, 1, 3], 'int64']] },
  'Gather of channels': { nodes: one('Gather', ['x', 'i'], { axis: 1 }), constants: [['i', [3], [2, -3, 2], 'int64']] },
  'Gather of one row': { nodes: one('Gather', ['x', 'i'], { axis: 2 }), constants: [['i', [], [-1], 'int64']] },
  'Pad by reflection': { nodes: one('Pad', ['x', 'p'], { mode: 'reflect' }), constants: [['p', [8], [0, 0, 2, 1, 0, 0, 0, 3], 'int64']] },
  'MaxPool: dilated, uneven pads, rounded up': {
    inputs: { x: ['batch', 3, 11, 8] },
    nodes: one('MaxPool', ['x'], { kernel_shape: [3, 2], strides: [2, 3], dilations: [2, 3], pads: [1, 1, 2, 0], ceil_mode: 1 }),
  },
  'AveragePool: uneven pads, rounded up': {
    inputs: { x: ['batch', 3, 10, 8] },
    nodes: one('AveragePool', ['x'], { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 1, 2, 0], ceil_mode: 1 }),
  },
}

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

describe('onnxruntime gives the same as our kernels, for the file and for what is written of it', () => {
  test.each(Object.entries(models))('%s', async (_, options) => {
    const bytes = onnxFile(options)
    const expected = await runFile(bytes, 2)
    const graph = await importOnnx(bytes)
    const inputs = Object.entries(options.inputs ?? { x: ['batch', 3, 8, 8] }).map(([name, sizes]) => {
      const dims = sizes.map((size) => (typeof size === 'number' ? size : 2))
      const random = createRandom(1, name)
      return [name, { dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()) }] as const
    })
    const model = await openModel(graph, { gpu })
    const found = await model.run(Object.fromEntries(inputs))
    model.close()
    expect(difference(found, expected)).toBeLessThan(2e-5)
    expect(difference(await runFile(exportOnnx(graph), 2), expected)).toBeLessThan(1e-5)
  })
})

// onnxruntime does not run opset 18's.
test('GroupNormalization by group is one by channel', async () => {
  const nodes = one('GroupNormalization', ['x', 'w', 'b'], { num_groups: 2 })
  const graph = await importOnnx(
    onnxFile({
      opset: 18,
      inputs: images6,
      nodes,
      constants: [
        ['w', [2], [3, 4]],
        ['b', [2], [5, 6]],
      ],
    }),
  )
  const values = graph.nodes[0].inputs.slice(1).map((name) => [...(graph.initializers.get(name)!.data as Float32Array)])
  expect(values).toEqual([
    [3, 3, 3, 4, 4, 4],
    [5, 5, 5, 6, 6, 6],
  ])
})
