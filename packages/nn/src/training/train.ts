import { createWaiter, type Gpu } from '@espalier/kernels'
import { type Dataset, imageBytes } from '../data/dataset.js'
import type { Normalization } from '../data/normalize.js'
import { gatherBatch, shuffledIndices } from '../data/split.js'
import { AbortedError, InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { compileStep, type Teacher, type TrainingStep } from './step.js'

export interface EpochRecord {
  readonly epoch: number
  /** Mean training loss and accuracy over the epoch, as the network changed. */
  readonly loss: number
  readonly accuracy: number
}

/** Everything a resumed run needs; it then ends bit-identical to one never interrupted. */
export interface TrainState {
  /** Steps done since the start. */
  readonly step: number
  /** Parameters, running statistics, optimiser state, and the running sums of the epoch. */
  readonly tensors: Readonly<Record<string, Float32Array>>
  readonly history: readonly EpochRecord[]
}

export interface TrainOptions {
  readonly epochs: number
  readonly normalization: Normalization
  readonly batch?: number
  readonly optimizer?: 'sgd' | 'adam'
  readonly learningRate?: number
  /** `cosine` falls to 0 at the end; `step` divides by 10 at 1/2 and 3/4. */
  readonly schedule?: 'cosine' | 'constant' | 'step'
  /** Share of all steps in which the learning rate rises linearly from 0. */
  readonly warmup?: number
  readonly momentum?: number
  readonly nesterov?: boolean
  readonly weightDecay?: number
  readonly labelSmoothing?: number
  /** Random crop after padding by `crop` zero pixels, random horizontal flip. */
  readonly augment?: { readonly crop: number; readonly flip: boolean }
  readonly teacher?: Teacher
  /**
   * Weights (of `weightLayers`) that are zero in the given graph stay exactly zero, whatever the optimiser; the others train as they would with the zeros
   * set again after every step. A resumed run must be given the same graph.
   */
  readonly keepZeros?: boolean
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (event: TrainProgress) => void
  readonly resume?: TrainState
  readonly checkpointSeconds?: number
  readonly onCheckpoint?: (state: TrainState) => Promise<void>
}

export interface TrainProgress {
  readonly epoch: number
  readonly epochs: number
  /** Steps done in this epoch, and steps an epoch has. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly accuracy: number
  readonly learningRate: number
  readonly imagesPerSecond: number
}

const defaults = {
  batch: 64,
  optimizer: 'sgd' as const,
  schedule: 'cosine' as const,
  warmup: 0,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  seed: 0,
  checkpointSeconds: 20,
}

/**
 * Trains a classifier. The last images of an epoch that fill no batch are left out of it (another shuffle brings them).
 * @throws AbortedError when `signal` fires, after `onCheckpoint` got the state; InputError when the loss is no longer finite
 */
export async function train(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: TrainOptions,
): Promise<{ graph: Graph; history: EpochRecord[] }> {
  const o = { ...defaults, learningRate: options.optimizer === 'adam' ? 1e-3 : 0.05, ...definedOnly(options) }
  if (!Number.isInteger(o.epochs) || o.epochs < 0)
    throw new InputError('training', { field: 'epochs', expected: 'a whole number, 0 or more', found: o.epochs })
  if (!(o.learningRate > 0)) throw new InputError('training', { field: 'learning rate', expected: 'above 0', found: o.learningRate })
  const batch = Math.min(o.batch, dataset.count)
  if (o.epochs === 0) return { graph, history: [] }
  const step = await compileStep(gpu, graph, dataset, { ...o, batch })
  try {
    return await loop(gpu, graph, dataset, step, { ...o, batch })
  } finally {
    step.executable.destroy()
  }
}

function definedOnly<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

type Settled = TrainOptions & Required<Pick<TrainOptions, keyof typeof defaults | 'learningRate'>>

async function loop(gpu: Gpu, graph: Graph, dataset: Dataset, step: TrainingStep, o: Settled) {
  const { executable } = step
  const { batch } = o
  const steps = Math.max(1, Math.floor(dataset.count / batch))
  const total = steps * o.epochs
  const images = new Uint8Array(Math.ceil((batch * imageBytes(dataset)) / 4) * 4)
  const labels = new Uint32Array(batch)
  const saved = [...step.trained, ...step.state, 'loss sum', 'correct']
  const history: EpochRecord[] = [...(o.resume?.history ?? [])]
  let done = o.resume?.step ?? 0
  if (o.resume) for (const name of saved) restore(executable, o.resume, name)
  executable.write('valid', Uint32Array.of(batch))

  const state = async (): Promise<TrainState> => {
    const tensors: Record<string, Float32Array> = {}
    for (const name of saved) tensors[name] = await executable.read(name)
    return { step: done, tensors, history: [...history] }
  }
  let order = shuffledIndices(dataset.count, o.seed, Math.floor(done / steps))
  let last = performance.now()
  let checkpointed = last
  let sinceReport = 0
  let waited = 0
  const wait = createWaiter(gpu)
  while (done < total) {
    const epoch = Math.floor(done / steps)
    const inEpoch = done % steps
    if (inEpoch === 0) order = shuffledIndices(dataset.count, o.seed, epoch)
    gatherBatch(dataset, order, inEpoch * batch, images, labels)
    executable.write('bytes', images)
    executable.write('labels', labels)
    if (o.augment && (o.augment.crop > 0 || o.augment.flip)) executable.write('random', Uint32Array.of(o.seed, done))
    const learningRate = rate(done, total, o)
    for (const group of step.groups) executable.write(`hyper ${group}`, hyper(group, learningRate, done, o))
    executable.run()
    done++
    sinceReport++
    const epochEnds = done % steps === 0
    // The host looks at the device a few times a second at most: reading back stops it.
    if (sinceReport % 4 === 0 || done % steps === 0) {
      await wait(sinceReport - waited)
      waited = sinceReport
    }
    const now = performance.now()
    if (epochEnds || now - last > 400) {
      const [sum] = await executable.read('loss sum')
      const [correct] = await executable.readU32('correct')
      const seen = (epochEnds ? steps : done % steps) * batch
      if (!Number.isFinite(sum))
        throw new InputError(`training diverged in epoch ${epoch + 1}: the loss is ${sum}; use a smaller learning rate`, {
          field: 'learning rate',
          found: learningRate,
        })
      const [loss, accuracy] = [sum / seen, correct / seen]
      const elapsed = (performance.now() - last) / 1000
      o.onProgress?.({
        epoch: epoch + 1,
        epochs: o.epochs,
        step: epochEnds ? steps : done % steps,
        steps,
        loss,
        accuracy,
        learningRate,
        imagesPerSecond: (sinceReport * batch) / elapsed,
      })
      if (epochEnds) {
        history.push({ epoch: epoch + 1, loss, accuracy })
        executable.write('loss sum', new Float32Array(1))
        executable.write('correct', new Uint32Array(1))
      }
      last = performance.now()
      sinceReport = 0
      waited = 0
    }
    const aborted = o.signal?.aborted
    if (o.onCheckpoint && done < total && (aborted || now - checkpointed > o.checkpointSeconds * 1000)) {
      await o.onCheckpoint(await state())
      checkpointed = performance.now()
    }
    if (aborted) throw new AbortedError(`training was interrupted after ${done} of ${total} steps`)
  }
  const initializers = new Map(graph.initializers)
  for (const name of step.trained) {
    const data = await executable.read(name)
    const index = data.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) throw new InputError(`training diverged: '${name}' has ${data[index]}; use a smaller learning rate`)
    initializers.set(name, { ...graph.initializers.get(name)!, data })
  }
  return { graph: { ...graph, initializers }, history }
}

function restore(executable: TrainingStep['executable'], { tensors }: TrainState, name: string): void {
  const tensor = tensors[name]
  const expected = executable.shapes.get(name)?.reduce((a, b) => a * b, 1)
  if (tensor?.length !== expected)
    throw new InputError('this checkpoint is of another network', {
      field: name,
      expected: `${expected} values`,
      found: tensor ? tensor.length : 'none',
    })
  executable.write(name, tensor)
}

function rate(step: number, total: number, o: Settled): number {
  const warm = Math.round(o.warmup * total)
  if (step < warm) return (o.learningRate * (step + 1)) / warm
  const progress = (step - warm) / Math.max(1, total - warm)
  if (o.schedule === 'constant') return o.learningRate
  if (o.schedule === 'step') return o.learningRate * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01)
  return o.learningRate * 0.5 * (1 + Math.cos(Math.PI * progress))
}

function hyper(group: 'decay' | 'plain', learningRate: number, step: number, o: Settled): Float32Array {
  const decay = group === 'decay' ? o.weightDecay : 0
  return o.optimizer === 'sgd'
    ? Float32Array.of(learningRate, o.momentum, decay, o.nesterov ? 1 : 0)
    : Float32Array.of(learningRate, 0.9, 0.999, 1e-8, decay, step + 1, 0, 0)
}
