/**
 * VGG with batch normalisation in its CIFAR form (Simonyan and Zisserman 2015; the classifier of three linear layers is replaced by
 * global pooling and one, as in the CIFAR references): 14.7 M parameters for VGG16. Names as torchvision's `vgg16_bn`.
 */
import type { Graph } from '../graph.js'
import { type BuilderOptions, createBuilder } from './builder.js'

/** Convolutions of each of the five stages. */
const depths = { 11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] }
const widths = [64, 128, 256, 512, 512]

export function vgg(depth: keyof typeof depths, classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  let index = 0
  const next = () => `features.${index++}`
  let x = net.input
  for (const [stage, convolutions] of depths[depth].entries()) {
    for (let i = 0; i < convolutions; i++) {
      x = net.conv(next(), x, net.scaled(widths[stage]), { bias: true })
      x = net.batchNorm(next(), x)
      x = net.relu(next(), x)
    }
    x = net.maxPool(next(), x, { kernel: 2 })
  }
  x = net.flatten('flatten', net.globalAveragePool('avgpool', x))
  return net.graph(net.linear('classifier', x, classes))
}
