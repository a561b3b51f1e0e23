import { describe, expect, test } from 'vitest'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import { exportOnnx, importOnnx } from '../onnx/index.js'
import { comparable, runFile } from '../onnx/testing/models.js'
import { architectures, buildArchitecture, createBuilder, defaultInput } from './index.js'

test.each([...architectures])('%s: comes back from its file as it is, and onnxruntime runs it', async (name) => {
  const graph = buildArchitecture(name, { classes: 7 })
  expect(graph.inputs).toEqual([{ name: 'input', shape: ['N', ...defaultInput(name)], type: 'float32' }])
  expect(graph.outputs).toEqual([{ name: 'output', shape: ['N', 7], type: 'float32' }])
  expect(graph.metadata).toEqual({ 'espalier.arch': name })
  const bytes = exportOnnx(graph)
  expect(comparable(await importOnnx(bytes))).toEqual(comparable(graph))
  const { output } = await runFile(bytes, 2)
  expect(output.dims).toEqual([2, 7])
  expect(output.data.every(Number.isFinite)).toBe(true)
})

test('same seed, same bytes; another seed, others; weights do not depend on the classes', () => {
  const bytes = (seed: number) => Buffer.from(exportOnnx(buildArchitecture('tiny', { seed })))
  expect(bytes(1).equals(bytes(1))).toBe(true)
  expect(bytes(1).equals(bytes(2))).toBe(false)
  const [ten, two] = [10, 2].map((classes) => buildArchitecture('tiny', { classes }).initializers.get('conv5.weight'))
  expect(ten).toEqual(two)
})

test('convolutions are He-normal with fan-out, as in PyTorch', () => {
  const { data } = buildArchitecture('resnet20').initializers.get('layer3.1.conv1.weight')!
  const values = Array.from(data as Float32Array)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  expect(mean).toBeCloseTo(0, 2)
  expect(variance / (2 / (64 * 9))).toBeCloseTo(1, 1)
})

test('names are those of PyTorch state dicts', () => {
  const names = (architecture: string) => [...buildArchitecture(architecture).initializers.keys()]
  expect(names('resnet20')).toEqual(
    expect.arrayContaining(['conv1.weight', 'bn1.running_mean', 'layer2.0.shortcut.0.weight', 'layer3.2.bn2.bias', 'linear.bias']),
  )
  expect(names('mobilenetv2')).toEqual(
    expect.arrayContaining([
      'features.0.0.weight',
      'features.1.conv.0.0.weight',
      'features.1.conv.2.running_var',
      'features.18.1.weight',
      'classifier.1.weight',
    ]),
  )
  expect(names('tiny')).toEqual(expect.arrayContaining(['conv1.weight', 'bn5.weight', 'fc.bias']))
})

test('the stem follows the size of the image', () => {
  const layers = (input: number[]) => costOf(buildArchitecture('mobilenetv2', { input })).layers
  expect(layers([3, 32, 32])[0].outputShape).toEqual([1, 32, 32, 32])
  expect(layers([3, 96, 96])[0].outputShape).toEqual([1, 32, 48, 48])
  const last = layers([3, 32, 32]).find(({ op }) => op === 'GlobalAveragePool')
  expect(last?.inputShape).toEqual([1, 1280, 4, 4])
})

test('tiny costs about a million multiply-accumulates', () => {
  expect(costOf(buildArchitecture('tiny'))).toMatchObject({ params: 42_906, macs: 1_058_176 })
})

test.each([...architectures])('%s: a width multiplier makes it thinner, not another network', async (name) => {
  const [whole, half] = [1, 0.5].map((width) => buildArchitecture(name, { width, zeros: true }))
  expect(half.nodes.map(({ name, op }) => [name, op])).toEqual(whole.nodes.map(({ name, op }) => [name, op]))
  expect(half.metadata).toEqual({ 'espalier.arch': name, 'espalier.width': '0.5' })
  // Products of channels go with the square of the width; MobileNetV2 keeps its last 1,280.
  const share = costOf(half).params / costOf(whole).params
  expect(share).toBeGreaterThan(0.24)
  expect(share).toBeLessThan(name === 'mobilenetv2' ? 0.4 : 0.32)
  expect((await runFile(exportOnnx(half), 1)).output.dims).toEqual([1, 10])
})

test('channels under a width multiplier: nearest number, at least 1; in eights for MobileNetV2, as torchvision', () => {
  const channels = (name: string, width: number) =>
    [...buildArchitecture(name, { width, zeros: true }).initializers].flatMap(([key, { dims }]) =>
      /(conv1|\.0)\.weight$/.test(key) ? dims[0] : [],
    )
  expect(channels('resnet20', 0.01)[0]).toBe(1)
  expect(channels('resnet20', 0.3)[0]).toBe(5)
  // What others count for torchvision.models.mobilenet_v2(width_mult=0.35).
  expect(costOf(buildArchitecture('mobilenetv2', { width: 0.35, classes: 1000, input: [3, 224, 224], zeros: true })).params).toBe(1_677_128)
})

describe('bad requests', () => {
  test.each<[string, string, object, RegExp]>([
    ['an unknown name', 'resnet34', {}, /arch: unknown architecture: expected one of vgg11, .*tiny, found 'resnet34'/],
    ['a name of Object', 'constructor', {}, /unknown architecture/],
    ['no classes', 'tiny', { classes: 0 }, /classes: .*positive integer, found 0/],
    ['a width of nothing', 'tiny', { width: 0 }, /width: not a width multiplier: expected a number above 0, found 0/],
    ['a width that is no number', 'tiny', { width: Number.NaN }, /not a width multiplier/],
    ['no image', 'tiny', { input: [3, 32] }, /input: not an image: expected three positive integers \[c, h, w\], found \[3,32\]/],
    ['half a pixel', 'tiny', { input: [3, 32, 0.5] }, /not an image/],
    [
      'too small for five poolings',
      'vgg16',
      { input: [3, 16, 16] },
      /input: too small for vgg16: .* at 'features\.43', found \[3,16,16\], which leaves \[512,0,0\]/,
    ],
    ['too small for valid convolutions', 'lenet5', { input: [1, 10, 10] }, /too small for lenet5/],
  ])('%s', (_, name, options, message) => {
    let error: unknown
    try {
      buildArchitecture(name, options)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(InputError)
    expect((error as InputError).message).toMatch(message)
  })
  test('mistakes in the use of the builder', () => {
    const net = createBuilder({ name: 'm', input: [3, 8, 8] })
    const x = net.conv('c', net.input, 4)
    expect(() => net.relu('c', x)).toThrow(/'c' is used twice/)
    expect(() => net.add('a', x, net.input)).toThrow(/add 'a': expected equal shapes, found \[4,8,8\] and \[3,8,8\]/)
    expect(() => net.concat('k', [x, net.maxPool('p', x, { kernel: 2 })])).toThrow(/concat 'k'/)
    expect(() => net.linear('l', x, 2)).toThrow(/linear 'l': expected a flat input/)
    expect(() => net.conv('g', x, 6, { groups: 4 })).toThrow(/groups 4 must divide/)
  })
})
