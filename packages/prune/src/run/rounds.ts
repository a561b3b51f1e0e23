/** Prune, fine-tune, prune: budgets that tighten from round to round (iterative pruning, Han et al. 2015, arXiv 1506.02626). */

import type { Graph, Kept } from '@espalier/nn'
import { makeFolder } from '#platform'
import type { Figures } from '../budgets/measure.js'
import type { PruneOptions, PruneResult } from '../job/options.js'
import { readIfThere } from './files.js'
import { type Run, recordName } from './run.js'

/** One round of several. */
export interface Round {
  readonly index: number
  /** In real units, in place of those that the budgets have. */
  readonly limits: readonly number[]
  /** Text of the file that the searches start from. */
  readonly start?: string
}

/** What the rounds before the last one came to. */
export interface Earlier {
  readonly graph: Graph
  /** Channels kept so far, of the original's. */
  readonly kept: Kept
  /** Of the original network. */
  readonly before: Figures
  readonly episodes: number
  readonly seconds: { readonly search: number; readonly finetune: number }
}

/** Part `index` of `count`, counted from 1, of a whole number; the parts add up to it. */
export const partOf = (whole: number, index: number, count: number) =>
  Math.floor((whole * index) / count) - Math.floor((whole * (index - 1)) / count)

/**
 * Limits of a round: the same factor from each round to the next, so that the last one has the limits asked for.
 * @param values of the original network; a limit that it keeps already, or that is not positive, is that of every round
 */
export const limitsOf = (values: readonly number[], limits: readonly number[], round: number, rounds: number) =>
  limits.map((limit, k) => (values[k] > limit && limit > 0 ? values[k] * (limit / values[k]) ** (round / rounds) : limit))

/** Indices into indices: what is kept of what was kept. */
export const composed = (first: Kept, second: Kept): Kept =>
  Object.fromEntries(
    Object.keys({ ...first, ...second }).map((id) => {
      const [outer, inner] = [first[id], second[id]]
      return [id, outer && inner ? Array.from(inner, (index) => outer[index]) : (inner ?? outer)]
    }),
  )

/** Goes through all rounds but the last, each a whole run in a folder of its own, `rounds/1`, `rounds/2`, ... `values` are those of the original. */
export async function earlierRounds(
  options: PruneOptions & { readonly rounds: number; readonly episodes: number; readonly finetune: number },
  {
    texts,
    limits,
    values,
    start,
  }: { readonly texts: readonly string[]; readonly limits: readonly number[]; readonly values: readonly number[]; readonly start?: string },
  run: Run | undefined,
  pruneOnce: (options: PruneOptions, round: Round) => Promise<PruneResult>,
): Promise<Earlier> {
  const { rounds, report } = options
  let earlier: Earlier | undefined
  for (let index = 1; index < rounds; index++) {
    const own = limitsOf(values, limits, index, rounds)
    report?.log(`round ${index} of ${rounds}: ${texts.map((text, k) => `${text}: ${Number(own[k].toPrecision(6))}`).join(', ')}`)
    if (run) await makeFolder(run.path('rounds'), '--run')
    const folder = run?.path(`rounds/${index}`)
    const result = await pruneOnce(
      {
        ...options,
        model: earlier?.graph ?? options.model,
        episodes: partOf(options.episodes, index, rounds),
        finetune: partOf(options.finetune, index, rounds),
        run: folder,
        out: folder && `${folder}.onnx`,
        resume: folder !== undefined && (await readIfThere(`${folder}/${recordName}`)) !== undefined,
        replace: true,
      },
      { index, limits: own, start },
    )
    earlier = {
      graph: result.graph,
      kept: composed(earlier?.kept ?? {}, result.kept),
      before: earlier?.before ?? result.before,
      episodes: (earlier?.episodes ?? 0) + result.episodes,
      seconds: {
        search: (earlier?.seconds.search ?? 0) + result.seconds.search,
        finetune: (earlier?.seconds.finetune ?? 0) + result.seconds.finetune,
      },
    }
  }
  if (!earlier) throw new Error('earlierRounds: there is only one round')
  report?.log(`round ${rounds} of ${rounds}`)
  return earlier
}
