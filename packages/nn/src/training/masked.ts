import { elements, type Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import type { Normalization } from '../data/normalize.js'
import { fuseForInference, reachedFrom, useCandidateStatistics } from '../engine/fuse.js'
import { AbortedError, InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { type ChannelGroup, type InputStatistics, type Kept, maskGraph, maskName } from '../prune/index.js'
import { addEntropy, type EntropyGraph, type EntropySettings, meanEntropy } from './entropy.js'
import { createJudge, type Judgement } from './judge.js'
import { listChannels } from './lists.js'
import { createRefitter, type RefitterOptions, type Writes } from './refitter.js'

export interface MaskedJudgement extends Judgement {
  /**
   * Where it was asked for: the spatial entropy of the candidate's activations, the mean over retained channels, then over images, then over layers
   * (masked tensors that have positions). `aura` lies in [0, 1], `aura-matrix` is in nats.
   */
  readonly entropy?: number
}

export interface MaskedEvaluator {
  /**
   * Judges any number of candidates, `candidates` in one run. A candidate says which units of each group it keeps;
   * a group it does not name is whole. Trying one writes a few hundred bytes and replays; nothing is recompiled.
   */
  evaluate(kept: readonly Kept[], signal?: AbortSignal): Promise<MaskedJudgement[]>
  readonly plan: {
    readonly arenaBytes: number
    readonly persistentBytes: number
    readonly lowerBoundBytes: number
    readonly dispatches: number
  }
  destroy(): void
}

export interface MaskedOptions {
  readonly normalization: Normalization
  /** Candidates in one run, P; 1 when absent, and with `statistics`, where each has weights of its own. */
  readonly candidates?: number
  /** Images per run; 100 when absent. */
  readonly batch?: number
  readonly recalibrate?: boolean
  /** Judgements also have the spatial entropy. */
  readonly entropy?: EntropySettings
  /** From `gatherGrams` on this graph: every candidate is judged with the weights that `pruneAndRefit` would give it. */
  readonly statistics?: InputStatistics
  /** How they are re-fitted, and how much of it is remembered. */
  readonly refit?: RefitterOptions
}

/**
 * The network with a mask per unlocked group, compiled once: what judges candidates during a search. With `recalibrate` batch normalisation
 * uses the statistics that each candidate has on the images of the run (those of a batch together: see that `batch` is not too small).
 * With `statistics` a candidate's judgement is that of the network which `pruneAndRefit` makes of it. With `entropy` judgements also have the
 * reward of arXiv 2312.04918 (which is its negative).
 */
export async function maskedEvaluator(
  gpu: Gpu,
  graph: Graph,
  groups: readonly Pick<ChannelGroup, 'id' | 'channels' | 'locked'>[],
  dataset: Dataset,
  options: MaskedOptions,
): Promise<MaskedEvaluator> {
  const candidates = options.statistics ? 1 : (options.candidates ?? 1)
  const open = groups.filter((group) => group.locked === null)
  const masked = maskGraph(graph, open, { candidates })
  const entropy = options.entropy && addEntropy(graph, masked, open, options.entropy)
  const whole = entropy?.graph ?? masked
  const masks = open.map(({ id }) => maskName(id))
  // What comes before the first masks is the same for all candidates. A mask that is part of the layer before it would make it differ.
  const reached = reachedFrom(whole.nodes, masks)
  const first = whole.nodes.filter(({ op, inputs }) => op === 'Mask' && !reached.has(inputs[0])).flatMap(({ outputs }) => outputs)
  const fused = fuseForInference(options.recalibrate ? useCandidateStatistics(whole, candidates) : whole, new Set(first))
  const { graph: network, write: writeLists } = listChannels(graph, fused, open, candidates)
  const refitter = options.statistics && createRefitter(graph, { masked: whole, network }, open, options.statistics, options.refit)
  const judge = await createJudge(gpu, network, dataset, {
    normalization: options.normalization,
    batch: options.batch ?? 100,
    candidates,
    sum: entropy && { tensor: entropy.sums, columns: entropy.layers },
    varying: masks,
  })
  const { executable } = judge
  const written = new Map<string, Writes>()
  const refit = (solutions: ReadonlyMap<string, Writes>) => {
    for (const [layer, writes] of solutions) {
      if (written.get(layer) === writes) continue
      for (const [name, data] of writes) executable.write(name, data)
      written.set(layer, writes)
    }
  }
  return {
    async evaluate(kept, signal) {
      const results: MaskedJudgement[] = []
      for (let start = 0; start < kept.length; start += candidates) {
        // To re-fit may take seconds.
        if (signal?.aborted) throw new AbortedError('evaluation was interrupted')
        const chunk = kept.slice(start, start + candidates)
        for (const group of open) {
          const mask = maskName(group.id)
          executable.write(mask, masksOf(group, chunk, candidates, elements(executable.shapes.get(mask)!)))
        }
        writeLists(executable, chunk)
        if (refitter) refit(refitter.solve(chunk[0]))
        if (entropy) executable.write('sums', new Float32Array(candidates * entropy.layers))
        const judged = (await judge.judge(undefined, signal)).slice(0, chunk.length)
        if (entropy) results.push(...withEntropy(judged, await executable.read('sums'), chunk, entropy, dataset.count))
        else for (const one of judged) results.push(one)
      }
      return results
    },
    plan: executable.plan,
    destroy: () => judge.destroy(),
  }
}

function withEntropy(
  judged: readonly Judgement[],
  sums: Float32Array,
  candidates: readonly Kept[],
  { layers, retained }: EntropyGraph,
  images: number,
): MaskedJudgement[] {
  return judged.map((judgement, p) => ({
    ...judgement,
    entropy: meanEntropy(sums.subarray(p * layers, (p + 1) * layers), retained(candidates[p]), images),
  }))
}

/** Rows of ones and zeros [candidates, channels]; rows beyond the given candidates repeat the first. */
export function masksOf(
  group: Pick<ChannelGroup, 'id' | 'channels'>,
  kept: readonly Kept[],
  candidates: number,
  length = candidates * group.channels,
): Float32Array {
  if (length !== candidates * group.channels)
    throw new InputError(`mask of group '${group.id}'`, { expected: `${candidates} x ${group.channels}`, found: length })
  const mask = new Float32Array(length)
  for (let p = 0; p < candidates; p++) {
    const indices = (kept[p] ?? kept[0])?.[group.id]
    if (!indices) mask.fill(1, p * group.channels, (p + 1) * group.channels)
    else for (const index of Array.from(indices)) mask[p * group.channels + index] = 1
  }
  return mask
}
