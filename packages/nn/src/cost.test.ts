import { expect, test } from 'vitest'
import { type ArchitectureOptions, buildArchitecture, createBuilder } from './architectures/index.js'
import { costOf } from './cost.js'

const imagenet = { input: [3, 224, 224], classes: 1000 }

/** Figures of the literature: torchvision (18, 50, MobileNetV2), the CIFAR references of VGG16 and ResNet-20 with projections. */
test.each<[string, ArchitectureOptions, number, number]>([
  ['resnet18', imagenet, 11_689_512, 1_814_073_344],
  ['resnet50', imagenet, 25_557_032, 4_089_184_256],
  ['mobilenetv2', imagenet, 3_504_872, 300_774_272],
  ['vgg16', {}, 14_728_266, 313_201_664],
  ['resnet20', {}, 272_474, 40_813_184],
  ['lenet5', {}, 61_706, 416_520],
])('%s has the parameters and MACs of the literature', (name, options, params, macs) => {
  const cost = costOf(buildArchitecture(name, { ...options, zeros: true }))
  expect([cost.params, cost.macs]).toEqual([params, macs])
})

test('a layer of every kind, by hand', () => {
  const net = createBuilder({ name: 'hand', input: [4, 6, 6] })
  const scale = net.parameter('scale', [8, 1, 1], new Float32Array(8))
  const half = net.parameter('half', [1], new Float32Array([0.5]))
  const slope = net.parameter('slope', [1], new Float32Array([0.1]))
  const c1 = net.batchNorm('bn', net.conv('c1', net.input, 8, { stride: 2, groups: 2, bias: true }))
  const scaled = net.node('halve', 'Mul', [net.node('scaled', 'Mul', [c1, scale], c1.shape), half], c1.shape)
  const up = net.node(
    'up',
    'ConvTranspose',
    [net.node('prelu', 'PRelu', [scaled, slope], c1.shape), net.parameter('up.weight', [8, 3, 2, 2], new Float32Array(96))],
    [3, 6, 6],
    {
      kernel_shape: [2, 2],
      strides: [2, 2],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: 1,
      output_padding: [0, 0],
    },
  )
  const cost = costOf(net.graph(net.linear('fc', net.flatten('flatten', up), 5)))
  expect(cost.layers.map(({ name, params, macs, operations }) => [name, params, macs, operations])).toEqual([
    ['c1', 8 * 2 * 9 + 8, 8 * 2 * 9 * 9, 2 * 8 * 2 * 9 * 9 + 8 * 9],
    ['bn', 16, 0, 2 * 72],
    ['scaled', 8, 0, 72],
    ['halve', 0, 0, 72],
    ['prelu', 1, 0, 72],
    ['up', 96, 8 * 9 * 3 * 4, 2 * 8 * 9 * 3 * 4],
    ['flatten', 0, 0, 0],
    ['fc', 108 * 5 + 5, 108 * 5, 2 * 108 * 5 + 5],
  ])
  expect(cost.layers[0]).toMatchObject({ op: 'Conv', inputShape: [1, 4, 6, 6], outputShape: [1, 8, 3, 3] })
  expect(cost.layers[7]).toMatchObject({ op: 'Gemm', inputShape: [1, 108], outputShape: [1, 5] })
})

test('operations of pools, reductions, normalisations and resizing, by hand', () => {
  const net = createBuilder({ name: 'hand', input: [4, 6, 6] })
  const pooled = net.maxPool('max', net.relu('relu', net.input), { kernel: 3, stride: 2, padding: 1 })
  const up = (name: string, mode: string) => net.node(name, 'Resize', [pooled], [4, 6, 6], { scales: [1, 1, 2, 2], mode })
  const sum = net.node('sum', 'Sum', [up('nearest', 'nearest'), up('linear', 'linear'), net.input], [4, 6, 6])
  const mean = net.flatten('flatten', net.globalAveragePool('mean', sum))
  const cost = costOf(net.graph(net.node('softmax', 'Softmax', [mean], [4], { axis: 1 })))
  const expected = { relu: 144, max: 36 * 9, nearest: 0, linear: 144 * 9, sum: 2 * 144, mean: 144, flatten: 0, softmax: 4 * 5 }
  expect(Object.fromEntries(cost.layers.map(({ name, operations }) => [name, operations]))).toEqual(expected)
  expect(cost.operations).toBe(Object.values(expected).reduce((a, b) => a + b))
})

test('a shared weight counts once, its work twice; an unknown operation hides shapes, not parameters', () => {
  const net = createBuilder({ name: 'shared', input: [2, 4, 4] })
  const first = net.conv('a', net.input, 2)
  const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }
  const strange = net.node('strange', 'GridSample', [net.node('b', 'Conv', [first, 'a.weight'], first.shape, attributes)], first.shape)
  const cost = costOf(net.graph(net.relu('relu', net.relu('hidden', strange))))
  expect([cost.params, cost.macs]).toEqual([36, 2 * 36 * 16])
  expect(cost.layers.find(({ name }) => name === 'hidden')?.outputShape).toBeNull()
})
