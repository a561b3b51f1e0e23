/** Runs a whole graph on the operations' float64 references: the oracle for networks and for their gradients. */
import { type NdArray, operations } from '@espalier/kernels'
import type { Graph } from '../graph.js'

export function evaluateReference(graph: Graph, inputs: Readonly<Record<string, NdArray>>): Map<string, NdArray> {
  const values = new Map<string, NdArray>()
  for (const [name, tensor] of graph.initializers)
    values.set(name, { shape: tensor.dims, data: Float64Array.from(tensor.data as ArrayLike<number | bigint>, Number) })
  for (const [name, array] of Object.entries(inputs)) values.set(name, array)
  for (const node of graph.nodes) {
    const operation = operations[node.op]
    if (!operation) throw new Error(`no operation '${node.op}'`)
    const results = operation.reference(
      node.attributes,
      node.inputs.map((name) => (name ? values.get(name) : undefined)),
    )
    node.outputs.forEach((name, i) => name && values.set(name, results[i]))
    // What is updated in place comes after the outputs; the reference of the network stays at its initial state.
  }
  return values
}
