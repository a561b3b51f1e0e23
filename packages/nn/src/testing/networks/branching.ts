/** VGG (Simonyan and Zisserman 2015) and networks that join branches: SqueezeNet, GoogLeNet, Inception-v3, DenseNet; shapes as torchvision's. */
import type { Builder, Value } from '../../architectures/index.js'
import type { Graph } from '../../graph.js'
import { classifier, convBn, type NetworkOptions, start } from './layers.js'

/** With the classifier of three linear layers, the first of which reads every pixel. */
export function vgg16(options: NetworkOptions): Graph {
  const { net, wide } = start('vgg16_bn', [3, 224, 224], options)
  let x = net.input
  for (const [stage, [channels, depth]] of [
    [64, 2],
    [128, 2],
    [256, 3],
    [512, 3],
    [512, 3],
  ].entries()) {
    for (let i = 0; i < depth; i++) x = convBn(net, `features.${stage}.${i}`, x, wide(channels), { bias: true })
    x = net.maxPool(`features.${stage}.pool`, x, { kernel: 2 })
  }
  x = net.relu('classifier.1', net.linear('classifier.0', net.flatten('flatten', x), wide(4096)))
  x = net.relu('classifier.4', net.linear('classifier.3', x, wide(4096)))
  return net.graph(net.linear('classifier.6', x, 1000))
}

/** Without normalisation; its last convolution makes the classes. */
export function squeezenet(options: NetworkOptions): Graph {
  const { net, wide } = start('squeezenet1_1', [3, 224, 224], options)
  const layer = (name: string, x: Value, channels: number, kernel: number) =>
    net.relu(`${name}.relu`, net.conv(name, x, channels, { kernel, bias: true }))
  const fire = (name: string, x: Value, squeeze: number, expand: number) => {
    const y = layer(`${name}.squeeze`, x, wide(squeeze), 1)
    return net.concat(`${name}.concat`, [layer(`${name}.expand1x1`, y, wide(expand), 1), layer(`${name}.expand3x3`, y, wide(expand), 3)])
  }
  const pool = (name: string, x: Value) => net.maxPool(name, x, { kernel: 3, stride: 2, ceil: true })
  let x = net.relu('features.1', net.conv('features.0', net.input, wide(64), { stride: 2, padding: 0, bias: true }))
  x = pool('features.2', x)
  x = pool('features.5', fire('features.4', fire('features.3', x, 16, 64), 16, 64))
  x = pool('features.8', fire('features.7', fire('features.6', x, 32, 128), 32, 128))
  x = fire('features.10', fire('features.9', x, 48, 192), 48, 192)
  x = fire('features.12', fire('features.11', x, 64, 256), 64, 256)
  x = layer('classifier.1', x, 1000, 1)
  return net.graph(net.flatten('flatten', net.globalAveragePool('avgpool', x)))
}

/** What torchvision's pretrained GoogLeNet and Inception-v3 do first: the three planes scaled one by one. */
function normalised(net: Builder): Value {
  const [, h, w] = net.input.shape
  const planes = [0.458, 0.448, 0.45].map((scale, i) => {
    const slice = net.node(`plane${i}`, 'Slice', [net.input], [1, h, w], { starts: [i], ends: [i + 1], axes: [1], steps: [1] })
    const by = net.parameter(`plane${i}.scale`, [1], new Float32Array([scale]))
    const shift = net.parameter(`plane${i}.shift`, [1], new Float32Array([-0.03 * i]))
    return net.node(`plane${i}.shifted`, 'Add', [net.node(`plane${i}.scaled`, 'Mul', [slice, by], [1, h, w]), shift], [1, h, w])
  })
  return net.concat('planes', planes)
}

/** 1x1; 1x1 and 3x3; 1x1 and 3x3 (5x5 in the paper); pool and 1x1. 0 stands for the maximum pooling between two stages. */
const modules: ([string, number, number, number, number, number, number] | 0)[] = [
  ['inception3a', 64, 96, 128, 16, 32, 32],
  ['inception3b', 128, 128, 192, 32, 96, 64],
  0,
  ['inception4a', 192, 96, 208, 16, 48, 64],
  ['inception4b', 160, 112, 224, 24, 64, 64],
  ['inception4c', 128, 128, 256, 24, 64, 64],
  ['inception4d', 112, 144, 288, 32, 64, 64],
  ['inception4e', 256, 160, 320, 32, 128, 128],
  0,
  ['inception5a', 256, 160, 320, 32, 128, 128],
  ['inception5b', 384, 192, 384, 48, 128, 128],
]

export function googlenet(options: NetworkOptions): Graph {
  const { net, wide } = start('googlenet', [3, 224, 224], options)
  let x = convBn(net, 'conv1', normalised(net), wide(64), { kernel: 7, stride: 2 })
  x = net.maxPool('maxpool1', x, { kernel: 3, stride: 2, ceil: true })
  x = convBn(net, 'conv3', convBn(net, 'conv2', x, wide(64), { kernel: 1 }), wide(192))
  x = net.maxPool('maxpool2', x, { kernel: 3, stride: 2, ceil: true })
  for (const [at, module] of modules.entries()) {
    if (module === 0) {
      x = net.maxPool(`maxpool${at < 5 ? 3 : 4}`, x, { kernel: at < 5 ? 3 : 2, stride: 2, ceil: true })
      continue
    }
    const [name, ...widths] = module
    const [one, reduce3, three, reduce5, five, project] = widths.map(wide)
    const pool = net.maxPool(`${name}.pool`, x, { kernel: 3, stride: 1, padding: 1, ceil: true })
    x = net.concat(`${name}.concat`, [
      convBn(net, `${name}.branch1`, x, one, { kernel: 1 }),
      convBn(net, `${name}.branch2.1`, convBn(net, `${name}.branch2.0`, x, reduce3, { kernel: 1 }), three),
      convBn(net, `${name}.branch3.1`, convBn(net, `${name}.branch3.0`, x, reduce5, { kernel: 1 }), five),
      convBn(net, `${name}.branch4.1`, pool, project, { kernel: 1 }),
    ])
  }
  return classifier(net, x)
}

export function inceptionV3(options: NetworkOptions): Graph {
  const { net, wide } = start('inception_v3', [3, 299, 299], options)
  type Step = [channels: number, kernel: number | [number, number], stride?: number]
  /** Convolutions in a row; one with a stride has no padding. */
  const row = (name: string, x: Value, ...steps: Step[]) =>
    steps.reduce(
      (y, [channels, kernel, stride = 1], i) =>
        convBn(net, `${name}.${i}`, y, wide(channels), { kernel, stride, padding: stride > 1 ? 0 : undefined }),
      x,
    )
  const average = (name: string, x: Value) => net.averagePool(name, x, { kernel: 3, stride: 1, padding: 1, countPadding: true })
  const shrink = (name: string, x: Value) => net.maxPool(name, x, { kernel: 3, stride: 2 })
  const tall: [number, number] = [7, 1]
  const broad: [number, number] = [1, 7]

  let x = convBn(net, 'stem.0', normalised(net), wide(32), { stride: 2, padding: 0 })
  x = convBn(net, 'stem.2', convBn(net, 'stem.1', x, wide(32), { padding: 0 }), wide(64))
  x = convBn(net, 'stem.3', shrink('pool1', x), wide(80), { kernel: 1 })
  x = shrink('pool2', convBn(net, 'stem.4', x, wide(192), { padding: 0 }))
  for (const [name, channels] of [
    ['5b', 32],
    ['5c', 64],
    ['5d', 64],
  ] as const)
    x = net.concat(`${name}.concat`, [
      row(`${name}.one`, x, [64, 1]),
      row(`${name}.five`, x, [48, 1], [64, 5]),
      row(`${name}.double`, x, [64, 1], [96, 3], [96, 3]),
      row(`${name}.project`, average(`${name}.pool`, x), [channels, 1]),
    ])
  x = net.concat('6a.concat', [row('6a.three', x, [384, 3, 2]), row('6a.double', x, [64, 1], [96, 3], [96, 3, 2]), shrink('6a.pool', x)])
  for (const [name, c] of [
    ['6b', 128],
    ['6c', 160],
    ['6d', 160],
    ['6e', 192],
  ] as const)
    x = net.concat(`${name}.concat`, [
      row(`${name}.one`, x, [192, 1]),
      row(`${name}.seven`, x, [c, 1], [c, broad], [192, tall]),
      row(`${name}.double`, x, [c, 1], [c, tall], [c, broad], [c, tall], [192, broad]),
      row(`${name}.project`, average(`${name}.pool`, x), [192, 1]),
    ])
  x = net.concat('7a.concat', [
    row('7a.three', x, [192, 1], [320, 3, 2]),
    row('7a.seven', x, [192, 1], [192, broad], [192, tall], [192, 3, 2]),
    shrink('7a.pool', x),
  ])
  for (const name of ['7b', '7c']) {
    const fork = (branch: string, y: Value) =>
      net.concat(`${name}.${branch}.concat`, [row(`${name}.${branch}.a`, y, [384, [1, 3]]), row(`${name}.${branch}.b`, y, [384, [3, 1]])])
    x = net.concat(`${name}.concat`, [
      row(`${name}.one`, x, [320, 1]),
      fork('three', row(`${name}.three`, x, [384, 1])),
      fork('double', row(`${name}.double`, x, [448, 1], [384, 3])),
      row(`${name}.project`, average(`${name}.pool`, x), [192, 1]),
    ])
  }
  return classifier(net, x)
}

/** Pre-activation: what a layer reads is normalised anew for each reader (Huang et al. 2017). */
export function densenet121(options: NetworkOptions): Graph {
  const { net, wide } = start('densenet121', [3, 224, 224], options)
  const before = (name: string, x: Value) => net.relu(`${name}.relu`, net.batchNorm(`${name}.norm`, x))
  let x = net.relu('relu0', net.batchNorm('norm0', net.conv('conv0', net.input, wide(64), { kernel: 7, stride: 2 })))
  x = net.maxPool('pool0', x, { kernel: 3, stride: 2, padding: 1 })
  for (const [block, depth] of [6, 12, 24, 16].entries()) {
    for (let i = 0; i < depth; i++) {
      const name = `block${block + 1}.${i}`
      const narrow = net.conv(`${name}.conv1`, before(`${name}.1`, x), wide(128), { kernel: 1 })
      x = net.concat(`${name}.concat`, [x, net.conv(`${name}.conv2`, before(`${name}.2`, narrow), wide(32))])
    }
    if (block === 3) break
    const half = net.conv(`transition${block + 1}.conv`, before(`transition${block + 1}`, x), x.shape[0] / 2, { kernel: 1 })
    x = net.averagePool(`transition${block + 1}.pool`, half, { kernel: 2 })
  }
  return classifier(net, before('last', x), 'classifier')
}
