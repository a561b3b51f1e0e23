/** What a network costs, counted exactly: parameters, multiply-accumulates and all operations, per layer and in total. */
import { elements, operations, type Shape } from '@espalier/kernels'
import { operationsOf } from './arithmetic.js'
import type { Graph, Node } from './graph.js'
import { shapesAtBatchOne } from './onnx/shapes.js'

export interface LayerCost {
  readonly name: string
  readonly op: string
  /** Of the first input that is not a weight, at batch 1; null where an operation before it is unknown. */
  readonly inputShape: Shape | null
  readonly outputShape: Shape | null
  readonly params: number
  readonly macs: number
  /** All arithmetic operations (`arithmetic.ts` says what counts). */
  readonly operations: number
}

export interface Cost {
  /** Trained numbers: weights, biases, scales; not the running statistics of batch normalisation, as PyTorch counts. */
  readonly params: number
  /** Multiply-accumulates of convolutions and linear layers for one image, bias not counted (FLOPs = 2 x MACs). */
  readonly macs: number
  /** All arithmetic operations for one image: two for each MAC, and biases, normalisations, activations, pooling and arithmetic by element. */
  readonly operations: number
  /** Every node, in order. */
  readonly layers: readonly LayerCost[]
}

/** A weight used by several layers counts once, with the first of them. Works for networks with operations that no kernel runs, too. */
export function costOf(graph: Graph): Cost {
  const shapes = shapesAtBatchOne(graph)
  const counted = new Set<string>()
  const layers = graph.nodes.map((node): LayerCost => {
    let params = 0
    for (const [position, input] of node.inputs.entries()) {
      const tensor = graph.initializers.get(input)
      if (tensor?.type !== 'float32' || counted.has(input) || !isTrained(node, position, tensor.data.length)) continue
      counted.add(input)
      params += tensor.data.length
    }
    const input = node.inputs.find((name) => name !== '' && !graph.initializers.has(name)) ?? node.inputs[0]
    const macs = macsOf(node, shapes)
    return {
      name: node.name,
      op: node.op,
      inputShape: shapes.get(input) ?? null,
      outputShape: shapes.get(node.outputs[0]) ?? null,
      params,
      macs,
      operations: operationsOf(node, shapes, macs),
    }
  })
  return {
    params: layers.reduce((sum, layer) => sum + layer.params, 0),
    macs: layers.reduce((sum, layer) => sum + layer.macs, 0),
    operations: layers.reduce((sum, layer) => sum + layer.operations, 0),
    layers,
  }
}

const elementwise = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Mean', 'Where', 'Mod'])

/** Whether an initialiser counts: a single number in arithmetic (x / 6, x * 0.5) is part of the formula, a tensor is a parameter. */
export function isTrained({ op }: Node, position: number, size: number): boolean {
  if (op === 'BatchNormalization' || op === 'BatchNormalizationTraining') return position === 1 || position === 2
  return !elementwise.has(op) || size > 1
}

function macsOf({ op, attributes, inputs, outputs }: Node, shapes: ReadonlyMap<string, Shape>): number {
  const given = inputs.map((input) => (input ? shapes.get(input) : undefined))
  const [x, w] = given
  const y = shapes.get(outputs[0])
  if (!x || !w || !y) return 0
  // Each input pixel meets its group's kernels once; convolution and products of any rank likewise, from the output's side.
  if (op === 'ConvTranspose') return elements(x) * elements(w.slice(1))
  if (op === 'Conv') return elements(y) * elements(w.slice(1))
  if (op === 'MatMul') return elements(y) * x[x.length - 1]
  return (Object.hasOwn(operations, op) && operations[op].macs?.(attributes, given, [y])) || 0
}
