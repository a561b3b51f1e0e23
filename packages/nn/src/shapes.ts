import { operations, type Shape } from '@espalier/kernels'
import { InputError } from './errors.js'
import type { Graph, Node } from './graph.js'

/** Shape of every tensor of the graph, with free dimensions (the batch) bound to `batch`; `shapes` are those of tensors that no node makes. */
export function inferShapes(
  graph: Graph,
  { batch, shapes: known }: { batch: number; shapes?: ReadonlyMap<string, Shape> },
): Map<string, Shape> {
  const shapes = new Map<string, Shape>(known)
  for (const [name, tensor] of graph.initializers) shapes.set(name, tensor.dims)
  for (const input of graph.inputs) {
    if (!shapes.has(input.name))
      shapes.set(
        input.name,
        input.shape.map((dimension) => (typeof dimension === 'number' ? dimension : batch)),
      )
  }
  for (const node of graph.nodes) inferNode(node, shapes)
  return shapes
}

function inferNode(node: Node, shapes: Map<string, Shape>): void {
  const operation = operations[node.op]
  if (!operation) throw unsupported(node)
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined
    const shape = shapes.get(name)
    if (!shape)
      throw new InputError(
        `node '${node.name}' (${node.op}): its input '${name}' is made by no node before it, and is no input or initialiser`,
      )
    return shape
  })
  let outputs: Shape[]
  try {
    outputs = operation.infer(node.attributes, inputs)
  } catch (error) {
    throw new InputError(`node '${node.name}': ${error instanceof Error ? error.message : String(error)}`)
  }
  node.outputs.forEach((name, i) => {
    if (name !== '' && outputs[i]) shapes.set(name, outputs[i])
  })
}

/** The error for a node that no kernel runs. */
export function unsupported(node: Node): InputError {
  return new InputError(
    `node '${node.name}': operation '${node.op}' is not supported; it would need a kernel (packages/kernels) with its shape rule`,
  )
}
