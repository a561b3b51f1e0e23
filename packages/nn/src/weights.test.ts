import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildArchitecture } from './architectures/index.js'
import { InputError } from './errors.js'
import type { Graph } from './graph.js'
import { importOnnx } from './onnx/index.js'
import { shared } from './onnx/testing/cases.js'
import { channelGroups, pruneChannels } from './prune/index.js'
import { loadWeights, saveWeights } from './weights.js'

const graph = (seed = 1, classes = 10) => buildArchitecture('tiny', { seed, classes })

/** A file as others write it. */
function file(tensors: Record<string, { dtype: string; shape: number[]; data: ArrayBufferView }>): Uint8Array {
  let offset = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data_offsets: [offset, (offset += data.byteLength)] },
    ]),
  )
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const parts = Object.values(tensors).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  return Uint8Array.from(Buffer.concat([length, text, ...parts]))
}

test('a network, another of the same kind, and a cut one get their weights back', () => {
  const groups = channelGroups(graph()).filter(({ locked }) => locked === null)
  const half = Object.fromEntries(groups.map(({ id, channels }) => [id, [...Array(channels >> 1).keys()]]))
  for (const make of [graph, (seed?: number) => pruneChannels(graph(seed), half)]) {
    const bytes = saveWeights(make(), { from: 'here' })
    const loaded = loadWeights(make(2), bytes)
    expect(loaded.initializers).toEqual(make().initializers)
    expect(Buffer.compare(saveWeights(loaded, { from: 'here' }), bytes)).toBe(0)
  }
})

describe('other types of numbers, names and entries', () => {
  const one = (dims: number[]): Graph => ({
    name: 'one',
    inputs: [],
    outputs: [],
    nodes: [],
    initializers: new Map([
      ['w', { dims, type: 'float32', data: new Float32Array(dims.reduce((a, b) => a * b, 1)) }],
      ['axes', { dims: [1], type: 'int64', data: BigInt64Array.of(1n) }],
    ]),
    metadata: {},
  })
  test.each<[string, ArrayBufferView]>([
    ['F32', Float32Array.of(1.5, -2)],
    ['F64', Float64Array.of(1.5, -2)],
    ['F16', Uint16Array.of(0x3e00, 0xc000)],
    ['BF16', Uint16Array.of(0x3fc0, 0xc000)],
  ])('%s', (dtype, data) => {
    const counter = { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) }
    const bytes = file({ 'bn.num_batches_tracked': counter, 'module.w': { dtype, shape: [2, 1], data } })
    const loaded = loadWeights(one([2, 1]), bytes, { rename: (name) => name.replace(/^module\./, '') })
    expect(loaded.initializers.get('w')).toEqual({ dims: [2, 1], type: 'float32', data: Float32Array.of(1.5, -2) })
    expect(loaded.initializers.get('axes')).toEqual(one([1]).initializers.get('axes'))
  })

  const f32 = (shape: number[], length = shape.reduce((a, b) => a * b, 1)) => ({ dtype: 'F32', shape, data: new Float32Array(length) })
  test.each<[string, Uint8Array, RegExp]>([
    ['missing', file({}), /w\.st: names: the weights are not those of network 'one': expected also 'w', found nothing of these/],
    ['surplus', file({ w: f32([2]), v: f32([1]) }), /expected no others than the network has, found 'v', which the network has not/],
    ['both', file({ v: f32([2]) }), /expected also 'w', found 'v', which the network has not/],
    ['of another shape', file({ w: f32([1, 2]) }), /w\.st: w: shape: expected \[2\], found \[1,2\]/],
    [
      'of integers',
      file({ w: { dtype: 'I32', shape: [2], data: new Int32Array(2) } }),
      /w: data type: expected F32, F16, BF16 or F64, found I32/,
    ],
    ['too short', file({ w: f32([2], 1) }), /w: wrong amount of data: expected 8 bytes for 2 numbers of F32, found 4/],
    ['no file at all', new Uint8Array(3), /not a usable safetensors file: too short/],
    ['cut off', file({ w: f32([2]) }).slice(0, -1), /data_offsets.*within 7 bytes/],
    ['of negative sizes', file({ w: f32([-2], 2) }), /shape: expected sizes from 0 up|sizes from 0 up/],
    ['a header that is a list', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x5b, 0x5d), /no JSON object/],
  ])('%s: refused by name', (_, bytes, message) => {
    const error = (() => {
      try {
        return loadWeights(one([2]), bytes, { file: 'w.st' })
      } catch (caught) {
        return caught as Error
      }
    })()
    expect(error).toBeInstanceOf(InputError)
    expect((error as Error).message).toMatch(message)
  })

  test('not strict: what both have', () => {
    const bytes = saveWeights(graph(1, 10))
    const other = loadWeights({ ...graph(2, 10), initializers: new Map([...graph(2, 10).initializers].slice(2)) }, bytes, { strict: false })
    for (const [name, tensor] of other.initializers) expect(tensor).toEqual(graph().initializers.get(name))
  })
})

test.runIf(existsSync(shared))('a state dict of PyTorch is that of the network exported from it', async () => {
  const folder = join(shared, 'data/models/cifar10-resnet-akamaster')
  const exported = await importOnnx(readFileSync(join(folder, 'resnet20.onnx')))
  const emptied = new Map(
    [...exported.initializers].map(([name, { dims, type, data }]) => [name, { dims, type, data: data.slice().fill(0 as never) }]),
  )
  const rename = (name: string) => name.replace(/^module\./, '')
  const loaded = loadWeights({ ...exported, initializers: emptied }, readFileSync(join(folder, 'resnet20.safetensors')), { rename })
  expect(Buffer.compare(saveWeights(loaded), saveWeights(exported))).toBe(0)
})
