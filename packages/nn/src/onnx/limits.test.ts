/** Files that ask for more memory or time than what they are: each becomes a graph, or an InputError, soon. */
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import { readBeside, readFile } from '../platform.node.js'
import { channelGroups } from '../prune/index.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { TensorProto_DataLocation as Location, type TensorProto, TensorProto_DataType as Type } from './proto/onnx_pb.js'
import { type FileNode, type FileOptions, onnxFile, rawTensor } from './testing/models.js'

const integers = (name: string, ...values: number[]): [string, number[], number[], 'int64'] => [name, [values.length], values, 'int64']
const weight = (name: string, ...dims: number[]): [string, number[], number[]] => [
  name,
  dims,
  Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
]
const node = (op: string, inputs: string[], attributes = {}, outputs = ['y']): FileNode => ({ op, inputs, attributes, outputs })
/** Nodes one after the other, from x to y. */
const chain = (count: number, make: (from: string, to: string) => FileNode, first = 'x') =>
  Array.from({ length: count }, (_, i) => make(i ? `t${i}` : first, i === count - 1 ? 'y' : `t${i + 1}`))
const conv = [weight('w', 8, 3, 1, 1)]
const convolved = node('Conv', ['x', 'w'], {}, ['c'])

/** All that `espalier inspect` does; milliseconds of the processor, so that a busy machine does not count. */
async function inspected(bytes: Uint8Array): Promise<{ ms: number; error?: InputError; groups?: number }> {
  const start = process.cpuUsage()
  const passed = () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000
  }
  try {
    const graph = await importOnnx(bytes, { file: 'bomb.onnx' })
    const groups = channelGroups(graph).length
    costOf(graph)
    exportOnnx(graph)
    return { ms: passed(), groups }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    expect(error.message).toMatch(/^bomb\.onnx: .*(expected|found)/)
    return { ms: passed(), error }
  }
}

describe('sizes that a few bytes ask for', () => {
  const bombs: Record<string, (size: number) => FileOptions> = {
    'padded channels': (size) => ({ constants: [integers('p', 0, size, 0, 0, 0, 0, 0, 0)], nodes: [node('Pad', ['x', 'p'])] }),
    'padded pixels, flattened': (size) => ({
      constants: [...conv, integers('p', 0, 0, 0, size, 0, 0, 0, 0)],
      nodes: [convolved, node('Pad', ['c', 'p'], {}, ['d']), node('Flatten', ['d'])],
    }),
    tiles: (size) => ({ constants: [integers('p', 1, size, 1, 1)], nodes: [node('Tile', ['x', 'p'])] }),
    'expanded constant': (size) => ({
      constants: [integers('p', size), weight('w', 1)],
      nodes: [node('Expand', ['w', 'p'], {}, ['e']), node('ReduceMean', ['e'], { axes: [0] }, ['m']), node('Mul', ['x', 'm'])],
    }),
    'filled weight': (size) => ({
      constants: [integers('p', size, 3, 1, 1)],
      nodes: [node('ConstantOfShape', ['p'], {}, ['f']), node('Conv', ['x', 'f'])],
    }),
    'filled weight in groups': (size) => ({
      inputs: { x: ['n', size, 1, 1] },
      constants: [integers('p', size, 2, 1, 1)],
      nodes: [node('ConstantOfShape', ['p'], {}, ['f']), node('Conv', ['x', 'f'], { group: size / 2 })],
    }),
    'resized, flattened': (size) => ({
      constants: [...conv, ['s', [4], [1, 1, 1, size]]],
      nodes: [convolved, node('Resize', ['c', '', 's'], {}, ['r']), node('Flatten', ['r'])],
    }),
    'transposed convolution': (size) => ({
      constants: [weight('w', 3, 4, 1, 1)],
      nodes: [node('ConvTranspose', ['x', 'w'], { strides: [1, Math.min(size, 2 ** 31 - 1)] }, ['c']), node('Flatten', ['c'])],
    }),
    'input channels twice': (size) => ({ inputs: { x: ['n', size, 1, 1] }, nodes: [node('Concat', ['x', 'x'], { axis: 1 })] }),
    'space to depth': (size) => ({
      inputs: { x: ['n', 3, size, size] },
      constants: conv,
      nodes: [convolved, node('SpaceToDepth', ['c'], { blocksize: size })],
    }),
  }
  test.each(Object.keys(bombs))('%s', async (name) => {
    for (const size of [1e4, 2e5, 1e8, 1e10]) {
      const { ms } = await inspected(onnxFile(bombs[name](size)))
      expect(ms, `${size}`).toBeLessThan(3000)
    }
  })

  test('doubled sixty times', async () => {
    const doubled = (first: string) => chain(60, (from, to) => node('Concat', [from, from], { axis: 1 }, [to]), first)
    expect((await inspected(onnxFile({ nodes: doubled('x') }))).error?.message).toMatch(/Concat.*at most 8589934592 numbers, found \[\d,/)
    const { groups } = await inspected(
      onnxFile({ inputs: { x: ['n', 3, 1, 1] }, constants: conv, nodes: [convolved, ...doubled('c').slice(0, 26)], outputs: ['t26'] }),
    )
    expect(groups).toBeGreaterThan(0)
  })

  test('channels that are too many to follow stay, and say why', async () => {
    const pads = integers('p', 0, 1e7, 0, 0, 0, 0, 0, 0)
    const graph = await importOnnx(onnxFile({ constants: [...conv, pads], nodes: [convolved, node('Pad', ['c', 'p'])] }))
    expect(channelGroups(graph).map(({ locked }) => locked)).toContain('too many channels to follow at Pad Pad_1')
  })
})

describe('many of everything take time in proportion', () => {
  const many = 20_000
  const each = <T>(make: (i: number) => T): T[] => Array.from({ length: many }, (_, i) => make(i))
  const wide = [weight('w', 20_000, 3, 1, 1)]
  const files: Record<string, () => FileOptions> = {
    'equal names': () => ({ nodes: chain(many, (from, to) => ({ ...node('Relu', [from], {}, [to]), name: 'same' })) }),
    'outputs that are one tensor': () => ({
      outputs: each((i) => `o${i}`),
      nodes: [node('Relu', ['x'], {}, ['r']), ...each((i) => node('Identity', ['r'], {}, [`o${i}`]))],
    }),
    'outputs with other names': () => ({
      outputs: each((i) => `o${i}`),
      nodes: each((i) => [node('Relu', ['x'], {}, [`r${i}`]), node('Identity', [`r${i}`], {}, [`o${i}`])]).flat(),
    }),
    'wide activations': () => ({ constants: wide, nodes: [convolved, ...chain(many, (from, to) => node('Relu', [from], {}, [to]), 'c')] }),
    'wide sums': () => ({ constants: wide, nodes: [convolved, ...chain(many, (from, to) => node('Add', [from, 'c'], {}, [to]), 'c')] }),
    'wide softmax': () => ({
      constants: wide,
      nodes: [convolved, ...chain(many, (from, to) => node('Softmax', [from], { axis: 1 }, [to]), 'c')],
    }),
    'slices of many channels': () => ({
      constants: [...wide, integers('a', 1), integers('f', 0), integers('t', 19_999)],
      nodes: [convolved, ...each((i) => node('Slice', ['c', 'f', 't', 'a'], {}, [i ? `s${i}` : 'y']))],
    }),
    'bounds in a long constant': () => ({
      constants: [weight('b', 1_000_000)],
      nodes: chain(many, (from, to) => node('Clip', [from, 'b'], {}, [to])),
    }),
    'slices of a long constant': () => ({
      constants: [weight('b', 1_000_000), integers('f', 0), integers('t', 1_000_000)],
      nodes: [...each((i) => node('Slice', ['b', 'f', 't'], {}, [`s${i}`])), node('Relu', ['x'])],
    }),
    dimensions: () => ({
      constants: [rawTensor('d', new Array(many).fill(1), Type.FLOAT, { floatData: [1] })],
      nodes: [node('Add', ['x', 'd'])],
    }),
  }
  test.each(Object.keys(files))('%s', async (name) => expect((await inspected(onnxFile(files[name]()))).ms).toBeLessThan(8000))

  // Arguments of a call have their place on the stack.
  test.each(['Sum', 'Mean', 'Max', 'Concat'])('130,000 inputs of %s', async (op) => {
    const inputs = new Array<string>(130_000).fill('x')
    expect(
      (await inspected(onnxFile({ inputs: { x: ['n', 4, 1, 1] }, nodes: [node(op, inputs, op === 'Concat' ? { axis: 1 } : {})] }))).ms,
    ).toBeLessThan(8000)
  })
  test('130,000 inputs of a file, and a name of a million letters', async () => {
    const inputs = Object.fromEntries(Array.from({ length: 130_000 }, (_, i) => [`x${i}`, ['n', 1]]))
    expect((await inspected(onnxFile({ inputs, nodes: [node('Sum', Object.keys(inputs))] }))).ms).toBeLessThan(8000)
    const { error } = await inspected(onnxFile({ nodes: [{ ...node('Nothing', ['x']), name: 'n'.repeat(1e6) }] }))
    expect(error?.message.length).toBeLessThan(10_000)
  })
})

describe('memory', () => {
  /** A graph of `bytes` bytes in field 7. */
  const withGraph = (bytes: Uint8Array): Uint8Array => {
    const length: number[] = []
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push((rest & 127) | (rest > 127 ? 128 : 0))
      if (rest < 128) break
    }
    return Uint8Array.from(Buffer.concat([Uint8Array.of(8, 8, 0x3a, ...length), bytes]))
  }
  test.each([
    ['initialisers', [0x2a, 0]],
    ['nodes', [0x0a, 0]],
    ['inputs', [0x5a, 0]],
    ['nodes with names', [0x0a, 10, 0x0a, 2, 65, 65, 0x12, 1, 66, 0x22, 1, 67]],
  ])('five million empty %s are refused before they are objects', async (_, bytes) => {
    const { ms, error } = await inspected(withGraph(new Uint8Array(5e6 * bytes.length).fill(0).map((__, i) => bytes[i % bytes.length])))
    expect(error?.message).toMatch(
      /nodes and tensors: takes too much memory: expected at most [\d,]+ MB in all for \d+ MB on disk \(the option memoryLimit raises it\)/,
    )
    expect(ms).toBeLessThan(3000)
  })

  test('what is nested too deep, runs over its end, or is a group is no model', async () => {
    let nested = Uint8Array.of(0x22, 0)
    for (let i = 0; i < 200; i++) nested = Uint8Array.of(0x0a, 0x7f, ...nested.subarray(0, 100))
    for (const bytes of [nested, Uint8Array.of(0x0a, 5, 0x0a, 9, 1, 2, 3), Uint8Array.of(0x0b, 0x0c)])
      expect((await inspected(withGraph(bytes))).error?.message).toMatch(/not an ONNX model, or a truncated one/)
  })

  test('memoryLimit makes it less, and more', async () => {
    const bytes = onnxFile({
      constants: [integers('p', 150_000_000)],
      nodes: [node('ConstantOfShape', ['p'], {}, ['f']), node('Relu', ['x'])],
    })
    await expect(importOnnx(bytes)).rejects.toThrow(/ConstantOfShape.*expected at most \d+ elements, found \[150000000\]/)
    await expect(importOnnx(bytes, { memoryLimit: 7e8 })).resolves.toBeDefined()
    await expect(importOnnx(onnxFile({ constants: conv, nodes: [convolved], outputs: ['c'] }), { memoryLimit: 1000 })).rejects.toThrow(
      /takes too much memory: expected at most 1000 bytes in all, the memoryLimit, found \d+ bytes up to here/,
    )
    await expect(importOnnx(bytes, { memoryLimit: Number.NaN })).rejects.toThrow(/memoryLimit: not a limit/)
  })

  const outside = (name: string, dims: number[], location: string, offset = 0): TensorProto =>
    rawTensor(name, dims, Type.FLOAT, {
      dataLocation: Location.EXTERNAL,
      externalData: [
        { key: 'location', value: location },
        { key: 'offset', value: String(offset) },
      ] as never,
    })

  test('weights outside count once, however often and by whatever name they are named, and holes do not count', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'espalier-limits-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const path = join(folder, 'm.onnx')
    const size = 1 << 20
    await writeFile(join(folder, 'w.bin'), new Uint8Array(4 * size + 4096).fill(60))
    const named = (count: number, tensor: (i: number) => TensorProto) =>
      importOnnx(
        onnxFile({
          constants: Array.from({ length: count }, (_, i) => tensor(i)),
          nodes: [
            node(
              'Mean',
              Array.from({ length: count }, (_, i) => `w${i}`),
            ),
          ],
        }),
        {
          file: path,
          readExternal: readBeside(path),
          memoryLimit: 64 * size,
        },
      )
    const graph = await named(200, (i) => outside(`w${i}`, [size], i % 2 ? 'w.bin' : './/w.bin'))
    expect(new Set([...graph.initializers.values()].map(({ data }) => data)).size).toBe(1)
    await expect(named(200, (i) => outside(`w${i}`, [size], 'w.bin', 4 * i))).rejects.toThrow(/initializer 'w\d+': takes too much memory/)

    const hole = await open(join(folder, 'hole.bin'), 'w')
    await hole.truncate(3e9)
    await hole.close()
    const holes = importOnnx(onnxFile({ constants: [outside('w', [750_000_000], 'hole.bin')], nodes: [node('Relu', ['w'])] }), {
      file: path,
      readExternal: readBeside(path),
    })
    if ((await stat(join(folder, 'hole.bin'))).blocks * 512 < 2 ** 28) {
      await expect(holes).rejects.toThrow(/m\.onnx: initializer 'w': takes too much memory: expected at most 537 MB in all for/)
      await expect(readFile(join(folder, 'hole.bin'))).rejects.toThrow(/mostly holes/)
    }
    await expect(readFile('/dev/zero')).rejects.toThrow(/expected a file, found something else/)
  })

  test('a model of 2.5 GB in three files, made up in memory, is read range by range', async () => {
    const files = ['a', 'b', 'c']
    const dims = [1 << 18]
    let most = 0
    const graph = await importOnnx(
      onnxFile({
        constants: files.map((file) => outside(file, dims, `${file}.bin`, 833_333_336)),
        nodes: [node('Mean', files)],
        inputs: { x: ['n', 1] },
      }),
      {
        memoryLimit: 2 ** 24,
        readExternal: Object.assign(
          async (location: string, { offset, length }: { offset: number; length?: number }) => {
            most = Math.max(most, offset + length!)
            return new Uint8Array(length!).fill(location.charCodeAt(0))
          },
          { measure: async (id: string) => ({ size: 2.5e9, onDisk: 2.5e9, id }) },
        ),
      },
    )
    expect(most).toBeGreaterThan(8e8)
    expect([...graph.initializers.values()].map(({ data }) => data.length)).toEqual([1 << 18, 1 << 18, 1 << 18])
  })
})
