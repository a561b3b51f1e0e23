import { type PruneSummary, percent, prune, type RunRecord } from '@espalier/prune'
import { type Answer, commonOptions, defineCommand, runOptions } from '../command.js'
import { flag, number, option, text, texts, whole } from '../option.js'
import { count, dataOptions, recordToResume, required, runBeside, table, trainingChoice, trainingOptions } from './shared.js'

export const pruneCommand = defineCommand({
  name: 'prune',
  summary: 'make a trained model smaller, within budgets',
  arguments: [{ name: '[MODEL]', description: 'ONNX file; not needed with --resume' }],
  options: {
    ...dataOptions,
    data: { ...dataOptions.data, schema: text.optional() },
    budget: option(
      '--budget <budget>',
      'params<=10%, macs<=0.3x, bytes<=1MB, memory<=2MB, weights<=10% (with --structure weights), latency<=4ms, module:./file.mjs<=12.5, command:./measure.sh<=3; may be given again',
      texts.optional(),
      { repeat: true },
    ),
    out: option('--out <file>', 'ONNX file to write', text.optional()),
    method: option(
      '--method <name>',
      'crl (constrained reinforcement learning), crl-fine (a mask per filter), entropy (DDPG, low spatial entropy), amc (DDPG, accuracy), uniform, global-l1 (one threshold for all groups), random or greedy (by sensitivities)',
      text.optional(),
    ),
    structure: option(
      '--structure <name>',
      'filters (a smaller network) or weights (the same network, single weights at zero; budget weights<=10%) (filters)',
      text.optional(),
    ),
    algorithm: option('--algorithm <name>', 'of crl: ppo-lag, pid-lag, trpo-lag, cpo (ppo-lag)', text.optional()),
    reward: option(
      '--reward <name>',
      'what candidates are ranked by: accuracy, -entropy (low spatial entropy, the default of entropy), entropy (its opposite) or accuracy*log-macs',
      text.optional(),
    ),
    levels: option('--levels <n>', 'grey levels of the spatial entropy (16)', whole(2).optional()),
    entropy: option('--entropy <name>', 'its definition: aura or aura-matrix (aura)', text.optional()),
    warmStart: option(
      '--warm-start <name|file>',
      'where a method that learns begins: uniform, global-l1, greedy or the best.json of a run (uniform)',
      text.optional(),
    ),
    rounds: option('--rounds <n>', 'rounds of pruning and fine-tuning, with budgets that tighten (1)', whole(1).optional()),
    localSearch: option(
      '--local-search <n>',
      'candidates of the episodes for exchanges around the best one, at the end (0)',
      whole(0).optional(),
    ),
    episodes: option('--episodes <n>', 'candidates to judge, those of the finalists included (128)', whole(1).optional()),
    criterion: option('--criterion <name>', 'which channels go first: l1, l2, bn, fpgm, taylor, entropy or random (l1)', text.optional()),
    roundTo: option('--round-to <n>', 'widths are multiples of this (1)', whole(1).optional()),
    minChannels: option('--min-channels <n>', 'no group gets narrower (1)', whole(1).optional()),
    keep: option('--keep <layer>', 'a layer that stays whole; may be given again', texts.optional(), { repeat: true }),
    finetune: option('--finetune <epochs>', 'epochs of training after pruning (0)', whole(0).optional()),
    distill: option('--distill', 'learn from the original too while fine-tuning (the default)', flag.optional(), { negatable: true }),
    recalibrate: option('--recalibrate', 'batch normalisation statistics of the smaller network (the default)', flag.optional(), {
      negatable: true,
    }),
    refit: option(
      '--refit',
      'fit the weights that are left to what their layers gave in the original network, by least squares (the default for filters)',
      flag.optional(),
      {
        negatable: true,
      },
    ),
    validation: option(
      '--validation <n>',
      'training images that judge candidates: a number, or a share below 1 (0.1)',
      number(0).optional(),
    ),
    images: option('--images <n>', 'how many of them judge a candidate (500, on hardware 2000)', whole(1).optional()),
    candidates: option('--candidates <n>', 'candidates judged in one run of the GPU (8, on hardware 16)', whole(1).optional()),
    finalists: option(
      '--finalists <n>',
      'the best candidates, judged again on more images, after recalibration and a moment of training (one in 32, 4 to 8)',
      whole(1).optional(),
    ),
    ...trainingOptions,
    ...runOptions,
    ...commonOptions,
  },
  async run([positional], options, { gpu, report, signal, given }) {
    const folder = options.run ?? (options.out === undefined ? undefined : runBeside(options.out))
    // What a run was begun with need not be said again to go on with it.
    const record = options.resume ? await recordToResume(folder, 'prune') : undefined
    const recorded = recordedOptions(record, options.normalize)
    const all = {
      ...recorded,
      ...Object.fromEntries(
        Object.entries(options).filter(([name, value]) => value !== undefined && (given.has(name) || !(name in recorded))),
      ),
    } as typeof options & { model?: string }
    const {
      data,
      normalize,
      mean,
      std,
      method,
      structure,
      algorithm,
      reward,
      levels,
      entropy,
      warmStart,
      localSearch,
      rounds,
      episodes,
      criterion,
      roundTo,
      minChannels,
      keep,
      finetune,
      distill,
      recalibrate,
      refit,
      validation,
      images,
      candidates,
      finalists,
      seed,
    } = all
    const result = await prune({
      model: required(positional ?? all.model, 'MODEL'),
      data: required(data, '--data'),
      budgets: required(all.budget, '--budget'),
      out: required(all.out, '--out'),
      run: folder,
      replace: options.run === undefined,
      resume: options.resume,
      ...{
        normalize,
        mean: mean && [...mean],
        std: std && [...std],
        levels,
        warmStart,
        localSearch,
        rounds,
        episodes,
        roundTo,
        minChannels,
        keep,
        finetune,
        distill,
        recalibrate,
        refit,
        validation,
        images,
        candidates,
        finalists,
        seed,
        report,
        signal,
      },
      method: method as never,
      structure: structure as never,
      algorithm: algorithm as never,
      reward: reward as never,
      entropy: entropy as never,
      criterion: criterion as never,
      training: { ...(recorded.training as object | undefined), ...trainingChoice(options) },
      gpu: await gpu(record?.adapter),
    })
    const { graph: _graph, bytes: _bytes, kept: _kept, ...json } = result
    return describe(json, folder!)
  },
})

function recordedOptions(record: RunRecord | undefined, normalize: string | undefined): Record<string, unknown> {
  if (!record) return {}
  const { budgets, modelDigest: _digest, mean, std, ...rest } = record.settings
  return { ...rest, budget: budgets, ...(normalize === undefined && { mean, std }) }
}

function describe(json: PruneSummary, folder: string): Answer {
  const { before, after } = json
  const left = (key: 'params' | 'macs' | 'bytes' | 'memory' | 'weights' | 'latencyMs') =>
    `${((100 * after[key]) / before[key]).toFixed(1)}%`
  const row = (name: string, key: 'params' | 'macs' | 'bytes' | 'memory' | 'weights') => [
    name,
    count(before[key]),
    count(after[key]),
    left(key),
  ]
  const rows = [
    ['', 'before', 'after', 'left'],
    ['test accuracy', percent(before.accuracy), percent(after.accuracy), ''],
    row('parameters', 'params'),
    row('MACs', 'macs'),
    ...(json.structure === 'weights' ? [row('weights not zero', 'weights')] : []),
    row('file, bytes', 'bytes'),
    row('activations, bytes', 'memory'),
    ['latency, ms', before.latencyMs.toFixed(3), after.latencyMs.toFixed(3), left('latencyMs')],
  ]
  const budgets = json.budgets.map(
    ({ budget, limit, value, met }) => `${budget}: ${count(value)} of ${count(limit)}, ${met ? 'met' : 'NOT met'}`,
  )
  return {
    json,
    text: [
      table(rows),
      '',
      ...budgets,
      '',
      `${json.model} written; ${json.episodes} candidates judged in ${json.seconds.search.toFixed(1)} s; records and report.html in ${folder}`,
    ].join('\n'),
  }
}
