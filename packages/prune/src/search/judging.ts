/** What candidates are judged on, how many at a time, and what channels are ranked by. */
import type { Gpu } from '@espalier/kernels'
import {
  type Criterion,
  channelGroups,
  channelScores,
  type DataCriterion,
  type Dataset,
  type Graph,
  InputError,
  type MaskedOptions,
  maskedEvaluator,
  memoryOf,
  type Normalization,
  sparseEvaluator,
  stratifiedSplit,
} from '@espalier/nn'
import { type Cut, needsData, type Space } from '../space/space.js'
import type { Judged } from './reward.js'

/** Scores of all channels by images; undefined where the criterion looks at weights only. */
export async function scoresFor(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: { criterion: Criterion | DataCriterion; normalization: Normalization; seed: number; signal?: AbortSignal },
): Promise<Map<string, Float64Array> | undefined> {
  const { criterion, normalization, seed, signal } = options
  return needsData(criterion)
    ? channelScores(gpu, graph, channelGroups(graph), dataset, { criterion, normalization, seed, signal })
    : undefined
}

/** Images that give batch normalisation statistics worth having. */
const fewestImages = 32

/**
 * Candidates and images per candidate of one run: activations of all within a fixed amount of memory, so that the choice depends on the kind of
 * adapter only; fewer candidates rather than too few images where statistics are taken from them.
 */
export function runFor(
  gpu: Gpu,
  graph: Graph,
  choice: { readonly recalibrate: boolean; readonly candidates: number },
  images: number,
): { candidates: number; batch: number } {
  const hardware = gpu.info.kind === 'hardware'
  const room = Math.min(hardware ? 2 ** 30 : 2 ** 27, gpu.target.maxBindingBytes) / memoryOf(graph)
  const least = choice.recalibrate ? Math.min(images, fewestImages) : 1
  const candidates = Math.max(1, Math.min(choice.candidates, Math.floor(room / least)))
  const most = Math.max(least, Math.min(hardware ? 256 : 64, Math.floor(room / candidates)))
  return { candidates, batch: Math.ceil(images / Math.ceil(images / most)) }
}

/**
 * Images of the last judgement: eight times as many as of a candidate's, up to 2,000, but twice as many in any case. The best of hundreds that were
 * judged on few images owes some of it to chance.
 */
const imagesOfLast = (images: number) => Math.min(8 * images, Math.max(2000, 2 * images))

/**
 * Validation images, split off the training set by class: `validation` for candidates (a part where fewer are to judge), `confirmation`, of which there are
 * more, for the last judgement; and the rest of the training set.
 */
export function splitOff(
  train: Dataset,
  validation: number,
  images: number,
  seed: number,
): { validation: Dataset; confirmation: Dataset; rest: Dataset } {
  const count = Math.round(validation < 1 ? validation * train.count : validation)
  if (count < 1 || count >= train.count)
    throw new InputError('not a number of validation images', {
      field: '--validation',
      expected: `1 to ${train.count - 1} images, or a share of them below 1`,
      found: validation,
    })
  const { part, rest } = stratifiedSplit(train, count, seed)
  const some = (most: number) => (most < part.count ? stratifiedSplit(part, most, seed).part : part)
  return { rest, validation: some(images), confirmation: some(imagesOfLast(images)) }
}

export interface Evaluator {
  evaluate(cuts: readonly Cut[], signal?: AbortSignal): Promise<Judged[]>
  destroy(): void
}

/** What judges the networks of a space, compiled once. */
export async function createEvaluator(gpu: Gpu, space: Space, validation: Dataset, options: MaskedOptions): Promise<Evaluator> {
  if (space.structure === 'weights') {
    const { evaluate, destroy } = await sparseEvaluator(gpu, space.graph, validation, options)
    return { evaluate: (cuts, signal) => evaluate(cuts.map(space.weightsOf), signal), destroy }
  }
  const { evaluate, destroy } = await maskedEvaluator(gpu, space.graph, space.groups, validation, options)
  return { evaluate: (cuts, signal) => evaluate(cuts.map(space.keptOf), signal), destroy }
}
