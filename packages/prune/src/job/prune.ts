/** The whole job: a trained network and budgets in, a smaller network within them out. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { AbortedError, evaluate, gatherGrams, type InputStatistics } from '@espalier/nn'
import { checkNotOver, checkWritable, writeWhole } from '#platform'
import { isExact } from '../budgets/budgets.js'
import { figuresOf, latenciesOf } from '../budgets/measure.js'
import { meets } from '../budgets/reach.js'
import { writeReport } from '../report/report.js'
import { percent } from '../reporter.js'
import { openRecords, type Records } from '../run/records.js'
import { type Earlier, earlierRounds, partOf, type Round } from '../run/rounds.js'
import { digest, ended, goesOn, openRun, type Run, type RunRecord } from '../run/run.js'
import { searchGlobal, searchRandom, searchUniform } from '../search/baselines.js'
import { searchCrl } from '../search/crl.js'
import { searchFine } from '../search/crl-fine.js'
import { searchDdpg } from '../search/ddpg.js'
import { searchGreedy } from '../search/greedy.js'
import { createEvaluator, type Evaluator, runFor } from '../search/judging.js'
import { searchLocally } from '../search/local.js'
import { needsEntropy } from '../search/reward.js'
import { createSearch, type Search } from '../search/search.js'
import { keptStart, readStart, startOf } from '../search/start.js'
import { type Cut, plainKept, type Space } from '../space/space.js'
import { finishWithin } from './finish.js'
import { type Job, prepare, reachBudgets } from './job.js'
import { loadModel } from './model.js'
import { checkNames, type Method, type PruneOptions, type PruneResult, type PruneSummary } from './options.js'
import { trainingDefaults } from './training.js'

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

/** Methods that never need all evaluations. */
const few: readonly Method[] = ['uniform', 'global-l1']

/**
 * Prunes a trained network to budgets.
 * @throws InputError for bad input (files, budgets, options); UnreachableError where nothing within the budgets exists or was found;
 * AbortedError when `signal` fires, after the run was saved
 */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  checkNames(options)
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
  if (options.out !== undefined) {
    await checkWritable(options.out, '--out')
    await checkNotOver(options.out, options.model, 'the model')
    await checkNotOver(options.out, options.run, 'the folder of the run')
  }
  const job = await prepare(gpu, options, round)
  // Before the run is opened, which may set aside the folder that the file is in.
  const startsFrom = round?.start ?? (await readStart(job.choice.warmStart))
  const afterSearch = job.choice.rounds === 1 ? ['training', 'finetune', 'distill'] : undefined
  const identity = { ...job.identity, afterSearch, resume: options.resume, implicit: options.replace, report: job.report }
  const open = async () => (options.run === undefined ? undefined : openRun(options.run, identity))
  let run: Run | undefined
  try {
    // What was measured before an interruption must be known before anything is measured again.
    if (options.resume || (options.run !== undefined && (await goesOn(options.run, identity)))) run = await open()
    const done = run?.before && (await finishedResult(run, run.before, options.out))
    if (done) return done
    await job.measurements.keepIn(run)
    const reached = await reachBudgets(job)
    // Budgets that no network keeps leave no new folder behind.
    if (!run) await job.measurements.keepIn((run = await open()))
    const whole = { ...job, ...reached, startText: await keptStart(run, startsFrom) }
    return await (job.choice.rounds > 1 ? lastRound(gpu, whole, run, start) : carryOut(gpu, whole, run, start))
  } catch (error) {
    const told = await ended(run, error)
    // A round is gone on with by the whole run.
    throw round ? error : told
  } finally {
    await run?.release()
    await job.latency.close()
  }
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
    start: job.startText,
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
    return await carryOut(gpu, { ...last, ...(await reachBudgets(last)), startText: job.startText }, run, start, {
      ...earlier,
      original: space,
    })
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
  const whole = earlier?.before ?? figuresOf(graph, model.bytes, await accuracyBefore())
  report.log(`original: test accuracy ${percent(whole.accuracy)}, ${whole.params} parameters, ${whole.macs} MACs`)
  if (budgets.every(isExact) && meets(await costs.of(space.full), budgets))
    report.log('note: the original is within all budgets already; the search goes on for a smaller network that is as good or better')

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
  const unused = choice.episodes - records.all.length
  if (unused > 0 && !few.includes(choice.method))
    report.log(`note: ${unused} of ${choice.episodes} evaluations were not used: too few different networks are within reach`)
  const latencies = await latenciesOf(gpu, [earlier?.original.graph ?? graph, small])
  const [before, after] = [whole, figuresOf(small, bytes, accuracy)].map((figures, i) => ({ ...figures, latencyMs: latencies[i].median }))
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
    await run.finish({ ...summary, digest: await digest(bytes), groups: groupsOf(earlier?.original ?? space, left) })
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
    await searches[method]({ ...search, ...(await startOf(search, choice.warmStart, job.startText)) })
    await searchLocally(search, choice.localSearch)
    if (signal?.aborted) throw new AbortedError('the search was interrupted')
    return judged
  } catch (error) {
    if (error instanceof AbortedError) throw new AbortedError(`${error.message} after ${records.all.length} candidates`)
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
  if (!written || (await digest(written.bytes)) !== expected) return undefined
  const best = (await run.read('best.json')) as { kept: PruneResult['kept'] } | undefined
  await writeReport(run.dir)
  return best && { ...summary, graph: written.graph, bytes: written.bytes, kept: best.kept }
}
