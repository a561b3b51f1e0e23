/**
 * Residual networks (He et al. 2016). Names as in torchvision (18, 50) and akamaster's CIFAR networks (20, 32, 56).
 *
 * Shortcuts that change shape are 1x1 convolutions (the paper's option B) in all of them, also in the CIFAR networks, where the paper
 * pads with zeros (option A): padding fixes which channels a stage must keep, a projection lets each stage be pruned by itself.
 */
import type { Graph } from '../graph.js'
import { type Builder, type BuilderOptions, createBuilder, type Value } from './builder.js'

type Block = (net: Builder, name: string, x: Value, width: number, stride: number) => Value

function shortcut(net: Builder, name: string, x: Value, channels: number, stride: number): Value {
  if (stride === 1 && x.shape[0] === channels) return x
  return net.batchNorm(`${name}.1`, net.conv(`${name}.0`, x, channels, { kernel: 1, stride }))
}

const basicBlock =
  (shortcutName: string): Block =>
  (net, name, x, width, stride) => {
    let y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, net.conv(`${name}.conv1`, x, width, { stride })))
    y = net.batchNorm(`${name}.bn2`, net.conv(`${name}.conv2`, y, width))
    y = net.add(`${name}.add`, y, shortcut(net, `${name}.${shortcutName}`, x, width, stride))
    return net.relu(`${name}.relu2`, y)
  }

/** 1x1 to `width`, 3x3 (which carries the stride, as torchvision's), 1x1 to four times `width`. */
const bottleneck: Block = (net, name, x, width, stride) => {
  let y = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, net.conv(`${name}.conv1`, x, width, { kernel: 1 })))
  y = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, net.conv(`${name}.conv2`, y, width, { stride })))
  y = net.batchNorm(`${name}.bn3`, net.conv(`${name}.conv3`, y, 4 * width, { kernel: 1 }))
  y = net.add(`${name}.add`, y, shortcut(net, `${name}.downsample`, x, 4 * width, stride))
  return net.relu(`${name}.relu3`, y)
}

function stages(net: Builder, x: Value, block: Block, depths: readonly number[], width: number): Value {
  let y = x
  for (const [stage, blocks] of depths.entries())
    for (let i = 0; i < blocks; i++) y = block(net, `layer${stage + 1}.${i}`, y, width << stage, stage > 0 && i === 0 ? 2 : 1)
  return y
}

function head(net: Builder, x: Value, name: string, classes: number): Graph {
  return net.graph(net.linear(name, net.flatten('flatten', net.globalAveragePool('avgpool', x)), classes))
}

/** ResNet-18 and -50. Images up to 64 pixels high get the CIFAR stem (3x3, no pooling), larger ones that of ImageNet (7x7 and pooling). */
export function resnet(depth: 18 | 50, classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  const small = options.input[1] <= 64
  let x = net.conv('conv1', net.input, net.scaled(64), small ? { kernel: 3 } : { kernel: 7, stride: 2 })
  x = net.relu('relu', net.batchNorm('bn1', x))
  if (!small) x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 })
  const [block, depths] = depth === 18 ? [basicBlock('downsample'), [2, 2, 2, 2]] : ([bottleneck, [3, 4, 6, 3]] as const)
  x = stages(net, x, block, depths, net.scaled(64))
  return head(net, x, 'fc', classes)
}

/** ResNet-20, -32 and -56 of the paper's section 4.2: three stages of 16, 32 and 64 channels, depth = 6 n + 2. */
export function cifarResnet(depth: 20 | 32 | 56, classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  const n = (depth - 2) / 6
  const x = net.relu('relu', net.batchNorm('bn1', net.conv('conv1', net.input, net.scaled(16))))
  return head(net, stages(net, x, basicBlock('shortcut'), [n, n, n], net.scaled(16)), 'linear', classes)
}
