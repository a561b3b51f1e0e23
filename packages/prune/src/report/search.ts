/** What the search did: every candidate in turn, and for each budget what was proposed, what its multiplier did, and accuracy against cost. */
import { exactKinds } from '../budgets/budgets.js'
import type { EpisodeRecord } from '../run/records.js'
import { chart, diamond, dot, line, type Point, short, span, steps } from './chart.js'
import { escapeHtml, table } from './html.js'

/** Records of older versions lack some of what is recorded now. */
export type Episode = Pick<EpisodeRecord, 'accuracy' | 'feasible'> & Partial<EpisodeRecord>

/** A budget with its limit, where the run came to know it. */
export interface Limit {
  readonly budget: string
  readonly limit?: number
}

const percent = (share: number, digits = 2) => `${(100 * share).toFixed(digits)}%`
const panel = { width: 300, height: 190 }

export function searchSections(episodes: readonly Episode[], limits: readonly Limit[], chosen: number | undefined): string[] {
  if (episodes.length === 0) return []
  return [
    `<h2>Search</h2>${learningCurve(episodes, accuracy(episodes), chosen)}${rewarded(episodes) ? learningCurve(episodes, reward(episodes), chosen) : ''}`,
    ...limits
      .map((limit, k) => [limit, budgetPanels(episodes, limit, k, chosen)] as const)
      .filter(([, panels]) => panels.length > 0)
      .map(
        ([{ budget }, panels], i) =>
          `<h2>Budget ${escapeHtml(budget)}</h2><div class="panels">${panels.join('')}</div>${i === 0 ? legend : ''}`,
      ),
  ]
}

const key = (kind: string, text: string) => {
  const mark = kind === 'chosen' ? diamond({ x: 6, y: 6 }, kind, '') : dot({ x: 6, y: 6 }, kind, '', 3.5)
  return `<span><svg class="key" viewBox="0 0 12 12" aria-hidden="true">${mark}</svg>${text}</span>`
}
const legend = `<p class="legend">${[
  key('in', 'within all budgets'),
  key('out', 'beyond one'),
  key('proposed', 'as proposed, before it was scaled back'),
  key('finalist', 'finalist: really cut, and judged on more images, after a moment of training where there is fine-tuning'),
  key('chosen', 'written'),
].join(' ')} Broken line: the limit. Full line on the right: the Pareto front of what the search judged.</p>`

const describe = (episode: Episode, i: number) =>
  `candidate ${i + 1}${episode.source ? `, ${episode.source}` : ''}: ${percent(episode.accuracy)}`
const kindOf = ({ source, feasible }: Episode) => (source === 'finalist' ? 'finalist' : feasible ? 'in' : 'out')

const accuracyAxis = (episodes: readonly Episode[]) => {
  const { low, high } = span(
    episodes.map(({ accuracy }) => accuracy),
    0.1,
  )
  return { low: Math.max(0, low), high: Math.min(1, high), show: (value: number) => `${Number((100 * value).toFixed(2))}%` }
}
const turnAxis = (episodes: readonly Episode[]) => ({ low: 1, high: Math.max(2, episodes.length), show: (value: number) => String(value) })

/** What a learning curve is of; undefined for what the records do not have. */
interface Measure {
  readonly of: (episode: Episode) => number | undefined
  readonly axis: ReturnType<typeof accuracyAxis>
  readonly label: string
  readonly text: string
}

const accuracy = (episodes: readonly Episode[]): Measure => ({
  of: (episode) => episode.accuracy,
  axis: accuracyAxis(episodes),
  label: 'Validation accuracy of the candidates',
  text: 'Accuracy on the validation images before fine-tuning',
})

const isJudged = ({ source, reward }: Episode) => source !== 'finalist' && reward !== undefined

/** Whether the search looked at anything but the accuracy. */
const rewarded = (episodes: readonly Episode[]) =>
  episodes.some((each) => isJudged(each) && Math.abs(each.reward! - 100 * each.accuracy) > 1e-6)

const reward = (episodes: readonly Episode[]): Measure => ({
  of: (episode) => (isJudged(episode) ? episode.reward : undefined),
  axis: {
    ...span(
      episodes.filter(isJudged).map((each) => each.reward!),
      0.1,
    ),
    show: short,
  },
  label: 'Reward of the candidates',
  text: 'Reward, by which the search chose',
})

/** Every candidate in the order they were judged, and the best within the budgets so far. */
function learningCurve(episodes: readonly Episode[], { of, axis, label, text }: Measure, chosen: number | undefined): string {
  const svg = chart({ width: 900, height: 280, x: turnAxis(episodes), y: axis, label }, ({ at }) => {
    let best: number | undefined
    const reached: Point[] = []
    const marks = episodes.map((episode, i) => {
      const value = of(episode)
      if (value === undefined) return ''
      if (episode.source !== 'finalist') {
        if (episode.feasible) best = Math.max(best ?? value, value)
        if (best !== undefined) reached.push(at({ x: i + 1, y: best }))
      }
      return place(at({ x: i + 1, y: value }), episode, i, chosen)
    })
    return line(steps(reached), 'best') + marks.join('')
  })
  return `<div class="wide">${svg}</div><p>${text}, in the order of judgement. Line: the best within the budgets so far.</p>`
}

const place = (at: Point, episode: Episode, i: number, chosen: number | undefined) =>
  i === chosen ? diamond(at, 'chosen', `${describe(episode, i)}; written`) : dot(at, kindOf(episode), describe(episode, i))

function budgetPanels(episodes: readonly Episode[], { budget, limit }: Limit, k: number, chosen: number | undefined): string[] {
  const judged = episodes.flatMap((episode, i) => {
    const cost = episode.costs?.[budget]
    return cost === undefined ? [] : [{ episode, i, cost }]
  })
  if (judged.length === 0) return []
  return [
    valuePanel(judged, budget, limit, k, chosen),
    multiplierPanel(episodes, budget, k),
    frontPanel(judged, budget, limit, chosen),
  ].filter(Boolean)
}

type Judged = readonly { readonly episode: Episode; readonly i: number; readonly cost: number }[]

const unitOf = (budget: string) => (budget.startsWith('latency') ? ', ms' : '')
const figure = (caption: string, svg: string) => `<figure><figcaption>${escapeHtml(caption)}</figcaption>${svg}</figure>`

/** The budget's value of each candidate in turn. */
function valuePanel(judged: Judged, budget: string, limit: number | undefined, k: number, chosen: number | undefined): string {
  // A signal is 1 at the limit and grows by the value over the limit's size (`relativeCost`).
  const proposed = judged.flatMap(({ episode, i, cost }) => {
    // Measured budgets are charged for what is judged.
    const signal = exactKinds.some((kind) => budget.startsWith(kind)) ? episode.signals?.[k] : undefined
    const value = signal === undefined || limit === undefined ? cost : limit + (signal - 1) * (Math.abs(limit) || 1)
    return Math.abs(value - cost) > 1e-9 * Math.abs(cost) ? [{ x: i + 1, y: value }] : []
  })
  const values = [...judged.map(({ cost }) => cost), ...proposed.map(({ y }) => y), ...(limit === undefined ? [] : [limit])]
  const all = judged.map(({ episode }) => episode)
  const y = { ...span(values, 0), show: short }
  const frame = { ...panel, x: { ...turnAxis(all), high: Math.max(2, judged.at(-1)!.i + 1) }, y, label: `${budget} of the candidates` }
  return figure(
    `Value${unitOf(budget)}, in turn`,
    chart(frame, ({ at, left, right }) => {
      const bound = limit === undefined ? '' : level(at({ x: 1, y: limit }).y, left, right)
      const dots = judged.map(({ episode, i, cost }) => place(at({ x: i + 1, y: cost }), episode, i, chosen))
      return bound + proposed.map((point) => dot(at(point), 'proposed', `as proposed: ${short(point.y)}`)).join('') + dots.join('')
    }),
  )
}

const level = (y: number, left: number, right: number) => `<line class="limit" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`

/** The multiplier that the constrained agent was charged by. */
function multiplierPanel(episodes: readonly Episode[], budget: string, k: number): string {
  const points = episodes.flatMap(({ multipliers }, i) => (multipliers?.[k] === undefined ? [] : [{ x: i + 1, y: multipliers[k] }]))
  if (points.length < 2) return ''
  const y = { low: 0, high: Math.max(0.1, ...points.map((point) => point.y)) * 1.05, show: short }
  const frame = { ...panel, x: turnAxis(episodes), y, label: `Multiplier of ${budget}` }
  return figure(
    'Multiplier, in turn',
    chart(frame, ({ at }) => line(steps(points.map(at)), 'best')),
  )
}

/** Accuracy against the budget's value, with what no judged candidate beats in both. */
function frontPanel(judged: Judged, budget: string, limit: number | undefined, chosen: number | undefined): string {
  const x = {
    ...span([...judged.map(({ cost }) => cost), ...(limit === undefined ? [] : [limit])], 0),
    show: short,
  }
  const frame = { ...panel, x, y: accuracyAxis(judged.map(({ episode }) => episode)), label: `Accuracy against ${budget}` }
  const searched = judged.filter(({ episode }) => episode.source !== 'finalist')
  const front = paretoFront(searched.map(({ episode, cost }) => ({ x: cost, y: episode.accuracy })))
  return figure(
    `Accuracy against value${unitOf(budget)}`,
    chart(frame, ({ at, top, bottom }) => {
      const bound = limit === undefined ? undefined : at({ x: limit, y: 0 }).x
      return [
        bound === undefined ? '' : `<line class="limit" x1="${bound}" x2="${bound}" y1="${top}" y2="${bottom}"/>`,
        line(steps(front.map(at)), 'best'),
        ...judged.map(({ episode, i, cost }) => place(at({ x: cost, y: episode.accuracy }), episode, i, chosen)),
      ].join('')
    }),
  )
}

/** Points that no other beats: none is as cheap and better, or cheaper and as good. By rising cost. */
export function paretoFront(points: readonly Point[]): Point[] {
  const front: Point[] = []
  for (const point of [...points].sort((a, b) => a.x - b.x || b.y - a.y))
    if (front.length === 0 || point.y > front[front.length - 1].y) front.push(point)
  return front
}

/** Groups that were not to be cut, and why. */
export const lockedTable = (fixed: readonly { readonly id: string; readonly channels: number; readonly reason: string }[]): string =>
  fixed.length === 0
    ? ''
    : `<h2>Not cut, and why</h2>${table(
        ['Channel group', 'Channels', 'Because'],
        fixed.map(({ id, channels, reason }) => [id, String(channels), reason]),
        [1],
      )}`
