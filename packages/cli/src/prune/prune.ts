/** The whole job: a trained network and budgets in, a smaller network within them out. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import {
  AbortedError,
  evaluate,
  exportOnnx,
  type Graph,
  gatherGrams,
  InputError,
  type InputStatistics,
  importOnnx,
  type Kept,
  normalizationMetadata,
  withMetadata,
} from '@espalier/nn'
import { type Budget, type BudgetRequest, type Candidate, costValue, isExact, readBudgets, resolveBudgets } from '../budgets.js'
import { UnreachableError } from '../errors.js'
import { checkWritable, writeWhole } from '../files.js'
import { latencyMeter } from '../latency.js'
import { figuresOf } from '../measure.js'
import { chooseNormalization, loadData, loadModel } from '../model.js'
import { writeReport } from '../report/report.js'
import { silent } from '../reporter.js'
import { digest, openRun, type Run, type RunRecord } from '../run.js'
import { runTraining, trainingDefaults } from '../training.js'
import { searchGlobal, searchRandom, searchUniform } from './baselines.js'
import { settingsOf, settle } from './choice.js'
import { searchCrl } from './crl.js'
import { searchFine } from './crl-fine.js'
import { searchDdpg } from './ddpg.js'
import { type Finalist, type FinalistSetup, judgeFinalists } from './finalists.js'
import { searchGreedy } from './greedy.js'
import { createEvaluator, type Evaluator, runFor, scoresFor, splitOff } from './judging.js'
import { searchLocally } from './local.js'
import { createMeasurements } from './measurements.js'
import type { Method, PruneOptions, PruneResult, PruneSummary } from './options.js'
import { meets, nearestValues, reach } from './reach.js'
import { openRecords, type Records } from './records.js'
import { needsEntropy } from './reward.js'
import { composed, type Earlier, earlierRounds, partOf, type Round } from './rounds.js'
import { createSearch, type Search } from './search.js'
import { type Cut, candidateOf, createSpace, plainKept, type Space } from './space.js'
import { startOf } from './start.js'
import { createWeightSpace } from './weight-space.js'

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

/** @param round one of several, with limits of its own */
async function pruneOn(gpu: Gpu, options: PruneOptions, round?: Round): Promise<PruneResult> {
  const start = performance.now()
  if (options.out !== undefined) await checkWritable(options.out, '--out')
  const job = await prepare(gpu, options, round)
  const open = async () =>
    options.run === undefined ? undefined : openRun(options.run, { ...job.identity, resume: options.resume, implicit: options.replace })
  let run: Run | undefined
  try {
    // What was measured before an interruption must be known before anything is measured again.
    if (options.resume) run = await open()
    const done = run?.before && (await finishedResult(run, run.before, options.out))
    if (done) return done
    await job.measurements.keepIn(run)
    const reached = await reachBudgets(job)
    // Budgets that no network keeps leave no new folder behind.
    if (!run) await job.measurements.keepIn((run = await open()))
    const whole = { ...job, ...reached }
    return await (job.choice.rounds > 1 ? lastRound(gpu, whole, run, start) : carryOut(gpu, whole, run, start))
  } catch (error) {
    if (!(error instanceof AbortedError)) await run?.fail()
    throw error
  } finally {
    await job.latency.close()
  }
}

type Input = Awaited<ReturnType<typeof prepare>>
type Job = Input & Awaited<ReturnType<typeof reachBudgets>>

/** Reads all input, so that whatever is wrong with it shows before any long work and before anything is written. */
async function prepare(gpu: Gpu, options: PruneOptions, round?: Round) {
  const choice = { ...settle(options, gpu), ...(round && { rounds: 1 }) }
  const report = options.report ?? silent
  const model = await loadModel(options.model)
  const measurements = createMeasurements({ prefix: round && `round ${round.index}: `, signal: options.signal })
  const latency = latencyMeter(gpu, model.graph, (measure) => measurements.of('reference', 'latency', measure))
  const requests = await readBudgets(options.budgets, { latency: latency.cost })
  const data = await loadData(options.data, choice.seed, model.graph)
  const train = await data.train()
  const normalization = chooseNormalization(options, model.graph, train, report)
  // The original with what the result will carry, so that candidates have the bytes that will be written.
  const graph = withMetadata(model.graph, normalizationMetadata(normalization))
  const { validation, confirmation, rest } = splitOff(train, choice.validation, choice.images, choice.seed)
  const scores = await scoresFor(gpu, graph, rest, { ...choice, normalization, signal: options.signal })
  const space =
    choice.structure === 'weights'
      ? createWeightSpace(graph, choice, choice.method === 'crl-fine' ? 'filters' : 'weights')
      : createSpace(graph, choice, scores)
  for (const { text } of requests.filter(({ kind }) => kind === 'weights' && choice.structure !== 'weights'))
    throw new InputError('filters go as a whole: params says what is left', {
      field: `--budget '${text}'`,
      expected: '--structure weights',
      found: `--structure ${choice.structure}`,
    })
  for (const { id, channels, reason } of space.fixed)
    report.log(`${id}: all ${channels} ${space.structure === 'weights' ? 'weights' : 'channels'} stay: ${reason}`)
  const test = await data.test()
  // The file of an earlier round lies in the folder of its run, wherever that is.
  const settings = { ...settingsOf(options, choice, digest(model.bytes), normalization), ...(round && { limits: round.limits, out: null }) }
  const identity = { command: 'prune', settings, seed: choice.seed, adapter: gpu.info.name, versions: gpu.info.versions }
  return {
    options,
    choice,
    round,
    report,
    model,
    graph,
    train,
    rest,
    validation,
    confirmation,
    test,
    normalization,
    space,
    requests,
    measurements,
    latency,
    identity,
  }
}

/** Asks the budgets, of the original and of the networks that a search starts from. `limits` are what the result must keep, `budgets` what the search keeps to. */
async function reachBudgets({ graph, model, space, requests, measurements, report, round }: Input) {
  const original = candidateOf(graph, model.bytes, space)
  const known = (budget: Omit<BudgetRequest, 'limit'>, candidate: Candidate) =>
    isExact(budget) ? costValue(budget, candidate) : measurements.of('original', budget.text, () => costValue(budget, candidate))
  const resolved = round ? undefined : await resolveBudgets(requests, original, known)
  const limits = resolved ?? requests.map((budget, k) => ({ ...budget, limit: round!.limits[k] }))
  const { aims: budgets, costs, uniform } = await reach(space, limits, measurements)
  limits.forEach(({ text, limit }, k) => {
    const aim = budgets[k].limit
    if (aim !== limit)
      report.log(`${text}: the limit is ${limit.toPrecision(4)} ms; the search keeps to ${aim.toPrecision(4)} ms, for measurements differ`)
  })
  return { limits, budgets, costs, uniform }
}

/** The rounds before, and then the last one on what they came to: its record is that of the whole run. */
async function lastRound(gpu: Gpu, job: Job, run: Run | undefined, start: number): Promise<PruneResult> {
  const { options, choice, space, costs } = job
  const { rounds, episodes, finetune } = choice
  const whole = { ...options, rounds, episodes, finetune }
  const budgets = {
    texts: job.limits.map(({ text }) => text),
    limits: job.limits.map(({ limit }) => limit),
    values: await costs.of(space.full),
  }
  const earlier = await earlierRounds(whole, budgets, run, (each, round) => pruneOn(gpu, each, round))
  const own = {
    ...options,
    model: earlier.graph,
    episodes: partOf(episodes, rounds, rounds),
    finetune: partOf(finetune, rounds, rounds),
  }
  const last = await prepare(gpu, own, { limits: budgets.limits, index: rounds })
  try {
    await last.measurements.keepIn(run)
    return await carryOut(gpu, { ...last, ...(await reachBudgets(last)) }, run, start, { ...earlier, original: space })
  } finally {
    await last.latency.close()
  }
}

async function carryOut(
  gpu: Gpu,
  job: Job,
  run: Run | undefined,
  start: number,
  earlier?: Earlier & { readonly original: Space },
): Promise<PruneResult> {
  const { options, choice, report, model, graph, test, normalization, space, limits, budgets, costs } = job
  const { signal, out } = options
  const { seed } = choice
  const accuracyBefore = async () => (await evaluate(gpu, graph, test, { normalization, signal })).accuracy
  const before = earlier?.before ?? (await figuresOf(gpu, graph, model.bytes, await accuracyBefore()))
  report.log(`original: test accuracy ${percent(before.accuracy)}, ${before.params} parameters, ${before.macs} MACs`)

  const searchStart = performance.now()
  const records = await openRecords(run, space, budgets)
  if (records.known.size > 0) report.log(`search: ${records.known.size} networks are known from before`)
  const statistics = choice.refit ? await statisticsFor(gpu, job) : undefined
  const judged = await searchFor(gpu, job, records, run, statistics)
  const predicted = costs.latencyError()
  if (predicted)
    report.log(`latency: predicted for ${predicted.networks} networks before it was measured; median error ${percent(predicted.median)}`)
  const searchSeconds = (performance.now() - searchStart) / 1000

  const teacher = choice.distill ? { graph: earlier?.original.graph ?? graph, temperature: 4, weight: 0.7 } : undefined
  const training = { ...trainingDefaults, lr: 0.02, ...options.training, epochs: choice.finetune }
  const { finalists, recalibrate } = choice
  const data = { rest: job.rest, validation: job.confirmation, normalization }
  const last = {
    space,
    budgets: limits,
    costs,
    records,
    finalists,
    recalibrate,
    statistics,
    ...data,
    training,
    teacher,
    seed,
    report,
    signal,
  }
  const finished = await finishWithin(gpu, job, run, last, earlier?.kept)
  const { kept, record, maxAbsDifference, pruned, small, bytes, checked, finetuneSeconds } = finished
  const accuracy = choice.finetune > 0 ? (await evaluate(gpu, small, test, { normalization })).accuracy : pruned.accuracy
  const after = await figuresOf(gpu, small, bytes, accuracy)
  if (out !== undefined) await writeWhole(out, bytes)

  const summary: PruneSummary = {
    model: out ?? null,
    method: choice.method,
    structure: choice.structure,
    algorithm: choice.method.startsWith('crl') ? choice.algorithm : null,
    reward: choice.reward,
    seed,
    adapter: gpu.info.name,
    episodes: (earlier?.episodes ?? 0) + records.all.length,
    evaluationsPerSecond: judged / Math.max(searchSeconds, 1e-3),
    before,
    after,
    pruned: { accuracy: pruned.accuracy, validationAccuracy: record.accuracy },
    budgets: checked,
    selfCheck: { maxAbsDifference },
    seconds: {
      search: (earlier?.seconds.search ?? 0) + searchSeconds,
      finetune: (earlier?.seconds.finetune ?? 0) + finetuneSeconds,
      total: (performance.now() - start) / 1000,
    },
  }
  if (run) {
    const lengths = Object.fromEntries(Object.entries(kept).map(([id, indices]) => [id, indices.length]))
    const left = space.structure === 'weights' ? record.widths : lengths
    await run.finish({ ...summary, digest: digest(bytes), groups: groupsOf(earlier?.original ?? space, left) })
    await writeReport(run.dir)
  }
  return { ...summary, graph: small, bytes, kept: plainKept(kept) }
}

/** Searches, judging candidates by the masked network: compiled once, and gone before the GPU is needed for training. @returns how many networks were judged */
async function searchFor(
  gpu: Gpu,
  job: Job,
  records: Records,
  run: Run | undefined,
  statistics: InputStatistics | undefined,
): Promise<number> {
  const { options, choice, report, validation, normalization, space, budgets, costs, uniform } = job
  const { seed, method, algorithm, reward, recalibrate } = choice
  // The finalists and the local search are evaluations too: with them there are as many as were asked for.
  const episodes = choice.episodes - (choice.finalists > 1 ? choice.finalists : 0) - choice.localSearch
  const { signal, onEpisode } = options
  // Re-fitted candidates have weights of their own, so one is judged after the other.
  const { candidates, batch } = runFor(gpu, space.graph, statistics ? { ...choice, candidates: 1 } : choice, validation.count)
  const entropy = needsEntropy(reward) ? { levels: choice.levels, definition: choice.entropy } : undefined
  let evaluator: Evaluator | undefined
  let judged = 0
  const evaluateCuts = async (cuts: readonly Cut[]) => {
    evaluator ??= await createEvaluator(gpu, space, validation, { normalization, candidates, batch, recalibrate, statistics, entropy })
    judged += cuts.length
    return evaluator.evaluate(cuts, signal)
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
      candidates: choice.candidates,
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

/** Networks that are finished at most, one after the other, where measured budgets do not hold for what would be written. */
const mostTries = 8

/** Finishes the best finalist, or the next one where a budget, measured anew on the bytes to be written, does not hold. @throws UnreachableError where none does */
async function finishWithin(gpu: Gpu, job: Job, run: Run | undefined, setup: FinalistSetup, keptBefore: Kept = {}) {
  const { limits, space, report } = job
  const nearest = limits.map(() => Number.POSITIVE_INFINITY)
  let tries = 0
  let finetuneSeconds = 0
  for await (const finalist of judgeFinalists(gpu, setup)) {
    const kept = composed(keptBefore, space.keptOf(finalist.chosen))
    const finished = await finish(gpu, job, run, setup, { ...finalist, kept }, tries)
    finetuneSeconds += finished.seconds
    const checked = await checkBudgets(finished.small, finished.bytes, space, limits, finalist.chosen)
    if (checked.every(({ met }) => met)) return { ...finalist, ...finished, kept, checked, finetuneSeconds }
    checked.forEach(({ value }, k) => (nearest[k] = Math.min(nearest[k], value)))
    for (const { budget, limit, value } of checked.filter(({ met }) => !met))
      report.log(`${budget}: ${value.toPrecision(5)} on the network to be written, above ${limit.toPrecision(5)}: it is not written`)
    if (++tries === mostTries) break
  }
  const found = tries === 1 ? 'the network to be written is' : `${tries} networks to be written are`
  throw new UnreachableError(`${found} not within the budgets; nothing was written`, nearestValues(limits, nearest))
}

/** Fine-tunes where that is asked for. From here on only what a user gets counts: the bytes, read again. */
async function finish(
  gpu: Gpu,
  job: Job,
  run: Run | undefined,
  { training, teacher }: FinalistSetup,
  finalist: Finalist & { kept: Kept },
  tries: number,
) {
  const { options, choice, report, train, confirmation, test, normalization } = job
  const { signal, checkpointSeconds } = options
  const { record, kept, graph: cut } = finalist
  const { episode, accuracy, widths, masks, costs } = record
  const best = { episode, accuracy, widths, ...(masks && { masks }), kept: plainKept(kept), costs }
  await run?.write('best.json', `${JSON.stringify(best, null, 2)}\n`)
  const pruned = await evaluate(gpu, cut, test, { normalization, signal })
  report.log(`pruned: test accuracy ${percent(pruned.accuracy)} before fine-tuning`)
  const start = performance.now()
  const tuned = await runTraining({
    gpu,
    graph: cut,
    dataset: train,
    stage: tries === 0 ? 'finetune' : `finetune ${tries + 1}`,
    choice: training,
    normalization,
    teacher,
    keepZeros: choice.structure === 'weights',
    seed: choice.seed,
    run,
    report,
    signal,
    checkpointSeconds,
  })
  const seconds = (performance.now() - start) / 1000
  // Training that went wrong without an infinite loss (a learning rate too high) must not cost what pruning kept.
  let result = tuned.graph
  if (choice.finetune > 0) {
    const onValidation = async (each: Graph) => (await evaluate(gpu, each, confirmation, { normalization, signal })).accuracy
    const reached = await onValidation(tuned.graph)
    if (reached < (await onValidation(cut))) {
      result = cut
      report.log(`fine-tuning made it worse (validation accuracy ${percent(reached)}); its result is left out: try a lower --lr`)
    }
  }
  const bytes = exportOnnx(result)
  return { pruned, seconds, bytes, small: await importOnnx(bytes) }
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

/** Every budget, measured anew. */
async function checkBudgets(
  graph: Graph,
  bytes: Uint8Array,
  space: Space,
  budgets: readonly Budget[],
  cut: Cut,
): Promise<PruneSummary['budgets']> {
  const candidate = candidateOf(graph, bytes, space, cut)
  const results = []
  for (const budget of budgets) {
    const value = await costValue(budget, candidate)
    results.push({ budget: budget.text, limit: budget.limit, value, met: meets([value], [budget]) })
  }
  return results
}

const percent = (accuracy: number) => `${(100 * accuracy).toFixed(2)}%`

/** @param left units by group: channels, or weights */
const groupsOf = (space: Space, left: Readonly<Record<string, number>>) =>
  space.groups.map(({ id, channels }) => ({
    id,
    channels,
    kept: left[id] ?? channels,
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
