/**
 * Metrics as a stream of typed events, and writers that turn each event into what is appended to a file: JSON lines, CSV, TensorBoard.
 * Writers give strings or bytes and know no file system, so that they work in a browser too:
 *
 *   const csv = csvWriter()
 *   await learn({ ..., onIteration: (event) => appendFile('run.csv', csv(iterationMetrics(event))) })
 */
import type { Evaluation } from './evaluate.js'
import type { Iteration } from './learn.js'
import type { Summary } from './student.js'

export interface MetricEvent {
  /** Figures of one update, or of a policy that was evaluated. */
  readonly type: 'iteration' | 'evaluation'
  /** Environment steps so far. */
  readonly step: number
  /** Seconds since 1970. */
  readonly wallTime: number
  /** null: there is none in this event (no episode ended, say). */
  readonly scalars: Readonly<Record<string, number | null>>
}

/** What to append to the file for an event; an empty result where the event does not belong there. */
export type MetricWriter<T extends string | Uint8Array> = (event: MetricEvent) => T

export function iterationMetrics(iteration: Iteration, wallTime = Date.now() / 1000): MetricEvent {
  const each = (name: string, values: readonly (number | null)[]) => values.map((value, k) => [`${name}/${k}`, value] as const)
  const { trustRegion } = iteration
  const scalars = Object.fromEntries<number | null>([
    ['iteration', iteration.iteration],
    ['episodes', iteration.episodes],
    ['return', iteration.return],
    ...each('cost', iteration.costs),
    ['length', iteration.length],
    ...each('multiplier', iteration.multipliers),
    ['policyLoss', iteration.policyLoss],
    ['valueLoss', iteration.valueLoss],
    ...each('costValueLoss', iteration.costValueLosses),
    ['kl', iteration.kl],
    ['entropy', iteration.entropy],
    ['clipFraction', iteration.clipFraction],
    ['epochs', iteration.epochs],
    ['explainedVariance', iteration.explainedVariance],
    ...each('costExplainedVariance', iteration.costExplainedVariance),
    ['learningRate', iteration.learningRate],
    ...(trustRegion
      ? ([
          ['stepShare', trustRegion.share],
          ...each('excess', trustRegion.excess),
          ...each('predictedCostChange', trustRegion.predictedCostChange),
          ...each('surrogateCostChange', trustRegion.surrogateCostChange),
        ] as const)
      : []),
  ])
  return { type: 'iteration', step: iteration.steps, wallTime, scalars }
}

export function evaluationMetrics(evaluation: Evaluation, step: number, wallTime = Date.now() / 1000): MetricEvent {
  const summary = (name: string, { mean, std, interval }: Summary) =>
    [
      [`${name}/mean`, mean],
      [`${name}/std`, std],
      [`${name}/low`, interval[0]],
      [`${name}/high`, interval[1]],
    ] as const
  const scalars = Object.fromEntries([
    ...summary('return', evaluation.return),
    ...evaluation.costs.flatMap((cost, k) => summary(`cost/${k}`, cost)),
    ...summary('length', evaluation.length),
  ])
  return { type: 'evaluation', step, wallTime, scalars }
}

/** One JSON object a line, with the fields of the event. Numbers that JSON has no word for (infinities) become null. */
export function jsonLinesWriter(): MetricWriter<string> {
  return (event) => `${JSON.stringify(event)}\n`
}

/**
 * Events of one type (RFC 4180, lines end in LF): step, wallTime, then the scalars of the first event; null is an empty field. The header comes with the
 * first row, unless `append`: then the columns are those of a file that goes on.
 * @returns a writer that throws a TypeError for an event with other scalars than the first
 */
export function csvWriter(type: MetricEvent['type'] = 'iteration', { append = false } = {}): MetricWriter<string> {
  const row = (fields: readonly (string | number | null)[]) =>
    `${fields.map((field) => (typeof field === 'string' && /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : (field ?? ''))).join(',')}\n`
  let columns: string[] | undefined
  return (event) => {
    if (event.type !== type) return ''
    const names = Object.keys(event.scalars)
    const header = columns || append ? '' : row(['step', 'wallTime', ...names])
    columns ??= names
    const known = columns
    if (names.length !== known.length || names.some((name, i) => name !== known[i])) {
      throw new TypeError(`csv: expected the columns ${known.join(', ')}, found ${names.join(', ')}`)
    }
    return header + row([event.step, event.wallTime, ...names.map((name) => event.scalars[name])])
  }
}
