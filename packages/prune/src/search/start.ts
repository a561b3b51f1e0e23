/** Where agents begin: a solution within the budgets that costs little or nothing to find. */
import { InputError } from '@espalier/nn'
import { globalWidths, globalWithin, meets, projectShares } from '../budgets/reach.js'
import { readIfThere } from '../run/files.js'
import { cutOf } from '../run/records.js'
import type { Run } from '../run/run.js'
import type { Space, Widths } from '../space/space.js'
import { searchGreedy } from './greedy.js'
import type { Search } from './search.js'

/** Those with a name; anything else is the path of a `best.json`. */
const named = ['uniform', 'global-l1', 'greedy'] as const

/** Share of the evaluations that the greedy search may use before an agent goes on. */
const greedyShare = 1 / 3

/**
 * @param from `uniform`, `global-l1`, `greedy` (a third of the evaluations goes into it), or the `best.json` of another run on the same network
 * @param text of that file, as `readStart` found it
 * @throws InputError for a file that says nothing about this network's groups
 */
export async function startOf(search: Search, from: string, text?: string): Promise<Pick<Search, 'start' | 'startsUniform'>> {
  const { space, costs, budgets, uniform, episodes } = search
  const start = await found()
  return start ? { start, startsUniform: false } : { start: uniform.widths, startsUniform: true }

  async function found(): Promise<Widths | undefined> {
    if (from === 'uniform') return undefined
    if (from === 'greedy') {
      await searchGreedy({ ...search, episodes: Math.floor(episodes * greedyShare) })
      const best = search.records.ranked()[0]
      return best && cutOf(space, best).widths
    }
    const widths =
      from === 'global-l1' ? globalWidths(space)(globalWithin(space, costs)) : projectShares(space, sharesFrom(from, text, space), costs)
    return meets(await costs.of(widths), budgets) ? widths : undefined
  }
}

/** The text of the file that a search is to start from; undefined where it starts from something with a name, or nothing is there. */
export const readStart = async (from: string): Promise<string | undefined> =>
  named.some((name) => name === from) ? undefined : readIfThere(from)

/**
 * What a run starts from is kept with it: the file may be one that the run itself replaces, or be gone when it is gone on with.
 * @param given text of the file as it is now
 */
export async function keptStart(run: Run | undefined, given: string | undefined): Promise<string | undefined> {
  const kept = run?.before && (await run.readText(keptName))
  if (kept !== undefined) return kept
  if (given !== undefined) await run?.write(keptName, given)
  return given
}
const keptName = 'warm-start.json'

function sharesFrom(path: string, text: string | undefined, { open }: Space): number[] {
  const fail = (expected: string, found: string, cause?: unknown) =>
    new InputError('cannot be started from', { file: path, field: '--warm-start', expected, found, cause })
  if (text === undefined) throw fail(`one of ${named.join(', ')}, or the best.json of a run`, 'nothing there')
  let widths: Record<string, unknown> | undefined
  try {
    widths = (JSON.parse(text) as { widths?: Record<string, unknown> }).widths
  } catch (error) {
    throw fail('JSON', (error as Error).message, error)
  }
  return open.map(({ group: { id, channels } }) => {
    const width = widths?.[id]
    if (typeof width !== 'number' || !(width >= 1 && width <= channels))
      throw fail(`widths with 1 to ${channels} channels of group '${id}'`, width === undefined ? 'none' : String(width))
    return width / channels
  })
}
