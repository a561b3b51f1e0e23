/** Accuracy, loss and latency of networks on data: inference graphs with the loss and the counting on the GPU. */
import { createWaiter, type Gpu } from '@espalier/kernels'
import { type Dataset, imageBytes } from '../data/dataset.js'
import { type Normalization, normalizationOf } from '../data/normalize.js'
import { gatherBatch } from '../data/split.js'
import { compile, type Executable } from '../engine/compile.js'
import { fuseForInference } from '../engine/fuse.js'
import { AbortedError, InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { inferShapes } from '../shapes.js'
import { withImageInput } from './images.js'
import { computeOnce, mostResident, residentBytes, splitVarying } from './resident.js'

export interface Judgement {
  /** Share of images whose highest logit is their class, 0 to 1. */
  readonly accuracy: number
  /** Mean cross-entropy in nats. */
  readonly loss: number
}

export interface EvaluateOptions {
  readonly normalization: Normalization
  /** Images per run; 100 when absent. */
  readonly batch?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (event: { images: number; total: number }) => void
}

export const zeros = (length: number): TensorData => ({ dims: [length], type: 'float32', data: new Float32Array(length) })

/**
 * The network with images [N, C, H, W] as its only image input, and its logits (before a final Softmax), checked against the data. Its
 * constants are those of the given graph.
 */
export function classifierOf(
  graph: Graph,
  dataset: Pick<Dataset, 'shape' | 'classes' | 'name'>,
): { input: string; logits: string; graph: Graph } {
  const { graph: network, input } = withImageInput(graph, dataset.shape, dataset.name)
  const output = graph.outputs[0]
  const maker = graph.nodes.find((node) => node.outputs.includes(output.name))
  let logits = maker?.op === 'Softmax' ? maker.inputs[0] : output.name
  const shape = inferShapes(graph, { batch: 1 }).get(logits)
  // With masks the batch is candidates x images: only the other dimensions say how many classes there are.
  const classes = shape?.slice(1).reduce((a, b) => a * b, 1)
  if (graph.outputs.length !== 1 || !shape || classes !== shape[1]) {
    throw new InputError(`network '${graph.name}' is no classifier`, {
      field: 'outputs',
      expected: 'one output [N, classes]',
      found: graph.outputs.map((value) => `'${value.name}' [${value.shape.join(', ')}]`).join(', '),
    })
  }
  if (classes < dataset.classes)
    throw new InputError(`data '${dataset.name}' does not fit network '${graph.name}'`, {
      field: 'outputs',
      expected: `at least ${dataset.classes}, one for each class`,
      found: classes,
    })
  let nodes = network.nodes
  if (shape.length !== 2) {
    nodes = [...nodes, { name: 'flat logits', op: 'Flatten', inputs: [logits], outputs: ['flat logits'], attributes: { axis: 1 } }]
    logits = 'flat logits'
  }
  return { input, logits, graph: { ...network, nodes } }
}

/** Adds what turns bytes into the network's input. */
export function normalizeNode(input: string, dataset: Dataset, normalization: Normalization, batch: number): { node: Node; words: number } {
  const { mean, std } = normalizationOf(normalization, dataset.shape[0])
  return {
    node: {
      name: 'normalize',
      op: 'NormalizeImages',
      inputs: ['bytes'],
      outputs: [input],
      attributes: { shape: [batch, ...dataset.shape], mean, std },
    },
    words: Math.ceil((batch * imageBytes(dataset)) / 4),
  }
}

const value = (name: string, shape: readonly number[], type: 'float32' | 'int32' = 'float32') => ({ name, shape, type })

/** A network judged on one batch after another; sums stay on the GPU until `finish`. `candidates` > 1: the logits have candidates * batch rows. */
export interface Judge {
  readonly executable: Executable
  destroy(): void
  judge(onBatch?: (done: number) => void, signal?: AbortSignal): Promise<Judgement[]>
}

export async function createJudge(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: {
    normalization: Normalization
    batch: number
    candidates?: number
    /** Inputs that change from one judgement to the next. What does not depend on them is computed once, before the first, where its results fit on the device. */
    varying?: readonly string[]
    /** A tensor [P*B, columns] of the graph to be summed over images as the loss is: read and reset `sums` [P, columns]. */
    sum?: { tensor: string; columns: number }
  },
): Promise<Judge> {
  const candidates = options.candidates ?? 1
  const sums: [string, TensorData][] = options.sum
    ? [['sums', { ...zeros(candidates * options.sum.columns), dims: [candidates, options.sum.columns] }]]
    : []
  const batch = Math.min(options.batch, dataset.count)
  const classifier = classifierOf(graph, dataset)
  const { node, words } = normalizeNode(classifier.input, dataset, options.normalization, batch)
  const nodes: Node[] = [
    node,
    ...classifier.graph.nodes,
    ...(candidates > 1
      ? [
          {
            name: 'repeat labels',
            op: 'RepeatBatch',
            inputs: ['labels'],
            outputs: ['repeated labels'],
            attributes: { repeats: candidates },
          },
        ]
      : []),
    {
      name: 'loss',
      op: 'SoftmaxCrossEntropy',
      inputs: [classifier.logits, candidates > 1 ? 'repeated labels' : 'labels'],
      outputs: ['loss', 'loss gradient'],
      attributes: { labelSmoothing: 0 },
    },
    { name: 'sum loss', op: 'Accumulate', inputs: ['loss', 'loss sums', 'valid'], outputs: [], attributes: {} },
    ...(options.sum ? [{ name: 'sum', op: 'Accumulate', inputs: [options.sum.tensor, 'sums', 'valid'], outputs: [], attributes: {} }] : []),
    { name: 'count correct', op: 'CountCorrect', inputs: [classifier.logits, 'labels', 'correct', 'valid'], outputs: [], attributes: {} },
  ]
  const whole: Graph = {
    name: graph.name,
    nodes,
    inputs: [
      value('bytes', [words]),
      value('labels', [batch], 'int32'),
      value('valid', [1], 'int32'),
      ...classifier.graph.inputs.filter((input) => input.name !== classifier.input),
    ],
    outputs: [],
    initializers: new Map([...classifier.graph.initializers, ['loss sums', zeros(candidates)], ['correct', zeros(candidates)], ...sums]),
    metadata: {},
  }
  const parts = options.varying && splitVarying(whole, 'bytes', options.varying, batch)
  const runs = Math.ceil(dataset.count / batch)
  const resident = parts && residentBytes(parts.between, runs) <= mostResident[gpu.info.kind] ? parts : undefined
  const executable = await compile(gpu, resident?.after ?? whole, { batch })
  const images = new Uint8Array(words * 4)
  const labels = new Uint32Array(batch)
  const gather = (start: number) => gatherBatch(dataset, undefined, start, images, labels)
  const kept =
    resident &&
    (await computeOnce(gpu, resident, batch, runs, (run) => {
      gather(run * batch)
      return images
    }))
  const wait = createWaiter(gpu)
  /** First of the images that the device has: where all are one batch they are sent once. */
  let held = -1
  let valid = 0
  return {
    executable,
    destroy() {
      executable.destroy()
      kept?.destroy()
    },
    async judge(onBatch, signal) {
      executable.write('loss sums', new Float32Array(candidates))
      executable.write('correct', new Uint32Array(candidates))
      for (let start = 0, run = 0; start < dataset.count; start += batch, run++) {
        if (signal?.aborted) throw new AbortedError('evaluation was interrupted')
        if (held !== start) {
          valid = gather(start)
          if (kept) kept.load(executable, run)
          else executable.write('bytes', images)
          executable.write('labels', labels)
          executable.write('valid', Uint32Array.of(valid))
          held = start
        }
        executable.run()
        // A bounded queue: progress is real, and an interruption is soon heard.
        if (run % 8 === 7 || start + batch >= dataset.count) {
          await wait((run % 8) + 1)
          onBatch?.(start + valid)
        }
      }
      const correct = await executable.readU32('correct')
      const sums = await executable.read('loss sums')
      onBatch?.(dataset.count)
      return Array.from(correct, (hits, p) => ({ accuracy: hits / dataset.count, loss: sums[p] / dataset.count }))
    },
  }
}

/** Top-1 accuracy and mean cross-entropy of a classifier on a whole data set. */
export async function evaluate(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: EvaluateOptions,
): Promise<Judgement & { images: number }> {
  if (dataset.count === 0) throw new InputError(`data '${dataset.name}'`, { field: 'images', expected: 'at least 1', found: 0 })
  const judge = await createJudge(gpu, fuseForInference(graph), dataset, {
    normalization: options.normalization,
    batch: options.batch ?? 100,
  })
  try {
    const [judgement] = await judge.judge((images) => options.onProgress?.({ images, total: dataset.count }), options.signal)
    return { ...judgement, images: dataset.count }
  } finally {
    judge.destroy()
  }
}

export interface Latency {
  readonly median: number
  readonly p95: number
}

/** Milliseconds of a forward pass at batch 1, host and device together: median and 95th percentile over `runs` after a warm-up. */
export async function measureLatency(gpu: Gpu, graph: Graph, options?: { runs?: number; warmup?: number }): Promise<Latency> {
  return (await measureLatencies(gpu, [graph], options))[0]
}

/** The same of several networks in turn, so that what disturbs the device disturbs all. */
export async function measureLatencies(gpu: Gpu, graphs: readonly Graph[], { runs = 50, warmup = 5 } = {}): Promise<Latency[]> {
  const executables: Executable[] = []
  try {
    for (const graph of graphs) executables.push(await compile(gpu, fuseForInference(graph), { batch: 1 }))
    const times = graphs.map((): number[] => [])
    for (let i = 0; i < warmup + runs; i++) {
      for (const [g, executable] of executables.entries()) {
        const start = performance.now()
        executable.run()
        await gpu.sync()
        if (i >= warmup) times[g].push(performance.now() - start)
      }
    }
    return times.map((each) => {
      each.sort((a, b) => a - b)
      return { median: each[Math.floor(each.length / 2)], p95: each[Math.min(each.length - 1, Math.ceil(0.95 * each.length) - 1)] }
    })
  } finally {
    for (const executable of executables) executable.destroy()
  }
}
