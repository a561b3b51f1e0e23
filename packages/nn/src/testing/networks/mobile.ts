/** MobileNetV1 to V3 (Howard et al. 2017 and 2019, Sandler et al. 2018), EfficientNet (Tan and Le 2019), ShuffleNetV2 (Ma et al. 2018). */
import { type Builder, buildArchitecture, type Value } from '../../architectures/index.js'
import type { Graph } from '../../graph.js'
import {
  type Activation,
  classifier,
  convBn,
  hardSigmoid,
  hardSwish,
  type NetworkOptions,
  relu,
  silu,
  squeezeExcite,
  start,
} from './layers.js'

export function mobilenetV1(options: NetworkOptions): Graph {
  const { net, wide } = start('mobilenet_v1', [3, 224, 224], options)
  let x = convBn(net, 'conv1', net.input, wide(32), { stride: 2 })
  const blocks = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
  for (const [i, channels] of blocks.entries()) {
    const stride = i > 0 && channels > blocks[i - 1] ? 2 : 1
    x = convBn(net, `block${i}.depthwise`, x, x.shape[0], { groups: x.shape[0], stride })
    x = convBn(net, `block${i}.pointwise`, x, wide(channels), { kernel: 1 })
  }
  return classifier(net, x)
}

/** The built-in one: it has no factor of widths. */
export const mobilenetV2 = ({ input = [3, 224, 224], seed, zeros }: NetworkOptions): Graph =>
  buildArchitecture('mobilenetv2', { input, classes: 1000, seed, zeros })

/** Kernel, expanded channels, channels, squeeze-excite, hard-swish, stride. */
const large: [number, number, number, boolean, boolean, number][] = [
  [3, 16, 16, false, false, 1],
  [3, 64, 24, false, false, 2],
  [3, 72, 24, false, false, 1],
  [5, 72, 40, true, false, 2],
  [5, 120, 40, true, false, 1],
  [5, 120, 40, true, false, 1],
  [3, 240, 80, false, true, 2],
  [3, 200, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 184, 80, false, true, 1],
  [3, 480, 112, true, true, 1],
  [3, 672, 112, true, true, 1],
  [5, 672, 160, true, true, 2],
  [5, 960, 160, true, true, 1],
  [5, 960, 160, true, true, 1],
]

const divisible = (value: number) => {
  const near = Math.max(8, Math.floor((value + 4) / 8) * 8)
  return near < 0.9 * value ? near + 8 : near
}

interface Inverted {
  readonly kernel: number
  readonly hidden: number
  readonly channels: number
  readonly stride: number
  readonly activation: Activation
  /** Channels of the squeeze and its gate. */
  readonly squeeze?: { readonly squeeze: number; readonly activation: Activation; readonly gate?: Activation }
}

function inverted(net: Builder, name: string, x: Value, block: Inverted): Value {
  const { kernel, hidden, channels, stride, activation, squeeze } = block
  let y = hidden === x.shape[0] ? x : convBn(net, `${name}.expand`, x, hidden, { kernel: 1, activation })
  y = convBn(net, `${name}.depthwise`, y, hidden, { kernel, stride, groups: hidden, activation })
  if (squeeze) y = squeezeExcite(net, `${name}.se`, y, squeeze)
  y = convBn(net, `${name}.project`, y, channels, { kernel: 1, activation: null })
  return stride === 1 && channels === x.shape[0] ? net.add(`${name}.add`, y, x) : y
}

export function mobilenetV3(options: NetworkOptions): Graph {
  const { net, wide } = start('mobilenet_v3_large', [3, 224, 224], options)
  let x = convBn(net, 'features.0', net.input, wide(16), { stride: 2, activation: hardSwish })
  for (const [i, [kernel, expanded, channels, squeezed, swish, stride]] of large.entries()) {
    const hidden = wide(expanded)
    x = inverted(net, `features.${i + 1}`, x, {
      kernel,
      hidden,
      channels: wide(channels),
      stride,
      activation: swish ? hardSwish : relu,
      squeeze: squeezed ? { squeeze: divisible(hidden / 4), activation: relu, gate: hardSigmoid } : undefined,
    })
  }
  x = convBn(net, 'features.16', x, wide(960), { kernel: 1, activation: hardSwish })
  x = net.linear('classifier.0', net.flatten('flatten', net.globalAveragePool('avgpool', x)), wide(1280))
  return net.graph(net.linear('classifier.3', hardSwish(net, 'classifier.1', x), 1000))
}

/** Expansion, kernel, stride, channels, blocks. */
const b0 = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
]

export function efficientnetB0(options: NetworkOptions): Graph {
  const { net, wide } = start('efficientnet_b0', [3, 224, 224], options)
  let x = convBn(net, 'stem', net.input, wide(32), { stride: 2, activation: silu })
  for (const [stage, [expansion, kernel, stride, channels, blocks]] of b0.entries())
    for (let i = 0; i < blocks; i++)
      x = inverted(net, `features.${stage + 1}.${i}`, x, {
        kernel,
        hidden: expansion * x.shape[0],
        channels: wide(channels),
        stride: i === 0 ? stride : 1,
        activation: silu,
        squeeze: { squeeze: Math.max(1, Math.floor(x.shape[0] / 4)), activation: silu },
      })
  return classifier(net, convBn(net, 'head', x, wide(1280), { kernel: 1, activation: silu }), 'classifier.1')
}

/** The channels of two branches interleaved. */
function shuffle(net: Builder, name: string, x: Value): Value {
  const [c, h, w] = x.shape
  const parts = net.node(`${name}.view`, 'Reshape', [x], [2, c / 2, h, w], { shape: [0, 2, c / 2, h, w] })
  const turned = net.node(`${name}.transpose`, 'Transpose', [parts], [c / 2, 2, h, w], { perm: [0, 2, 1, 3, 4] })
  return net.node(`${name}.back`, 'Reshape', [turned], [c, h, w], { shape: [0, c, h, w] })
}

export function shufflenetV2(options: NetworkOptions): Graph {
  const { net, wide } = start('shufflenet_v2_x1_0', [3, 224, 224], options)
  let x = convBn(net, 'conv1', net.input, wide(24), { stride: 2 })
  x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 })
  for (const [stage, [channels, blocks]] of [
    [116, 4],
    [232, 8],
    [464, 4],
  ].entries())
    for (let i = 0; i < blocks; i++) {
      const name = `stage${stage + 2}.${i}`
      const half = options.width === undefined ? channels / 2 : wide(channels / 2)
      const stride = i === 0 ? 2 : 1
      let left = x
      let right = x
      if (stride === 2) {
        left = convBn(net, `${name}.left.depthwise`, x, x.shape[0], { groups: x.shape[0], stride, activation: null })
        left = convBn(net, `${name}.left.pointwise`, left, half, { kernel: 1 })
      } else [left, right] = net.split(`${name}.split`, x, [half, half])
      right = convBn(net, `${name}.right.first`, right, half, { kernel: 1 })
      right = convBn(net, `${name}.right.depthwise`, right, half, { groups: half, stride, activation: null })
      right = convBn(net, `${name}.right.last`, right, half, { kernel: 1 })
      x = shuffle(net, `${name}.shuffle`, net.concat(`${name}.concat`, [left, right]))
    }
  x = convBn(net, 'conv5', x, wide(1024), { kernel: 1 })
  const mean = net.node('mean', 'ReduceMean', [x], [x.shape[0]], { axes: [2, 3], keepdims: 0 })
  return net.graph(net.linear('fc', mean, 1000))
}
