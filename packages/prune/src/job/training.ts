/** Training with records: the loop of the engine, its checkpoints in a run's folder, its progress told. */
import type { Gpu } from '@espalier/kernels'
import {
  type Dataset,
  decodeTensors,
  type EpochRecord,
  encodeTensors,
  type Graph,
  InputError,
  type TrainOptions,
  type TrainState,
  train as trainGraph,
} from '@espalier/nn'
import type { Reporter } from '../reporter.js'
import { isList, isObject, type Run } from '../run/run.js'

/** What users choose about training; the rest is the engine's default. */
export interface TrainingChoice {
  readonly epochs: number
  readonly batch: number
  readonly lr?: number
  readonly optimizer: 'sgd' | 'adam'
  readonly schedule: 'cosine' | 'constant' | 'step'
  readonly warmup: number
  readonly momentum: number
  readonly weightDecay: number
  readonly labelSmoothing: number
  /** True and false where the data's own default is not wanted. */
  readonly augment?: boolean
}

export const trainingDefaults = {
  batch: 64,
  optimizer: 'sgd',
  schedule: 'cosine',
  warmup: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
  labelSmoothing: 0,
} as const

/** Photographs are shifted and mirrored; digits, clothes and the built-in shapes are left as they are. */
export function augmentationFor(dataset: Dataset, choice: boolean | undefined): TrainOptions['augment'] {
  const photographs = dataset.name.startsWith('cifar') || dataset.name === 'images'
  return (choice ?? photographs) ? { crop: Math.max(1, Math.round(dataset.shape[1] / 8)), flip: true } : undefined
}

export interface TrainingJob {
  readonly gpu: Gpu
  readonly graph: Graph
  readonly dataset: Dataset
  readonly stage: string
  readonly choice: TrainingChoice
  readonly normalization: TrainOptions['normalization']
  readonly teacher?: TrainOptions['teacher']
  /** Weights that are zero stay zero. */
  readonly keepZeros?: boolean
  readonly seed: number
  readonly run?: Run
  readonly report: Reporter
  readonly signal?: AbortSignal
  readonly checkpointSeconds?: number
}

export async function runTraining(job: TrainingJob): Promise<{ graph: Graph; history: EpochRecord[] }> {
  const { gpu, graph, dataset, choice, run, report, stage } = job
  const { lr, augment, ...rest } = choice
  const name = `checkpoint/${stage}.safetensors`
  const saved = run?.before ? await run.readBytes(name) : undefined
  const resume = saved && decodeState(saved, run!.path(name))
  if (resume) report.log(`${stage}: going on after ${resume.step} steps`)
  return trainGraph(gpu, graph, dataset, {
    ...rest,
    learningRate: lr,
    augment: augmentationFor(dataset, augment),
    normalization: job.normalization,
    teacher: job.teacher,
    keepZeros: job.keepZeros,
    seed: job.seed,
    signal: job.signal,
    resume,
    checkpointSeconds: job.checkpointSeconds ?? 10,
    ...(run && { onCheckpoint: (state) => run.write(name, encodeState(state)) }),
    onProgress({ epoch, epochs, step, steps, loss, accuracy, imagesPerSecond }) {
      const detail = `epoch ${epoch}/${epochs} loss ${loss.toFixed(3)} accuracy ${(100 * accuracy).toFixed(1)}% ${Math.round(imagesPerSecond)} images/s`
      report.progress(stage, (epoch - 1) * steps + step, epochs * steps, detail)
    },
  })
}

const encodeState = ({ step, tensors, history }: TrainState) =>
  encodeTensors(tensors, { step: String(step), history: JSON.stringify(history) })

function decodeState(bytes: Uint8Array, file: string): TrainState {
  const { tensors, metadata } = decodeTensors(bytes, file)
  const fail = (field: string, expected: string) =>
    new InputError('not a checkpoint; without this file the training begins anew', {
      file,
      field,
      expected,
      found: metadata[field] ?? 'nothing',
    })
  const step = Number(metadata.step)
  if (!metadata.step || !Number.isSafeInteger(step) || step < 0) throw fail('step', 'a number of steps')
  let history: unknown
  try {
    history = JSON.parse(metadata.history)
  } catch {
    throw fail('history', 'a list of epochs')
  }
  if (!isList(isObject)(history)) throw fail('history', 'a list of epochs')
  return { step, tensors, history: history as EpochRecord[] }
}
