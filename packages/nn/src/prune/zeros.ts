/** Which operations keep a channel of zeros a channel of zeros. */
import type { Graph, Node } from '../graph.js'
import { numbers, scalar, text } from './attributes.js'

const set = (ops: string): ReadonlySet<string> => new Set(ops.split(' '))

const pointwise = set(
  'Relu LeakyRelu PRelu HardSwish Tanh Elu Selu Celu Softsign Gelu Mish Silu ThresholdedRelu Erf Abs Neg Sign Sqrt Floor Ceil Round Sin ReduceL1 ReduceL2 ReduceSumSquare ReduceProd',
)
const movement = set(
  'MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool AdaptiveAveragePool ReduceMean ReduceSum ReduceMax ReduceMin Identity Dropout Cast Flatten Reshape Transpose Squeeze Unsqueeze Slice Split Gather Resize DepthToSpace SpaceToDepth Concat Pad',
)
const joins = set('Add Sub Sum Mean Max Min')

const constants = (graph: Graph, node: Node) => node.inputs.filter((name) => graph.initializers.has(name)).length

/** Pools, joins and reshapes: a mask behind them can as well stand before them, where the kernel that makes the channels applies it for nothing. */
export function movesZeros(graph: Graph, node: Node): boolean {
  if (!movement.has(node.op)) return false
  if (node.op === 'Concat') return constants(graph, node) === 0
  if (node.op === 'Pad') return text(node, 'mode', 'constant') !== 'constant' || scalar(node, 'value', 0) === 0
  return true
}

/** Whether the output is zero in a channel, given which inputs are. */
export function keepsZeros(graph: Graph, node: Node, zero: (input: string) => boolean): boolean {
  const inputs = node.inputs.filter((name) => name !== '' && !graph.initializers.has(name))
  if (node.op === 'Mul') return inputs.some(zero)
  if (node.op === 'Div') return inputs[0] === node.inputs[0] && zero(inputs[0])
  const keeps =
    movesZeros(graph, node) ||
    pointwise.has(node.op) ||
    (joins.has(node.op) && constants(graph, node) === 0) ||
    (node.op === 'Clip' && scalar(node, 'min', -Infinity) <= 0 && scalar(node, 'max', Infinity) >= 0) ||
    (node.op === 'Shrink' && scalar(node, 'lambd', 0.5) >= 0) ||
    (node.op === 'Conv' && !node.inputs[2] && isDepthwise(graph, node))
  return keeps && inputs.every(zero)
}

function isDepthwise(graph: Graph, node: Node): boolean {
  return (
    scalar(node, 'group', 1) > 1 && graph.initializers.get(node.inputs[1])?.dims[1] === 1 && numbers(node, 'kernel_shape') !== undefined
  )
}
