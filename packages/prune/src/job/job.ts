/** What a run of `prune` is given, read and made ready before any long work. */
import type { Gpu } from '@espalier/kernels'
import { InputError, normalizationMetadata, withMetadata } from '@espalier/nn'
import { type BudgetRequest, costValue, isExact, readBudgets, resolveBudgets } from '../budgets/budgets.js'
import type { Candidate } from '../budgets/candidate.js'
import { latencyMeter } from '../budgets/latency.js'
import { createMeasurements } from '../budgets/measurements.js'
import { reach } from '../budgets/reach.js'
import { silent } from '../reporter.js'
import type { Round } from '../run/rounds.js'
import { digest, ranOn } from '../run/run.js'
import { scoresFor, splitOff } from '../search/judging.js'
import { candidateOf, createSpace } from '../space/space.js'
import { createWeightSpace } from '../space/weight-space.js'
import { settingsOf, settle } from './choice.js'
import { checkFits, chooseNormalization, loadData, loadModel } from './model.js'
import type { PruneOptions } from './options.js'

/** Reads all input, so that whatever is wrong with it shows before any long work and before anything is written. */
export async function prepare(gpu: Gpu, options: PruneOptions, round?: Round) {
  const choice = { ...settle(options, gpu), ...(round && { rounds: 1 }) }
  const report = options.report ?? silent
  const model = await loadModel(options.model)
  const measurements = createMeasurements({ prefix: round && `round ${round.index}: `, signal: options.signal })
  const latency = latencyMeter(gpu, model.graph, (measure) => measurements.of('reference', 'latency', measure))
  const requests = await readBudgets(options.budgets, { latency: latency.cost })
  const data = await loadData(options.data, choice.seed, model.graph)
  const train = await data.train()
  checkFits(model, train, 'MODEL', report)
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
  const settings = {
    ...settingsOf(options, choice, await digest(model.bytes), normalization),
    ...(round && { limits: round.limits, out: null }),
  }
  const identity = { command: 'prune', settings, seed: choice.seed, ...ranOn(gpu) }
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
export async function reachBudgets({ graph, model, space, requests, measurements, report, round }: Input) {
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

type Input = Awaited<ReturnType<typeof prepare>>
/** All that the search and what follows it read. */
export type Job = Input &
  Awaited<ReturnType<typeof reachBudgets>> & {
    /** Text of the file that the search starts from. */
    readonly startText?: string
  }
