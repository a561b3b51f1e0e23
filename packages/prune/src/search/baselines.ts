/** Searches that do not learn: what a learning one must beat at the same number of evaluations. */
import { createRandom } from '@espalier/nn'
import { globalWidths, globalWithin, meets, projectShares, uniformWidths } from '../budgets/reach.js'
import { keyOf, type Widths } from '../space/space.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** Networks that are judged, the widest within the budgets and smaller ones: narrower is seldom better, so few are enough. */
const steps = 8

/** The same share of every group: the widest network within the budgets, and the next narrower ones. */
export async function searchUniform(search: Search): Promise<void> {
  const { space, uniform } = search
  await judgeFirst(search, 'uniform', function* () {
    yield uniform.widths
    for (let share = uniform.share - 1 / 128; share > 0; share -= 1 / 128) yield uniformWidths(space, share)
  })
}

/**
 * One threshold for the scores of all groups (Liu et al. 2017 have it so for `bn`): the widest network within the exact budgets, and the next narrower ones;
 * where a custom budget does not hold, narrower ones still, down to the smallest. The scores are those of the criterion; `l1` where none is chosen.
 */
export async function searchGlobal(search: Search): Promise<void> {
  const { space, costs } = search
  const widths = globalWidths(space)
  const most = globalWithin(space, costs)
  const channels = space.open.reduce((sum, { group }) => sum + group.channels, 0)
  await judgeFirst(search, 'global', function* () {
    for (let count = most; count > 0; count -= Math.max(1, Math.round(channels / 128))) yield widths(count)
    yield space.smallest
  })
}

/** Judges the first few of these networks, wide ones first, that are within the budgets. */
async function judgeFirst(search: Search, source: Proposal['source'], networks: () => Iterable<Widths>): Promise<void> {
  const { space, costs, budgets, episodes } = search
  const proposals: Proposal[] = []
  const seen = new Set<string>()
  for (const widths of networks()) {
    if (proposals.length >= Math.min(steps, episodes)) break
    if (seen.has(keyOf(widths))) continue
    seen.add(keyOf(widths))
    if (!meets(await costs.of(widths), budgets)) continue
    proposals.push({ source, shares: widths.map((width, i) => width / space.open[i].group.channels), widths })
  }
  if (proposals.length === 0) return
  await search.judge(proposals)
  await search.metric(metricsOf(search, proposals.length))
}

/** Shares drawn independently and scaled until the exact budgets hold, as the agent's are; those beyond a custom budget are drawn again. */
export async function searchRandom(search: Search): Promise<void> {
  const { space, costs, budgets, episodes, candidates, seed } = search
  const random = createRandom(seed, 'search/random')
  let draws = 0
  while (search.records.all.length < episodes) {
    const proposals: Proposal[] = []
    while (proposals.length < Math.min(candidates, episodes - search.records.all.length) && draws < 50 * episodes) {
      draws++
      const shares = space.open.map(() => random.uniform())
      const widths = projectShares(space, shares, costs)
      if (meets(await costs.of(widths), budgets)) proposals.push({ source: 'random', shares, widths })
    }
    if (proposals.length === 0) return
    await search.judge(proposals)
    await search.metric(metricsOf(search, proposals.length))
  }
}
