/** Runs graphs in onnxruntime: the runtime of others that masked and pruned networks are compared in. */
import * as ort from 'onnxruntime-node'
import type { Graph, Node, TensorData } from '../../graph.js'
import { exportOnnx } from '../../onnx/index.js'
import { createRandom } from '../../random.js'
import { analyse } from '../analysis.js'

export type Outputs = Record<string, { dims: readonly number[]; data: Float32Array }>

/** Outputs for one random image (free sizes are 1). */
export async function run(graph: Graph, seed = 1): Promise<Outputs> {
  const session = await ort.InferenceSession.create(exportOnnx(graph), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  const feeds = graph.inputs.map((input) => {
    const dims = input.shape.map((size) => (typeof size === 'number' ? size : 1))
    const random = createRandom(seed, input.name)
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal())
    return [input.name, new ort.Tensor('float32', data, dims)] as const
  })
  const results = await session.run(Object.fromEntries(feeds))
  const outputs = Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data: data as Float32Array }])
  await session.release()
  return Object.fromEntries(outputs)
}

/** Largest difference, relative to the largest value of the expected output (at least 1). */
export function difference(found: Outputs, expected: Outputs, row = 0): number {
  const parts = Object.entries(expected).map(([name, { data }]) => {
    const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    const other = found[name].data.subarray(row * data.length, (row + 1) * data.length)
    if (other.length !== data.length) return Infinity
    return data.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0) / scale
  })
  const worst = Math.max(...parts)
  return Number.isNaN(worst) ? Infinity : worst
}

/**
 * A masked graph in ONNX's own operators, for one image: Mask is a product with [P, C, 1, 1], which repeats by broadcasting.
 * `original` is the graph it was made from, `masks` gives the values of the mask inputs.
 */
export function withoutMasks(
  graph: Graph,
  original: Graph,
  masks: Readonly<Record<string, { dims: number[]; data: Float32Array }>>,
): Graph {
  const initializers = new Map<string, TensorData>(graph.initializers)
  for (const [name, { dims, data }] of Object.entries(masks)) initializers.set(name, { dims, type: 'float32', data })
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.op === 'RepeatBatch') {
      const repeats = node.attributes.repeats as number
      return [{ ...node, op: 'Concat', inputs: Array.from({ length: repeats }, () => node.inputs[0]), attributes: { axis: 0 } }]
    }
    if (node.op !== 'Mask') return [node]
    const spread = `${node.name}.spread`
    const mul: Node = { ...node, op: 'Mul', inputs: [node.inputs[0], spread], attributes: {} }
    const rank = analyse(original).layouts.get(node.inputs[0].replace(/\.channels$/, ''))!.shape.length
    const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2)
    if (axes.length === 0) return [{ ...mul, inputs: [...node.inputs] }]
    return [{ name: spread, op: 'Unsqueeze', inputs: [node.inputs[1]], outputs: [spread], attributes: { axes } }, mul]
  })
  return { ...graph, inputs: graph.inputs.filter((input) => !(input.name in masks)), nodes, initializers }
}

/** The graph with every normalisation's parameters and every convolution's bias drawn at random: those of a new network hide mistakes. */
export function withRandomNorms(graph: Graph, seed = 3): Graph {
  const initializers = new Map(graph.initializers)
  for (const node of graph.nodes.filter((one) => one.op === 'BatchNormalization')) {
    node.inputs.slice(1).forEach((name, i) => {
      const random = createRandom(seed, name)
      const old = initializers.get(name)!
      const draw = () => (i === 0 || i === 3 ? random.uniform(0.5, 1.5) : random.uniform(-0.5, 0.5))
      initializers.set(name, { ...old, data: Float32Array.from({ length: old.data.length }, draw) })
    })
  }
  for (const node of graph.nodes.filter((one) => one.op.startsWith('Conv') && one.inputs[2])) {
    const random = createRandom(seed, node.inputs[2])
    const old = initializers.get(node.inputs[2])!
    initializers.set(node.inputs[2], { ...old, data: Float32Array.from({ length: old.data.length }, () => random.uniform(-0.5, 0.5)) })
  }
  return { ...graph, initializers }
}
