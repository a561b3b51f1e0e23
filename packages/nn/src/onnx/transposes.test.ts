import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.js'
import { exportOnnx } from './export.js'
import { importOnnx } from './import.js'
import { comparable, difference, type FileNode, type FileOptions, onnxFile, runFile } from './testing/models.js'

const weight = (name: string, ...dims: number[]): [string, number[], number[]] => {
  const random = createRandom(2, name)
  return [name, dims, Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal())]
}
const integers = (name: string, ...values: number[]): [string, number[], number[], 'int64'] => [name, [values.length], values, 'int64']
const toFirst = (from: string, to: string): FileNode => ({
  op: 'Transpose',
  inputs: [from],
  outputs: [to],
  attributes: { perm: [0, 3, 1, 2] },
})
const toLast = (from: string, to = 'y'): FileNode => ({
  op: 'Transpose',
  inputs: [from],
  outputs: [to],
  attributes: { perm: [0, 2, 3, 1] },
})
const node = (op: string, inputs: string[], to = 'y', attributes: FileNode['attributes'] = {}): FileNode => ({
  op,
  inputs,
  outputs: [to],
  attributes,
})
const conv = (from: string, to: string, w = 'w') => node('Conv', [from, w], to, { pads: [1, 1, 1, 1] })
/** A convolution between two Transposes. */
const sandwich = (from: string, to: string, w = 'w') => [
  toFirst(from, `${to}0`),
  { ...conv(`${to}0`, `${to}1`, w), name: to },
  toLast(`${to}1`, to),
]

async function imported(options: FileOptions) {
  const bytes = onnxFile({ inputs: { x: ['batch', 6, 8, 3] }, ...options })
  const graph = await importOnnx(bytes, { file: 'm.onnx' })
  const exported = exportOnnx(graph)
  expect(comparable(await importOnnx(exported))).toEqual(comparable(graph))
  expect(difference(await runFile(exported, 2), await runFile(bytes, 2))).toBeLessThan(1e-6)
  return graph
}

const weights = [weight('w', 3, 3, 3, 3), weight('v', 5, 3, 3, 3), weight('b', 3), weight('p', 1, 1, 3)]

describe('Transposes between layers with channels last', () => {
  test.each<[string, FileNode[], string[]]>([
    [
      'bias and activation',
      [...sandwich('x', 'a'), node('Add', ['a', 'b'], 'c'), node('Relu', ['c'], 'd'), ...sandwich('d', 'y', 'v')],
      ['Transpose', 'Conv', 'Add', 'Relu', 'Conv', 'Transpose'],
    ],
    [
      'slopes, bounds and a number',
      [
        ...sandwich('x', 'a'),
        node('PRelu', ['a', 'p'], 'c'),
        node('Mul', ['two', 'c'], 'd'),
        node('Clip', ['d', '', 'two'], 'e'),
        ...sandwich('e', 'y'),
      ],
      ['Transpose', 'Conv', 'PRelu', 'Mul', 'Clip', 'Conv', 'Transpose'],
    ],
    [
      'a residual',
      [...sandwich('x', 'a'), node('Relu', ['a'], 'c'), ...sandwich('c', 'd'), node('Add', ['c', 'd'], 'e'), ...sandwich('e', 'y')],
      ['Transpose', 'Conv', 'Relu', 'Conv', 'Add', 'Conv', 'Transpose'],
    ],
    [
      'concatenation, split, slice, padding',
      [
        ...sandwich('x', 'a'),
        ...sandwich('x', 'c', 'v'),
        node('Concat', ['a', 'c'], 'd', { axis: -1 }),
        { op: 'Split', inputs: ['d', 'parts'], outputs: ['e', 'f'], attributes: { axis: 3 } },
        node('Pad', ['e', 'pads', 'two'], 'g'),
        node('Slice', ['g', 'from', 'to', 'axes'], 'h'),
        toFirst('h', 'i'),
        toFirst('f', 'j'),
        node('Concat', ['i', 'j'], 'y', { axis: 1 }),
      ],
      ['Transpose', 'Conv', 'Conv', 'Concat', 'Split', 'Pad', 'Slice', 'Concat'],
    ],
    [
      'a mean over the image',
      [...sandwich('x', 'a'), node('ReduceMean', ['a'], 'y', { axes: [1, 2], keepdims: 0 })],
      ['Transpose', 'Conv', 'GlobalAveragePool', 'Flatten'],
    ],
    [
      'a gate',
      [
        ...sandwich('x', 'a'),
        node('ReduceMean', ['a'], 'c', { axes: [1, 2], keepdims: 1 }),
        node('Sigmoid', ['c'], 'd'),
        node('Mul', ['a', 'd'], 'e'),
        ...sandwich('e', 'y'),
      ],
      ['Transpose', 'Conv', 'GlobalAveragePool', 'Sigmoid', 'Mul', 'Conv', 'Transpose'],
    ],
    ['the end is the beginning', [toFirst('x', 'a'), node('Relu', ['a'], 'c'), toLast('c')], ['Relu']],
    ['nothing at all', [toFirst('x', 'a'), toLast('a')], ['Identity']],
    [
      'one that stays, where it is read flat',
      [...sandwich('x', 'a'), node('Relu', ['a'], 'c'), node('Reshape', ['c', 'flat'], 'y')],
      ['Transpose', 'Conv', 'Transpose', 'Relu', 'Reshape'],
    ],
    [
      'two orders of axes meet',
      [toFirst('x', 'a'), toLast('a', 'c'), node('Transpose', ['x'], 'd', { perm: [0, 2, 1, 3] }), node('Relu', ['d'], 'e')].concat(
        node('Transpose', ['e'], 'f', { perm: [0, 2, 1, 3] }),
        node('Add', ['c', 'f'], 'y'),
      ),
      ['Relu', 'Add'],
    ],
  ])('%s', async (_, nodes, ops) => {
    const constants = [...weights, ['two', [], [2]] as [string, number[], number[]], integers('parts', 2, 6), integers('flat', 0, -1)]
    const sizes = [integers('pads', 0, 1, 0, 0, 0, 0, 2, 0), integers('from', 1, 0), integers('to', 9, 8), integers('axes', 1, 2)]
    const graph = await imported({ nodes, constants: [...constants, ...sizes] })
    expect(graph.nodes.map(({ op }) => op)).toEqual(ops)
  })
})
