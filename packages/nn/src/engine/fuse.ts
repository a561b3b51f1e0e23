/** Graph -> Graph rewrites that make a network faster and change nothing else: for inference, and for training. */
import type { Graph, Node, TensorData } from '../graph.js'
import { inferShapes } from '../shapes.js'

function floats(graph: Pick<Graph, 'initializers'>, name: string): Float32Array | undefined {
  const tensor = graph.initializers.get(name)
  return tensor?.data instanceof Float32Array ? tensor.data : undefined
}

/** Finds the node that alone reads a tensor; graph outputs count as a reader. */
function onlyReader(graph: Graph): (name: string) => Node | undefined {
  const readers = new Map<string, (Node | 'output')[]>()
  const note = (name: string, reader: Node | 'output') => readers.set(name, [...(readers.get(name) ?? []), reader])
  for (const node of graph.nodes) for (const name of node.inputs) if (name) note(name, node)
  for (const output of graph.outputs) note(output.name, 'output')
  return (name) => {
    const all = readers.get(name)
    return all?.length === 1 && all[0] !== 'output' ? all[0] : undefined
  }
}

/** `relu` or `relu6` when the node is such an activation. */
export function activationOf(node: Node): 'relu' | 'relu6' | undefined {
  if (node.op === 'Relu') return 'relu'
  if (node.op === 'Clip' && node.attributes.min === 0 && node.attributes.max === 6) return 'relu6'
  return undefined
}

/** Tensors that change with one of `names`: what nodes make of them. */
export function reachedFrom(nodes: readonly Node[], names: Iterable<string>): Set<string> {
  const reached = new Set(names)
  for (const node of nodes) if (node.inputs.some((name) => reached.has(name))) for (const name of node.outputs) reached.add(name)
  return reached
}

/**
 * For inference: convolution + batch normalisation + addition of another tensor + activation + mask become one `FusedConv`. The normalisation is
 * folded into the weights in float64 (w' = w s / sqrt(v + eps), b' = beta + (b - m) s / sqrt(v + eps)).
 * @param alone outputs of nodes that are to stay as they are
 */
export function fuseForInference(graph: Graph, alone: ReadonlySet<string> = new Set()): Graph {
  const initializers = new Map(graph.initializers)
  const fused = new Set<Node>()
  const replacement = new Map<Node, Node>()
  const only = onlyReader(graph)
  let shapes: ReturnType<typeof inferShapes> | undefined
  const sameShape = (a: string, b: string) => {
    shapes ??= inferShapes(graph, { batch: 1 })
    return shapes.get(a)?.join() === shapes.get(b)?.join()
  }
  for (const node of graph.nodes) {
    if (node.op !== 'Conv') continue
    let [x, w, b = ''] = node.inputs
    let output = node.outputs[0]
    let activation = 'none'
    let residual = ''
    let mask = ''
    let last: Node = node
    const follow = (next: Node) => {
      fused.add(next)
      last = next
      output = next.outputs[0]
    }
    let next = only(output)
    const folded = next?.op === 'BatchNormalization' && next.inputs[0] === output ? foldNormalization(graph, node, next) : undefined
    if (folded && next) {
      ;({ weight: w, bias: b } = foldedNames(node))
      initializers.set(w, folded.weight)
      initializers.set(b, folded.bias)
      follow(next)
      next = only(output)
    }
    if (next?.op === 'Add' && !fused.has(next)) {
      const other = next.inputs[next.inputs[0] === output ? 1 : 0]
      // One tensor may not be bound twice, and only what has the output's very shape is added in the epilogue.
      if (other !== output && other !== x && !graph.initializers.has(other) && sameShape(other, output)) {
        residual = other
        follow(next)
        next = only(output)
      }
    }
    const act = next && activationOf(next)
    if (act && next) {
      activation = act
      follow(next)
      next = only(output)
    }
    if (next?.op === 'Mask' && !next.attributes.expand && next.inputs[0] === output && !alone.has(next.outputs[0])) {
      mask = next.inputs[1]
      follow(next)
    }
    if (last === node) continue
    fused.add(node)
    replacement.set(last, {
      name: node.name,
      op: 'FusedConv',
      inputs: [x, w, b, residual, mask],
      outputs: [output],
      attributes: { ...node.attributes, activation },
    })
  }
  // The fused node stands where the last of its parts stood: all its inputs are made by then.
  const nodes = graph.nodes.flatMap((node) => (replacement.has(node) ? [replacement.get(node)!] : fused.has(node) ? [] : [node]))
  return dropUnused({ ...graph, nodes, initializers })
}

/** What `fuseForInference` calls the constants of a convolution that took its normalisation in. */
export const foldedNames = ({ name }: Node) => ({ weight: `${name}:folded weight`, bias: `${name}:folded bias` })

/** Weight and bias of a convolution together with the batch normalisation behind it; undefined where a constant is missing. */
export function foldNormalization(
  graph: Pick<Graph, 'initializers'>,
  conv: Node,
  bn: Node,
): { weight: TensorData; bias: TensorData } | undefined {
  const weight = graph.initializers.get(conv.inputs[1])
  const [scale, beta, mean, variance] = bn.inputs.slice(1).map((name) => floats(graph, name))
  const bias = conv.inputs[2] ? floats(graph, conv.inputs[2]) : undefined
  if (!(weight?.data instanceof Float32Array) || !scale || !beta || !mean || !variance || (conv.inputs[2] && !bias)) return undefined
  const channels = weight.dims[0]
  const perChannel = weight.data.length / channels
  const data = new Float32Array(weight.data.length)
  const shift = new Float32Array(channels)
  for (let c = 0; c < channels; c++) {
    const factor = scale[c] / Math.sqrt(variance[c] + Number(bn.attributes.epsilon ?? 1e-5))
    for (let i = c * perChannel; i < (c + 1) * perChannel; i++) data[i] = weight.data[i] * factor
    shift[c] = beta[c] + ((bias?.[c] ?? 0) - mean[c]) * factor
  }
  return { weight: { dims: weight.dims, type: 'float32', data }, bias: { dims: [channels], type: 'float32', data: shift } }
}

/**
 * For training: batch normalisation uses and updates batch statistics, and takes the activation that follows it.
 * `momentum` as ONNX counts it: running = momentum * running + (1 - momentum) * batch.
 */
export function prepareForTraining(graph: Graph, momentum = 0.9): Graph {
  return replaceNormalization(graph, {
    replace: (node, { output, activation }) => ({
      name: node.name,
      op: 'BatchNormalizationTraining',
      inputs: node.inputs,
      outputs: [output, `${node.name}:batch mean`, `${node.name}:batch inverse deviation`],
      attributes: { epsilon: Number(node.attributes.epsilon ?? 1e-5), momentum, activation },
    }),
  })
}

/**
 * For judging a masked network (`maskGraph`) as it would be with new running statistics: every batch normalisation that a mask reaches uses
 * the statistics of the candidate's own images in the run, and takes the activation and the mask that follow it.
 */
export function useCandidateStatistics(graph: Graph, candidates: number): Graph {
  const reached = reachedFrom(
    graph.nodes,
    graph.nodes.flatMap(({ op, outputs }) => (op === 'Mask' ? outputs : [])),
  )
  return useStatistics(graph, candidates, (node) => reached.has(node.inputs[0]))
}

/** For judging a network with other weights as it would be with new running statistics: every batch normalisation uses those of the images of the run. */
export function useBatchStatistics(graph: Graph): Graph {
  return useStatistics(graph, 1, () => true)
}

function useStatistics(graph: Graph, candidates: number, among: (node: Node) => boolean): Graph {
  return dropUnused(
    replaceNormalization(graph, {
      among,
      masks: true,
      replace: (node, { output, activation, mask }) => ({
        name: node.name,
        op: 'CandidateBatchNormalization',
        inputs: [...node.inputs.slice(0, 3), mask],
        outputs: [output],
        attributes: { epsilon: Number(node.attributes.epsilon ?? 1e-5), activation, candidates },
      }),
    }),
  )
}

interface Followers {
  readonly output: string
  readonly activation: 'none' | 'relu' | 'relu6'
  /** Name of the mask, or '' where none follows. */
  readonly mask: string
}

/** Every batch normalisation, with the activation (and mask) that alone reads it, becomes another node. */
function replaceNormalization(
  graph: Graph,
  how: { among?: (node: Node) => boolean; masks?: boolean; replace: (node: Node, followers: Followers) => Node },
): Graph {
  const gone = new Set<Node>()
  const only = onlyReader(graph)
  const replacement = new Map<Node, Node>()
  for (const node of graph.nodes) {
    if (node.op !== 'BatchNormalization' || how.among?.(node) === false) continue
    let last = node
    let next = only(node.outputs[0])
    const activation = (next && activationOf(next)) || 'none'
    if (next && activation !== 'none') {
      gone.add(last)
      last = next
      next = only(last.outputs[0])
    }
    let mask = ''
    if (how.masks && next?.op === 'Mask' && !next.attributes.expand && next.inputs[0] === last.outputs[0]) {
      gone.add(last)
      mask = next.inputs[1]
      last = next
    }
    replacement.set(last, how.replace(node, { output: last.outputs[0], activation, mask }))
  }
  // The new node stands where the last of its parts stood: all its inputs are made by then.
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => (replacement.has(node) ? [replacement.get(node)!] : gone.has(node) ? [] : [node])),
  }
}

/** Without the initialisers that no node and no output reads. */
export function dropUnused(graph: Graph): Graph {
  const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map((output) => output.name)])
  return { ...graph, initializers: new Map([...graph.initializers].filter(([name]) => used.has(name))) }
}
