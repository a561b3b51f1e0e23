import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildArchitecture } from '../architectures/index.js'
import type { Dataset } from '../data/dataset.js'
import { makeShapes } from '../data/index.js'
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { exportOnnx, importOnnx } from '../onnx/index.js'
import { channelGroups, maskGraph, pruneChannels } from '../prune/index.js'
import { imageShape, withImageInput } from './images.js'
import { evaluate } from './judge.js'
import { recalibrateBatchNorm } from './recalibrate.js'
import { train } from './train.js'

let gpu: Gpu
let data: Dataset
let plain: Graph
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
  data = makeShapes('train', 0, 30)
  plain = buildArchitecture('tiny', { input: data.shape, classes: data.classes, seed: 1 })
})
afterAll(() => gpu.close())
const normalization = { mean: [0.5], std: [0.25] }

/** The network with another input, from which a first node makes what it had. */
function behind(graph: Graph, shape: readonly number[], op: string, attributes: Node['attributes']): Graph {
  const first: Node = { name: 'first', op, inputs: ['x'], outputs: ['input'], attributes }
  return { ...graph, inputs: [{ name: 'x', shape: ['N', ...shape], type: 'float32' }], nodes: [first, ...graph.nodes] }
}
const forms = (graph: Graph, [c, h, w]: readonly number[]): [string, Graph][] => [
  ['channels last', behind(graph, [h, w, c], 'Transpose', { perm: [0, 3, 1, 2] })],
  ['flat', behind(graph, [c * h * w], 'Reshape', { shape: [0, c, h, w] })],
  ['flat in a column', behind(graph, [1, c * h * w, 1], 'Reshape', { shape: [0, c, h, w] })],
  ['more axes of size 1', behind(graph, [1, c, h, w], 'Reshape', { shape: [0, c, h, w] })],
]

test('networks judge, train and recalibrate alike, however they take their images', async () => {
  const expected = await evaluate(gpu, plain, data, { normalization, batch: 8 })
  const options = { epochs: 1, batch: 10, learningRate: 0.05, normalization, seed: 1, augment: { crop: 1, flip: true } }
  const trained = await train(gpu, plain, data, options)
  const recalibrated = await recalibrateBatchNorm(gpu, plain, data, { normalization, batch: 10 })
  for (const [name, graph] of forms(plain, data.shape)) {
    expect(await evaluate(gpu, graph, data, { normalization, batch: 8 }), name).toEqual(expected)
    const other = await train(gpu, graph, data, { ...options, teacher: { graph, temperature: 2, weight: 0 } })
    expect(other.graph.nodes, name).toBe(graph.nodes)
    expect(other.graph.initializers, name).toEqual(trained.graph.initializers)
    expect((await recalibrateBatchNorm(gpu, graph, data, { normalization, batch: 10 })).initializers).toEqual(recalibrated.initializers)
  }
})

test('a network with channels last is cut and written with the input it had', async () => {
  const [[, graph]] = forms(plain, data.shape)
  const groups = channelGroups(graph).filter(({ locked }) => locked === null)
  const small = pruneChannels(graph, Object.fromEntries(groups.map(({ id, channels }) => [id, [...Array(channels >> 1).keys()]])))
  const written = await importOnnx(exportOnnx(small))
  const [c, h, w] = data.shape
  expect(written.inputs).toEqual([{ name: 'x', shape: ['N', h, w, c], type: 'float32' }])
  expect(imageShape(written)).toEqual([c, h, w])
  await evaluate(gpu, written, data, { normalization, batch: 8 })
  const { input, graph: masked } = withImageInput(maskGraph(graph, groups), data.shape, 'data')
  expect(input).toBe('x:images')
  expect(masked.nodes.some(({ op }) => op === 'Transpose')).toBe(false)
})

describe('images that do not fit', () => {
  const rgb = buildArchitecture('tiny', { input: [3, 12, 16] })
  test('the shape that a network takes', () => {
    expect(imageShape(rgb)).toEqual([3, 12, 16])
    const [last, flat] = forms(rgb, [3, 12, 16]).map(([, graph]) => imageShape(graph))
    expect([last, flat]).toEqual([[3, 12, 16], undefined])
  })
  test('are refused with both shapes', () => {
    for (const [name, graph] of [...forms(rgb, [3, 12, 16]), ['plain', rgb] as const])
      expect(() => withImageInput(graph, [3, 16, 13], 'set'), name).toThrow(/does not fit network.*images of \[3, 16, 13\]/)
  })
  test('a fixed batch, no input, two inputs', () => {
    const [input] = rgb.inputs
    const fixed = { ...rgb, inputs: [{ ...input, shape: [1, 3, 12, 16] }] }
    expect(() => withImageInput(fixed, [3, 12, 16], 'set')).toThrow(/a free batch: \[N, 3, 12, 16\].*found \[1, 3, 12, 16\]/)
    const two = { ...rgb, inputs: [input, { ...input, name: 'other' }] }
    expect(() => withImageInput(two, [3, 12, 16], 'set')).toThrow(InputError)
    expect(imageShape(two)).toBeUndefined()
  })
})
