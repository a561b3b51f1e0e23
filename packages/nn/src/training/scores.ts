/** Which channels matter least, by what they do on images; `prune/rank.ts` has the criteria that need none. */
import type { Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import { memoryOf } from '../engine/compile.js'
import { differentiate } from '../engine/differentiate.js'
import { fuseForInference } from '../engine/fuse.js'
import { InputError } from '../errors.js'
import type { Graph, Node } from '../graph.js'
import { type ChannelGroup, groupsOf } from '../prune/groups.js'
import { maskGraph, maskName } from '../prune/masks.js'
import { meanScores } from '../prune/rank.js'
import { type EntropyPoint, entropyNodes, entropyPoints } from './entropy.js'
import { classifierOf } from './judge.js'
import { batchOf, type ImagesOptions, overImages } from './over-images.js'

export const dataCriteria = ['taylor', 'entropy'] as const
export type DataCriterion = (typeof dataCriteria)[number]

export interface ScoreOptions extends ImagesOptions {
  readonly criterion: DataCriterion
}

/**
 * One score per unit of every unlocked group among `groups`, by its id, larger for what matters more. As those of `rankChannels` they are divided by
 * their mean in the group. The same seed on the same adapter gives the same scores.
 *
 * - `taylor`: |sum over positions of activation x gradient of the cross-entropy|, averaged over images (Molchanov et al. 2017, arXiv 1611.06440, eq. 8, and
 *   2019, arXiv 1906.10771, on gates): the loss that the first-order expansion says is lost without the unit. The sum is the derivative of an
 *   image's loss by the unit's mask, at 1; so each image gets a mask of its own, and all places where the unit's channels are read count.
 * - `entropy`: spatial entropy of the unit's activations where they are masked (behind the activation function), averaged over images, channels and
 *   tensors; low is unimportant. Of the definitions of the `SpatialEntropy` operation it is `aura`, the default of arXiv 2312.04918, at 16 levels (`tiny` on
 *   `shapes`, half of each group, recalibrated: 39.7% with it, 12.6% with `aura-matrix`, 60.9% with l1). A channel without positions (a linear layer's)
 *   has the entropy of its values over the images, at 16 levels too (Luo and Wu 2017, arXiv 1706.05791).
 *
 * @returns scores by group id
 */
export async function channelScores(
  gpu: Gpu,
  graph: Graph,
  groups: readonly Pick<ChannelGroup, 'id'>[],
  dataset: Dataset,
  options: ScoreOptions,
): Promise<Map<string, Float64Array>> {
  if (!dataCriteria.includes(options.criterion))
    throw new InputError('unknown criterion', {
      field: 'criterion',
      expected: `one of ${dataCriteria.join(', ')}`,
      found: String(options.criterion),
    })
  const all = groupsOf(graph).groups
  const unknown = groups.find(({ id }) => !all.some((group) => group.id === id))
  if (unknown) throw new InputError('there is no such channel group', { field: `group '${unknown.id}'` })
  const open = all.filter((group) => group.locked === null && groups.some(({ id }) => id === group.id))
  if (open.length === 0) return new Map()
  const batch = options.batch ?? Math.max(1, Math.min(50, Math.floor(roomBytes / memoryOf(graph))))
  const settled = { ...options, images: options.images ?? 500, batch }
  return options.criterion === 'taylor' ? taylor(gpu, graph, open, dataset, settled) : entropy(gpu, graph, open, dataset, settled)
}

/** Bytes of activations of a run, counted as the inference plan does; a backward pass keeps some times as many. */
const roomBytes = 2 ** 25

async function taylor(gpu: Gpu, graph: Graph, open: readonly ChannelGroup[], dataset: Dataset, options: ScoreOptions) {
  const batch = batchOf(dataset, options)
  const { input, logits, graph: network } = classifierOf(maskGraph(graph, open), dataset)
  const masks = open.map(({ id }) => maskName(id))
  const loss: Node = {
    name: 'loss',
    op: 'SoftmaxCrossEntropy',
    inputs: [logits, 'labels'],
    outputs: ['loss', 'd(loss)'],
    attributes: { labelSmoothing: 0 },
  }
  const forward: Graph = {
    ...network,
    nodes: [...network.nodes, loss],
    inputs: [
      { name: input, shape: [batch, ...dataset.shape], type: 'float32' },
      { name: 'labels', shape: [batch], type: 'int32' },
      // A mask per image: their gradients are those of single images.
      ...open.map(({ id, channels }) => ({ name: maskName(id), shape: [batch, channels], type: 'float32' as const })),
    ],
    outputs: [],
  }
  const { graph: both, gradients } = differentiate(forward, new Map([[logits, 'd(loss)']]), new Set(masks), batch)
  const outputs = [...gradients.values()].map((name) => ({ name, shape: [], type: 'float32' as const }))
  const sums = open.map(({ channels }) => new Float64Array(channels))
  let written = false
  await overImages(
    gpu,
    { ...both, outputs },
    input,
    dataset,
    options,
    async (executable) => {
      for (const [i, { id, channels }] of open.entries()) {
        const gradient = gradients.get(maskName(id))
        if (gradient) (await executable.read(gradient)).forEach((value, at) => (sums[i][at % channels] += Math.abs(value)))
      }
    },
    (executable) => {
      if (!written) for (const { id, channels } of open) executable.write(maskName(id), new Float32Array(batch * channels).fill(1))
      written = true
    },
  )
  return new Map(open.map(({ id, channels }, i) => [id, meanScores([sums[i]], channels)]))
}

const levels = 16

async function entropy(gpu: Gpu, graph: Graph, open: readonly ChannelGroup[], dataset: Dataset, options: ScoreOptions) {
  const grouping = groupsOf(graph)
  const { input, graph: network } = classifierOf(graph, dataset)
  const selected = new Set(open.map(({ id }) => grouping.groups.findIndex((group) => group.id === id)))
  const points = entropyPoints(grouping, selected)
  const nodes = points.flatMap((point) => scoreNodes(point))
  const outputs = points.map(({ tensor }) => ({ name: outputOf(tensor), shape: [], type: 'float32' as const }))
  const sums = points.map(({ places }) => new Float64Array(places.length))
  const values = points.map((): Float32Array[] => [])
  await overImages(
    gpu,
    fuseForInference({ ...network, nodes: [...network.nodes, ...nodes], outputs }),
    input,
    dataset,
    options,
    async (executable) => {
      for (const [i, { tensor, rank, places }] of points.entries()) {
        const read = await executable.read(outputOf(tensor))
        if (rank === 2) values[i].push(read)
        else read.forEach((value, at) => (sums[i][at % places.length] += value))
      }
    },
  )
  points.forEach(({ rank, places }, i) => {
    if (rank === 2) places.forEach((_, c) => (sums[i][c] = valueEntropy(values[i], c, places.length)))
  })
  return new Map(
    open.map((group) => {
      const g = grouping.groups.indexOf(group)
      const parts = points.flatMap(({ places }, i) => {
        if (!places.some((place) => place.group === g)) return []
        const scores = new Float64Array(group.channels)
        places.forEach((place, c) => {
          if (place.group === g) scores[place.unit] += sums[i][c]
        })
        return [scores]
      })
      return [group.id, meanScores(parts, group.channels)] as const
    }),
  )
}

const outputOf = (tensor: string) => `entropy of ${tensor}`

/** [N, channels] of entropies; of a tensor without positions, the values themselves. */
function scoreNodes(point: EntropyPoint): Node[] {
  const output = outputOf(point.tensor)
  if (point.rank === 2) return [{ name: output, op: 'Copy', inputs: [point.tensor], outputs: [output], attributes: {} }]
  return entropyNodes(point, output, { levels, definition: 'aura' })
}

/** Entropy, in nats, of the values of channel `c` in rows of `channels`. */
function valueEntropy(batches: readonly Float32Array[], c: number, channels: number): number {
  const values = batches.flatMap((rows) => Array.from({ length: rows.length / channels }, (_, n) => rows[n * channels + c]))
  const low = values.reduce((a, b) => Math.min(a, b))
  const high = values.reduce((a, b) => Math.max(a, b))
  if (!(high > low)) return high === low ? 0 : Number.NaN
  const counts = new Float64Array(levels)
  for (const value of values) counts[Math.min(levels - 1, Math.floor(((value - low) / (high - low)) * levels))]++
  return counts.reduce((sum, count) => (count > 0 ? sum - (count / values.length) * Math.log(count / values.length) : sum), 0)
}
