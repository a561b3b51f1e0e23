/** A `Graph` run by tfjs, images and weights in its own order (NHWC): in the fastest form that it has for each node. */
import { fuseForInference, type Graph, type Node } from '@espalier/nn'

export type Tf = typeof import('@tensorflow/tfjs-core')
type Tensor = import('@tensorflow/tfjs-core').Tensor
type Tensor1D = import('@tensorflow/tfjs-core').Tensor1D
type Tensor2D = import('@tensorflow/tfjs-core').Tensor2D
type Tensor4D = import('@tensorflow/tfjs-core').Tensor4D
type Variable = import('@tensorflow/tfjs-core').Variable

/** Moves channels last: [outer, channels, inner] to [outer, inner, channels]. */
export function channelsLast(data: Float32Array, outer: number, channels: number, inner: number): Float32Array {
  const moved = new Float32Array(data.length)
  for (let o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < inner; i++) moved[(o * inner + i) * channels + c] = data[(o * channels + c) * inner + i]
  return moved
}

/** Convolution weights [m, c, kh, kw] as tfjs has them: [kh, kw, c, m], for depthwise ones [kh, kw, m, 1]; linear ones [c, m]. */
function weightOf(tf: Tf, graph: Graph, name: string): Tensor {
  const { dims, data } = graph.initializers.get(name)!
  const values = tf.tensor(data as Float32Array, [...dims])
  if (dims.length === 2) return tf.transpose(values, [1, 0])
  if (dims.length !== 4) return values
  return tf.transpose(values, isDepthwise(graph, name) ? [2, 3, 0, 1] : [2, 3, 1, 0])
}

const groupOf = (node: Node) => Number(node.attributes.group ?? 1)

function isDepthwise(graph: Graph, weight: string): boolean {
  const node = graph.nodes.find(({ inputs }) => inputs[1] === weight)!
  if (groupOf(node) > 1 && graph.initializers.get(weight)!.dims[1] !== 1)
    throw new Error(`${node.name}: grouped convolution is not written for tfjs`)
  return groupOf(node) > 1
}

const ints = (node: Node, name: string) => node.attributes[name] as readonly number[]
const padding = (node: Node): [[number, number], [number, number], [number, number], [number, number]] => {
  const [top, left, bottom, right] = ints(node, 'pads')
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]
}

/** Depthwise convolutions take one number. */
function evenPadding(node: Node): number {
  const pads = ints(node, 'pads')
  if (pads.some((pad) => pad !== pads[0])) throw new Error(`${node.name}: pads [${pads.join(', ')}] are not written for tfjs`)
  return pads[0]
}

type Values = Map<string, Tensor>

function pooled(tf: Tf, node: Node, x: Tensor): Tensor {
  const [kernel, strides] = [ints(node, 'kernel_shape'), ints(node, 'strides')]
  return tf.maxPool(x as Tensor4D, [kernel[0], kernel[1]], [strides[0], strides[1]], padding(node))
}

function linear(tf: Tf, node: Node, values: Values): Tensor {
  const [x, w, b] = node.inputs.map((name) => values.get(name)!)
  // fused.matMul is what tfjs-layers' Dense uses too.
  return tf.fused.matMul({ a: x as Tensor2D, b: w as Tensor2D, bias: b })
}

function simple(tf: Tf, node: Node, values: Values): Tensor {
  const [x, other] = node.inputs.map((name) => values.get(name)!)
  switch (node.op) {
    case 'Relu':
      return tf.relu(x)
    case 'Clip':
      return tf.relu6(x)
    case 'Add':
      return tf.add(x, other)
    case 'MaxPool':
      return pooled(tf, node, x)
    case 'GlobalAveragePool':
      return tf.mean(x, [1, 2])
    case 'Flatten':
      return x
    case 'Gemm':
      return linear(tf, node, values)
  }
  throw new Error(`node '${node.name}': ${node.op} is not written for tfjs`)
}

/** Normalisation folded into the weights; convolution, bias and activation one kernel. Residuals are added after it, where it has no place for them. */
export function inference(tf: Tf, original: Graph): (images: Tensor4D) => Tensor {
  const graph = fuseForInference(original)
  const constants: Values = new Map([...graph.initializers.keys()].map((name) => [name, weightOf(tf, graph, name)]))
  return (images) => {
    const values: Values = new Map([...constants, [graph.inputs[0].name, images]])
    for (const node of graph.nodes) {
      if (node.op !== 'FusedConv') {
        values.set(node.outputs[0], simple(tf, node, values))
        continue
      }
      const [x, filter, bias, residual] = node.inputs.map((name) => values.get(name))
      const activation = node.attributes.activation as 'none' | 'relu' | 'relu6'
      const strides = ints(node, 'strides')
      const config = {
        x: x as Tensor4D,
        filter: filter as Tensor4D,
        bias: bias as Tensor1D,
        strides: [strides[0], strides[1]] as [number, number],
        activation: residual || activation === 'none' ? undefined : activation,
      }
      let y: Tensor =
        groupOf(node) > 1
          ? tf.fused.depthwiseConv2d({ ...config, pad: evenPadding(node), dimRoundingMode: 'floor' })
          : tf.fused.conv2d({ ...config, pad: padding(node) })
      if (residual) {
        y = tf.add(y, residual)
        if (activation !== 'none') y = activation === 'relu' ? tf.relu(y) : tf.relu6(y)
      }
      values.set(node.outputs[0], y)
    }
    return values.get(graph.outputs[0].name)!
  }
}

/** The network with its weights as variables and batch normalisation as tfjs-layers trains it: statistics of the batch, moving averages updated. */
export function trainable(tf: Tf, graph: Graph): { run: (images: Tensor4D) => Tensor; variables: Variable[] } {
  const normalizations = graph.nodes.filter(({ op }) => op === 'BatchNormalization')
  const running = new Set(normalizations.flatMap(({ inputs }) => inputs.slice(3)))
  const constants = new Map(
    [...graph.initializers.keys()].map((name) => [name, tf.variable(weightOf(tf, graph, name), !running.has(name))]),
  )
  const run = (images: Tensor4D) => {
    const values: Values = new Map<string, Tensor>([...constants, [graph.inputs[0].name, images]])
    for (const node of graph.nodes) {
      const [x, w, b] = node.inputs.map((name) => values.get(name)!)
      if (node.op === 'Conv') {
        const strides = ints(node, 'strides')
        const step: [number, number] = [strides[0], strides[1]]
        const y =
          groupOf(node) > 1
            ? tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, step, evenPadding(node), 'NHWC', [1, 1], 'floor')
            : tf.conv2d(x as Tensor4D, w as Tensor4D, step, padding(node))
        values.set(node.outputs[0], b ? tf.add(y, b) : y)
      } else if (node.op === 'BatchNormalization') {
        const { mean, variance } = tf.moments(x, [0, 1, 2])
        values.set(node.outputs[0], tf.batchNorm(x as Tensor4D, mean as Tensor1D, variance as Tensor1D, b as Tensor1D, w as Tensor1D, 1e-5))
        for (const [i, value] of [mean, variance].entries()) {
          const average = constants.get(node.inputs[3 + i])!
          average.assign(tf.add(tf.mul(average, 0.9), tf.mul(value, 0.1)))
        }
      } else values.set(node.outputs[0], simple(tf, node, values))
    }
    return values.get(graph.outputs[0].name)!
  }
  return { run, variables: [...constants].flatMap(([name, variable]) => (running.has(name) ? [] : [variable])) }
}
