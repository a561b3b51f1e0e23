/** From the best networks of a search to the one that is written: fine-tuned, and every budget measured again on its bytes. */
import type { Gpu } from '@espalier/kernels'
import { evaluate, exportOnnx, type Graph, importOnnx, type Kept } from '@espalier/nn'
import { type Budget, costValue } from '../budgets/budgets.js'
import { meets, nearestValues } from '../budgets/reach.js'
import { UnreachableError } from '../errors.js'
import { percent } from '../reporter.js'
import { composed } from '../run/rounds.js'
import type { Run } from '../run/run.js'
import { type Cut, candidateOf, plainKept, type Space } from '../space/space.js'
import { type Finalist, type FinalistSetup, judgeFinalists } from './finalists.js'
import type { Job } from './job.js'
import type { PruneSummary } from './options.js'
import { runTraining } from './training.js'

/** Networks that are finished at most, one after the other, where measured budgets do not hold for what would be written. */
const mostTries = 8

/** Finishes the best finalist, or the next one where a budget, measured anew on the bytes to be written, does not hold. @throws UnreachableError where none does */
export async function finishWithin(gpu: Gpu, job: Job, run: Run | undefined, setup: FinalistSetup, keptBefore: Kept = {}) {
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
