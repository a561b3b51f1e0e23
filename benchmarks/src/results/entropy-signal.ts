/**
 * Paper 2 (arXiv 2312.04918) rewards low entropy of activations in place of accuracy. Whether that can work is a question that needs no agent: over random
 * networks within one budget, does low entropy go with high accuracy?
 */
import type { Gpu } from '@espalier/kernels'
import { createRandom, gatherGrams, type Judgement, type Kept, maskedEvaluator } from '@espalier/nn'
import {
  candidateOf,
  chooseNormalization,
  createCosts,
  createSpace,
  loadData,
  loadModel,
  meets,
  projectShares,
  readBudgets,
  resolveBudgets,
  runFor,
  silent,
  splitOff,
} from '@espalier/prune'
import { rankCorrelation } from '../statistics.js'
import type { SignalRow } from './records.js'

export interface EntropySignalOptions {
  readonly model: string
  readonly data: string
  readonly normalize?: string
  readonly budget: string
  readonly networks: number
  /** Validation images that judge each network. */
  readonly images: number
  /** Layers that lose inputs are fitted anew before a network is judged, as `prune` does. */
  readonly refit: boolean
  /** Grey levels of the entropy. */
  readonly levels: number
  readonly seed: number
}

const definitions = ['aura', 'aura-matrix'] as const

/** A judgement with the entropy of retained channels (mean over channels, images and layers), where it was asked for. */
type WithEntropy = Judgement & { readonly entropy?: number }

/** Rank correlations with the accuracy that a search sees: of minus the entropy, by definition, and of minus the loss beside them. */
export async function entropySignal(gpu: Gpu, options: EntropySignalOptions): Promise<SignalRow[]> {
  const { seed, images, networks, levels, refit } = options
  const { graph, bytes } = await loadModel(options.model, '--model')
  const train = await (await loadData(options.data, seed, graph)).train()
  const normalization = chooseNormalization(options, graph, train, silent)
  const { validation, rest } = splitOff(train, 0.1, images, seed)
  const space = createSpace(graph, { criterion: 'l1', roundTo: 1, minChannels: 1, keep: [], seed })
  const budgets = await resolveBudgets(await readBudgets([options.budget]), candidateOf(graph, bytes, space))
  const costs = createCosts(space, budgets)
  const random = createRandom(seed, 'entropy signal')
  const kept: Kept[] = []
  for (let draw = 0; kept.length < networks; draw++) {
    if (draw >= 50 * networks) throw new Error(`${options.budget}: found ${kept.length} of ${networks} random networks within it`)
    const drawn = space.open.map(() => random.uniform())
    const widths = projectShares(space, drawn, costs)
    if (meets(await costs.of(widths), budgets)) kept.push(space.keptOf({ widths }))
  }

  const open = space.open.map(({ group }) => group)
  const statistics = refit ? await gatherGrams(gpu, graph, open, rest, { normalization, seed }) : undefined
  const { candidates, batch } = runFor(gpu, graph, { recalibrate: true, candidates: refit ? 1 : 8 }, validation.count)
  const judge = async (definition: (typeof definitions)[number]): Promise<WithEntropy[]> => {
    const settings = { normalization, candidates, batch, recalibrate: true, statistics, entropy: { levels, definition } }
    const evaluator = await maskedEvaluator(gpu, graph, space.groups, validation, settings)
    try {
      return await evaluator.evaluate(kept)
    } finally {
      evaluator.destroy()
    }
  }
  const rows: SignalRow[] = []
  for (const definition of definitions) {
    const judgements = await judge(definition)
    const accuracies = judgements.map(({ accuracy }) => accuracy)
    const rowOf = (signal: string, values: readonly number[]): SignalRow => ({
      signal,
      rho: rankCorrelation(values, accuracies),
      least: Math.min(...values),
      greatest: Math.max(...values),
    })
    if (rows.length === 0) {
      rows.push(rowOf('accuracy itself', accuracies))
      rows.push(
        rowOf(
          'minus the loss',
          judgements.map(({ loss }) => -loss),
        ),
      )
    }
    const entropies = judgements.flatMap(({ entropy }) => entropy ?? [])
    if (entropies.length < judgements.length) throw new Error('entropy: the masked evaluator gave none')
    rows.push(
      rowOf(
        `minus the entropy (${definition}, ${levels} levels)`,
        entropies.map((each) => -each),
      ),
    )
  }
  return rows
}
