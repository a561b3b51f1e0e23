/** Training that goes on after a cut: momentum and Adam's moments are cut as the weights are. */
import type { Dataset } from '../data/dataset.js'
import { InputError } from '../errors.js'
import type { Graph, TensorData } from '../graph.js'
import { groupsOf } from '../prune/groups.js'
import { pruneChannels } from '../prune/prune.js'
import { type Kept, removedClasses } from '../prune/selection.js'
import { cut } from '../prune/surgery.js'
import { planStep, type StepPlan } from './step.js'
import type { TrainState } from './train.js'

/**
 * `pruneChannels` in the midst of a training: the network with the weights of `state`, without some channels, and the state to go on with:
 * `train(gpu, result.graph, dataset, { ...options, resume: result.state })`. Each parameter's momentum (sgd) or moments (adam) are cut by the very
 * indices by which the parameter is; a bias that the surgery had to add has none yet. Steps, history and sums of the epoch stay.
 *
 * @param graph the network that `state` is a training of
 * @param dataset what it is trained on: images of the same shape and classes
 */
export function pruneTraining(
  graph: Graph,
  kept: Kept,
  state: TrainState,
  dataset: Pick<Dataset, 'name' | 'shape' | 'classes'>,
): { graph: Graph; state: TrainState } {
  const kinds = ['velocity', 'm', 'v'].filter((kind) => Object.keys(state.tensors).some((name) => name.startsWith(`${kind} `)))
  const optimizer = kinds.includes('velocity') ? 'sgd' : 'adam'
  const before = planOf(graph, dataset, optimizer)
  const initializers = new Map(graph.initializers)
  for (const name of before.trained) initializers.set(name, replaced(graph, name, tensorOf(state, name)))
  const small = pruneChannels({ ...graph, initializers }, kept)
  const after = planOf(small, dataset, optimizer)
  const tensors: Record<string, Float32Array> = {}
  for (const [name, tensor] of Object.entries(state.tensors)) if (name === 'loss sum' || name === 'correct') tensors[name] = tensor
  for (const name of after.trained) tensors[name] = small.initializers.get(name)!.data as Float32Array
  for (const kind of kinds) {
    // The moments in the places of the parameters: what cuts the one cuts the other.
    const moments = new Map(graph.initializers)
    for (const [name, { base, offset }] of parametersOf(before, graph)) {
      const vector = tensorOf(state, base.replace('theta', kind))
      moments.set(name, replaced(graph, name, vector.subarray(offset, offset + graph.initializers.get(name)!.data.length)))
    }
    const grouping = groupsOf({ ...graph, initializers: moments })
    const sliced = cut(grouping.analysis, removedClasses(grouping, kept))
    for (const group of after.groups) tensors[`${kind} ${group}`] = new Float32Array(after.bases.get(`theta ${group}`)![0])
    for (const [name, { base, offset }] of parametersOf(after, small)) {
      const tensor = sliced.initializers.get(name)
      if (tensor) tensors[base.replace('theta', kind)].set(tensor.data as Float32Array, offset)
    }
  }
  return { graph: small, state: { ...state, tensors } }
}

/** Where the parameters are in the flat vectors does not depend on the batch, or on how images come in. */
function planOf(graph: Graph, { name, shape, classes }: Pick<Dataset, 'name' | 'shape' | 'classes'>, optimizer: 'sgd' | 'adam'): StepPlan {
  const dataset = { name, shape, classes, count: 0, images: new Uint8Array(0), labels: new Uint32Array(0) }
  const normalization = { mean: new Array<number>(shape[0]).fill(0), std: new Array<number>(shape[0]).fill(1) }
  return planStep(graph, dataset, { batch: 1, optimizer, labelSmoothing: 0, normalization })
}

const parametersOf = ({ views }: StepPlan, graph: Graph) =>
  [...views].filter(([name, { base }]) => base.startsWith('theta ') && graph.initializers.has(name))

function tensorOf(state: TrainState, name: string): Float32Array {
  const tensor = state.tensors[name]
  if (!tensor) throw new InputError('this state is of another network', { field: name, expected: 'a tensor of this name', found: 'none' })
  return tensor
}

function replaced(graph: Graph, name: string, data: Float32Array): TensorData {
  const tensor = graph.initializers.get(name)!
  if (data.length !== tensor.data.length)
    throw new InputError('this state is of another network', { field: name, expected: `${tensor.data.length} values`, found: data.length })
  return { ...tensor, data }
}
