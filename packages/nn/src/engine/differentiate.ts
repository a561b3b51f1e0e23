import { type Attributes, operations } from '@espalier/kernels'
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { inferShapes } from '../shapes.js'

export interface Differentiated {
  /** The graph with the backward nodes after the forward ones. */
  readonly graph: Graph
  /** Gradient tensor of each asked initialiser; one that the loss does not depend on is absent. */
  readonly gradients: ReadonlyMap<string, string>
}

/**
 * Reverse-mode differentiation: adds to the graph the nodes that compute, from given gradients of some tensors
 * (`seeds`: tensor -> its gradient's name), the gradients of the initialisers in `wanted`. Each operation declares its
 * own gradient; where a tensor feeds several nodes, their gradients are added in the order of the nodes.
 */
export function differentiate(
  graph: Graph,
  seeds: ReadonlyMap<string, string>,
  wanted: ReadonlySet<string>,
  batch: number,
): Differentiated {
  const shapes = inferShapes(graph, { batch })
  const dependent = new Set(wanted)
  for (const node of graph.nodes)
    if (node.inputs.some((name) => dependent.has(name))) for (const output of node.outputs) dependent.add(output)

  const backward: Node[] = []
  const gradientOf = new Map<string, string>(seeds)
  let count = 0
  const add = (op: string, attributes: Attributes, inputs: readonly (string | undefined)[], label: string, outputs: number): string[] => {
    const name = `${label}:${op}${count++}`
    const names = Array.from({ length: outputs }, (_, i) => `${name}:${i}`)
    backward.push({ name, op, attributes, inputs: inputs.map((input) => input ?? ''), outputs: names })
    return names
  }
  for (const node of [...graph.nodes].reverse()) {
    const outputGradients = node.outputs.map((name) => gradientOf.get(name))
    const wants = node.inputs.map((name) => name !== '' && dependent.has(name))
    if (!wants.some(Boolean) || outputGradients.every((name) => name === undefined)) continue
    const operation = operations[node.op]
    if (!operation?.gradient)
      throw new InputError(`node '${node.name}': operation '${node.op}' has no gradient, so the network cannot be trained through it`)
    const emit = (op: string, attributes: Attributes, inputs: readonly (string | undefined)[]): string[] => {
      const callee = operations[op]
      if (!callee) throw new Error(`gradient of '${node.op}' calls the unknown operation '${op}'`)
      const outputShapes = callee.infer(
        attributes,
        inputs.map((input) => (input ? shapes.get(input) : undefined)),
      )
      const names = add(op, attributes, inputs, `d(${node.name})`, outputShapes.length)
      names.forEach((name, i) => shapes.set(name, outputShapes[i]))
      return names
    }
    const call = {
      attributes: node.attributes,
      inputs: node.inputs.map((name) => name || undefined),
      outputs: node.outputs,
      inputShapes: node.inputs.map((name) => (name ? shapes.get(name) : undefined)),
      outputShapes: node.outputs.map((name) => shapes.get(name)!),
      wanted: wants,
    }
    operation.gradient(call, outputGradients, emit).forEach((gradient, i) => {
      const name = node.inputs[i]
      if (!gradient || !wants[i]) return
      const sofar = gradientOf.get(name)
      if (sofar === undefined) gradientOf.set(name, gradient)
      else if (sofar === gradient) gradientOf.set(name, emit('Scale', { factor: 2 }, [gradient])[0])
      else gradientOf.set(name, emit('Add', {}, [sofar, gradient])[0])
    })
  }
  const gradients = new Map([...wanted].flatMap((name) => (gradientOf.has(name) ? [[name, gradientOf.get(name)!] as const] : [])))
  return { graph: { ...graph, nodes: [...graph.nodes, ...backward] }, gradients }
}
