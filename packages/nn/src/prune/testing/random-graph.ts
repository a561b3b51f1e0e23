/** Random small networks: every structure that ties channels, in any order. */
import * as fc from 'fast-check'
import { type Builder, createBuilder, type Value } from '../../architectures/index.js'
import type { Graph, Node } from '../../graph.js'
import { createRandom } from '../../random.js'
import { withRandomNorms } from './onnx.js'

const kinds = [
  'conv',
  'conv',
  'depthwise',
  'grouped',
  'transposed',
  'norm',
  'instanceNorm',
  'activation',
  'scale',
  'add',
  'add',
  'concat',
  'split',
  'slice',
  'gate',
  'pool',
  'pad',
  'padChannels',
  'resize',
  'shuffle',
  'twice',
  'channelsLast',
] as const

export interface Step {
  readonly kind: (typeof kinds)[number]
  /** Which of the tensors so far it reads. */
  readonly from: number
  readonly other: number
  /** A choice among what the structure can be. */
  readonly choice: number
}

export interface Recipe {
  readonly seed: number
  readonly input: readonly [number, number, number]
  readonly steps: readonly Step[]
  readonly head: number
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  // The latest tensors more often than old ones.
  from: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 5 })),
  other: fc.nat({ max: 5 }),
  choice: fc.nat({ max: 59 }),
})

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  seed: fc.nat({ max: 999 }),
  input: fc.constantFrom([3, 6, 6] as const, [1, 7, 5] as const, [2, 5, 8] as const),
  steps: fc.array(step, { minLength: 2, maxLength: 9 }),
  head: fc.nat({ max: 3 }),
})

const activations: readonly [string, Record<string, number>][] = [
  ['Relu', {}],
  ['Clip', { min: 0, max: 6 }],
  ['Sigmoid', {}],
  ['HardSwish', {}],
  ['LeakyRelu', { alpha: Math.fround(0.1) }],
  ['Tanh', {}],
]

export function buildRandom({ seed, input, steps, head }: Recipe): Graph {
  const net = createBuilder({ name: 'random', input, seed })
  // Names sort as they were made, and tell the step.
  const values: Value[] = [net.relu('stem.relu', net.conv('stem', net.input, 4 + (seed % 5), { bias: true }))]
  steps.forEach((each, i) => {
    const at = (index: number) => values[values.length - 1 - (index % values.length)]
    values.push(...apply(net, each, `s${i}`, at(each.from), at(each.other), seed))
  })
  const last = values[values.length - 1]
  const outputs = [net.linear('fc', flat(net, 'head', last, head), 3)]
  // A second output now and then, of a tensor that may lie anywhere.
  if (head === 3) outputs.push(net.conv('side', values[seed % values.length], 2, { bias: true }))
  return withRandomNorms(onlyLive(withSplits(net.graph(...outputs))), seed)
}

function flat(net: Builder, name: string, x: Value, head: number): Value {
  if (head === 0) return net.flatten(`${name}.flatten`, x)
  if (head === 1) return net.node(`${name}.reshape`, 'Reshape', [x], [x.shape.reduce((a, b) => a * b, 1)], { shape: [0, -1] })
  return net.flatten(`${name}.flatten`, net.globalAveragePool(`${name}.pool`, x))
}

function apply(net: Builder, { kind, choice }: Step, name: string, x: Value, y: Value, seed: number): Value[] {
  const [c, h, w] = x.shape
  const drawn = (suffix: string, dims: number[]) => {
    const random = createRandom(seed, `${name}.${suffix}`)
    return net.parameter(
      `${name}.${suffix}`,
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal(0, 0.5)),
    )
  }
  /** Another tensor, brought to the channels and size of `x` where they differ. */
  const fitted = (channels: number): Value => {
    let z = y
    if (z.shape[1] !== h || z.shape[2] !== w) {
      const scales = [1, 1, h / z.shape[1], w / z.shape[2]].map(Math.fround)
      // Where rounding would decide the size, onnxruntime is not at one with itself.
      if (Math.floor(z.shape[1] * scales[2]) !== h || Math.floor(z.shape[2] * scales[3]) !== w) z = x
      else
        z = net.node(`${name}.fit`, 'Resize', [z], [z.shape[0], h, w], {
          scales,
          mode: 'nearest',
          coordinate_transformation_mode: 'asymmetric',
          nearest_mode: 'floor',
          cubic_coeff_a: -0.75,
          exclude_outside: 0,
        })
    }
    return z.shape[0] === channels ? z : net.conv(`${name}.project`, z, channels, { kernel: 1 })
  }
  switch (kind) {
    case 'conv': {
      const kernel = ([1, 3, [3, 1]] as const)[choice % 3]
      const stride = choice % 5 === 0 && Math.min(h, w) > 3 ? 2 : 1
      const dilation = choice % 7 === 0 ? 2 : 1
      return [net.conv(name, x, 2 + (choice % 8), { kernel, stride, dilation, bias: choice % 2 === 0 })]
    }
    case 'depthwise':
      return [net.conv(name, x, c * (1 + (choice % 2)), { groups: c, bias: choice % 3 === 0 })]
    case 'grouped': {
      const groups = [4, 3, 2].find((each) => c % each === 0 && c > each)
      return groups === undefined ? [x] : [net.conv(name, x, groups * (1 + (choice % 4)), { groups, bias: choice % 2 === 0 })]
    }
    case 'transposed': {
      if (h * w > 40) return [x]
      const channels = 2 + (choice % 5)
      const attributes = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], output_padding: [0, 0], group: 1 }
      return [net.node(name, 'ConvTranspose', [x, drawn('weight', [c, channels, 2, 2])], [channels, 2 * h, 2 * w], attributes)]
    }
    case 'norm':
      return [net.batchNorm(name, x)]
    case 'instanceNorm':
      return [net.node(name, 'InstanceNormalization', [x, drawn('scale', [c]), drawn('bias', [c])], x.shape, { epsilon: Math.fround(0.1) })]
    case 'activation': {
      if (choice % 7 === 6) return [net.node(name, 'PRelu', [x, drawn('slope', [c, 1, 1])], x.shape)]
      const [op, attributes] = activations[choice % activations.length]
      return [net.node(name, op, [x], x.shape, attributes)]
    }
    case 'scale':
      return [net.node(name, ['Mul', 'Add', 'Sub'][choice % 3], [x, drawn('values', [c, 1, 1])], x.shape)]
    case 'add':
      return [net.add(name, x, fitted(c))]
    case 'concat':
      return [net.concat(name, choice % 3 === 0 ? [x, fitted(2 + (choice % 4)), x] : [x, fitted(2 + (choice % 4))])]
    case 'split': {
      if (c < 3) return [x]
      return parts(net, name, x, 1 + (choice % (c - 1)))
    }
    case 'slice': {
      if (c < 3) return [x]
      const from = choice % (c - 1)
      const to = Math.min(c, from + 2 + (choice % 3))
      return [net.node(name, 'Slice', [x], [to - from, h, w], { starts: [from], ends: [to], axes: [1], steps: [1] })]
    }
    case 'gate': {
      const inner = net.relu(
        `${name}.relu`,
        net.conv(`${name}.down`, net.globalAveragePool(`${name}.pool`, x), 2 + (choice % 3), { kernel: 1, bias: true }),
      )
      const gate = net.node(
        `${name}.sigmoid`,
        'Sigmoid',
        [net.conv(`${name}.up`, inner, choice % 4 === 0 ? 1 : c, { kernel: 1 })],
        [choice % 4 === 0 ? 1 : c, 1, 1],
      )
      return [net.node(name, 'Mul', choice % 2 ? [x, gate] : [gate, x], x.shape)]
    }
    case 'pool': {
      if (Math.min(h, w) < 4) return [x]
      const make = choice % 2 ? net.maxPool : net.averagePool
      return [make(name, x, choice % 3 ? { kernel: 2 } : { kernel: 3, stride: 1, padding: 1 })]
    }
    case 'pad': {
      const [top, left] = [choice % 2, choice % 3]
      return [net.node(name, 'Pad', [x], [c, h + top, w + left], { pads: [0, 0, top, 0, 0, 0, 0, left], mode: 'constant', value: 0 })]
    }
    case 'padChannels': {
      const [before, after] = [choice % 2, 1 + (choice % 3)]
      return [
        net.node(name, 'Pad', [x], [c + before + after, h, w], { pads: [0, before, 0, 0, 0, after, 0, 0], mode: 'constant', value: 0 }),
      ]
    }
    case 'resize':
      if (h * w > 40) return [x]
      return [
        net.node(name, 'Resize', [x], [c, 2 * h, 2 * w], {
          scales: [1, 1, 2, 2],
          mode: choice % 2 ? 'nearest' : 'linear',
          coordinate_transformation_mode: 'half_pixel',
          nearest_mode: 'round_prefer_floor',
          cubic_coeff_a: -0.75,
          exclude_outside: 0,
        }),
      ]
    case 'shuffle': {
      const groups = [2, 3].find((each) => c % each === 0 && c > each)
      if (groups === undefined) return [x]
      const parted = net.node(`${name}.parted`, 'Reshape', [x], [groups, c / groups, h, w], { shape: [0, groups, c / groups, h, w] })
      const turned = net.node(`${name}.turned`, 'Transpose', [parted], [c / groups, groups, h, w], { perm: [0, 2, 1, 3, 4] })
      return [net.node(name, 'Reshape', [turned], [c, h, w], { shape: choice % 2 ? [0, c, h, w] : [0, -1, h, w] })]
    }
    case 'twice': {
      const weight = drawn('shared', [c, c, 1, 1])
      const attributes = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
      const once = net.node(`${name}.once`, 'Conv', [x, weight], x.shape, attributes)
      const between = choice % 2 ? net.relu(`${name}.relu`, once) : fitted(c)
      return [net.node(name, 'Conv', [between, weight], [c, between.shape[1], between.shape[2]], attributes)]
    }
    case 'channelsLast': {
      const last = net.node(`${name}.last`, 'Transpose', [x], [h, w, c], { perm: [0, 2, 3, 1] })
      const features = 2 + (choice % 6)
      const mixed = net.node(`${name}.linear`, 'MatMul', [last, drawn('weight', [c, features])], [h, w, features])
      return [net.node(name, 'Transpose', [mixed], [features, h, w], { perm: [0, 3, 1, 2] })]
    }
  }
}

/** Both parts, as slices: a Builder's node has one output. */
function parts(net: Builder, name: string, x: Value, first: number): Value[] {
  const [c, h, w] = x.shape
  const part = (suffix: string, from: number, to: number) =>
    net.node(`${name}.${suffix}`, 'Slice', [x], [to - from, h, w], { starts: [from], ends: [to], axes: [1], steps: [1] })
  return [part('part0', 0, first), part('part1', first, c)]
}

/** Slices that were made for a split become one. */
function withSplits(graph: Graph): Graph {
  const range = (node: Node) => [node.attributes.starts, node.attributes.ends].map((each) => (each as number[])[0])
  const nodes = graph.nodes.flatMap((node, i): Node[] => {
    if (node.name.endsWith('.part1')) return []
    if (!node.name.endsWith('.part0')) return [node]
    const next = graph.nodes[i + 1]
    const [[, first], [, all]] = [range(node), range(next)]
    const outputs = [...node.outputs, ...next.outputs]
    return [
      {
        name: node.name.replace('.part0', ''),
        op: 'Split',
        inputs: node.inputs,
        outputs,
        attributes: { axis: 1, split: [first, all - first] },
      },
    ]
  })
  return { ...graph, nodes }
}

/** Without what no output needs. */
function onlyLive(graph: Graph): Graph {
  const live = new Set(graph.outputs.map(({ name }) => name))
  const nodes = [...graph.nodes].reverse().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => live.has(name))) return false
    for (const name of inputs) live.add(name)
    return true
  })
  return { ...graph, nodes: nodes.reverse(), initializers: new Map([...graph.initializers].filter(([name]) => live.has(name))) }
}
