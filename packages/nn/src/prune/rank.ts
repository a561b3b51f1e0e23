/** Which channels matter least, by their weights; `training/scores.ts` has the criteria that need data. */
import { InputError } from '../errors.js'
import type { Graph, TensorData } from '../graph.js'
import { createRandom } from '../random.js'
import type { Analysis } from './analysis.js'
import { scalar } from './attributes.js'
import type { Layer } from './context.js'
import { type ChannelGroup, type GroupMember, groupsOf } from './groups.js'

export const criteria = ['l1', 'l2', 'bn', 'fpgm', 'random'] as const
export type Criterion = (typeof criteria)[number]

/**
 * One score per unit of a group, larger for what matters more.
 *
 * - `l1`, `l2`: sum of |w| or w^2 over the weights that make the unit's channels, and over those that read them (Li et al. 2017; Fang et al. 2023).
 * - `bn`: |scale| of the batch normalisations on the unit's channels (Liu et al. 2017).
 * - `fpgm`: sum of distances to the other units' filters: what lies near the geometric median can be replaced by the others (He et al. 2019).
 * - `random`: uniform, from the seed and the group's id.
 *
 * Each member of the group is scored, its scores are divided by their mean, and the group's score is the mean over members: a large
 * layer does not outvote a small one (the group norm of Torch-Pruning, group_reduction and normalizer 'mean').
 */
export function rankChannels(
  graph: Graph,
  group: Pick<ChannelGroup, 'id'>,
  criterion: Criterion,
  { seed = 0 }: { seed?: number } = {},
): Float64Array {
  if (!criteria.includes(criterion)) {
    throw new InputError('unknown criterion', { field: 'criterion', expected: `one of ${criteria.join(', ')}`, found: String(criterion) })
  }
  const { analysis, groups, units } = groupsOf(graph)
  const index = groups.findIndex((one) => one.id === group.id)
  if (index < 0) throw new InputError('there is no such channel group', { field: `group '${group.id}'` })
  const found = groups[index]
  if (criterion === 'random') {
    const random = createRandom(seed, `rank/${found.id}`)
    return Float64Array.from({ length: found.channels }, () => random.uniform())
  }
  const parts =
    criterion === 'bn'
      ? scales(analysis, units[index], found.id)
      : found.members.flatMap((member) => memberScores(analysis, member, found.channels, criterion))
  return meanScores(parts, found.channels)
}

/** Scores of several parts, each divided by its mean, and their mean; a part in which all are zero counts as ones. */
export function meanScores(parts: readonly ArrayLike<number>[], channels: number): Float64Array {
  const scores = new Float64Array(channels)
  for (const part of parts) {
    const values = Array.from(part)
    const mean = values.reduce((a, b) => a + b, 0) / channels
    values.forEach((score, unit) => {
      scores[unit] += (mean > 0 ? score / mean : 1) / parts.length
    })
  }
  return scores
}

/** Units with the highest scores, ascending; of equal scores the smaller unit number is kept. */
export function keepTop(scores: ArrayLike<number>, count: number): number[] {
  if (!Number.isInteger(count) || count < 1 || count > scores.length) {
    throw new InputError('number of channels to keep', { expected: `a whole number from 1 to ${scores.length}`, found: count })
  }
  const order = Array.from(scores, (score, unit) => ({ score, unit }))
  const bad = order.find(({ score }) => Number.isNaN(score))
  if (bad) throw new InputError('score of a channel', { expected: 'a number', found: `NaN at ${bad.unit}` })
  order.sort((a, b) => b.score - a.score || a.unit - b.unit)
  return order
    .slice(0, count)
    .map(({ unit }) => unit)
    .sort((a, b) => a - b)
}

export interface WidthOptions {
  /** Widths are multiples of this where the group is wide enough. 1 when absent. */
  readonly roundTo?: number
  /** Never fewer than this (or than all, where the group has fewer). 1 when absent. */
  readonly minChannels?: number
}

/** How many of `channels` units a share of `ratio` is: the nearest multiple or all of them, never below the minimum, never zero. */
export function keptCount(channels: number, ratio: number, { roundTo = 1, minChannels = 1 }: WidthOptions = {}): number {
  const wanted = channels * ratio
  const rounded = Math.max(1, Math.round(wanted / roundTo)) * roundTo
  const least = Math.ceil(Math.max(1, minChannels) / roundTo) * roundTo
  const nearest = Math.abs(channels - wanted) <= Math.abs(rounded - wanted) ? channels : rounded
  return Math.min(channels, Math.max(least, nearest))
}

/** The slices of a weight that belong to one channel of a layer: where each run starts, and how long a run is. */
function runs({ node, outputs, inputs, outputAxis, inputAxis }: Layer, side: 'out' | 'in', weight: TensorData, channel: number) {
  const axis = side === 'out' ? outputAxis : inputAxis!
  const size = weight.dims[axis]
  const length = weight.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const outer = weight.dims.slice(0, axis).reduce((a, b) => a * b, 1)
  const starts = Array.from({ length: outer }, (_, o) => (o * size + (channel % size)) * length)
  if (size === (side === 'out' ? outputs : inputs!).length) return { starts, length }
  // Grouped: the axis numbers channels within a group, and only that group's rows belong to this channel.
  const rows = outer / scalar(node, 'group', 1)
  return { starts: starts.filter((_, o) => Math.floor(o / rows) === Math.floor(channel / size)), length }
}

function memberScores(analysis: Analysis, member: GroupMember, channels: number, criterion: 'l1' | 'l2' | 'fpgm'): Float64Array[] {
  if (criterion === 'fpgm' && member.side === 'in') return []
  const layer = analysis.layers.find((one) => one.node.name === member.layer)!
  const weight = analysis.graph.initializers.get(layer.node.inputs[1])!
  const data = weight.data as ArrayLike<number>
  const vectors = Array.from({ length: channels }, (_, unit) => {
    const mine = member.indices.subarray(unit * member.multiplicity, (unit + 1) * member.multiplicity)
    return Array.from(mine, (channel) => runs(layer, member.side, weight, channel))
  })
  if (criterion !== 'fpgm') return [Float64Array.from(vectors, (parts) => norm(data, parts, criterion))]
  const filters = vectors.map((parts) => gather(data, parts))
  const scores = new Float64Array(channels)
  for (let a = 0; a < channels; a++) {
    for (let b = a + 1; b < channels; b++) {
      const apart = distance(filters[a], filters[b])
      scores[a] += apart
      scores[b] += apart
    }
  }
  return [scores]
}

type Run = ReturnType<typeof runs>

function norm(data: ArrayLike<number>, parts: readonly Run[], criterion: 'l1' | 'l2'): number {
  const square = criterion === 'l2'
  let total = 0
  for (const { starts, length } of parts) {
    for (const start of starts) {
      for (let k = start; k < start + length; k++) total += square ? data[k] * data[k] : Math.abs(data[k])
    }
  }
  return total
}

function gather(data: ArrayLike<number>, parts: readonly Run[]): Float64Array {
  const filter = new Float64Array(parts.reduce((sum, { starts, length }) => sum + starts.length * length, 0))
  let at = 0
  for (const { starts, length } of parts) for (const start of starts) for (let k = 0; k < length; k++) filter[at++] = data[start + k]
  return filter
}

function distance(a: Float64Array, b: Float64Array): number {
  let square = 0
  for (let k = 0; k < a.length; k++) {
    const difference = a[k] - b[k]
    square += difference * difference
  }
  return Math.sqrt(square)
}

function scales(analysis: Analysis, roots: Int32Array, id: string): Float64Array[] {
  const unitOf = new Map(Array.from(roots, (root, unit) => [root, unit] as const))
  const parts = analysis.graph.nodes.flatMap((node) => {
    const layout = analysis.layouts.get(node.inputs[0])
    const scale = analysis.graph.initializers.get(node.inputs[1])
    if (node.op !== 'BatchNormalization' || layout?.axis !== 1 || !scale) return []
    const scores = new Float64Array(roots.length)
    let found = false
    layout.atoms.forEach((atom, i) => {
      const unit = unitOf.get(analysis.find(atom))
      if (unit === undefined) return
      found = true
      scores[unit] += Math.abs(Number(scale.data[i]))
    })
    return found ? [scores] : []
  })
  if (parts.length === 0)
    throw new InputError('no batch normalisation on these channels: criterion bn cannot rank them', { field: `group '${id}'` })
  return parts
}
