/** Operations that opset 17 has not, in terms of those it has. */
import type { Attributes, Shape } from '@espalier/kernels'
import type { Graph, Node, TensorData } from '../graph.js'
import { fromNumbers } from './fold.js'
import { shapesAtBatchOne } from './shapes.js'

/** Adds an initialiser or a tensor of the file under a name that is free; returns that name. */
export interface Naming {
  fresh(name: string): string
  constant(name: string, tensor: TensorData): string
}

interface Call extends Naming {
  readonly node: Node
  /** The first input's shape, the batch as 1. Throws where it is not known. */
  shape(): Shape
  /** A constant of one value. */
  scalar(value: number): string
  /** Appends a node, the last of which makes the outputs; returns its output. */
  add(op: string, inputs: readonly string[], attributes?: Attributes): string
}

/** The groups as the channels of an instance normalisation (as PyTorch's exporter does it), then scale and bias by channel. */
function groupNormalization({ node, shape, add, constant }: Call): void {
  const x = shape()
  const [input, scale, bias] = node.inputs
  const groups = node.attributes.num_groups as number
  const [ones, zeros] = [1, 0].map((value) =>
    constant(`${node.name}.${value}`, fromNumbers(new Array<number>(groups).fill(value), [groups], 'float32')),
  )
  const column = (values: string) => (x.length > 2 ? add('Unsqueeze', [values], { axes: x.slice(2).map((_, i) => i + 1) }) : values)
  const grouped = add('Reshape', [input], { shape: [0, groups, -1] })
  const normalized = add('InstanceNormalization', [grouped, ones, zeros], { epsilon: node.attributes.epsilon ?? 1e-5 })
  const scaled = add('Mul', [add('Reshape', [normalized], { shape: [0, ...x.slice(1)] }), column(scale)])
  add('Add', [scaled, column(bias)])
}

/** Bins of equal size are windows; others have no equal. */
function adaptiveAveragePool({ node, shape, add }: Call): void {
  const x = shape()
  const output = node.attributes.output_size as readonly number[]
  const kernel = output.map((bins, i) => x[i + 2] / bins)
  if (kernel.some((size) => !Number.isInteger(size)))
    throw new Error(
      `exportOnnx: node '${node.name}': AdaptiveAveragePool of ${x[2]} x ${x[3]} to ${output.join(' x ')} has bins of different sizes; ONNX has no such operator`,
    )
  add('AveragePool', node.inputs, { kernel_shape: kernel, strides: kernel, pads: [0, 0, 0, 0], ceil_mode: 0, count_include_pad: 0 })
}

/** x (1 + y) / 2 */
const gated = ({ add, scalar }: Call, x: string, y: string): string =>
  add('Mul', [add('Mul', [x, add('Add', [y, scalar(1)])]), scalar(0.5)])

/** x (1 + erf(x / sqrt 2)) / 2, or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) in place of erf (Hendrycks and Gimpel, arXiv 1606.08415). */
function gelu(call: Call): void {
  const { node, add, scalar } = call
  const [x] = node.inputs
  if (node.attributes.approximate !== 'tanh') return void gated(call, x, add('Erf', [add('Mul', [x, scalar(Math.SQRT1_2)])]))
  const cube = add('Mul', [add('Mul', [x, x]), x])
  const inner = add('Mul', [add('Add', [x, add('Mul', [cube, scalar(0.044715)])]), scalar(Math.sqrt(2 / Math.PI))])
  gated(call, x, add('Tanh', [inner]))
}

const rules: Readonly<Record<string, (call: Call) => void>> = {
  Silu: ({ node: { inputs }, add }) => void add('Mul', [inputs[0], add('Sigmoid', inputs)]),
  Mish: ({ node: { inputs }, add }) => void add('Mul', [inputs[0], add('Tanh', [add('Softplus', inputs)])]),
  Gelu: gelu,
  GroupNormalization: groupNormalization,
  AdaptiveAveragePool: adaptiveAveragePool,
}

/** The nodes of a graph with such operations replaced. Throws an Error where one has no equal. */
export function decompose(graph: Graph, { fresh, constant }: Naming): readonly Node[] {
  if (!graph.nodes.some(({ op }) => Object.hasOwn(rules, op))) return graph.nodes
  let shapes: ReturnType<typeof shapesAtBatchOne> | undefined
  return graph.nodes.flatMap((node) => {
    if (!Object.hasOwn(rules, node.op)) return [node]
    const made: Node[] = []
    const add: Call['add'] = (op, inputs, attributes = {}) => {
      const name = `${node.name}/${made.length}`
      made.push({ name, op, inputs, outputs: [fresh(name)], attributes })
      return made.at(-1)!.outputs[0]
    }
    const shape = () => {
      shapes ??= shapesAtBatchOne(graph)
      const known = shapes.get(node.inputs[0])
      if (!known) throw new Error(`exportOnnx: node '${node.name}': ${node.op} can be written for inputs of known shape only`)
      return known
    }
    const scalar = (value: number) => constant(`${node.name}/${made.length}.value`, fromNumbers([value], [], 'float32'))
    rules[node.op]({ node, shape, scalar, fresh, constant, add })
    const last = made.pop()!
    return [...made, { ...last, name: node.name, outputs: node.outputs }]
  })
}
