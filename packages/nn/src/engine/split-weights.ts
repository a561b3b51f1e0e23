/** Weights larger than an adapter binds at once: VGG16's first linear layer has 411 MB, many adapters bind 128 MiB. */
import { elements, type Shape } from '@espalier/kernels'
import type { Graph, Node, TensorData } from '../graph.js'

/**
 * Linear layers whose weights are beyond `most` bytes become several, each with some of the outputs, and a Concat. Only constant weights that one
 * Gemm alone reads, with the outputs as rows (transB): as every exporter writes them. What cannot be split stays, and is refused when it is bound.
 */
export function splitLargeWeights(graph: Graph, most: number): Graph {
  const large = (name: string) => {
    const tensor = graph.initializers.get(name)
    return tensor && tensor.data.length * 4 > most ? tensor : undefined
  }
  if (!graph.nodes.some(({ op, inputs }) => op === 'Gemm' && large(inputs[1]))) return graph
  const initializers = new Map(graph.initializers)
  const readers = (name: string) => graph.nodes.filter(({ inputs }) => inputs.includes(name)).length
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [x, w, b] = node.inputs
    const weight = node.op === 'Gemm' && node.attributes.transB ? large(w) : undefined
    const bias = b ? graph.initializers.get(b) : undefined
    if (!weight || readers(w) > 1 || (b && (bias?.data.length !== weight.dims[0] || readers(b) > 1))) return [node]
    const [outputs, columns] = weight.dims
    const rows = Math.floor(most / 4 / columns)
    if (rows < 1) return [node]
    initializers.delete(w)
    if (b) initializers.delete(b)
    const parts = Array.from({ length: Math.ceil(outputs / rows) }, (_, i): Node => {
      const [from, to] = [i * rows, Math.min(outputs, (i + 1) * rows)]
      const name = `${node.name}:rows ${from} to ${to}`
      const part = (source: string, tensor: TensorData, width: number): string => {
        const data = (tensor.data as Float32Array).subarray(from * width, to * width)
        const part = partName(source, from)
        initializers.set(part, { ...tensor, dims: width > 1 || tensor === weight ? [to - from, width] : [to - from], data })
        return part
      }
      const inputs = [x, part(w, weight, columns), ...(b && bias ? [part(b, bias, 1)] : [])]
      return { ...node, name, inputs, outputs: [name] }
    })
    return [
      ...parts,
      { name: node.name, op: 'Concat', inputs: parts.flatMap((part) => part.outputs), outputs: node.outputs, attributes: { axis: 1 } },
    ]
  })
  return { ...graph, nodes, initializers }
}

const partName = (weight: string, row: number) => `${weight}:${row}`

/** Where the values of a constant are in a compiled network: in the tensor itself, or in its parts, each with the values `from` up to `to`. */
export function partsOf(weight: string, shapes: ReadonlyMap<string, Shape>): { name: string; from: number; to: number }[] {
  const whole = shapes.get(weight)
  if (whole) return [{ name: weight, from: 0, to: elements(whole) }]
  const parts: { name: string; from: number; to: number }[] = []
  let [row, from] = [0, 0]
  for (let shape = shapes.get(partName(weight, 0)); shape; shape = shapes.get(partName(weight, row))) {
    const to = from + elements(shape)
    parts.push({ name: partName(weight, row), from, to })
    row += shape[0]
    from = to
  }
  return parts
}
