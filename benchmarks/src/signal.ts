/**
 * `npm run signal -w benchmarks -- [--networks 20] [--adapter <name>]`: does what the search sees predict what is kept in the end? Random networks within
 * the demo's budgets are judged under masks, with the original's batch normalisation statistics and with their own, then really cut, recalibrated
 * and fine-tuned as the demo does. Prints Spearman's rank correlation of each signal with the test accuracy after fine-tuning.
 *
 * `... -- --model FILE --data SPEC [--normalize NAME] [--budget 'macs<=50%'] [--networks 100] [--images 500] [--levels 16] [--no-refit] [--seed 0] [--json]`:
 * does the entropy of activations predict the accuracy of random networks within that budget, judged as `prune` judges them (results/entropy-signal.ts)?
 */
import { parseArgs } from 'node:util'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import {
  buildArchitecture,
  createRandom,
  type Dataset,
  evaluate,
  exportOnnx,
  type Judgement,
  maskedEvaluator,
  openData,
  pruneChannels,
  recalibrateBatchNorm,
  stratifiedSplit,
  train,
} from '@espalier/nn'
import {
  candidateOf,
  chooseNormalization,
  createCosts,
  createSpace,
  projectShares,
  readBudgets,
  resolveBudgets,
  silent,
  trainingDefaults,
  uniformWithin,
} from '@espalier/prune'
import { digits, table } from './report.js'
import { entropySignal } from './results/entropy-signal.js'
import { rankCorrelation } from './statistics.js'

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string' },
    adapter: { type: 'string' },
    model: { type: 'string' },
    data: { type: 'string' },
    normalize: { type: 'string' },
    budget: { type: 'string', default: 'macs<=50%' },
    images: { type: 'string', default: '500' },
    levels: { type: 'string', default: '16' },
    seed: { type: 'string', default: '0' },
    refit: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
  allowNegative: true,
})

const range = (values: readonly number[]) => `${(100 * Math.min(...values)).toFixed(1)}% .. ${(100 * Math.max(...values)).toFixed(1)}%`

/** What the search of the demo sees, against what is kept after fine-tuning. */
async function demoSignal(gpu: Gpu, networks: number): Promise<void> {
  const data = await openData('shapes', { seed: 0 })
  const [all, test] = [await data.train(), await data.test()]
  const untrained = buildArchitecture('tiny', { input: all.shape, classes: all.classes, seed: 0 })
  const normalization = chooseNormalization({}, untrained, all, silent)
  const common = { ...trainingDefaults, normalization, seed: 0 }
  const { graph } = await train(gpu, untrained, all, { ...common, epochs: 2, learningRate: 0.05 })
  const few = await (await openData('shapes,limit=3000', { seed: 0 })).train()
  const { part, rest } = stratifiedSplit(few, 300, 0)
  const validation = stratifiedSplit(part, 160, 0).part

  const space = createSpace(graph, { criterion: 'l1', roundTo: 1, minChannels: 1, keep: [], seed: 0 })
  const budgets = await resolveBudgets(await readBudgets(['params<=35%', 'macs<=45%']), candidateOf(graph, exportOnnx(graph), space))
  const costs = createCosts(space, budgets)
  const uniform = await uniformWithin(space, budgets, costs)
  const random = createRandom(1, 'signal')
  const drawn = () => space.open.map(() => Math.min(1, Math.max(0.05, uniform.share + 0.35 * random.uniform(-1, 1))))
  const kept = Array.from({ length: networks }, (_, i) =>
    space.keptOf({ widths: i === 0 ? uniform.widths : projectShares(space, drawn(), costs) }),
  )

  async function judged(recalibrate: boolean, images: Dataset): Promise<Judgement[]> {
    const evaluator = await maskedEvaluator(gpu, graph, space.groups, images, { normalization, candidates: 8, batch: 54, recalibrate })
    try {
      return await evaluator.evaluate(kept)
    } finally {
      evaluator.destroy()
    }
  }

  const accuracies = (judgements: Judgement[]) => judgements.map(({ accuracy }) => accuracy)
  const signals: Record<string, number[]> = {
    'masked, statistics of the original': accuracies(await judged(false, validation)),
    'masked, statistics of its own': accuracies(await judged(true, validation)),
    'masked, statistics of its own, 300 images': accuracies(await judged(true, part)),
    'cut and recalibrated, test images': [],
  }
  const final: number[] = []
  for (const [i, each] of kept.entries()) {
    const cut = await recalibrateBatchNorm(gpu, pruneChannels(graph, each), rest, { normalization, seed: 0 })
    signals['cut and recalibrated, test images'].push((await evaluate(gpu, cut, test, { normalization })).accuracy)
    const teacher = { graph, temperature: 4, weight: 0.7 }
    const tuned = await train(gpu, cut, few, { ...common, epochs: 1, learningRate: 0.02, teacher })
    final.push((await evaluate(gpu, tuned.graph, test, { normalization })).accuracy)
    console.error(`network ${i + 1} of ${kept.length}: ${(100 * final[i]).toFixed(1)}% after fine-tuning`)
  }
  console.log(`${gpu.info.name}: ${kept.length} networks, after fine-tuning ${range(final)}`)
  console.log(
    table(
      ['accuracy', 'range', "Spearman's rho"],
      Object.entries(signals).map(([name, values]) => [name, range(values), digits(rankCorrelation(values, final))]),
    ),
  )
}

/** Entropy against accuracy, both as a search sees them. */
async function maskedSignal(gpu: Gpu, model: string, networks: number): Promise<void> {
  if (options.data === undefined) throw new Error('--data: expected data such as idx:DIR or cifar10:DIR, found nothing')
  const { budget, normalize, refit } = options
  const [images, levels, seed] = [options.images, options.levels, options.seed].map(Number)
  const rows = await entropySignal(gpu, { model, data: options.data, normalize, budget, networks, images, levels, refit, seed })
  if (options.json) {
    console.log(JSON.stringify({ adapter: gpu.info.name, networks, signals: rows }))
    return
  }
  console.log(`${gpu.info.name}: ${networks} networks, ${budget}`)
  console.log(
    table(
      ['signal', 'range', "Spearman's rho with accuracy"],
      rows.map(({ signal, least, greatest, rho }) => [signal, `${digits(least)} .. ${digits(greatest)}`, digits(rho)]),
    ),
  )
}

const gpu = await acquireGpu({ prefer: options.adapter })
try {
  if (options.model === undefined) await demoSignal(gpu, Number(options.networks ?? 20))
  else await maskedSignal(gpu, options.model, Number(options.networks ?? 100))
} finally {
  gpu.close()
}
