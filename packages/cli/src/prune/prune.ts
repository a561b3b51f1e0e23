/** The whole job: a trained network and budgets in, a smaller network within them out. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import {
  AbortedError,
  criteria,
  dataCriteria,
  evaluate,
  exportOnnx,
  type Graph,
  gatherGrams,
  InputError,
  type InputStatistics,
  importOnnx,
  type Kept,
  type MaskedEvaluator,
  maskedEvaluator,
  type Normalization,
  normalizationMetadata,
  withMetadata,
} from '@espalier/nn'
import { type Budget, costValue, readBudgets, resolveBudgets } from '../budgets.js'
import { UnreachableError } from '../errors.js'
import { checkWritable, writeWhole } from '../files.js'
import { latencyMeter } from '../latency.js'
import { figuresOf } from '../measure.js'
import { chooseNormalization, loadData, loadModel, nameOfData } from '../model.js'
import { writeReport } from '../report/report.js'
import { silent } from '../reporter.js'
import { digest, openRun, type Run, type RunRecord } from '../run.js'
import { runTraining, trainingDefaults } from '../training.js'
import { searchGlobal, searchRandom, searchUniform } from './baselines.js'
import { searchCrl } from './crl.js'
import { searchFine } from './crl-fine.js'
import { searchDdpg } from './ddpg.js'
import { judgeFinalists } from './finalists.js'
import { searchGreedy } from './greedy.js'
import { runFor, scoresFor, splitOff } from './judging.js'
import { searchLocally } from './local.js'
import { algorithms, entropyDefinitions, type Method, methods, type PruneOptions, type PruneResult, type PruneSummary } from './options.js'
import { createCosts, meets, nearestValues, uniformWithin } from './reach.js'
import { openRecords, type Records } from './records.js'
import { rewards } from './reward.js'
import { composed, type Earlier, earlierRounds, partOf } from './rounds.js'
import { createSearch, type Search } from './search.js'
import { type Cut, candidateOf, createSpace, type Space } from './space.js'
import { startOf } from './start.js'

const searches: Readonly<Record<Method, (search: Search) => Promise<void>>> = {
  crl: searchCrl,
  'crl-fine': searchFine,
  entropy: searchDdpg,
  amc: searchDdpg,
  uniform: searchUniform,
  'global-l1': searchGlobal,
  random: searchRandom,
  greedy: searchGreedy,
}

/** Methods that learn: they have a place to begin at. */
const agents: readonly Method[] = ['crl', 'crl-fine', 'entropy', 'amc']

/**
 * Prunes a trained network to budgets.
 * @throws InputError for bad input (files, budgets, options); UnreachableError where nothing within the budgets exists or was found;
 * AbortedError when `signal` fires, after the run was saved
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const gpu = options.gpu ?? (await acquireGpu())
  try {
    return await pruneOn(gpu, options)
  } finally {
    if (!options.gpu) gpu.close()
  }
}

/** @param limits in real units, in place of those that the budgets have */
async function pruneOn(gpu: Gpu, options: PruneOptions, limits?: readonly number[]): Promise<PruneResult> {
  const start = performance.now()
  if (options.out !== undefined) await checkWritable(options.out, '--out')
  const job = await prepare(gpu, options, limits)
  let run: Run | undefined
  try {
    if (options.run !== undefined) run = await openRun(options.run, { ...job.identity, resume: options.resume, implicit: options.replace })
    const done = run?.before && (await finishedResult(run, run.before, options.out))
    return done ?? (await (job.choice.rounds > 1 ? lastRound(gpu, job, run, start) : carryOut(gpu, job, run, start)))
  } catch (error) {
    if (!(error instanceof AbortedError)) await run?.fail()
    throw error
  } finally {
    await job.latency.close()
  }
}

type Job = Awaited<ReturnType<typeof prepare>>

/** Reads all input, so that whatever is wrong with it shows before any long work and before anything is written. */
async function prepare(gpu: Gpu, options: PruneOptions, limits?: readonly number[]) {
  const choice = settle(options, gpu)
  const report = options.report ?? silent
  const model = await loadModel(options.model)
  const latency = latencyMeter(gpu, model.graph)
  const requests = await readBudgets(options.budgets, { latency: latency.cost })
  const data = await loadData(options.data, choice.seed, model.graph)
  const train = await data.train()
  const normalization = chooseNormalization(options, model.graph, train, report)
  // The original with what the result will carry, so that candidates have the bytes that will be written.
  const graph = withMetadata(model.graph, normalizationMetadata(normalization))
  const { validation, rest } = splitOff(train, choice.validation, choice.images, choice.seed)
  const scores = await scoresFor(gpu, graph, rest, { ...choice, normalization, signal: options.signal })
  const space = createSpace(graph, choice, scores)
  for (const { id, channels, reason } of space.fixed) report.log(`${id}: all ${channels} channels stay: ${reason}`)
  const test = await data.test()
  const asked = await resolveBudgets(requests, candidateOf(graph, model.bytes, space, {}))
  const budgets = limits ? asked.map((budget, k) => ({ ...budget, limit: limits[k] })) : asked
  const costs = createCosts(space, budgets)
  const uniform = await uniformWithin(space, budgets, costs)
  // The file of an earlier round lies in the folder of its run, wherever that is.
  const settings = { ...settingsOf(options, choice, digest(model.bytes), normalization), ...(limits && { limits, out: null }) }
  const identity = { command: 'prune', settings, seed: choice.seed, adapter: gpu.info.name, versions: gpu.info.versions }
  return {
    options,
    choice,
    report,
    model,
    graph,
    train,
    rest,
    validation,
    test,
    normalization,
    space,
    budgets,
    costs,
    uniform,
    latency,
    identity,
  }
}

/** The rounds before, and then the last one on what they came to: its record is that of the whole run. */
async function lastRound(gpu: Gpu, job: Job, run: Run | undefined, start: number): Promise<PruneResult> {
  const { options, choice, model, space, budgets } = job
  const { rounds, episodes, finetune } = choice
  const whole = { ...options, rounds, episodes, finetune }
  const earlier = await earlierRounds(whole, { space, budgets, bytes: model.bytes }, run, (each, limits) => pruneOn(gpu, each, limits))
  const limits = budgets.map(({ limit }) => limit)
  const last = {
    ...options,
    rounds: 1,
    model: earlier!.graph,
    episodes: partOf(episodes, rounds, rounds),
    finetune: partOf(finetune, rounds, rounds),
  }
  const round = await prepare(gpu, last, limits)
  try {
    return await carryOut(gpu, round, run, start, { ...earlier!, original: space })
  } finally {
    await round.latency.close()
  }
}

async function carryOut(
  gpu: Gpu,
  job: Job,
  run: Run | undefined,
  start: number,
  earlier?: Earlier & { readonly original: Space },
): Promise<PruneResult> {
  const { options, choice, report, model, graph, train, validation, test, normalization, space, budgets, costs } = job
  const { signal, out } = options
  const { seed } = choice
  const percent = (accuracy: number) => `${(100 * accuracy).toFixed(2)}%`
  const accuracyBefore = async () => (await evaluate(gpu, graph, test, { normalization, signal })).accuracy
  const before = earlier?.before ?? (await figuresOf(gpu, graph, model.bytes, await accuracyBefore()))
  report.log(`original: test accuracy ${percent(before.accuracy)}, ${before.params} parameters, ${before.macs} MACs`)

  const searchStart = performance.now()
  const records = await openRecords(run, space, budgets)
  if (records.known.size > 0) report.log(`search: ${records.known.size} networks are known from before`)
  for (const [key, { values }] of records.known) costs.remember(key, values)
  const judged = await searchFor(gpu, job, records, run)
  const searchSeconds = (performance.now() - searchStart) / 1000

  const teacher = choice.distill ? { graph: earlier?.original.graph ?? graph, temperature: 4, weight: 0.7 } : undefined
  const training = { ...trainingDefaults, lr: 0.02, ...options.training, epochs: choice.finetune }
  const { finalists, recalibrate } = choice
  const { rest } = job
  const statistics = choice.refit ? await statisticsFor(gpu, job) : undefined
  const data = { rest, validation, normalization }
  const last = { space, budgets, records, finalists, recalibrate, statistics, ...data, training, teacher, seed, report, signal }
  const { record, kept, graph: cut, maxAbsDifference } = await judgeFinalists(gpu, last)
  const keptInAll = earlier ? composed(earlier.kept, kept) : kept
  const best = { episode: record.episode, accuracy: record.accuracy, widths: record.widths, kept: plain(keptInAll), costs: record.costs }
  await run?.write('best.json', `${JSON.stringify(best, null, 2)}\n`)
  const pruned = await evaluate(gpu, cut, test, { normalization, signal })
  report.log(`pruned: test accuracy ${percent(pruned.accuracy)} before fine-tuning`)

  const finetuneStart = performance.now()
  const tuned = await runTraining({
    gpu,
    graph: cut,
    dataset: train,
    stage: 'finetune',
    choice: training,
    normalization,
    teacher,
    seed,
    run,
    report,
    signal,
    checkpointSeconds: options.checkpointSeconds,
  })
  const finetuneSeconds = (performance.now() - finetuneStart) / 1000

  // Training that went wrong without an infinite loss (a learning rate too high) must not cost what pruning kept.
  let result = tuned.graph
  if (choice.finetune > 0) {
    const onValidation = async (each: Graph) => (await evaluate(gpu, each, validation, { normalization, signal })).accuracy
    const reached = await onValidation(tuned.graph)
    if (reached < (await onValidation(cut))) {
      result = cut
      report.log(`fine-tuning made it worse (validation accuracy ${percent(reached)}); its result is left out: try a lower --lr`)
    }
  }

  // From here on only what a user gets counts: the bytes, read again.
  const bytes = exportOnnx(result)
  const small = await importOnnx(bytes)
  const final = await checkBudgets(small, bytes, space, budgets, kept)
  const accuracy = choice.finetune > 0 ? (await evaluate(gpu, small, test, { normalization })).accuracy : pruned.accuracy
  const after = await figuresOf(gpu, small, bytes, accuracy)
  if (out !== undefined) await writeWhole(out, bytes)

  const summary: PruneSummary = {
    model: out ?? null,
    method: choice.method,
    algorithm: choice.method.startsWith('crl') ? choice.algorithm : null,
    reward: choice.reward,
    seed,
    adapter: gpu.info.name,
    episodes: (earlier?.episodes ?? 0) + records.all.length,
    evaluationsPerSecond: judged / Math.max(searchSeconds, 1e-3),
    before,
    after,
    pruned: { accuracy: pruned.accuracy, validationAccuracy: record.accuracy },
    budgets: final,
    selfCheck: { maxAbsDifference },
    seconds: {
      search: (earlier?.seconds.search ?? 0) + searchSeconds,
      finetune: (earlier?.seconds.finetune ?? 0) + finetuneSeconds,
      total: (performance.now() - start) / 1000,
    },
  }
  if (run) {
    await run.finish({ ...summary, digest: digest(bytes), groups: groupsOf(earlier?.original ?? space, keptInAll) })
    await writeReport(run.dir)
  }
  return { ...summary, graph: small, bytes, kept: plain(keptInAll) }
}

/** Searches, judging candidates by the masked network: compiled once, and gone before the GPU is needed for training. @returns how many networks were judged */
async function searchFor(gpu: Gpu, job: Job, records: Records, run: Run | undefined): Promise<number> {
  const { options, choice, report, validation, normalization, space, budgets, costs, uniform } = job
  const { seed, method, algorithm, reward, recalibrate } = choice
  // The finalists and the local search are evaluations too: with them there are as many as were asked for.
  const episodes = choice.episodes - (choice.finalists > 1 ? choice.finalists : 0) - choice.localSearch
  const { signal, onEpisode } = options
  const { candidates, batch } = runFor(gpu, space.graph, choice, validation.count)
  let evaluator: MaskedEvaluator | undefined
  let judged = 0
  const evaluateCuts = async (cuts: readonly Cut[]) => {
    evaluator ??= await maskedEvaluator(gpu, space.graph, space.groups, validation, { normalization, candidates, batch, recalibrate })
    judged += cuts.length
    return evaluator.evaluate(cuts.map(space.keptOf), signal)
  }
  try {
    const search = createSearch({
      space,
      budgets,
      costs,
      records,
      uniform,
      start: uniform.widths,
      startsUniform: true,
      episodes,
      candidates,
      seed,
      algorithm,
      reward,
      signal,
      run,
      report,
      onEpisode,
      evaluate: evaluateCuts,
    })
    await searches[method]({ ...search, ...(await startOf(search, choice.warmStart)) })
    await searchLocally(search, choice.localSearch)
    if (signal?.aborted) throw new AbortedError('the search was interrupted')
    return judged
  } catch (error) {
    if (error instanceof AbortedError && run)
      throw new AbortedError(`${error.message} after ${records.all.length} candidates; --resume --run ${run.dir} goes on`)
    throw error
  } finally {
    evaluator?.destroy()
  }
}

/** What the layers of the original network read, for re-fitting. */
async function statisticsFor(gpu: Gpu, { space, rest, normalization, choice, options, report }: Job): Promise<InputStatistics> {
  report.progress('refit', 0, 1)
  const { seed } = choice
  const open = space.open.map(({ group }) => group)
  const statistics = await gatherGrams(gpu, space.graph, open, rest, { normalization, seed, signal: options.signal })
  report.progress('refit', 1, 1)
  for (const { layer, reason } of statistics.skipped) report.log(`${layer}: not re-fitted: ${reason}`)
  return statistics
}

async function checkBudgets(
  graph: Graph,
  bytes: Uint8Array,
  space: Space,
  budgets: readonly Budget[],
  kept: Kept,
): Promise<PruneSummary['budgets']> {
  const candidate = candidateOf(graph, bytes, space, kept)
  const results = []
  for (const budget of budgets) {
    const value = await costValue(budget, candidate)
    results.push({ budget: budget.text, limit: budget.limit, value, met: meets([value], [budget]) })
  }
  if (results.some((result) => !result.met))
    throw new UnreachableError(
      'the network to be written is not within the budgets; nothing was written',
      nearestValues(
        budgets,
        results.map((result) => result.value),
      ),
    )
  return results
}

interface Choice
  extends Required<
    Pick<
      PruneOptions,
      | 'method'
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

function settle(options: PruneOptions, gpu: Gpu): Choice {
  const hardware = gpu.info.kind === 'hardware'
  const choice: Choice = {
    method: options.method ?? 'crl',
    algorithm: options.algorithm ?? 'ppo-lag',
    reward: options.reward ?? (options.method === 'entropy' ? '-entropy' : 'accuracy'),
    levels: options.levels ?? 16,
    entropy: options.entropy ?? 'aura',
    warmStart: options.warmStart ?? 'uniform',
    localSearch: options.localSearch ?? 0,
    rounds: options.rounds ?? 1,
    episodes: options.episodes ?? 128,
    criterion: options.criterion ?? 'l1',
    roundTo: options.roundTo ?? 1,
    minChannels: options.minChannels ?? 1,
    keep: options.keep ?? [],
    finetune: options.finetune ?? 0,
    distill: options.distill ?? true,
    validation: options.validation ?? 0.1,
    images: options.images ?? (hardware ? 2000 : 500),
    candidates: options.candidates ?? (hardware ? 16 : 8),
    recalibrate: options.recalibrate ?? true,
    refit: options.refit ?? false,
    finalists: Math.min(options.finalists ?? 4, Math.max(1, Math.floor((options.episodes ?? 128) / 3))),
    seed: options.seed ?? 0,
  }
  const among = (field: string, value: string, known: readonly string[]) => {
    if (!known.includes(value)) throw new InputError('not there', { field, expected: `one of ${known.join(', ')}`, found: `'${value}'` })
  }
  among('--method', choice.method, methods)
  among('--algorithm', choice.algorithm, algorithms)
  among('--criterion', choice.criterion, [...criteria, ...dataCriteria])
  among('--reward', choice.reward, rewards)
  among('--entropy', choice.entropy, entropyDefinitions)
  if (!(Number.isInteger(choice.levels) && choice.levels >= 2 && choice.levels <= 256))
    throw new InputError('not usable', { field: '--levels', expected: 'a whole number from 2 to 256', found: choice.levels })
  if (choice.warmStart !== 'uniform' && !agents.includes(choice.method))
    throw new InputError('only a method that learns starts anywhere', {
      field: '--warm-start',
      expected: `--method ${agents.join(', ')}`,
      found: `--method ${choice.method}`,
    })
  for (const [field, least] of [
    ['episodes', 1],
    ['roundTo', 1],
    ['minChannels', 1],
    ['finetune', 0],
    ['images', 1],
    ['candidates', 1],
    ['finalists', 1],
    ['localSearch', 0],
    ['rounds', 1],
    ['seed', 0],
  ] as const) {
    if (!Number.isSafeInteger(choice[field]) || choice[field] < least)
      throw new InputError('not usable', { field, expected: `a whole number from ${least}`, found: choice[field] })
  }
  return choice
}

/** Everything the result depends on; recorded, and compared when a run is resumed. */
function settingsOf(options: PruneOptions, choice: Choice, model: string, { mean, std }: Normalization): Record<string, unknown> {
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

const plain = (kept: Kept) => Object.fromEntries(Object.entries(kept).map(([id, indices]) => [id, Array.from(indices)]))

const groupsOf = (space: Space, kept: Kept) =>
  space.groups.map(({ id, channels }) => ({
    id,
    channels,
    kept: kept[id]?.length ?? channels,
    fixed: space.fixed.find((each) => each.id === id)?.reason ?? null,
  }))

/** A run that was already done, when its file is still the one it wrote. */
async function finishedResult(run: Run, record: RunRecord, out: string | undefined): Promise<PruneResult | undefined> {
  if (record.status !== 'done' || out === undefined) return undefined
  const { digest: expected, groups: _groups, ...summary } = record.result as PruneSummary & { digest: string; groups: unknown }
  const written = await loadModel(out).catch(() => undefined)
  if (!written || digest(written.bytes) !== expected) return undefined
  const best = (await run.read('best.json')) as { kept: PruneResult['kept'] } | undefined
  await writeReport(run.dir)
  return best && { ...summary, graph: written.graph, bytes: written.bytes, kept: best.kept }
}
