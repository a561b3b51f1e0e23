/** Everything but pruning: make, train, judge and look into networks. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import {
  architectures,
  buildArchitecture,
  channelGroups,
  costOf,
  type Dataset,
  defaultInput,
  type EpochRecord,
  evaluate as evaluateGraph,
  exportOnnx,
  type Graph,
  InputError,
  importOnnx,
  memoryOf,
  normalizationMetadata,
  withMetadata,
} from '@espalier/nn'
import { checkNotOver, checkWritable, writeWhole } from '#platform'
import { latenciesOf } from '../budgets/measure.js'
import { type Reporter, silent } from '../reporter.js'
import { digest, ended, openRun, type Run, ranOn } from '../run/run.js'
import {
  checkFits,
  chooseNormalization,
  type DataSource,
  type LoadedModel,
  loadData,
  loadModel,
  type ModelSource,
  type NormalizationOptions,
  nameOfData,
  trainingNormalization,
} from './model.js'
import { runTraining, type TrainingChoice, trainingDefaults } from './training.js'

interface Common {
  readonly seed?: number
  readonly gpu?: Gpu
  readonly signal?: AbortSignal
  readonly report?: Reporter
}

async function withGpu<T>(given: Gpu | undefined, work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = given ?? (await acquireGpu())
  try {
    return await work(gpu)
  } finally {
    if (!given) gpu.close()
  }
}

export interface EvaluateOptions extends NormalizationOptions, Common {
  readonly model: ModelSource
  readonly data: DataSource
  readonly batch?: number
}

export interface Evaluation {
  readonly accuracy: number
  readonly loss: number
  readonly images: number
  readonly params: number
  readonly macs: number
  readonly latencyMs: { readonly median: number; readonly p95: number }
  readonly adapter: string
}

/** Judges a network on the test set. */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const report = options.report ?? silent
  const model = await loadModel(options.model)
  const { graph } = model
  const data = await loadData(options.data, options.seed ?? 0, graph)
  const test = await data.test()
  checkFits(model, test, 'MODEL', report)
  const normalization = chooseNormalization(options, graph, test, report)
  return withGpu(options.gpu, async (gpu) => {
    const { accuracy, loss, images } = await evaluateGraph(gpu, graph, test, {
      normalization,
      batch: options.batch,
      signal: options.signal,
      onProgress: (event) => report.progress('eval', event.images, event.total),
    })
    const { params, macs } = costOf(graph)
    const [latencyMs] = await latenciesOf(gpu, [graph])
    return { accuracy, loss, images, params, macs, latencyMs, adapter: gpu.info.name }
  })
}

export interface TrainJobOptions extends NormalizationOptions, Common {
  readonly data: DataSource
  readonly epochs?: number
  readonly training?: Partial<Omit<TrainingChoice, 'epochs'>>
  /** Where to write the ONNX file; nothing is written when absent. */
  readonly out?: string
  /** Folder for checkpoints; none are kept when absent. */
  readonly run?: string
  readonly resume?: boolean
  /** The folder of the run is not of the user's choosing: it goes when the job is done. */
  readonly temporary?: boolean
  readonly checkpointSeconds?: number
}

export interface Trained {
  readonly model: string | null
  readonly accuracy: number
  readonly loss: number
  readonly images: number
  readonly params: number
  readonly macs: number
  readonly epochs: readonly EpochRecord[]
  readonly seed: number
  readonly adapter: string
  readonly seconds: number
  readonly graph: Graph
  readonly bytes: Uint8Array
}

/** Trains a built-in architecture (`width` multiplies its channels), or a network of one's own from the weights it has. */
export async function train(
  options: TrainJobOptions & { readonly architecture: string | Graph; readonly width?: number },
): Promise<Trained> {
  const { architecture, width, seed = 0 } = options
  if (typeof architecture === 'string' && !architectures.includes(architecture)) defaultInput(architecture)
  return withGpu(options.gpu, async (gpu) => {
    if (options.out !== undefined) {
      await checkWritable(options.out, '--out')
      await checkNotOver(options.out, options.run, 'the folder of the run')
    }
    const data = await loadData(options.data, seed, typeof architecture === 'string' ? undefined : architecture)
    const dataset = await data.train()
    const graph =
      typeof architecture === 'string'
        ? buildArchitecture(architecture, { input: dataset.shape, classes: dataset.classes, seed, width })
        : architecture
    const normalization = trainingNormalization(options, dataset)
    const named = typeof architecture === 'string' ? architecture : architecture.name
    return trainAndWrite(gpu, withMetadata(graph, normalizationMetadata(normalization)), data, {
      ...options,
      stage: 'train',
      normalization,
      settings: { architecture: named, ...(width !== undefined && { width }) },
      epochs: options.epochs ?? 30,
    })
  })
}

export interface FinetuneOptions extends TrainJobOptions {
  readonly model: ModelSource
  /** A network to learn from, beside the labels. */
  readonly teacher?: ModelSource
  readonly temperature?: number
  /** Share of the teacher in the loss, 0 to 1. */
  readonly teacherWeight?: number
}

/** Trains a network further, from its weights, at a small learning rate. */
export async function finetune(options: FinetuneOptions): Promise<Trained> {
  return withGpu(options.gpu, async (gpu) => {
    if (options.out !== undefined) {
      await checkWritable(options.out, '--out')
      await checkNotOver(options.out, options.run, 'the folder of the run')
      await checkNotOver(options.out, options.teacher, 'the teacher')
    }
    const model = await loadModel(options.model)
    const source = options.teacher === undefined ? undefined : await loadModel(options.teacher, '--teacher')
    const teacher = source && { graph: source.graph, temperature: options.temperature ?? 4, weight: options.teacherWeight ?? 0.7 }
    const data = await loadData(options.data, options.seed ?? 0, model.graph)
    const dataset = await data.train()
    const report = options.report ?? silent
    checkFits(model, dataset, 'MODEL', report)
    if (source) checkTeacher(source, model, dataset, report)
    const normalization = chooseNormalization(options, model.graph, dataset, report)
    const settings = {
      model: model.name,
      modelDigest: await digest(model.bytes),
      teacherDigest: source ? await digest(source.bytes) : null,
      temperature: teacher?.temperature ?? null,
      teacherWeight: teacher?.weight ?? null,
    }
    const training = { lr: 0.02, ...options.training }
    return trainAndWrite(gpu, withMetadata(model.graph, normalizationMetadata(normalization)), data, {
      ...options,
      training,
      stage: 'finetune',
      normalization,
      teacher,
      settings,
      epochs: options.epochs ?? 10,
    })
  })
}

/** A teacher sees the same images and says something of the same outputs. */
function checkTeacher(teacher: LoadedModel, { graph, name }: LoadedModel, dataset: Dataset, report: Reporter): void {
  checkFits(teacher, dataset, '--teacher', report)
  const [theirs, ours] = [teacher.graph, graph].map(({ outputs }) => outputs[0].shape.slice(1))
  if (String(theirs) !== String(ours))
    throw new InputError('--teacher has other outputs than the model', {
      file: teacher.name,
      field: 'outputs',
      expected: `[N, ${ours.join(', ')}], as ${name} has`,
      found: `[N, ${theirs.join(', ')}]`,
    })
}

type Job = TrainJobOptions &
  Pick<Parameters<typeof runTraining>[0], 'stage' | 'normalization' | 'teacher'> & { epochs: number; settings: Record<string, unknown> }

async function trainAndWrite(gpu: Gpu, graph: Graph, data: Awaited<ReturnType<typeof loadData>>, job: Job): Promise<Trained> {
  const start = performance.now()
  const { seed = 0, out, normalization } = job
  const report = job.report ?? silent
  const choice: TrainingChoice = { ...trainingDefaults, ...job.training, epochs: job.epochs }
  const settings = {
    ...job.settings,
    data: nameOfData(job.data),
    out: out ?? null,
    ...choice,
    ...normalization,
  }
  const run: Run | undefined =
    job.run === undefined
      ? undefined
      : await openRun(job.run, {
          command: job.stage,
          settings,
          seed,
          ...ranOn(gpu),
          resume: job.resume,
          implicit: job.temporary,
          report,
        })
  try {
    const test = await data.test()
    const dataset = await data.train()
    const trained = await runTraining({
      gpu,
      graph,
      dataset,
      stage: job.stage,
      choice,
      normalization,
      teacher: job.teacher,
      seed,
      run,
      report,
      signal: job.signal,
      checkpointSeconds: job.checkpointSeconds,
    })
    const bytes = exportOnnx(trained.graph)
    const written = await importOnnx(bytes)
    const judged = await evaluateGraph(gpu, written, test, { normalization })
    if (out !== undefined) await writeWhole(out, bytes)
    const { params, macs } = costOf(written)
    const result = {
      model: out ?? null,
      ...judged,
      params,
      macs,
      epochs: trained.history,
      seed,
      adapter: gpu.info.name,
      seconds: (performance.now() - start) / 1000,
    }
    if (job.temporary) await run?.discard()
    else await run?.finish(result)
    return { ...result, graph: written, bytes }
  } catch (error) {
    // Input that does not fit shows before anything was trained: there is nothing to keep.
    if (!(job.temporary && error instanceof InputError && !run?.before)) throw await ended(run, error)
    await run?.discard()
    throw error
  } finally {
    await run?.release()
  }
}

export interface InitializeOptions {
  readonly architecture: string
  readonly input?: readonly [number, number, number]
  readonly classes?: number
  /** Multiplier of the channels of every hidden layer. */
  readonly width?: number
  readonly seed?: number
  readonly out?: string
}

/** An untrained network with seeded weights. */
export async function initialize({
  architecture,
  input,
  classes,
  width,
  seed,
  out,
}: InitializeOptions): Promise<{ model: string | null; params: number; macs: number; graph: Graph; bytes: Uint8Array }> {
  if (out !== undefined) await checkWritable(out, '--out')
  const graph = buildArchitecture(architecture, { input, classes, width, seed })
  const bytes = exportOnnx(graph)
  if (out !== undefined) await writeWhole(out, bytes)
  const { params, macs } = costOf(graph)
  return { model: out ?? null, params, macs, graph, bytes }
}

export interface Inspection {
  readonly params: number
  readonly macs: number
  /** All arithmetic operations for one image, two for each MAC. */
  readonly operations: number
  /** Peak activation bytes at batch 1; null where an operation of the network cannot run. */
  readonly memory: number | null
  readonly layers: readonly {
    name: string
    op: string
    inputShape: readonly number[] | null
    outputShape: readonly number[] | null
    params: number
    macs: number
    operations: number
  }[]
  readonly groups: readonly {
    id: string
    channels: number
    members: readonly { layer: string; side: 'out' | 'in' }[]
    locked: string | null
  }[]
}

/** Layers, costs and channel groups of a network. */
export async function inspect(source: ModelSource): Promise<Inspection> {
  const { graph, name } = await loadModel(source)
  if (graph.nodes.length === 0) throw new InputError('the network has no layers', { file: name })
  const { params, macs, operations, layers } = costOf(graph)
  const groups = channelGroups(graph).map(({ id, channels, members, locked }) => ({
    id,
    channels,
    members: members.map(({ layer, side }) => ({ layer, side })),
    locked,
  }))
  return { params, macs, operations, memory: memoryIfKnown(graph), layers: layers.map((layer) => ({ ...layer })), groups }
}

function memoryIfKnown(graph: Graph): number | null {
  try {
    return memoryOf(graph)
  } catch {
    return null
  }
}
