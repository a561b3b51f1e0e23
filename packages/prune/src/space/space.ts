/** What a search chooses from: a width for every channel group that may be cut. */
import {
  type ChannelGroup,
  type Criterion,
  channelGroups,
  costModel,
  costOf,
  type DataCriterion,
  dataCriteria,
  exportOnnx,
  type Graph,
  type GroupMember,
  InputError,
  type Kept,
  type KeptWeights,
  keepTop,
  memoryOf,
  nonZeroWeights,
  pruneChannels,
  rankChannels,
} from '@espalier/nn'
import type { Candidate } from '../budgets/candidate.js'
import type { Structure } from './structure.js'

/** Channels left in each open group, in the order of `Space.open`. */
export type Widths = readonly number[]

/** What goes together: channels, or the weights of a layer. */
export interface Units extends Pick<ChannelGroup, 'id' | 'channels' | 'locked'> {
  readonly members: readonly Pick<GroupMember, 'layer' | 'side'>[]
}

export interface OpenGroup {
  readonly group: Units
  /** Possible widths, ascending; the last is all channels. */
  readonly widths: readonly number[]
  /** Importance of each channel, by the criterion. */
  readonly scores: Float64Array
}

export interface Space {
  readonly structure: Structure
  readonly graph: Graph
  readonly groups: readonly Units[]
  readonly open: readonly OpenGroup[]
  /** Groups that stay whole, with the reason. */
  readonly fixed: readonly { readonly id: string; readonly channels: number; readonly reason: string }[]
  readonly smallest: Widths
  readonly full: Widths
  /** The possible width nearest to a share of the group's channels, the smaller one of two. */
  nearest(group: number, share: number): number
  /** Channels that are kept of every open group; none is named where channels do not go. */
  keptOf(cut: Cut): Kept
  /** Weights that are kept of every open layer; none is named where weights do not go one by one. */
  weightsOf(cut: Cut): KeptWeights
  /** The network with what goes gone, and nothing else changed. */
  graphOf(cut: Cut): Graph
  byId(widths: Widths): Record<string, number>
  candidate(widths: Widths, kept?: Kept): Candidate
}

export interface SpaceOptions {
  readonly criterion: Criterion | DataCriterion
  readonly roundTo: number
  readonly minChannels: number
  /** Names of layers or groups that are not to be cut. */
  readonly keep: readonly string[]
  readonly seed: number
}

/** A network of the space: by its widths, of each group the channels of the highest scores; or with these very channels. */
export interface Cut {
  readonly widths: Widths
  readonly kept?: Kept
}

export const keyOf = (widths: Widths): string => widths.join(' ')

export const sharesOf = ({ open }: Space, widths: Widths): number[] => widths.map((width, i) => width / open[i].group.channels)

/** The same for any cut: its widths, or which channels it keeps. */
export const cutKey = (space: Space, cut: Cut): string =>
  cut.kept ? Object.values(masksToText(space, cut.kept)).join(' ') : keyOf(cut.widths)

/** Which channels are kept, by group: a hexadecimal digit for each four, the first channel in the highest bit. */
export function masksToText({ open }: Space, kept: Kept): Record<string, string> {
  return Object.fromEntries(
    open.map(({ group: { id, channels } }) => {
      const digits = new Uint8Array(Math.ceil(channels / 4))
      for (const index of Array.from(kept[id])) digits[index >> 2] |= 8 >> (index & 3)
      return [id, Array.from(digits, (digit) => digit.toString(16)).join('')]
    }),
  )
}

export function masksFromText({ open }: Space, masks: Readonly<Record<string, string>>): Kept {
  const bit = (text: string, index: number) => Number.parseInt(text[index >> 2], 16) & (8 >> (index & 3))
  return Object.fromEntries(
    open.map(({ group: { id, channels } }) => [id, Array.from({ length: channels }, (_, i) => i).filter((i) => bit(masks[id], i))]),
  )
}

/**
 * @param known scores by group id, for a criterion that needs data
 * @throws InputError for a name to keep that is no layer, and for a network with nothing to cut
 */
export function createSpace(graph: Graph, options: SpaceOptions, known?: ReadonlyMap<string, Float64Array>): Space {
  const groups = channelGroups(graph)
  checkNames(groups, options.keep)
  const fixed: { id: string; channels: number; reason: string }[] = []
  const open: OpenGroup[] = []
  for (const group of groups) {
    const kept = options.keep.find((name) => makes(group, name))
    const widths = widthsOf(group.channels, options)
    const reason =
      group.locked ??
      (kept
        ? `kept: --keep ${kept}`
        : widths.length < 2
          ? `no smaller width (--min-channels ${options.minChannels}, --round-to ${options.roundTo})`
          : null)
    if (reason !== null) fixed.push({ id: group.id, channels: group.channels, reason })
    else open.push({ group, widths, scores: scoresOf(graph, group, options, known) })
  }
  if (open.length === 0) throw noneOpen(graph, fixed, 'no channel of this network may be removed')
  const sizes = costModel(
    graph,
    open.map(({ group }) => group),
  )
  const byId = (widths: Widths) => Object.fromEntries(open.map(({ group }, i) => [group.id, widths[i]]))
  const keptOf = ({ widths, kept }: Cut): Kept =>
    kept ?? Object.fromEntries(open.map(({ group, scores }, i) => [group.id, keepTop(scores, widths[i])]))
  // Bytes and memory need the network itself: kept by widths, for the few vectors that are asked about again and again.
  const measured = new Map<string, { bytes?: number; memory?: number }>()
  const graphOf = (cut: Cut) => pruneChannels(graph, keptOf(cut))
  return {
    structure: 'filters',
    graph,
    groups,
    open,
    fixed,
    smallest: open.map(({ widths }) => widths[0]),
    full: open.map(({ widths }) => widths[widths.length - 1]),
    nearest: (index, share) => nearestWidth(open[index].widths, share * open[index].group.channels),
    keptOf,
    weightsOf: () => ({}),
    graphOf,
    byId,
    candidate(widths, kept) {
      const key = keyOf(widths)
      const known = measured.get(key) ?? {}
      measured.set(key, known)
      return createCandidate({
        graph: () => graphOf({ widths, kept }),
        sizes: sizes(widths),
        known,
        widths: byId(widths),
        kept: () => plainKept(keptOf({ widths, kept })),
      })
    },
  }
}

export function noneOpen(graph: Graph, fixed: Space['fixed'], message: string): InputError {
  const found = fixed.map(({ id, reason }) => `${id} (${reason})`).join('; ')
  return new InputError(message, {
    file: graph.name,
    field: 'channel groups',
    expected: 'at least one that is free',
    found: found || 'none',
  })
}

export const needsData = (criterion: Criterion | DataCriterion): criterion is DataCriterion =>
  (dataCriteria as readonly string[]).includes(criterion)

function scoresOf(
  graph: Graph,
  group: ChannelGroup,
  { criterion, seed }: SpaceOptions,
  known: ReadonlyMap<string, Float64Array> | undefined,
): Float64Array {
  if (!needsData(criterion)) return rankChannels(graph, group, criterion, { seed })
  const scores = known?.get(group.id)
  if (!scores) throw new Error(`createSpace: criterion ${criterion} needs scores from data, group '${group.id}' has none`)
  return scores
}

/** Everything is computed when it is asked for, and kept. `sizes` and `known` are what is known without. */
export function createCandidate(from: {
  graph: () => Graph
  sizes?: { params: number; macs: number; weights?: number }
  known: { bytes?: number; memory?: number }
  widths: Record<string, number>
  kept: () => Record<string, readonly number[]>
  bytes?: Uint8Array
}): Candidate {
  let graph: Graph | undefined
  let bytes = from.bytes
  let cost: ReturnType<typeof costOf> | undefined
  const made = () => (graph ??= from.graph())
  const costs = () => (cost ??= costOf(made()))
  return {
    graph: made,
    onnx: () => (bytes ??= exportOnnx(made())),
    get layers() {
      return costs().layers
    },
    get params() {
      return from.sizes?.params ?? costs().params
    },
    get macs() {
      return from.sizes?.macs ?? costs().macs
    },
    get bytes() {
      return (from.known.bytes ??= (bytes ??= exportOnnx(made())).length)
    },
    get memory() {
      return (from.known.memory ??= memoryOf(made()))
    },
    get weights() {
      return from.sizes?.weights ?? nonZeroWeights(made()).nonZero
    },
    widths: from.widths,
    get kept() {
      return from.kept()
    },
  }
}

/** A network that is there, the whole one where no cut is named, as budgets see it: nothing is taken from a model of costs. */
export const candidateOf = (graph: Graph, bytes: Uint8Array, space: Space, cut: Cut = { widths: space.full }): Candidate =>
  createCandidate({ graph: () => graph, known: {}, bytes, widths: space.byId(cut.widths), kept: () => plainKept(space.keptOf(cut)) })

export const plainKept = (kept: Kept) => Object.fromEntries(Object.entries(kept).map(([id, indices]) => [id, Array.from(indices)]))

function widthsOf(channels: number, { roundTo, minChannels }: SpaceOptions): number[] {
  const least = Math.max(1, minChannels)
  const widths: number[] = []
  for (let width = Math.ceil(least / roundTo) * roundTo; width < channels; width += roundTo) widths.push(width)
  return [...widths, channels]
}

/** The smaller one of two as near. */
export function nearestWidth(widths: readonly number[], wanted: number): number {
  let best = widths[0]
  for (const width of widths) if (Math.abs(width - wanted) < Math.abs(best - wanted)) best = width
  return best
}

const makes = (group: Units, name: string) =>
  group.id === name || group.members.some((member) => member.side === 'out' && member.layer === name)

function checkNames(groups: readonly Units[], names: readonly string[]): void {
  for (const name of names) {
    if (groups.some((group) => makes(group, name))) continue
    const known = [
      ...new Set(groups.flatMap((group) => group.members.filter((member) => member.side === 'out').map((member) => member.layer))),
    ]
    throw new InputError('there is no such layer', { field: `--keep ${name}`, expected: `one of ${known.join(', ')}` })
  }
}
