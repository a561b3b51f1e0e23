/** How much accuracy each channel group costs when it alone is cut. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import {
  type Criterion,
  type DataCriterion,
  InputError,
  type Judgement,
  type Kept,
  keepTop,
  type MaskedEvaluator,
  maskedEvaluator,
} from '@espalier/nn'
import { writeReport } from '../report/report.js'
import type { Sensitivity } from '../report/sensitivity-result.js'
import { type Reporter, silent } from '../reporter.js'
import { digest, ended, isFigure, isNumber, isText, openRun, type Run, ranOn } from '../run/run.js'
import { runFor, scoresFor, splitOff } from '../search/judging.js'
import { createSpace, type Space } from '../space/space.js'
import { settleJudging } from './choice.js'
import {
  checkFits,
  chooseNormalization,
  type DataSource,
  loadData,
  loadModel,
  type ModelSource,
  type NormalizationOptions,
  nameOfData,
} from './model.js'

export interface SensitivityOptions extends NormalizationOptions {
  readonly model: ModelSource
  readonly data: DataSource
  /** Shares of a group's channels to remove; 0.1 to 0.9 by default. */
  readonly ratios?: readonly number[]
  readonly criterion?: Criterion | DataCriterion
  /** Layers that stay whole. */
  readonly keep?: readonly string[]
  /** Share of the training images (below 1), or their number, that is split off to judge; 0.1 by default. */
  readonly validation?: number
  /** How many of them judge: 500 by default, on hardware 2000. */
  readonly images?: number
  /** Networks judged in one run of the GPU: 8 by default, on hardware 16. */
  readonly candidates?: number
  /** Batch normalisation with each network's own statistics; true by default. */
  readonly recalibrate?: boolean
  /** Folder of the run's records; none are kept when absent. */
  readonly run?: string
  readonly resume?: boolean
  /** The folder was not named by the user: an unfinished run in it is gone on with, or set aside where its settings were others. */
  readonly replace?: boolean
  readonly seed?: number
  readonly gpu?: Gpu
  readonly signal?: AbortSignal
  readonly report?: Reporter
}

/**
 * Cuts one group at a time, by masks, and judges the networks on validation images: accuracy against the share removed, without training.
 * @throws InputError for bad input; AbortedError when `signal` fires, after what is known was saved
 */
export async function sensitivity(options: SensitivityOptions): Promise<Sensitivity> {
  const gpu = options.gpu ?? (await acquireGpu())
  try {
    return await sensitivityOn(gpu, options)
  } finally {
    if (!options.gpu) gpu.close()
  }
}

async function sensitivityOn(gpu: Gpu, options: SensitivityOptions): Promise<Sensitivity> {
  const start = performance.now()
  const report = options.report ?? silent
  const choice = settle(options, gpu)
  const { seed, ratios, criterion, recalibrate } = choice
  const model = await loadModel(options.model)
  const { graph, bytes, name } = model
  const data = await loadData(options.data, seed, graph)
  const train = await data.train()
  checkFits(model, train, 'MODEL', report)
  const normalization = chooseNormalization(options, graph, train, report)
  const { validation, rest } = splitOff(train, choice.validation, choice.images, seed)
  const { signal } = options
  const scores = await scoresFor(gpu, graph, rest, { criterion, normalization, seed, signal })
  const space = createSpace(graph, { ...choice, roundTo: 1, minChannels: 1 }, scores)
  const run =
    options.run === undefined
      ? undefined
      : await openRun(options.run, {
          command: 'sensitivity',
          settings: {
            model: name,
            modelDigest: await digest(bytes),
            data: nameOfData(options.data),
            ...choice,
            ...normalization,
          },
          seed,
          ...ranOn(gpu),
          resume: options.resume,
          implicit: options.replace,
          report,
        })
  try {
    const size = runFor(gpu, graph, choice, validation.count)
    let evaluator: MaskedEvaluator | undefined
    const judged = await judgeAll(candidatesOf(space, ratios), size.candidates, run, report, async (kept) => {
      evaluator ??= await maskedEvaluator(gpu, graph, space.groups, validation, { normalization, ...size, recalibrate })
      return evaluator.evaluate(kept, signal)
    }).finally(() => evaluator?.destroy())
    const whole = judged.get(keyOf({ group: null, kept: 0 }))!
    const result: Sensitivity = {
      model: name,
      criterion,
      recalibrate,
      seed,
      adapter: gpu.info.name,
      images: validation.count,
      ...whole,
      ratios,
      groups: space.open.map(({ group: { id, channels } }, g) => {
        const points = ratios.map((ratio) => {
          const kept = space.nearest(g, 1 - ratio)
          return { ratio, kept, ...judged.get(keyOf({ group: id, kept }))! }
        })
        const worse = points.findIndex((point) => point.accuracy < whole.accuracy - 0.01)
        return { id, channels, tolerated: worse === 0 ? 0 : ratios[(worse < 0 ? ratios.length : worse) - 1], points }
      }),
      fixed: space.fixed,
      report: run ? run.path('report.html') : null,
      seconds: (performance.now() - start) / 1000,
    }
    await run?.finish(result)
    if (run) await writeReport(run.dir)
    return result
  } catch (error) {
    throw await ended(run, error)
  } finally {
    await run?.release()
  }
}

interface Candidate {
  /** The group that is cut; null for the whole network. */
  readonly group: string | null
  readonly kept: number
}

const keyOf = ({ group, kept }: Candidate) => JSON.stringify([group, kept])

/** The whole network, then every width of every group once; what each keeps. */
function candidatesOf(space: Space, ratios: readonly number[]): (Candidate & { readonly channels: Kept })[] {
  return [
    { group: null, kept: 0, channels: {} },
    ...space.open.flatMap(({ group, scores }, g) =>
      [...new Set(ratios.map((ratio) => space.nearest(g, 1 - ratio)))].map((kept) => ({
        group: group.id,
        kept,
        channels: { [group.id]: keepTop(scores, kept) },
      })),
    ),
  ]
}

const file = 'sensitivity.jsonl'
const judgedFields = {
  group: (value: unknown) => value === null || isText(value),
  kept: isNumber,
  accuracy: isNumber,
  loss: isFigure,
}

/** Judges what is not yet in the records, some at a time, and records it. */
async function judgeAll(
  candidates: ReturnType<typeof candidatesOf>,
  together: number,
  run: Run | undefined,
  report: Reporter,
  judge: (kept: readonly Kept[]) => Promise<Judgement[]>,
): Promise<Map<string, Judgement>> {
  const judged = new Map<string, Judgement>()
  for (const { value } of (await run?.records<Candidate & Judgement>(file, judgedFields)) ?? []) {
    const { accuracy, loss, ...candidate } = value
    judged.set(keyOf(candidate), { accuracy, loss })
  }
  if (judged.size > 0) report.log(`${judged.size} networks are known from before`)
  const open = candidates.filter((candidate) => !judged.has(keyOf(candidate)))
  for (let at = 0; at < open.length; at += together) {
    report.progress('sensitivity', judged.size, candidates.length)
    const chunk = open.slice(at, at + together)
    const results = await judge(chunk.map(({ channels }) => channels))
    const lines = chunk.map(({ group, kept }, i) => `${JSON.stringify({ group, kept, ...results[i] })}\n`)
    await run?.append(file, lines.join(''))
    chunk.forEach((candidate, i) => judged.set(keyOf(candidate), results[i]))
  }
  report.progress('sensitivity', candidates.length, candidates.length)
  return judged
}

const defaultRatios = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

function settle(options: SensitivityOptions, gpu: Gpu) {
  const ratios = [...new Set(options.ratios ?? defaultRatios)].sort((a, b) => a - b)
  const wrong = ratios.find((ratio) => !(ratio > 0 && ratio < 1))
  if (wrong !== undefined || ratios.length === 0)
    throw new InputError('not usable', { field: '--ratios', expected: 'shares above 0 and below 1', found: wrong ?? 'none' })
  return { ratios, ...settleJudging(options, gpu) }
}
