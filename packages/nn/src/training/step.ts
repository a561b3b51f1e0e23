/** One training step as a compiled graph: augmentation, forward, loss, backward, update; parameters in flat vectors. */
import { elements, type Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import { imageBytes } from '../data/dataset.js'
import { type Normalization, normalizationOf } from '../data/normalize.js'
import { compile, type Executable, type View } from '../engine/compile.js'
import { differentiate } from '../engine/differentiate.js'
import { fuseForInference, prepareForTraining } from '../engine/fuse.js'
import { InputError } from '../errors.js'
import type { Graph, Node, TensorData } from '../graph.js'
import { weightLayers } from '../prune/weights.js'
import { inferShapes } from '../shapes.js'
import { classifierOf, normalizeNode, zeros } from './judge.js'

export interface Teacher {
  readonly graph: Graph
  /** Softens both distributions; Hinton et al. 2015 (arXiv 1503.02531) use 2 to 20. */
  readonly temperature: number
  /** Share of the distillation term in the loss, 0 to 1. */
  readonly weight: number
}

export interface StepOptions {
  readonly batch: number
  readonly optimizer: 'sgd' | 'adam'
  readonly labelSmoothing: number
  readonly augment?: { readonly crop: number; readonly flip: boolean }
  readonly normalization: Normalization
  readonly teacher?: Teacher
  /** Weights (of `weightLayers`) that are zero in the graph stay zero. */
  readonly keepZeros?: boolean
}

export interface TrainingStep {
  readonly executable: Executable
  /** Initialisers that training changes: parameters, and running statistics. */
  readonly trained: readonly string[]
  /** Flat optimiser state. */
  readonly state: readonly string[]
  /** Parameter vectors: weights of convolutions and linear layers decay, biases and normalisation do not. */
  readonly groups: readonly ('decay' | 'plain')[]
}

/** Views into flat vectors start at multiples of 64 elements (256 bytes, WebGPU's binding alignment). */
const viewAlignment = 64

export async function compileStep(gpu: Gpu, graph: Graph, dataset: Dataset, options: StepOptions): Promise<TrainingStep> {
  const { graph: step, views, bases, trained, state, groups } = planStep(graph, dataset, options)
  const executable = await compile(gpu, step, { batch: options.batch, views, shapes: bases, keep: [] })
  return { executable, trained, state, groups }
}

export interface StepPlan extends Omit<TrainingStep, 'executable'> {
  readonly graph: Graph
  /** Where each parameter lies: in the vector `theta decay` or `theta plain`; the optimiser's state lies in its vectors in the same way. */
  readonly views: ReadonlyMap<string, View>
  /** Shapes of the vectors. */
  readonly bases: ReadonlyMap<string, readonly number[]>
}

/** The step as a graph, and where everything lies; the same for the same graph. */
export function planStep(graph: Graph, dataset: Dataset, options: StepOptions): StepPlan {
  const { batch } = options
  const classifier = classifierOf(graph, dataset)
  const network = prepareForTraining(classifier.graph)
  const statistics = new Set(
    network.nodes.filter((node) => node.op === 'BatchNormalizationTraining').flatMap((node) => [node.inputs[3], node.inputs[4]]),
  )
  const shapes = inferShapes(network, { batch })
  const read = new Set(network.nodes.flatMap((node) => node.inputs))
  const parameters = [...network.initializers]
    .filter(([name, tensor]) => read.has(name) && tensor.type === 'float32' && !statistics.has(name))
    .map(([name]) => name)

  const { node: images, words } = imageNode(classifier.input, dataset, options)
  const loss: Node = {
    name: 'loss',
    op: 'SoftmaxCrossEntropy',
    inputs: [classifier.logits, 'labels'],
    outputs: ['loss', 'd(loss)'],
    attributes: { labelSmoothing: options.labelSmoothing },
  }
  const distillation = options.teacher ? distillationNodes(classifier.logits, classifier.input, dataset, options.teacher) : undefined
  const forward: Graph = {
    ...network,
    inputs: [
      { name: 'bytes', shape: [words], type: 'int32' },
      { name: 'labels', shape: [batch], type: 'int32' },
      { name: 'random', shape: [2], type: 'int32' },
      { name: 'valid', shape: [1], type: 'int32' },
    ],
    outputs: [],
    initializers: new Map([...network.initializers, ...(distillation?.initializers ?? []), ['loss sum', zeros(1)], ['correct', zeros(1)]]),
    nodes: [images, ...network.nodes, loss, ...(distillation?.nodes ?? [])],
  }
  const seeds = new Map([[classifier.logits, distillation?.gradient ?? 'd(loss)']])
  const { graph: differentiated, gradients } = differentiate(forward, seeds, new Set(parameters), batch)

  const views = new Map<string, View>()
  const bases = new Map<string, readonly number[]>()
  const state: string[] = []
  const groups: ('decay' | 'plain')[] = []
  const initializers = new Map(differentiated.initializers)
  const tail: Node[] = []
  const sparse = new Set(options.keepZeros ? weightLayers(graph).layers.map(({ weight }) => weight) : [])
  for (const group of ['decay', 'plain'] as const) {
    const members = parameters.filter(
      (name) => gradients.has(name) && network.initializers.get(name)!.dims.length >= 2 === (group === 'decay'),
    )
    if (members.length === 0) continue
    groups.push(group)
    let length = 0
    for (const name of members) {
      views.set(name, { base: `theta ${group}`, offset: length })
      let gradient = gradients.get(name)!
      if (views.has(gradient)) {
        // One tensor is the gradient of two parameters (two biases of one sum): each needs its own place.
        tail.push({
          name: `copy ${gradient} for ${name}`,
          op: 'Copy',
          inputs: [gradient],
          outputs: [`${gradient} for ${name}`],
          attributes: {},
        })
        gradient = `${gradient} for ${name}`
      }
      views.set(gradient, { base: `gradient ${group}`, offset: length })
      length = Math.ceil((length + elements(shapes.get(name)!)) / viewAlignment) * viewAlignment
    }
    const keep = keepMask(
      length,
      members.filter((name) => sparse.has(name)).map((name) => ({ data: floatsOf(network, name), offset: views.get(name)!.offset })),
    )
    if (keep) initializers.set(`keep ${group}`, { dims: [length], type: 'float32', data: keep })
    bases.set(`theta ${group}`, [length])
    bases.set(`gradient ${group}`, [length])
    const moments = options.optimizer === 'sgd' ? [`velocity ${group}`] : [`m ${group}`, `v ${group}`]
    for (const name of moments) initializers.set(name, zeros(length))
    for (const name of moments) state.push(name)
    initializers.set(`hyper ${group}`, zeros(options.optimizer === 'sgd' ? 4 : 8))
    tail.push({
      name: `update ${group}`,
      op: options.optimizer === 'sgd' ? 'SgdUpdate' : 'AdamUpdate',
      inputs: [`theta ${group}`, `gradient ${group}`, ...moments, `hyper ${group}`, ...(keep ? [`keep ${group}`] : [])],
      outputs: [],
      attributes: {},
    })
  }
  const metrics: Node[] = [
    { name: 'sum loss', op: 'Accumulate', inputs: ['loss', 'loss sum', 'valid'], outputs: [], attributes: {} },
    { name: 'count correct', op: 'CountCorrect', inputs: [classifier.logits, 'labels', 'correct', 'valid'], outputs: [], attributes: {} },
  ]
  const nodes = [...differentiated.nodes, ...metrics, ...tail]
  const trained = [...parameters.filter((name) => gradients.has(name)), ...statistics]
  return { graph: { ...differentiated, name: `training of ${graph.name}`, initializers, nodes }, views, bases, trained, state, groups }
}

const floatsOf = (graph: Graph, name: string) => graph.initializers.get(name)!.data as Float32Array

/** Ones, and zeros where the given weights are zero, laid out as the flat vector is; undefined where none is. */
function keepMask(length: number, weights: readonly { data: Float32Array; offset: number }[]): Float32Array | undefined {
  if (!weights.some(({ data }) => data.includes(0))) return undefined
  const mask = new Float32Array(length).fill(1)
  for (const { data, offset } of weights)
    data.forEach((value, i) => {
      if (value === 0) mask[offset + i] = 0
    })
  return mask
}

function imageNode(input: string, dataset: Dataset, options: StepOptions): { node: Node; words: number } {
  const { batch, augment, normalization } = options
  if (!augment || (augment.crop === 0 && !augment.flip)) return normalizeNode(input, dataset, normalization, batch)
  const { mean, std } = normalizationOf(normalization, dataset.shape[0])
  const attributes = { shape: [batch, ...dataset.shape], mean, std, crop: augment.crop, flip: augment.flip ? 1 : 0 }
  return {
    node: { name: 'augment', op: 'AugmentImages', inputs: ['bytes', 'random'], outputs: [input], attributes },
    words: Math.ceil((batch * imageBytes(dataset)) / 4),
  }
}

/**
 * Knowledge distillation (Hinton et al. 2015): loss (1 - a) CE + a T^2 KL(teacher_T || student_T). Its gradient by the
 * student's logits is (1 - a) dCE + a T (softmax(z / T) - softmax(t / T)) / N.
 */
function distillationNodes(logits: string, input: string, dataset: Dataset, teacher: Teacher) {
  const { temperature, weight } = teacher
  if (!(temperature > 0) || !(weight >= 0 && weight <= 1))
    throw new InputError('teacher', {
      field: 'temperature and weight',
      expected: 'above 0, and 0 to 1',
      found: `${temperature}, ${weight}`,
    })
  const judged = classifierOf(teacher.graph, dataset)
  const network = fuseForInference({ ...judged.graph, outputs: [{ name: judged.logits, shape: [], type: 'float32' }] })
  const rename = (name: string) => (name === '' ? '' : name === judged.input ? input : `teacher:${name}`)
  const scaled = (name: string, from: string, factor: number): Node => ({
    name,
    op: 'Scale',
    inputs: [from],
    outputs: [name],
    attributes: { factor },
  })
  const nodes: Node[] = [
    ...network.nodes.map((node) => ({
      ...node,
      name: `teacher:${node.name}`,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    {
      name: 'distillation',
      op: 'DistillationLoss',
      inputs: [logits, rename(judged.logits)],
      outputs: ['distillation', 'd(distillation)'],
      attributes: { temperature },
    },
    scaled('soft gradient', 'd(distillation)', weight),
    scaled('hard gradient', 'd(loss)', 1 - weight),
    {
      name: 'distillation gradient',
      op: 'Add',
      inputs: ['hard gradient', 'soft gradient'],
      outputs: ['distillation gradient'],
      attributes: {},
    },
  ]
  const initializers: [string, TensorData][] = [...network.initializers].map(([name, tensor]) => [rename(name), tensor])
  return { nodes, initializers, gradient: 'distillation gradient' }
}
