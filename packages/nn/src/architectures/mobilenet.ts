/**
 * MobileNetV2 (Sandler et al. 2018, table 2), names as torchvision's. Images up to 64 pixels high keep the strides of the CIFAR
 * references: 1 in the stem and in the first two stages, so that 32x32 ends at 4x4. Under a width multiplier channels come in eights, and the last 1,280 never shrink, as in the paper.
 */
import type { Graph } from '../graph.js'
import { type Builder, type BuilderOptions, type ConvOptions, createBuilder, type Value } from './builder.js'

/** Expansion, channels, blocks, stride of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
]

/** The nearest multiple of 8 that takes away a tenth at most, as the authors' `make_divisible`. */
function inEights(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return nearest < 0.9 * channels ? nearest + 8 : nearest
}

const convBnRelu6 = (net: Builder, name: string, x: Value, channels: number, options: ConvOptions): Value =>
  net.relu6(`${name}.2`, net.batchNorm(`${name}.1`, net.conv(`${name}.0`, x, channels, options)))

function invertedResidual(net: Builder, name: string, x: Value, expansion: number, channels: number, stride: number): Value {
  const hidden = x.shape[0] * expansion
  let index = 0
  const next = () => `${name}.conv.${index++}`
  let y = x
  if (expansion !== 1) y = convBnRelu6(net, next(), y, hidden, { kernel: 1 })
  y = convBnRelu6(net, next(), y, hidden, { stride, groups: hidden })
  y = net.conv(next(), y, channels, { kernel: 1 })
  y = net.batchNorm(next(), y)
  return stride === 1 && x.shape[0] === channels ? net.add(`${name}.add`, x, y) : y
}

export function mobilenetV2(classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  const small = options.input[1] <= 64
  const { width = 1 } = options
  let index = 0
  const next = () => `features.${index++}`
  let x = convBnRelu6(net, next(), net.input, inEights(32 * width), { stride: small ? 1 : 2 })
  for (const [stage, [expansion, channels, blocks, stride]] of stages.entries())
    for (let i = 0; i < blocks; i++)
      x = invertedResidual(net, next(), x, expansion, inEights(channels * width), i > 0 || (small && stage === 1) ? 1 : stride)
  x = convBnRelu6(net, next(), x, inEights(1280 * Math.max(1, width)), { kernel: 1 })
  x = net.flatten('flatten', net.globalAveragePool('avgpool', x))
  return net.graph(net.linear('classifier.1', x, classes))
}
