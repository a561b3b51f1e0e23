/**
 * A few functions that write a `Graph` layer by layer; every architecture, and every small graph of a test, is made with them.
 *
 *     const net = createBuilder({ name: 'small', input: [3, 8, 8], seed: 0 })
 *     const x = net.relu('relu1', net.batchNorm('bn1', net.conv('conv1', net.input, 16)))
 *     const graph = net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', x)), 10))
 *
 * Weights are named as in a PyTorch state dict (`conv1.weight`, `bn1.running_mean`); a node and its output have the layer's name.
 */
import { type Attributes, elements, type Shape } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { createRandom, type Random } from '../random.js'

/** A tensor of the graph under construction. `shape` is that of one image, without the batch: [c, h, w] or [features]. */
export interface Value {
  readonly name: string
  readonly shape: Shape
}

export interface ConvOptions {
  /** 3 when absent; an array is [height, width], here and below. */
  readonly kernel?: number | readonly [number, number]
  readonly stride?: number
  /** Zeros on each side; 'same' size at stride 1 when absent. */
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
  /** False when absent: batch normalisation follows as a rule. */
  readonly bias?: boolean
}

export interface PoolOptions {
  readonly kernel: number
  /** The kernel's size when absent. */
  readonly stride?: number
  readonly padding?: number
  /** Sizes are rounded up: a last window may reach beyond the image. */
  readonly ceil?: boolean
  /** Averages count the padding as zeros; they leave it out when absent. */
  readonly countPadding?: boolean
}

export interface BuilderOptions {
  readonly name: string
  /** [c, h, w]. */
  readonly input: Shape
  /** Of the weights; 0 when absent. */
  readonly seed?: number
  /** Weights are zeros instead of drawn: a network of which only the structure matters. */
  readonly zeros?: boolean
  /** What `scaled` multiplies channels by; 1 when absent. */
  readonly width?: number
  readonly metadata?: Readonly<Record<string, string>>
}

export type Builder = ReturnType<typeof createBuilder>

const filled = (length: number, value: number): Float32Array => new Float32Array(length).fill(value)

export function createBuilder({ name: graphName, input: inputShape, seed = 0, zeros = false, width = 1, metadata = {} }: BuilderOptions) {
  if (inputShape.length !== 3 || !inputShape.every((size) => Number.isInteger(size) && size > 0))
    throw new InputError('not an image', { field: 'input', expected: 'three positive integers [c, h, w]', found: `[${inputShape}]` })
  const nodes: Node[] = []
  // Filled when the network is complete: one that does not fit its input costs nothing.
  const initializers = new Map<string, () => TensorData>()
  const names = new Set(['input'])

  const parameter = (name: string, dims: Shape, data: Float32Array | (() => Float32Array)): string => {
    initializers.set(name, () => ({ dims, type: 'float32', data: typeof data === 'function' ? data() : data }))
    return name
  }
  const drawn = (name: string, dims: Shape, draw: (random: Random) => number): string =>
    parameter(name, dims, () => {
      if (zeros) return new Float32Array(elements(dims))
      // A stream per tensor: a layer's weights do not depend on what else the network holds.
      const random = createRandom(seed, `weights/${name}`)
      const data = new Float32Array(elements(dims))
      for (let i = 0; i < data.length; i++) data[i] = draw(random)
      return data
    })

  const node = (name: string, op: string, inputs: readonly string[], shape: Shape, attributes: Attributes = {}): Value => {
    if (names.has(name)) throw new Error(`createBuilder: the name '${name}' is used twice`)
    names.add(name)
    if (shape.some((size) => size < 1))
      throw new InputError(`too small for ${graphName}`, {
        field: 'input',
        expected: `a size that leaves at least one pixel at '${name}'`,
        found: `[${inputShape}], which leaves [${shape}]`,
      })
    nodes.push({ name, op, inputs, outputs: [name], attributes })
    return { name, shape }
  }
  const unary = (op: string, attributes?: Attributes) => (name: string, x: Value) => node(name, op, [x.name], x.shape, attributes)

  const spatial = (size: number, kernel: number, stride: number, padding: number, dilation = 1): number =>
    Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1

  /** He-normal weights with fan-out, as the PyTorch references of ResNet, VGG and MobileNetV2 (He et al. 2015, eq. 14); biases 0. */
  const conv = (name: string, x: Value, channels: number, options: ConvOptions = {}): Value => {
    const { kernel = 3, stride = 1, dilation = 1, groups = 1, bias = false } = options
    const [c, h, w] = x.shape
    const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel
    const [ph, pw] = [kh, kw].map((size) => options.padding ?? (dilation * (size - 1)) >> 1)
    if (c % groups !== 0 || channels % groups !== 0)
      throw new Error(`conv '${name}': groups ${groups} must divide the ${c} input and ${channels} output channels`)
    const deviation = Math.sqrt(2 / (channels * kh * kw))
    const inputs = [x.name, drawn(`${name}.weight`, [channels, c / groups, kh, kw], (random) => random.normal(0, deviation))]
    if (bias) inputs.push(parameter(`${name}.bias`, [channels], filled(channels, 0)))
    return node(name, 'Conv', inputs, [channels, spatial(h, kh, stride, ph, dilation), spatial(w, kw, stride, pw, dilation)], {
      kernel_shape: [kh, kw],
      strides: [stride, stride],
      pads: [ph, pw, ph, pw],
      dilations: [dilation, dilation],
      group: groups,
    })
  }

  const batchNorm = (name: string, x: Value): Value => {
    const channels = x.shape[0]
    const vector = (suffix: string, value: number) => parameter(`${name}.${suffix}`, [channels], filled(channels, value))
    const inputs = [x.name, vector('weight', 1), vector('bias', 0), vector('running_mean', 0), vector('running_var', 1)]
    return node(name, 'BatchNormalization', inputs, x.shape, { epsilon: Math.fround(1e-5) })
  }

  const pool = (op: string, extra: (options: PoolOptions) => Attributes) => (name: string, x: Value, options: PoolOptions) => {
    const { kernel, stride = kernel, padding = 0, ceil = false } = options
    const [c, h, w] = x.shape
    const size = (extent: number): number => {
      if (!ceil) return spatial(extent, kernel, stride, padding)
      const count = Math.ceil((extent + 2 * padding - kernel) / stride) + 1
      // The last window must still begin inside the image or its leading padding.
      return (count - 1) * stride >= extent + padding ? count - 1 : count
    }
    return node(name, op, [x.name], [c, size(h), size(w)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      ceil_mode: ceil ? 1 : 0,
      ...extra(options),
    })
  }

  /** Kernel and stride as given, no padding; drawn like `conv`'s. */
  const convTranspose = (name: string, x: Value, channels: number, { kernel, stride }: { kernel: number; stride: number }): Value => {
    const [c, h, w] = x.shape
    const size = (extent: number) => (extent - 1) * stride + kernel
    const deviation = Math.sqrt(2 / (channels * kernel * kernel))
    const weight = drawn(`${name}.weight`, [c, channels, kernel, kernel], (random) => random.normal(0, deviation))
    return node(
      name,
      'ConvTranspose',
      [x.name, weight, parameter(`${name}.bias`, [channels], filled(channels, 0))],
      [channels, size(h), size(w)],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [0, 0, 0, 0],
        dilations: [1, 1],
        group: 1,
        output_padding: [0, 0],
      },
    )
  }

  /** Parts of so many channels, called `name.0` and so on. */
  const split = (name: string, x: Value, sizes: readonly number[]): Value[] => {
    const parts = sizes.map((size, i): Value => ({ name: `${name}.${i}`, shape: [size, ...x.shape.slice(1)] }))
    if (sizes.reduce((sum, size) => sum + size, 0) !== x.shape[0])
      throw new Error(`split '${name}': expected parts of ${x.shape[0]} channels, found [${sizes}]`)
    for (const part of parts) names.add(part.name)
    nodes.push({ name, op: 'Split', inputs: [x.name], outputs: parts.map((part) => part.name), attributes: { axis: 1, split: [...sizes] } })
    return parts
  }

  /** PyTorch's default: weights and bias uniform within 1 / sqrt(fan-in). */
  const linear = (name: string, x: Value, features: number): Value => {
    const size = x.shape[0]
    if (x.shape.length !== 1) throw new Error(`linear '${name}': expected a flat input, found [${x.shape}]`)
    const bound = 1 / Math.sqrt(size)
    const weight = drawn(`${name}.weight`, [features, size], (random) => random.uniform(-bound, bound))
    const bias = drawn(`${name}.bias`, [features], (random) => random.uniform(-bound, bound))
    return node(name, 'Gemm', [x.name, weight, bias], [features], { alpha: 1, beta: 1, transA: 0, transB: 1 })
  }

  const concat = (name: string, values: readonly Value[]): Value => {
    const [, h, w] = values[0].shape
    if (values.some(({ shape }) => shape[1] !== h || shape[2] !== w))
      throw new Error(`concat '${name}': expected equal sizes, found ${values.map(({ shape }) => `[${shape}]`).join(', ')}`)
    const channels = values.reduce((sum, { shape }) => sum + shape[0], 0)
    return node(
      name,
      'Concat',
      values.map((value) => value.name),
      [channels, h, w],
      { axis: 1 },
    )
  }

  const add = (name: string, a: Value, b: Value): Value => {
    if (a.shape.length !== b.shape.length || a.shape.some((size, axis) => size !== b.shape[axis]))
      throw new Error(`add '${name}': expected equal shapes, found [${a.shape}] and [${b.shape}]`)
    return node(name, 'Add', [a.name, b.name], a.shape)
  }

  const relu = unary('Relu')
  const relu6 = unary('Clip', { min: 0, max: 6 })

  return {
    input: { name: 'input', shape: inputShape } as Value,
    /** Channels of a hidden layer under the width multiplier: the nearest number, at least 1. */
    scaled: (channels: number) => Math.max(1, Math.round(channels * width)),
    conv,
    convTranspose,
    batchNorm,
    relu,
    relu6,
    softmax: unary('Softmax', { axis: 1 }),
    maxPool: pool('MaxPool', () => ({ dilations: [1, 1] })),
    averagePool: pool('AveragePool', ({ countPadding }) => ({ count_include_pad: countPadding ? 1 : 0 })),
    globalAveragePool: (name: string, x: Value) => node(name, 'GlobalAveragePool', [x.name], [x.shape[0], 1, 1]),
    flatten: (name: string, x: Value) => node(name, 'Flatten', [x.name], [elements(x.shape)], { axis: 1 }),
    linear,
    concat,
    split,
    add,
    /** Any other operation; `shape` is its output's, without the batch. */
    node: (name: string, op: string, inputs: readonly (Value | string)[], shape: Shape, attributes?: Attributes) =>
      node(
        name,
        op,
        inputs.map((value) => (typeof value === 'string' ? value : value.name)),
        shape,
        attributes,
      ),
    /** A constant tensor; returns its name, for `node`. */
    parameter,
    /** The same for a list of whole numbers. */
    indices(name: string, values: readonly number[]): string {
      initializers.set(name, () => ({ dims: [values.length], type: 'int64', data: BigInt64Array.from(values, BigInt) }))
      return name
    },
    /** The same for one drawn from the normal distribution around 0. */
    normal: (name: string, dims: Shape, deviation: number): string => drawn(name, dims, (random) => random.normal(0, deviation)),
    /** The finished network. Its outputs keep the names of their layers, except that a single one is called 'output'. */
    graph(...outputs: readonly Value[]): Graph {
      const single = outputs.length === 1 ? outputs[0].name : undefined
      const rename = (name: string) => (name === single ? 'output' : name)
      return {
        name: graphName,
        inputs: [{ name: 'input', shape: ['N', ...inputShape], type: 'float32' }],
        outputs: outputs.map(({ name, shape }) => ({ name: rename(name), shape: ['N', ...shape], type: 'float32' })),
        nodes: nodes.map((each) => ({ ...each, inputs: each.inputs.map(rename), outputs: each.outputs.map(rename) })),
        initializers: new Map([...initializers].map(([name, make]) => [name, make()])),
        metadata,
      }
    },
  }
}
