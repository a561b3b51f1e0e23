/** Models and data as commands and library functions take them. */

import {
  classifierOf,
  computeNormalization,
  type Data,
  type DataSpec,
  type Dataset,
  exportOnnx,
  type Graph,
  InputError,
  imageShape,
  importOnnx,
  type Normalization,
  normalizationFromMetadata,
  normalizationOf,
  openData,
  readBeside,
  readFile,
} from '@espalier/nn'
import type { Reporter } from '../reporter.js'

/** A path of an ONNX file, its bytes, or a graph. */
export type ModelSource = string | Uint8Array | Graph

export interface LoadedModel {
  readonly graph: Graph
  readonly bytes: Uint8Array
  /** What to call it in messages. */
  readonly name: string
}

export async function loadModel(source: ModelSource, field = 'MODEL'): Promise<LoadedModel> {
  if (!source) throw new InputError('is required', { field, expected: 'the path of an ONNX file, its bytes or a graph' })
  if (typeof source !== 'string') {
    if (source instanceof Uint8Array) return { graph: await importOnnx(source), bytes: source, name: 'the given bytes' }
    return { graph: source, bytes: exportOnnx(source), name: source.name }
  }
  const bytes = await readModelFile(source, field)
  return { graph: await importOnnx(bytes, { file: source, readExternal: readBeside(source) }), bytes, name: source }
}

async function readModelFile(path: string, field: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const { expected, found } = error
    throw new InputError('cannot be read', {
      file: path,
      field,
      expected: expected === 'a file' ? 'an ONNX file' : expected,
      found,
      cause: error,
    })
  }
}

/** Where data come from: `--data`, the same as an object, or data already open. */
export type DataSource = string | DataSpec | Data

const isOpen = (source: DataSource): source is Data => typeof source === 'object' && 'train' in source && typeof source.train === 'function'

/** What the records of a run call them. */
export const nameOfData = (source: DataSource): string | DataSpec =>
  typeof source === 'string' ? source : isOpen(source) ? source.spec : source.kind

/** Opens data for a network: of its size, its labels below its classes. */
export async function loadData(source: DataSource, seed: number, graph?: Graph): Promise<Data> {
  if (!source) throw new InputError('is required', { field: '--data', expected: 'data such as cifar10:DIR or shapes' })
  if (isOpen(source)) return source
  const kind = typeof source === 'string' ? source.split(/[:,]/)[0] : source.kind
  const size = graph && imageShape(graph)
  const output = graph?.outputs[0]?.shape
  // Only IDX files do not say how many classes they have.
  const classes = kind === 'idx' && output?.length === 2 && typeof output[1] === 'number' ? output[1] : undefined
  return openData(source, { seed, size, classes })
}

/**
 * Before any work: is it a classifier of such images, with an output for each class? Says so where it has more.
 * @throws InputError naming `field` and the model
 */
export function checkFits({ graph, name }: LoadedModel, dataset: Dataset, field: string, report: Reporter): void {
  try {
    classifierOf(graph, dataset)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const what = `${field} does not fit data '${dataset.name}'`
    throw new InputError(what, { file: name, field: error.field, expected: error.expected, found: error.found, cause: error })
  }
  const outputs = graph.outputs[0].shape[1]
  if (typeof outputs === 'number' && outputs > dataset.classes)
    report.log(`note: ${name} has ${outputs} outputs, and data '${dataset.name}' ${dataset.classes} classes`)
}

export interface NormalizationOptions {
  readonly normalize?: string
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
}

/** The normalisation asked for, or that of the model. Says so where neither says anything and pixels are taken as value / 255. */
export function chooseNormalization(
  options: NormalizationOptions,
  graph: Graph,
  dataset: Pick<Dataset, 'shape'>,
  report: Reporter,
): Normalization {
  const asked = askedNormalization(options, dataset.shape[0])
  const carried = asked ? undefined : normalizationFromMetadata(graph)
  if (asked ?? carried) return asked ?? normalizationOf(carried!, dataset.shape[0])
  report.log('note: the model carries no normalisation and none is given; pixels are taken as value / 255 (see --normalize, --mean, --std)')
  return normalizationOf('none', dataset.shape[0])
}

/** For a network that is yet to be trained: as asked, or the mean and deviation of the training images. */
export function trainingNormalization(options: NormalizationOptions, dataset: Dataset): Normalization {
  return askedNormalization(options, dataset.shape[0]) ?? rounded(computeNormalization(dataset))
}

function askedNormalization({ normalize, mean, std }: NormalizationOptions, channels: number): Normalization | undefined {
  if (normalize !== undefined && (mean ?? std))
    throw new InputError('give either --normalize or --mean and --std', { field: '--normalize', found: 'both' })
  if (normalize !== undefined) return normalizationOf(normalize, channels)
  if (!mean !== !std)
    throw new InputError('give both', { field: mean ? '--std' : '--mean', expected: 'one number per channel', found: 'nothing' })
  return mean && std ? normalizationOf({ mean, std }, channels) : undefined
}

/** Four digits are what people write down and give to another runtime. */
function rounded({ mean, std }: Normalization): Normalization {
  const digits = (values: readonly number[]) => values.map((value) => Number(value.toFixed(4)) || value)
  return { mean: digits(mean), std: digits(std) }
}
