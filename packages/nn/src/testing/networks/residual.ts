/** ResNet (He et al. 2016), wide ResNet (Zagoruyko and Komodakis 2016), RegNetY (Radosavovic et al. 2020): names and shapes as torchvision's. */
import type { Builder, Value } from '../../architectures/index.js'
import type { Graph } from '../../graph.js'
import { classifier, convBn, type NetworkOptions, squeezeExcite, start } from './layers.js'

function shortcut(net: Builder, name: string, x: Value, channels: number, stride: number): Value {
  return stride === 1 && x.shape[0] === channels ? x : convBn(net, name, x, channels, { kernel: 1, stride, activation: null })
}

function basic(net: Builder, name: string, x: Value, width: number, stride: number): Value {
  const hidden = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, net.conv(`${name}.conv1`, x, width, { stride })))
  const y = net.batchNorm(`${name}.bn2`, net.conv(`${name}.conv2`, hidden, width))
  return net.relu(`${name}.relu2`, net.add(`${name}.add`, y, shortcut(net, `${name}.downsample`, x, width, stride)))
}

const bottleneck =
  (widening: number) =>
  (net: Builder, name: string, x: Value, width: number, stride: number): Value => {
    const layer = (i: number, input: Value, channels: number, kernel: number, by = 1) =>
      net.batchNorm(`${name}.bn${i}`, net.conv(`${name}.conv${i}`, input, channels, { kernel, stride: by }))
    let y = net.relu(`${name}.relu1`, layer(1, x, widening * width, 1))
    y = net.relu(`${name}.relu2`, layer(2, y, widening * width, 3, stride))
    y = layer(3, y, 4 * width, 1)
    return net.relu(`${name}.relu3`, net.add(`${name}.add`, y, shortcut(net, `${name}.downsample`, x, 4 * width, stride)))
  }

const resnet =
  (name: string, block: typeof basic, depths: readonly number[]) =>
  (options: NetworkOptions): Graph => {
    const { net, wide } = start(name, [3, 224, 224], options)
    let x = net.relu('relu', net.batchNorm('bn1', net.conv('conv1', net.input, wide(64), { kernel: 7, stride: 2 })))
    x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 })
    for (const [stage, blocks] of depths.entries())
      for (let i = 0; i < blocks; i++) x = block(net, `layer${stage + 1}.${i}`, x, wide(64) << stage, stage > 0 && i === 0 ? 2 : 1)
    return classifier(net, x)
  }

export const resnet18 = resnet('resnet18', basic, [2, 2, 2, 2])
export const resnet34 = resnet('resnet34', basic, [3, 4, 6, 3])
export const resnet50 = resnet('resnet50', bottleneck(1), [3, 4, 6, 3])
export const wideResnet50 = resnet('wide_resnet50_2', bottleneck(2), [3, 4, 6, 3])

/** Groups of 8 channels; the squeeze is a quarter of the block's input. */
export function regnetY400(options: NetworkOptions): Graph {
  const { net, wide } = start('regnet_y_400mf', [3, 224, 224], options)
  let x = convBn(net, 'stem', net.input, wide(32), { stride: 2 })
  for (const [stage, [channels, blocks]] of [
    [48, 1],
    [104, 3],
    [208, 6],
    [440, 6],
  ].entries())
    for (let i = 0; i < blocks; i++) {
      const name = `block${stage + 1}-${i}`
      const width = wide(channels)
      const stride = i === 0 ? 2 : 1
      let y = convBn(net, `${name}.a`, x, width, { kernel: 1 })
      y = convBn(net, `${name}.b`, y, width, { stride, groups: width / 8 })
      y = squeezeExcite(net, `${name}.se`, y, { squeeze: Math.round(x.shape[0] / 4) })
      y = convBn(net, `${name}.c`, y, width, { kernel: 1, activation: null })
      x = net.relu(`${name}.relu`, net.add(`${name}.add`, shortcut(net, `${name}.proj`, x, width, stride), y))
    }
  return classifier(net, x)
}
