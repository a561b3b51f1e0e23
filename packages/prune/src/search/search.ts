/** What all search methods share: proposals in, judged and recorded candidates out. */
import { AbortedError } from '@espalier/nn'
import type { Budget } from '../budgets/budgets.js'
import { type Costs, meets } from '../budgets/reach.js'
import type { Algorithm } from '../job/options.js'
import type { Reporter } from '../reporter.js'
import type { EpisodeRecord, Records } from '../run/records.js'
import type { Run } from '../run/run.js'
import { type Cut, cutKey, masksToText, type Space, type Widths } from '../space/space.js'
import { type Judged, type Reward, rewardOf } from './reward.js'

/** The network to judge, and how it came about. */
export interface Proposal extends Cut {
  readonly source: EpisodeRecord['source']
  /** Kept shares as proposed. */
  readonly shares: readonly number[]
  readonly signals?: readonly number[]
  readonly multipliers?: readonly number[]
}

export interface Search {
  readonly space: Space
  readonly budgets: readonly Budget[]
  readonly costs: Costs
  readonly records: Records
  /** Candidates to propose in all. */
  readonly episodes: number
  /** Candidates judged in one run of the GPU. */
  readonly candidates: number
  readonly seed: number
  /** Of the constrained agent. */
  readonly algorithm: Algorithm
  readonly reward: Reward
  readonly signal?: AbortSignal
  /** The uniform network within the budgets. */
  readonly uniform: { readonly share: number; readonly widths: Widths }
  /** Where agents begin, within the budgets. */
  readonly start: Widths
  readonly startsUniform: boolean
  judge(proposals: readonly Proposal[]): Promise<EpisodeRecord[]>
  /** Adds a row to metrics.csv. */
  metric(row: Readonly<Record<string, number | null>>): Promise<void>
}

export interface SearchSetup extends Omit<Search, 'judge' | 'metric'> {
  readonly run?: Run
  readonly report: Reporter
  /** Judges networks that were never judged; in chunks of `candidates`. */
  readonly evaluate: (cuts: readonly Cut[]) => Promise<Judged[]>
  readonly onEpisode?: (record: EpisodeRecord) => void
}

export function createSearch(setup: SearchSetup): Search {
  const { space, budgets, costs, records, episodes } = setup
  const judged = new Map<string, Judged>()
  for (const [key, { judgement }] of records.known) judged.set(key, judgement)
  const keyOf = (cut: Cut) => cutKey(space, cut)
  const rows: Readonly<Record<string, number | null>>[] = []
  return {
    ...setup,
    async judge(proposals) {
      if (setup.signal?.aborted) throw new AbortedError('the search was interrupted')
      const values: number[][] = []
      for (const { widths, kept } of proposals) values.push(await costs.of(widths, kept))
      const fresh = new Map(proposals.map((proposal) => [keyOf(proposal), proposal] as const).filter(([key]) => !judged.has(key)))
      const results = fresh.size > 0 ? await setup.evaluate([...fresh.values()]) : []
      ;[...fresh.keys()].forEach((key, i) => judged.set(key, results[i]))
      const made = proposals.map((proposal, i): EpisodeRecord => {
        const judgement = judged.get(keyOf(proposal))!
        const { accuracy, loss, entropy } = judgement
        return {
          episode: records.all.length + i,
          source: proposal.source,
          actions: Object.fromEntries(space.open.map(({ group }, g) => [group.id, 1 - proposal.shares[g]])),
          widths: space.byId(proposal.widths),
          ...(proposal.kept && { masks: masksToText(space, proposal.kept) }),
          reward: rewardOf(setup.reward, judgement, () => space.candidate(proposal.widths).macs),
          accuracy,
          loss,
          ...(entropy !== undefined && { entropy }),
          costs: Object.fromEntries(budgets.map((budget, k) => [budget.text, values[i][k]])),
          signals: proposal.signals ?? [],
          multipliers: proposal.multipliers ?? [],
          feasible: meets(values[i], budgets),
        }
      })
      await records.add(made)
      for (const record of made) setup.onEpisode?.(record)
      const best = records.ranked()[0]
      const detail = best ? `best ${(100 * best.accuracy).toFixed(2)}% within the budgets` : 'none within the budgets yet'
      setup.report.progress('search', records.all.length, Math.max(episodes, records.all.length), detail)
      return made
    },
    async metric(row) {
      rows.push(row)
      // Not every part of a search has all columns.
      const columns = [...new Set(rows.flatMap((each) => Object.keys(each)))]
      const lines = [columns, ...rows.map((each) => columns.map((column) => each[column] ?? ''))]
      await setup.run?.write('metrics.csv', lines.map((line) => `${line.join(',')}\n`).join(''))
    },
  }
}

/** A row of metrics.csv about the last `count` candidates. */
export function metricsOf(
  { records, budgets }: Search,
  count: number,
  more: Readonly<Record<string, number | null>> = {},
): Record<string, number | null> {
  const last = records.all.slice(records.all.length - count)
  const mean = (read: (record: EpisodeRecord) => number) => last.reduce((sum, record) => sum + read(record), 0) / last.length
  const best = records.ranked()[0]
  return {
    episodes: records.all.length,
    reward: mean((record) => record.reward),
    best: best ? best.accuracy : null,
    feasible: mean((record) => (record.feasible ? 1 : 0)),
    ...Object.fromEntries(budgets.map((budget) => [csv(budget.text), mean((record) => record.costs[budget.text])])),
    ...more,
  }
}

const csv = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)
