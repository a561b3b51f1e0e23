/** The two smallest: LeNet-5 (LeCun et al. 1998, with ReLU and max pooling as it is used today) and `tiny`, for the built-in data. */
import type { Graph } from '../graph.js'
import { type BuilderOptions, createBuilder, type Value } from './builder.js'

export function lenet5(classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  let x = net.relu('relu1', net.conv('conv1', net.input, net.scaled(6), { kernel: 5, bias: true }))
  x = net.maxPool('pool1', x, { kernel: 2 })
  x = net.relu('relu2', net.conv('conv2', x, net.scaled(16), { kernel: 5, padding: 0, bias: true }))
  x = net.flatten('flatten', net.maxPool('pool2', x, { kernel: 2 }))
  x = net.relu('relu3', net.linear('fc1', x, net.scaled(120)))
  x = net.relu('relu4', net.linear('fc2', x, net.scaled(84)))
  return net.graph(net.linear('fc3', x, classes))
}

/** 1.06 M MACs on [3, 24, 24]: trains in seconds without a GPU, and has what pruning is about: a chain, a residual block, a linear head. */
export function tiny(classes: number, options: BuilderOptions): Graph {
  const net = createBuilder(options)
  const convBn = (name: string, x: Value, channels: number, stride = 1) =>
    net.batchNorm(`bn${name}`, net.conv(`conv${name}`, x, net.scaled(channels), { stride }))
  let x = net.relu('relu1', convBn('1', net.input, 16, 2))
  x = net.relu('relu2', convBn('2', x, 32, 2))
  const y = net.relu('relu3', convBn('3', x, 32))
  x = net.relu('relu4', net.add('add', convBn('4', y, 32), x))
  x = net.relu('relu5', convBn('5', x, 64, 2))
  x = net.flatten('flatten', net.globalAveragePool('avgpool', x))
  return net.graph(net.linear('fc', x, classes))
}
