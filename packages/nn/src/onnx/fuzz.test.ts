/** Damaged files: whatever the bytes are, a Graph or an InputError comes of them, soon, in memory that the file's size bounds. */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { createBuilder } from '../architectures/index.js'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import { channelGroups } from '../prune/index.js'
import { createRandom, type Random } from '../random.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { TensorProto_DataLocation as Location, ModelProtoSchema, TensorProto_DataType as Type } from './proto/onnx_pb.js'
import { onnxFile, rawTensor } from './testing/models.js'

/** Layers, and the ways in which a size is computed. */
const seeds: Uint8Array[] = [
  (() => {
    const net = createBuilder({ name: 'small', input: [2, 6, 6] })
    const x = net.relu6('act', net.batchNorm('bn', net.conv('conv', net.input, 3)))
    const y = net.concat('concat', [net.maxPool('max', x, { kernel: 2 }), net.averagePool('mean', x, { kernel: 2 })])
    const z = net.node('reshape', 'Reshape', [y], [54], { shape: [0, -1] })
    return exportOnnx(net.graph(net.linear('fc', z, 2)))
  })(),
  onnxFile({
    inputs: { x: ['n', 3, 8, 8] },
    constants: [
      ['zero', [], [0], 'int64'],
      ['rest', [1], [-1], 'int64'],
      ['front', [1], [0], 'int64'],
      ['sizes', [2], [3, 4], 'int64'],
      ['tall', [4], [1, 3, 1, 1]],
      ['w', [192, 4], Array.from({ length: 768 }, (_, i) => Math.sin(i))],
    ],
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['s'] },
      { op: 'Gather', inputs: ['s', 'zero'], outputs: ['n'], attributes: { axis: 0 } },
      { op: 'Unsqueeze', inputs: ['n', 'front'], outputs: ['n1'] },
      { op: 'Concat', inputs: ['n1', 'rest'], outputs: ['t'], attributes: { axis: 0 } },
      { op: 'Reshape', inputs: ['x', 't'], outputs: ['f'] },
      { op: 'ConstantOfShape', inputs: ['sizes'], outputs: ['c'] },
      { op: 'ReduceMean', inputs: ['c'], outputs: ['m'], attributes: { axes: [0], keepdims: 0 } },
      { op: 'MatMul', inputs: ['f', 'w'], outputs: ['g'] },
      { op: 'Add', inputs: ['g', 'm'] },
    ],
  }),
  onnxFile({
    opset: 9,
    irVersion: 3,
    inputs: { x: [1, 8, 8, 3], w: [4, 3, 3, 3] },
    constants: [
      ['w', [4, 3, 3, 3], Array.from({ length: 108 }, (_, i) => Math.cos(i))],
      rawTensor('b', [4], Type.FLOAT, {
        dataLocation: Location.EXTERNAL,
        externalData: ['location=weights.bin', 'offset=8', 'length=16'].map((each) => {
          const [key, value] = each.split('=')
          return { key, value }
        }) as never,
      }),
      ['up', [4], [1, 1, 2, 2]],
    ],
    nodes: [
      { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: [0, 3, 1, 2] } },
      { op: 'Conv', inputs: ['t', 'w', 'b'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1], kernel_shape: [3, 3] } },
      { op: 'Dropout', inputs: ['c'], outputs: ['d'], attributes: { ratio: 0.5 } },
      { op: 'Upsample', inputs: ['d', 'up'], outputs: ['u'], attributes: { mode: 'nearest' } },
      { op: 'Slice', inputs: ['u'], outputs: ['v'], attributes: { starts: [1], ends: [3], axes: [1] } },
      { op: 'Pad', inputs: ['v'], outputs: ['p'], attributes: { pads: [0, 1, 0, 0, 0, 0, 1, 1] } },
      { op: 'Transpose', inputs: ['p'], attributes: { perm: [0, 2, 3, 1] } },
    ],
  }),
]

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array
const spliced = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts))
const span = (bytes: Uint8Array, random: Random): [number, number] => {
  const from = random.integer(bytes.length)
  return [from, from + 1 + random.integer(Math.min(64, bytes.length - from))]
}
/** Lengths and sizes as protobuf writes them, from small to beyond all memory. */
const varint = (random: Random): Uint8Array => {
  const length = 1 + random.integer(10)
  return Uint8Array.from({ length }, (_, i) => random.integer(128) | (i < length - 1 ? 128 : 0))
}

const mutations: Record<string, Mutation> = {
  'bit flips'(bytes, random) {
    const copy = bytes.slice()
    for (let i = 1 + random.integer(8); i > 0; i--) copy[random.integer(copy.length)] ^= 1 << random.integer(8)
    return copy
  },
  'other bytes'(bytes, random) {
    const copy = bytes.slice()
    for (let i = 1 + random.integer(4); i > 0; i--) copy[random.integer(copy.length)] = random.integer(256)
    return copy
  },
  truncation: (bytes, random) => bytes.slice(0, random.integer(bytes.length)),
  'a part left out'(bytes, random) {
    const [from, to] = span(bytes, random)
    return spliced(bytes.subarray(0, from), bytes.subarray(to))
  },
  'a part of another place'(bytes, random) {
    const source = seeds[random.integer(seeds.length)]
    const [from, to] = span(source, random)
    const at = random.integer(bytes.length)
    return spliced(bytes.subarray(0, at), source.subarray(from, to), bytes.subarray(at + (random.integer(2) ? to - from : 0)))
  },
  'another length or size'(bytes, random) {
    const at = random.integer(bytes.length)
    return spliced(bytes.subarray(0, at), varint(random), bytes.subarray(at + 1))
  },
}

/** Files that parse, with values that do not belong there: what random bytes seldom reach. */
function withinFormat(bytes: Uint8Array, random: Random): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes)
  const graph = model.graph!
  const numbers = [0n, 1n, -1n, 2n, 7n, 64n, 2n ** 20n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 62n)]
  const value = () => numbers[random.integer(numbers.length)]
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]
  const tensor = pick(graph.initializer)
  const node = pick(graph.node)
  const choices = [
    () => void (tensor.dims[random.integer(tensor.dims.length + 1)] = value()),
    () => void (tensor.dataType = random.integer(24)),
    () => void (tensor.rawData = tensor.rawData.slice(0, random.integer(tensor.rawData.length + 1))),
    () => {
      // Values of shapes, axes, indices, sizes.
      const data = tensor.rawData.slice()
      if (data.length < 8) return
      new DataView(data.buffer).setBigInt64(8 * random.integer(data.length >> 3), value(), true)
      tensor.rawData = data
    },
    () => void (node.opType = pick(graph.node).opType),
    () =>
      void (node.input[random.integer(node.input.length + 1)] = pick([
        ...graph.node.flatMap(({ output }) => output),
        'x',
        tensor.name,
        '',
      ])),
    () => void (node.output[0] = pick([...graph.node.flatMap(({ output }) => output), 'x', 'y'])),
    () => {
      const attribute = node.attribute.length > 0 ? pick(node.attribute) : undefined
      if (!attribute) return
      attribute.i = value()
      if (attribute.ints.length > 0) attribute.ints[random.integer(attribute.ints.length + 1)] = value()
      if (random.integer(4) === 0) attribute.type = random.integer(14)
    },
    () => {
      const input = pick(graph.input).type?.value
      const dim = input?.case === 'tensorType' ? input.value.shape?.dim : undefined
      if (dim?.length) pick(dim).value = { case: 'dimValue', value: value() }
    },
    () => void (model.opsetImport[0].version = BigInt(random.integer(30))),
    () => {
      for (const each of graph.initializer)
        for (const entry of each.externalData)
          if (random.integer(3) === 0)
            entry.value = pick([
              '../weights.bin',
              '/etc/passwd',
              'a/../../b',
              '-1',
              '1e300',
              '99999999999999999999',
              '',
              'C:\\x',
              'w\0b',
              './weights.bin',
              '16',
            ])
    },
  ]
  for (let i = 1 + random.integer(3); i > 0; i--) pick(choices)()
  return toBinary(ModelProtoSchema, model)
}

const weightsFile = new Uint8Array(64).map((_, i) => i)

/** ConstantOfShape alone may make more than the file has: models without weights (ONNX's light ones) are written so. */
const filled = (bytes: Uint8Array): number => (Buffer.from(bytes).includes('ConstantOfShape') ? 2 ** 27 : 0)

/** What comes of the bytes; whatever else fails the test. */
async function outcome(bytes: Uint8Array, what: string): Promise<'graph' | 'refused'> {
  const readExternal = async (location: string, { offset, length }: { offset: number; length?: number }) => {
    expect(location, what).not.toMatch(/^[/\\]|^[a-z]+:|\\|\0|(^|\/)\.\.(\/|$)/i)
    expect(Number.isSafeInteger(offset) && offset >= 0, what).toBe(true)
    return weightsFile.slice(offset, offset + (length ?? weightsFile.length))
  }
  try {
    const graph = await importOnnx(bytes, { file: 'bad.onnx', readExternal })
    channelGroups(graph)
    costOf(graph)
    const { initializers } = graph
    const elements = [...initializers.values()].reduce((sum, { data }) => sum + data.length, 0)
    expect(elements, what).toBeLessThanOrEqual(2 ** 22 + 16 * bytes.length + filled(bytes))
    return 'graph'
  } catch (error) {
    // What the import lets pass, the rest can work with.
    if (!(error instanceof InputError)) throw new Error(`${what}: not an InputError`, { cause: error })
    expect(error.message, what).toMatch(/^bad\.onnx/)
    return 'refused'
  }
}

/** `ESPALIER_FUZZ` says how many. */
const rounds = Number(process.env.ESPALIER_FUZZ ?? 10_000)

test(`${rounds} damaged files`, async () => {
  const all = { ...mutations, 'other values': withinFormat, 'more other values': withinFormat }
  const names = Object.keys(all) as (keyof typeof all)[]
  const counts = { graph: 0, refused: 0 }
  let longest = { ms: 0, what: '' }
  for (const [i, seed] of seeds.entries()) expect(await outcome(seed, `seed ${i}`)).toBe('graph')
  for (let i = 0; i < rounds; i++) {
    const random = createRandom(1, `fuzz ${i}`)
    const name = names[random.integer(names.length)]
    const bytes = all[name](seeds[random.integer(seeds.length)], random)
    const what = `round ${i} (${name})`
    // Time of the processor, so that a busy machine does not count.
    const start = process.cpuUsage()
    counts[await outcome(bytes, what)]++
    const { user, system } = process.cpuUsage(start)
    const ms = (user + system) / 1000
    if (ms > longest.ms) longest = { ms, what }
  }
  expect(longest.ms, longest.what).toBeLessThan(3000)
  expect(counts.refused).toBeGreaterThan(rounds / 4)
  expect(counts.graph).toBeGreaterThan(rounds / 20)
})
