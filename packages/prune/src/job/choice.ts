/** The settings of a run: what was asked for, and the defaults where nothing was. */
import type { Gpu } from '@espalier/kernels'
import { criteria, dataCriteria, InputError, type Normalization } from '@espalier/nn'
import { needsEntropy, rewards } from '../search/reward.js'
import { structures } from '../space/structure.js'
import { nameOfData } from './model.js'
import { algorithms, entropyDefinitions, type Method, methods, type PruneOptions } from './options.js'

/** Methods that learn: they have a place to begin at. */
const agents: readonly Method[] = ['crl', 'crl-fine', 'entropy', 'amc']

export interface Choice
  extends Required<
    Pick<
      PruneOptions,
      | 'method'
      | 'structure'
      | 'algorithm'
      | 'reward'
      | 'levels'
      | 'entropy'
      | 'warmStart'
      | 'localSearch'
      | 'rounds'
      | 'episodes'
      | 'criterion'
      | 'roundTo'
      | 'minChannels'
      | 'keep'
      | 'finetune'
      | 'distill'
      | 'validation'
      | 'images'
      | 'candidates'
      | 'recalibrate'
      | 'refit'
      | 'finalists'
      | 'seed'
    >
  > {}

/** How candidates are judged, by whatever asks. @throws InputError naming the option, what was expected and what was found */
export function settleJudging(
  options: Pick<PruneOptions, 'criterion' | 'keep' | 'validation' | 'images' | 'candidates' | 'recalibrate' | 'seed'>,
  gpu: Gpu,
) {
  const hardware = gpu.info.kind === 'hardware'
  const choice = {
    criterion: options.criterion ?? 'l1',
    keep: options.keep ?? [],
    validation: options.validation ?? 0.1,
    images: options.images ?? (hardware ? 2000 : 500),
    candidates: options.candidates ?? (hardware ? 16 : 8),
    recalibrate: options.recalibrate ?? true,
    seed: options.seed ?? 0,
  }
  among('--criterion', choice.criterion, [...criteria, ...dataCriteria])
  wholeFrom(choice, [
    ['images', 1],
    ['candidates', 1],
    ['seed', 0],
  ])
  return choice
}

function among(field: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw new InputError('unknown', { field, expected: `one of ${known.join(', ')}`, found: `'${value}'` })
}

function wholeFrom<T extends string>(choice: Readonly<Record<T, number>>, fields: readonly (readonly [T, number])[]): void {
  for (const [field, least] of fields) {
    if (!Number.isSafeInteger(choice[field]) || choice[field] < least)
      throw new InputError('not usable', { field, expected: `a whole number from ${least}`, found: JSON.stringify(choice[field]) })
  }
}

/** One in 32 candidates, 4 to 8 of them, where nothing was asked for; never more than a third. */
const finalistsOf = (asked: number | undefined, episodes: number) =>
  Math.min(asked ?? Math.min(8, Math.max(4, Math.round(episodes / 32))), Math.max(1, Math.floor(episodes / 3)))

/** @throws InputError naming the option, what was expected and what was found */
export function settle(options: PruneOptions, gpu: Gpu): Choice {
  const choice: Choice = {
    ...settleJudging(options, gpu),
    method: options.method ?? 'crl',
    structure: options.structure ?? 'filters',
    algorithm: options.algorithm ?? 'ppo-lag',
    reward: options.reward ?? (options.method === 'entropy' ? '-entropy' : 'accuracy'),
    levels: options.levels ?? 16,
    entropy: options.entropy ?? 'aura',
    warmStart: options.warmStart ?? 'uniform',
    localSearch: options.localSearch ?? 0,
    rounds: options.rounds ?? 1,
    episodes: options.episodes ?? 128,
    roundTo: options.roundTo ?? 1,
    minChannels: options.minChannels ?? 1,
    finetune: options.finetune ?? 0,
    distill: options.distill ?? true,
    refit: options.refit ?? options.structure !== 'weights',
    finalists: finalistsOf(options.finalists, options.episodes ?? 128),
  }
  among('--method', choice.method, methods)
  among('--algorithm', choice.algorithm, algorithms)
  among('--reward', choice.reward, rewards)
  among('--structure', choice.structure, structures)
  among('--entropy', choice.entropy, entropyDefinitions)
  const filtersOnly = (field: string, found: string | number, expected: string) => {
    throw new InputError('not there with --structure weights', { field, expected, found })
  }
  if (choice.structure === 'weights') {
    if (choice.refit) filtersOnly('--refit', 'true', '--structure filters')
    if (needsEntropy(choice.reward)) filtersOnly('--reward', choice.reward, 'accuracy or accuracy*log-macs')
    if (choice.criterion !== 'l1') filtersOnly('--criterion', choice.criterion, 'l1: the largest magnitudes stay')
    for (const field of ['roundTo', 'minChannels'] as const) if (choice[field] !== 1) filtersOnly(field, choice[field], '1')
  }
  if (!(Number.isInteger(choice.levels) && choice.levels >= 2 && choice.levels <= 256))
    throw new InputError('not usable', { field: '--levels', expected: 'a whole number from 2 to 256', found: choice.levels })
  if (choice.warmStart !== 'uniform' && !agents.includes(choice.method))
    throw new InputError('only a method that learns starts anywhere', {
      field: '--warm-start',
      expected: `--method ${agents.join(', ')}`,
      found: `--method ${choice.method}`,
    })
  wholeFrom(choice, [
    ['episodes', 1],
    ['roundTo', 1],
    ['minChannels', 1],
    ['finetune', 0],
    ['finalists', 1],
    ['localSearch', 0],
    ['rounds', 1],
  ])
  const others = choice.finalists > 1 ? choice.finalists : 0
  if (choice.localSearch > 0 && choice.localSearch + others >= choice.episodes)
    throw new InputError('leaves none of the episodes to the search', {
      field: '--local-search',
      expected: `less than the ${choice.episodes} of --episodes${others ? ` without ${others} for the finalists` : ''}`,
      found: choice.localSearch,
    })
  return choice
}

/** Everything the result depends on; recorded, and compared when a run is resumed. */
export function settingsOf(options: PruneOptions, choice: Choice, model: string, { mean, std }: Normalization): Record<string, unknown> {
  return {
    model: typeof options.model === 'string' ? options.model : 'given in code',
    modelDigest: model,
    data: nameOfData(options.data),
    budgets: options.budgets.map((budget) => (typeof budget === 'string' ? budget : `${budget.name}<=${budget.limit}`)),
    out: options.out ?? null,
    ...choice,
    training: options.training ?? {},
    mean,
    std,
  }
}
