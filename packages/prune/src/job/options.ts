import type { Gpu } from '@espalier/kernels'
import { type Criterion, type DataCriterion, type Graph, InputError } from '@espalier/nn'
import type { CustomBudget } from '../budgets/budgets.js'
import type { Figures } from '../budgets/measure.js'
import type { Reporter } from '../reporter.js'
import type { EpisodeRecord } from '../run/records.js'
import type { Reward } from '../search/reward.js'
import type { Structure } from '../space/structure.js'
import type { DataSource, ModelSource, NormalizationOptions } from './model.js'
import type { TrainingChoice } from './training.js'

export const methods = ['crl', 'crl-fine', 'entropy', 'amc', 'uniform', 'global-l1', 'random', 'greedy'] as const
export type Method = (typeof methods)[number]
export const algorithms = ['ppo-lag', 'pid-lag', 'trpo-lag', 'cpo'] as const
export type Algorithm = (typeof algorithms)[number]
export const entropyDefinitions = ['aura', 'aura-matrix'] as const
export type EntropyDefinition = (typeof entropyDefinitions)[number]

export interface PruneOptions extends NormalizationOptions {
  /** Path of an ONNX file, its bytes, or a graph. */
  readonly model: ModelSource
  /** `cifar10:DIR`, `shapes,limit=1000`; the same as an object; or open data. */
  readonly data: DataSource
  /** `macs<=0.3x`, or a function of one's own with a limit. */
  readonly budgets: readonly (string | CustomBudget)[]
  /** Where to write the ONNX file; nothing is written when absent. */
  readonly out?: string
  /** Folder of the run's records; none are kept when absent. */
  readonly run?: string
  readonly resume?: boolean
  /** The folder was not named by the user: an unfinished run in it is gone on with, or set aside where its settings were others. */
  readonly replace?: boolean
  readonly method?: Method
  /** What goes: whole filters, so that the network is smaller; or single weights, which become zero. `filters` by default. */
  readonly structure?: Structure
  /** Of `crl` and `crl-fine`; `ppo-lag` by default. */
  readonly algorithm?: Algorithm
  /** What candidates are ranked by until the finalists are judged; `-entropy` by default with the method `entropy`, else `accuracy`. */
  readonly reward?: Reward
  /** Grey levels and definition of the spatial entropy, where the reward needs it: 16 and `aura` by default. */
  readonly levels?: number
  readonly entropy?: EntropyDefinition
  /** Where the agents begin: a method without learning, or the path of a `best.json`; `uniform` by default. */
  readonly warmStart?: string
  /** How many of the candidates a local search around the best one may use, at the end. */
  readonly localSearch?: number
  /** Rounds of pruning and fine-tuning, with budgets that tighten; episodes and epochs are shared out among them. 1 by default. */
  readonly rounds?: number
  /** Candidates judged in all, the second judgement of the finalists included: 128 by default. */
  readonly episodes?: number
  /** Which channels of a group go first; `taylor` and `entropy` look at training images. `l1` by default. */
  readonly criterion?: Criterion | DataCriterion
  /** Widths are multiples of this, where a group is wide enough. */
  readonly roundTo?: number
  readonly minChannels?: number
  /** Layers that stay whole. */
  readonly keep?: readonly string[]
  /** Epochs of training after pruning; 0 by default. */
  readonly finetune?: number
  readonly training?: Partial<Omit<TrainingChoice, 'epochs'>>
  /** Learn from the original network too; true by default. */
  readonly distill?: boolean
  /** Share of the training images (below 1), or their number, that is split off to judge candidates. */
  readonly validation?: number
  /** How many of the validation images judge a candidate. */
  readonly images?: number
  /** Candidates judged in one run of the GPU. */
  readonly candidates?: number
  readonly recalibrate?: boolean
  /** Layers that lose inputs are re-fitted by least squares to what they gave in the original network; true by default with filters. */
  readonly refit?: boolean
  /** The best few candidates, judged again, on more images (eight times as many, up to 2,000, or else twice as many), after recalibration and a moment of training; one in 32, 4 to 8, by default and at most a third of `episodes`, with 1 the search has the last word. */
  readonly finalists?: number
  /** How often fine-tuning is saved to the run; 10 by default. */
  readonly checkpointSeconds?: number
  readonly seed?: number
  /** The best adapter when absent. */
  readonly gpu?: Gpu
  readonly signal?: AbortSignal
  readonly onEpisode?: (record: EpisodeRecord) => void
  readonly report?: Reporter
}

/** Nothing tells users of plain JavaScript that they misspelt one. */
const names = {
  normalize: true,
  mean: true,
  std: true,
  model: true,
  data: true,
  budgets: true,
  out: true,
  run: true,
  resume: true,
  replace: true,
  method: true,
  structure: true,
  algorithm: true,
  reward: true,
  levels: true,
  entropy: true,
  warmStart: true,
  localSearch: true,
  rounds: true,
  episodes: true,
  criterion: true,
  roundTo: true,
  minChannels: true,
  keep: true,
  finetune: true,
  training: true,
  distill: true,
  validation: true,
  images: true,
  candidates: true,
  recalibrate: true,
  refit: true,
  finalists: true,
  checkpointSeconds: true,
  seed: true,
  gpu: true,
  signal: true,
  onEpisode: true,
  report: true,
} satisfies Record<keyof PruneOptions, true>

/** @throws InputError for a name that is no option */
export function checkNames(options: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (unknown !== undefined) throw new InputError('no such option', { field: unknown, expected: `one of ${Object.keys(names).join(', ')}` })
}

/** What `--json` prints. */
export interface PruneSummary {
  /** Path of the file written; null when none was asked for. */
  readonly model: string | null
  readonly method: Method
  readonly structure: Structure
  readonly algorithm: Algorithm | null
  readonly reward: Reward
  readonly seed: number
  readonly adapter: string
  readonly episodes: number
  /** As `seconds`, of the process that ended the run: what was judged before an interruption is not in it. */
  readonly evaluationsPerSecond: number
  readonly before: Figures
  readonly after: Figures
  /** Before fine-tuning; test accuracy, and the validation accuracy that the search chose by. */
  readonly pruned: { readonly accuracy: number; readonly validationAccuracy: number }
  readonly budgets: readonly { readonly budget: string; readonly limit: number; readonly value: number; readonly met: boolean }[]
  readonly selfCheck: { readonly maxAbsDifference: number }
  readonly seconds: { readonly search: number; readonly finetune: number; readonly total: number }
}

export interface PruneResult extends PruneSummary {
  readonly graph: Graph
  readonly bytes: Uint8Array
  /** Channels kept, by group. */
  readonly kept: Readonly<Record<string, readonly number[]>>
}
