/** Judged candidates: their records on disk, the best of them, and what an interrupted run already knows. */
import { InputError } from '@espalier/nn'
import type { Budget } from '../budgets/budgets.js'
import type { Judged } from '../search/reward.js'
import { type Cut, cutKey, masksFromText, type Space } from '../space/space.js'
import { type Fields, isFigure, isList, isNumber, isObject, isText, optional, type Run } from './run.js'

/** One line of episodes.jsonl. */
export interface EpisodeRecord {
  readonly episode: number
  /**
   * Who proposed it: where the agent starts, the agent exploring, the agent's most probable choice, a baseline, or the local search around the best; a
   * finalist is one of them judged again, cut and recalibrated and trained for a moment.
   */
  readonly source: 'uniform' | 'start' | 'agent' | 'policy' | 'random' | 'global' | 'greedy' | 'local' | 'finalist'
  /** Share of channels removed, as proposed, by group. */
  readonly actions: Readonly<Record<string, number>>
  /** Channels left by group, as judged. */
  readonly widths: Readonly<Record<string, number>>
  /** Which channels, where they were chosen one by one: a hexadecimal digit for each four. */
  readonly masks?: Readonly<Record<string, string>>
  /** What the search maximises; of a finalist the validation accuracy in percent. */
  readonly reward: number
  readonly accuracy: number
  readonly loss: number
  /** Mean spatial entropy of the retained channels' activations, where the reward needs it. */
  readonly entropy?: number
  /** Value of every budget for these widths. */
  readonly costs: Readonly<Record<string, number>>
  /** Cost signals the agent got: of what it proposed, 1 at the limit. */
  readonly signals: readonly number[]
  readonly multipliers: readonly number[]
  readonly feasible: boolean
}

export interface Records {
  readonly all: readonly EpisodeRecord[]
  /** What an interrupted run knew: its judgements, so that going through the search again is quick. */
  readonly known: ReadonlyMap<string, { judgement: Judged; values: number[] }>
  readonly knownFinalists: ReadonlyMap<string, Judged>
  add(records: readonly EpisodeRecord[]): Promise<void>
  /** Feasible records, the best first: reward, then accuracy, loss and parameters. */
  ranked(): EpisodeRecord[]
}

const file = 'episodes.jsonl'

const sources: readonly unknown[] = ['uniform', 'start', 'agent', 'policy', 'random', 'global', 'greedy', 'local', 'finalist']

function fieldsOf({ open }: Space, budgets: readonly Budget[]): Fields<EpisodeRecord> {
  const ofGroups = (is: (value: unknown, channels: number) => boolean) => (value: unknown) =>
    isObject(value) && open.every(({ group: { id, channels } }) => is(value[id], channels))
  return {
    episode: isNumber,
    source: (value) => sources.includes(value),
    actions: isObject,
    widths: ofGroups((value, channels) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= channels),
    masks: optional(ofGroups((value, channels) => isText(value) && value.length === Math.ceil(channels / 4) && /^[0-9a-f]*$/.test(value))),
    reward: isNumber,
    accuracy: isNumber,
    loss: isFigure,
    entropy: optional(isNumber),
    costs: (value) => isObject(value) && budgets.every(({ text }) => isNumber(value[text])),
    signals: isList(isFigure),
    multipliers: isList(isFigure),
    feasible: (value) => typeof value === 'boolean',
  }
}

/**
 * Opens the records of a run, or keeps them in memory only. A search that is resumed is gone through again from its seed with the known judgements:
 * it comes to the same proposals, and every record must be the one on disk, down to the last byte.
 */
export async function openRecords(run: Run | undefined, space: Space, budgets: readonly Budget[]): Promise<Records> {
  const before = (await run?.records(file, fieldsOf(space, budgets))) ?? []
  const known = new Map<string, { judgement: Judged; values: number[] }>()
  const knownFinalists = new Map<string, Judged>()
  for (const { value: record } of before) {
    const { source, accuracy, loss, entropy, costs } = record
    const key = cutKey(space, cutOf(space, record))
    const values = budgets.map((budget) => costs[budget.text])
    if (source === 'finalist') knownFinalists.set(key, { accuracy, loss })
    else known.set(key, { judgement: { accuracy, loss, entropy }, values })
  }
  const all: EpisodeRecord[] = []
  const sizes = new Map<EpisodeRecord, number>()
  const params = (record: EpisodeRecord) => {
    if (!sizes.has(record)) sizes.set(record, space.candidate(cutOf(space, record).widths).params)
    return sizes.get(record)!
  }
  return {
    all,
    known,
    knownFinalists,
    async add(records) {
      const fresh: string[] = []
      for (const record of records) {
        const line = JSON.stringify(record)
        const recorded = before[all.length]?.line
        if (recorded === undefined) fresh.push(`${line}\n`)
        else if (recorded !== line)
          throw new InputError('the run cannot be resumed: it goes another way now', {
            file: run!.path(file),
            field: `line ${all.length + 1}`,
            expected: recorded,
            found: line,
          })
        all.push(record)
      }
      if (fresh.length > 0) await run?.append(file, fresh.join(''))
    },
    ranked: () =>
      all
        .filter((record) => record.feasible)
        .sort(
          (a, b) => b.reward - a.reward || b.accuracy - a.accuracy || a.loss - b.loss || params(a) - params(b) || a.episode - b.episode,
        ),
  }
}

export const cutOf = (space: Space, { widths, masks }: Pick<EpisodeRecord, 'widths' | 'masks'>): Cut => ({
  widths: space.open.map(({ group }) => widths[group.id]),
  kept: masks && masksFromText(space, masks),
})
