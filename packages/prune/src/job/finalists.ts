/**
 * The last judgement. Masks tell little of what training brings back, so the best few candidates are really cut, get batch normalisation statistics of their
 * own, and, where the result is to be fine-tuned, are trained for a moment. What they then reach on the validation images is recorded as any other
 * evaluation, and the best record of all is what is exported. There are more of those images than candidates were judged on. (Paper 1 trains candidates for
 * up to 128 iterations in its search, to the same end.)
 */
import type { Gpu } from '@espalier/kernels'
import {
  type Dataset,
  evaluate,
  exportOnnx,
  type Graph,
  type InputStatistics,
  type Judgement,
  type Normalization,
  pruneAndRefit,
  stratifiedSplit,
} from '@espalier/nn'
import type { Budget } from '../budgets/budgets.js'
import { type Costs, meets, nearestValues } from '../budgets/reach.js'
import { UnreachableError } from '../errors.js'
import type { Reporter } from '../reporter.js'
import { cutOf, type EpisodeRecord, type Records } from '../run/records.js'
import { cutAndCheck, recalibrated } from '../space/cut.js'
import { type Cut, candidateOf, cutKey, type Space } from '../space/space.js'
import { runTraining, type TrainingChoice } from './training.js'

export interface Finalist {
  readonly record: EpisodeRecord
  readonly chosen: Cut
  /** Really cut, re-fitted where that was asked for, and recalibrated. */
  readonly graph: Graph
  readonly maxAbsDifference: number
}

export interface FinalistSetup {
  readonly space: Space
  /** As the user gave them; the search may have kept to less. */
  readonly budgets: readonly Budget[]
  readonly costs: Costs
  readonly records: Records
  /** How many are judged again; with 1 the search has the last word. */
  readonly finalists: number
  readonly recalibrate: boolean
  /** For re-fitting; the weights stay as they are without. */
  readonly statistics?: InputStatistics
  /** Training images that are not for validation. */
  readonly rest: Dataset
  readonly validation: Dataset
  readonly normalization: Normalization
  readonly training: TrainingChoice
  readonly teacher?: Parameters<typeof runTraining>[0]['teacher']
  readonly seed: number
  readonly report: Reporter
  readonly signal?: AbortSignal
}

/** Steps of the short training: a fifth of those of the fine-tuning, and at most so many. */
const trialSteps = 40
const trialShare = 0.2

/**
 * Networks to export, the best first: the finalists by what they reached, then the other candidates as the search ranked them. Later ones are asked for
 * where a budget that is measured does not hold for the written file, although it did twice before.
 * @throws UnreachableError when no candidate, really cut, is within the budgets
 */
export async function* judgeFinalists(gpu: Gpu, setup: FinalistSetup): AsyncGenerator<Finalist, void> {
  const { space, records, rest, validation, normalization, training, seed, report, signal } = setup
  const candidates = withinWhenCut(setup)
  const listed: EpisodeRecord[] = []
  for (let next = await candidates.next(); !next.done; next = await candidates.next()) {
    listed.push(next.value)
    if (listed.length === setup.finalists) break
  }
  const steps = Math.max(1, Math.min(trialSteps, Math.round((trialShare * training.epochs * rest.count) / training.batch)))
  const images = Math.min(rest.count, steps * training.batch)
  const trial = images < rest.count ? stratifiedSplit(rest, images, seed).part : rest
  const cutDown = async (chosen: Cut): Promise<{ graph: Graph; judgement?: Judgement; maxAbsDifference: number }> => {
    const { graph: cut, maxAbsDifference } = await cutAndCheck(gpu, space, chosen, seed)
    const graph = setup.statistics ? pruneAndRefit(space.graph, space.keptOf(chosen), setup.statistics).graph : cut
    const found = setup.recalibrate ? await recalibrated(gpu, graph, { train: rest, validation, normalization, seed }) : { graph }
    return { ...found, maxAbsDifference }
  }
  // A cut that was judged need not be made again; one that is known from before an interruption must.
  const judged: { record: EpisodeRecord; chosen: Cut; cut?: Awaited<ReturnType<typeof cutDown>> }[] = []
  for (const [i, before] of (listed.length > 1 ? listed : []).entries()) {
    report.progress('finalists', i, listed.length)
    const chosen = cutOf(space, before)
    let judgement = records.knownFinalists.get(cutKey(space, chosen))
    let cut: Awaited<ReturnType<typeof cutDown>> | undefined
    if (!judgement) {
      cut = await cutDown(chosen)
      const { graph } = cut
      judgement = cut.judgement ?? (await evaluate(gpu, graph, validation, { normalization, signal }))
      if (training.epochs > 0) {
        const trained = await runTraining({
          gpu,
          graph,
          dataset: trial,
          stage: `finalist ${i + 1}`,
          choice: { ...training, epochs: 1 },
          normalization,
          teacher: setup.teacher,
          keepZeros: space.structure === 'weights',
          seed,
          report,
          signal,
        })
        const after = await evaluate(gpu, trained.graph, validation, { normalization, signal })
        // A moment of training may do harm where little was cut. What counts is what can be had.
        if (after.accuracy > judgement.accuracy) judgement = after
      }
    }
    const { accuracy, loss } = judgement
    const record: EpisodeRecord = {
      ...before,
      episode: records.all.length,
      source: 'finalist',
      reward: 100 * accuracy,
      accuracy,
      loss,
      signals: [],
      multipliers: [],
    }
    await records.add([record])
    judged.push({ record, chosen, cut })
  }
  if (judged.length > 0) report.progress('finalists', judged.length, judged.length)
  judged.sort((a, b) => b.record.accuracy - a.record.accuracy || a.record.loss - b.record.loss || a.record.episode - b.record.episode)
  const asListed = (record: EpisodeRecord): (typeof judged)[number] => ({ record, chosen: cutOf(space, record) })
  for (const { record, chosen, cut } of judged.length > 0 ? judged : listed.map(asListed))
    yield { record, chosen, ...(cut ?? (await cutDown(chosen))) }
  for await (const record of candidates) {
    const { chosen } = asListed(record)
    yield { record, chosen, ...(await cutDown(chosen)) }
  }
}

/** The uniform network and then all candidates, best first, whose networks, really cut, are within the budgets (a bias that had to be added for a removed constant may spoil one). */
async function* withinWhenCut({ space, budgets, costs, records, finalists }: FinalistSetup): AsyncGenerator<EpisodeRecord, void> {
  const ranked = records.ranked().filter((record) => record.source !== 'finalist')
  const uniform = ranked.filter((record) => record.source === 'uniform').slice(0, finalists > 1 ? 1 : 0)
  const tried = new Set<string>()
  const nearest = budgets.map(() => Number.POSITIVE_INFINITY)
  let found = false
  for (const record of [...uniform, ...ranked]) {
    const chosen = cutOf(space, record)
    const key = cutKey(space, chosen)
    if (tried.has(key)) continue
    tried.add(key)
    const graph = space.graphOf(chosen)
    const values = await costs.ofCut(key, candidateOf(graph, exportOnnx(graph), space, chosen))
    values.forEach((value, k) => (nearest[k] = Math.min(nearest[k], value)))
    if (!meets(values, budgets)) continue
    found = true
    yield record
  }
  if (found) return
  for (const { costs: judged } of tried.size > 0 ? [] : records.all)
    budgets.forEach(({ text }, k) => (nearest[k] = Math.min(nearest[k], judged[text])))
  throw new UnreachableError('no network within the budgets was found', nearestValues(budgets, nearest))
}
