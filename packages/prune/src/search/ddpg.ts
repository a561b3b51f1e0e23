/**
 * `amc` and `entropy`: DDPG on AMC's environment (He et al. 2018, arXiv 1802.03494), rewarded with accuracy, or with low spatial entropy of the activations
 * (arXiv 2312.04918). An episode is one pass over the channel groups; the action is the share of a group's channels to keep, in AMC's words of the
 * input channels of the layers that read it, at least 0.2; the reward is that of the episode's end. What the exact budgets
 * do not allow is clipped: a group gets no more than leaves the groups to come a lower bound each.
 *
 * What differs from AMC: its clip comes before the rounding of widths, which may overshoot; ours looks at the very widths. The replay holds the action that was
 * executed. Of `@espalier/rl`'s DDPG it has the defaults (see `ddpg.ts` there), with the warm-up scaled from 800 episodes to those there are, and exploration
 * to the end. A custom budget cannot be clipped to: being beyond it costs reward.
 */
import { costOf } from '@espalier/nn'
import { learn, type VectorEnvironment } from '@espalier/rl'
import { relativeCost } from '../budgets/budgets.js'
import type { Costs } from '../budgets/reach.js'
import { type Space, sharesOf, type Widths } from '../space/space.js'
import { penaltyOf } from './reward.js'
import { metricsOf, type Proposal, type Search } from './search.js'

/** The least share of a group that the agent keeps, while the budgets leave room for it. */
const least = 0.2

/** Of AMC's 800 episodes 100 explore uniformly. */
const episodesOfAmc = 800
const warmupOfAmc = 100

/**
 * Over the others the deviation of the exploration falls from AMC's to a channel or two of a group, not to nothing as AMC's does: 100 instead of 50 different
 * networks in 256 episodes (`tiny`, Fashion-MNIST, `params<=10%`).
 */
const firstSigma = 0.5
const lastSigma = 0.05

export async function searchDdpg(search: Search): Promise<void> {
  const { space, episodes, candidates, seed, signal } = search
  if (!search.startsUniform || episodes < 2) {
    await search.judge([{ source: 'start', shares: sharesOf(space, search.start), widths: search.start }])
    await search.metric(metricsOf(search, 1))
  }
  // The last is for what the policy finds best in the end.
  const free = episodes - search.records.all.length - 1
  if (free >= 1) {
    const warmup = Math.round((free * warmupOfAmc) / episodesOfAmc)
    const copies = Math.min(candidates, free)
    const { policy } = await learn({
      algorithm: 'ddpg',
      vectorEnvironment: environment(search, copies),
      collect: { episodes: copies },
      steps: (free - (free % copies)) * space.open.length,
      warmup,
      sigma: firstSigma,
      decay: (lastSigma / firstSigma) ** (1 / (free - warmup)),
      seed,
      signal,
      onIteration: () => search.metric(metricsOf(search, copies)),
    })
    const act = async (deterministic: boolean) => {
      const pass = createPass(search)
      while (!pass.done()) pass.act((policy.act(pass.observation(), { deterministic }) as Float32Array)[0])
      await search.judge([pass.proposal(deterministic ? 'policy' : 'agent')])
    }
    while (search.records.all.length < episodes - 1) await act(false)
    await act(true)
    await search.metric(metricsOf(search, 1))
  }
}

/** One pass over the groups. */
function createPass({ space, costs, start }: Search) {
  const shares: number[] = []
  const widths: number[] = []
  const observe = observer(space)
  const lower = lowerBounds(space, costs, start)
  return {
    done: () => widths.length === space.open.length,
    observation: () => observe(widths, shares.at(-1) ?? 1),
    /** @returns the share that was executed */
    act(share: number) {
      const i = widths.length
      shares.push(share)
      widths.push(widestWithin(space, costs, widths, space.nearest(i, share), lower))
      return widths[i] / space.open[i].group.channels
    },
    proposal: (source: Proposal['source']): Proposal => ({ source, shares: [...shares], widths: [...widths] }),
  }
}

/** The share `least` of every group; where that is beyond the budgets, half of what the start keeps; where that is too, the smallest widths. */
function lowerBounds(space: Space, costs: Costs, start: Widths): Widths {
  const fifth = space.open.map((_, i) => space.nearest(i, least))
  if (costs.fits(fifth)) return fifth
  const half = start.map((width, i) => space.nearest(i, width / 2 / space.open[i].group.channels))
  return costs.fits(half) ? half : space.smallest
}

/** The widest of the group's widths, up to `wanted`, that fits with what is decided and the lower bounds of all that is not. */
function widestWithin(space: Space, costs: Costs, decided: Widths, wanted: number, lower: Widths): number {
  const i = decided.length
  const options = space.open[i].widths.filter((width) => width <= Math.max(wanted, lower[i]) && width >= lower[i])
  const fits = (width: number) => costs.fits([...decided, width, ...lower.slice(i + 1)])
  let low = 0
  let high = options.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(options[middle])) low = middle
    else high = middle - 1
  }
  return options[low]
}

/**
 * AMC's state of a group, by the first layer that reads it: index, type, channels in and out, height, width, stride, kernel, its MACs, the MACs that are gone so
 * far, those of the layers to come, and the action before; the layer's numbers in shares of the greatest over the groups.
 */
function observer(space: Space): (widths: Widths, action: number) => number[] {
  const nodes = new Map(space.graph.nodes.map((node) => [node.name, node]))
  const layers = new Map(costOf(space.graph).layers.map((layer) => [layer.name, layer]))
  const rows = space.open.map(({ group }, index) => {
    const member = group.members.find(({ side }) => side === 'in') ?? group.members[0]
    const node = nodes.get(member.layer)
    const layer = layers.get(member.layer)
    const [, channels = group.channels, height = 1, width = 1] = layer?.inputShape ?? []
    const first = (name: string) => {
      const value = node?.attributes[name]
      return Array.isArray(value) ? Number(value[0]) : 1
    }
    const type = node?.op.startsWith('Conv') ? (Number(node.attributes.group ?? 1) > 1 ? 1 : 0) : 2
    return [index, type, channels, layer?.outputShape?.[1] ?? 0, height, width, first('strides'), first('kernel_shape'), layer?.macs ?? 0]
  })
  const greatest = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]), 1e-9))
  const whole = space.candidate(space.full).macs
  const toCome = rows.map((_, index) => rows.slice(index).reduce((sum, row) => sum + row[8], 0) / whole)
  return (widths, action) => {
    const index = Math.min(widths.length, rows.length - 1)
    const left = space.candidate([...widths, ...space.full.slice(widths.length)]).macs
    return [...rows[index].map((value, column) => value / greatest[column]), 1 - left / whole, toCome[index], action]
  }
}

/** How wide a state is. */
const stateSize = 12

function environment(search: Search, copies: number): VectorEnvironment {
  const running = Array.from({ length: copies }, () => createPass(search))
  return {
    copies,
    observationSize: stateSize,
    actions: { kind: 'box', low: 0, high: 1, size: 1 },
    reset: (which) =>
      which.map((copy) => {
        running[copy] = createPass(search)
        return running[copy].observation()
      }),
    async step(actions) {
      const executed = actions.map((action, copy) => (action === null ? 0 : running[copy].act((action as Float32Array)[0])))
      const ends = actions.flatMap((action, copy) => (action !== null && running[copy].done() ? [copy] : []))
      const judged = ends.length > 0 ? await search.judge(ends.map((copy) => running[copy].proposal('agent'))) : []
      return actions.map((action, copy) => {
        if (action === null) return null
        const record = judged[ends.indexOf(copy)]
        return {
          observation: running[copy].observation(),
          reward: record ? record.reward - penaltyOf[search.reward] * excess(search, record.costs) : 0,
          terminated: record !== undefined,
          truncated: false,
          executed: Float32Array.of(executed[copy]),
        }
      })
    },
  }
}

/** By how much the budgets are exceeded, in shares of their limits. */
const excess = ({ budgets }: Search, costs: Readonly<Record<string, number>>) =>
  budgets.reduce((sum, { text, limit }) => sum + Math.max(0, relativeCost(costs[text], limit) - 1), 0)
