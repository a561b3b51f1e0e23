/** Searches that do not learn: what a learning one must beat at the same number of evaluations. */
import { createRandom } from '@espalier/nn'
import { meets, projectShares, uniformWidths } from './reach.js'
import { metricsOf, type Proposal, type Search } from './search.js'
import { keyOf } from './space.js'

/** Smaller networks than the uniform one that are judged too: narrower is seldom better, so few are enough. */
const steps = 8

/** The same share of every group: the widest network within the budgets, and the next narrower ones. */
export async function searchUniform(search: Search): Promise<void> {
  const { space, uniform, costs, budgets } = search
  const proposals: Proposal[] = []
  const seen = new Set<string>()
  for (let share = uniform.share; share > 0 && proposals.length < Math.min(steps, search.episodes); share -= 1 / 128) {
    const widths = proposals.length === 0 ? uniform.widths : uniformWidths(space, share)
    if (seen.has(keyOf(widths)) || !meets(await costs.of(widths), budgets)) continue
    seen.add(keyOf(widths))
    proposals.push({ source: 'uniform', shares: widths.map((width, i) => width / space.open[i].group.channels), widths })
  }
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
