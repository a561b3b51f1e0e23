/** ConvNeXt, and networks whose outputs are maps: U-Net and the detector YOLOv5. */
import type { Builder, Value } from '../../architectures/index.js'
import type { Graph } from '../../graph.js'
import { type NetworkOptions, scattered, silu, start } from './layers.js'

const toLast = (net: Builder, name: string, x: Value) =>
  net.node(name, 'Transpose', [x], [x.shape[1], x.shape[2], x.shape[0]], { perm: [0, 2, 3, 1] })
const toFirst = (net: Builder, name: string, x: Value) =>
  net.node(name, 'Transpose', [x], [x.shape[2], x.shape[0], x.shape[1]], { perm: [0, 3, 1, 2] })

const layerNorm = (net: Builder, name: string, x: Value) => {
  const channels = x.shape.at(-1)!
  const inputs = [x, scattered(net, `${name}.weight`, [channels]), scattered(net, `${name}.bias`, [channels], 0)]
  return net.node(name, 'LayerNormalization', inputs, x.shape, { axis: -1, epsilon: Math.fround(1e-6) })
}

/** A linear layer on the last of several axes: a product and a sum. */
const linearLast = (net: Builder, name: string, x: Value, features: number) => {
  const inner = x.shape.at(-1)!
  const shape = [...x.shape.slice(0, -1), features]
  const product = net.node(`${name}.product`, 'MatMul', [x, net.normal(`${name}.weight`, [inner, features], inner ** -0.5)], shape)
  return net.node(name, 'Add', [scattered(net, `${name}.bias`, [features], 0), product], shape)
}

/** As PyTorch writes it before opset 20. */
const gelu = (net: Builder, name: string, x: Value) => {
  const scalar = (suffix: string, value: number) => net.parameter(`${name}.${suffix}`, [1], new Float32Array([value]))
  const step = (suffix: string, op: string, inputs: (Value | string)[]) => net.node(`${name}.${suffix}`, op, inputs, x.shape)
  const erf = step('erf', 'Erf', [step('div', 'Div', [x, scalar('sqrt2', Math.SQRT2)])])
  return step('half', 'Mul', [step('mul', 'Mul', [x, step('add', 'Add', [erf, scalar('one', 1)])]), scalar('0.5', 0.5)])
}

/** Liu et al. 2022; the tiny one. */
export function convnextTiny(options: NetworkOptions): Graph {
  const { net, wide } = start('convnext_tiny', [3, 224, 224], options)
  const normalized = (name: string, x: Value) =>
    toFirst(net, `${name}.first`, layerNorm(net, `${name}.norm`, toLast(net, `${name}.last`, x)))
  const shrunk = (name: string, x: Value, channels: number, by: number) =>
    net.conv(name, x, channels, { kernel: by, stride: by, padding: 0, bias: true })
  let x = normalized('stem', shrunk('stem.conv', net.input, wide(96), 4))
  for (const [stage, [channels, blocks]] of [
    [96, 3],
    [192, 3],
    [384, 9],
    [768, 3],
  ].entries()) {
    if (stage > 0) x = shrunk(`downsample${stage}.conv`, normalized(`downsample${stage}`, x), wide(channels), 2)
    for (let i = 0; i < blocks; i++) {
      const name = `stage${stage + 1}.${i}`
      let y = net.conv(`${name}.depthwise`, x, x.shape[0], { kernel: 7, groups: x.shape[0], bias: true })
      y = layerNorm(net, `${name}.norm`, toLast(net, `${name}.last`, y))
      y = gelu(net, `${name}.gelu`, linearLast(net, `${name}.expand`, y, 4 * x.shape[0]))
      y = toFirst(net, `${name}.first`, linearLast(net, `${name}.project`, y, x.shape[0]))
      const scale = scattered(net, `${name}.layer_scale`, [x.shape[0], 1, 1], 0)
      x = net.add(`${name}.add`, net.node(`${name}.scaled`, 'Mul', [scale, y], x.shape), x)
    }
  }
  x = normalized('head', net.globalAveragePool('avgpool', x))
  return net.graph(net.linear('classifier.2', net.flatten('flatten', x), 1000))
}

/** Ronneberger et al. 2015 with normalisation and padding, as the widely used milesial/Pytorch-UNet. */
export function unet(options: NetworkOptions): Graph {
  const { net, wide } = start('unet', [3, 256, 256], options)
  const double = (name: string, x: Value, channels: number) =>
    [1, 2].reduce((y, i) => net.relu(`${name}.relu${i}`, net.batchNorm(`${name}.bn${i}`, net.conv(`${name}.conv${i}`, y, channels))), x)
  const skips = [double('inc', net.input, wide(64))]
  for (let i = 1; i <= 4; i++) skips.push(double(`down${i}`, net.maxPool(`down${i}.pool`, skips[i - 1], { kernel: 2 }), wide(64) << i))
  let x = skips.pop()!
  for (let i = 1; i <= 4; i++) {
    const skip = skips.pop()!
    x = net.convTranspose(`up${i}.up`, x, skip.shape[0], { kernel: 2, stride: 2 })
    x = double(`up${i}`, net.concat(`up${i}.concat`, [skip, x]), skip.shape[0])
  }
  return net.graph(net.conv('outc', x, 1, { kernel: 1, bias: true }))
}

/** YOLOv5 (ultralytics, v6): CSP backbone, pyramid pooling, paths up and down, three outputs [anchors, rows, columns, 5 + classes]. */
export function yolo(options: NetworkOptions): Graph {
  const { net, wide } = start('yolov5n', [3, 640, 640], options)
  const conv = (name: string, x: Value, channels: number, kernel = 1, stride = 1) => {
    const y = net.conv(`${name}.conv`, x, channels, { kernel, stride, padding: kernel === 6 ? 2 : undefined })
    return silu(net, `${name}.act`, net.batchNorm(`${name}.bn`, y))
  }
  const c3 = (name: string, x: Value, channels: number, depth: number, residual = true) => {
    const half = channels / 2
    let y = conv(`${name}.cv1`, x, half)
    for (let i = 0; i < depth; i++) {
      const inner = conv(`${name}.m.${i}.cv2`, conv(`${name}.m.${i}.cv1`, y, half), half, 3)
      y = residual ? net.add(`${name}.m.${i}.add`, y, inner) : inner
    }
    return conv(`${name}.cv3`, net.concat(`${name}.concat`, [y, conv(`${name}.cv2`, x, half)]), channels)
  }
  const upsampled = (name: string, x: Value) =>
    net.node(name, 'Resize', [x], [x.shape[0], 2 * x.shape[1], 2 * x.shape[2]], {
      scales: [1, 1, 2, 2],
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    })
  const [c1, c2, c3w, c4, c5] = [16, 32, 64, 128, 256].map(wide)
  let x = conv('0', net.input, c1, 6, 2)
  x = c3('2', conv('1', x, c2, 3, 2), c2, 1)
  const p3 = c3('4', conv('3', x, c3w, 3, 2), c3w, 2)
  const p4 = c3('6', conv('5', p3, c4, 3, 2), c4, 3)
  x = c3('8', conv('7', p4, c5, 3, 2), c5, 1)
  const pyramid = [conv('9.cv1', x, c4)]
  for (let i = 0; i < 3; i++) pyramid.push(net.maxPool(`9.pool${i}`, pyramid[i], { kernel: 5, stride: 1, padding: 2 }))
  const top = conv('10', conv('9.cv2', net.concat('9.concat', pyramid), c5), c4)
  const middle = conv('14', c3('13', net.concat('12', [upsampled('11', top), p4]), c4, 1, false), c3w)
  const fine = c3('17', net.concat('16', [upsampled('15', middle), p3]), c3w, 1, false)
  const medium = c3('20', net.concat('19', [conv('18', fine, c3w, 3, 2), middle]), c4, 1, false)
  const coarse = c3('23', net.concat('22', [conv('21', medium, c4, 3, 2), top]), c5, 1, false)
  const heads = [fine, medium, coarse].map((y, i) => {
    const [, h, w] = y.shape
    const head = net.conv(`24.m.${i}`, y, 255, { kernel: 1, bias: true })
    const anchors = net.node(`24.anchors.${i}`, 'Reshape', [head], [3, 85, h, w], { shape: [0, 3, 85, h, w] })
    return net.node(`24.output.${i}`, 'Transpose', [anchors], [3, h, w, 85], { perm: [0, 1, 3, 4, 2] })
  })
  return net.graph(...heads)
}
