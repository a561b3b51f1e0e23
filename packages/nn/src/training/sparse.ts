/** Candidates of unstructured pruning, judged by writing their weights into one compiled network. */
import type { Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import type { Normalization } from '../data/normalize.js'
import { fuseForInference, useBatchStatistics } from '../engine/fuse.js'
import { partsOf } from '../engine/split-weights.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { checkWeightLayers, type KeptWeights, weightMasks } from '../prune/weights.js'
import { createJudge, type Judgement } from './judge.js'

export interface SparseEvaluator {
  /** Judges one candidate after the other: what `evaluate` says of `pruneWeights(graph, candidate)`. Nothing is recompiled. */
  evaluate(candidates: readonly KeptWeights[], signal?: AbortSignal): Promise<Judgement[]>
  destroy(): void
}

/**
 * The network compiled once, for candidates that have zeros for some of its weights. Only layers that change are written. Normalisation stays folded into the
 * weights: zeros of the folded weights are those of the weights. With `recalibrate` every batch normalisation uses the statistics that the
 * candidate has on the images of the run instead (those of a batch together: see that `batch` is not too small), as `maskedEvaluator` does.
 */
export async function sparseEvaluator(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: { normalization: Normalization; batch?: number; recalibrate?: boolean },
): Promise<SparseEvaluator> {
  if (dataset.count === 0) throw new InputError(`data '${dataset.name}'`, { field: 'images', expected: 'at least 1', found: 0 })
  const network = fuseForInference(options.recalibrate ? useBatchStatistics(graph) : graph)
  const { executable, judge, destroy } = await createJudge(gpu, network, dataset, {
    normalization: options.normalization,
    batch: options.batch ?? 100,
  })
  const masks = weightMasks(graph)
  const layers = network.nodes.flatMap(({ name, inputs }) => {
    const layer = masks.get(name)
    return layer ? [{ ...layer, weight: inputs[1], values: network.initializers.get(inputs[1])!.data as Float32Array }] : []
  })
  const written = new Map<string, string>()
  const apply = (candidate: KeptWeights) => {
    for (const { name, count, weight, values, mask } of layers) {
      const kept = candidate[name] ?? count
      const key = typeof kept === 'number' ? `${kept}` : `filters ${Array.from(kept).join()}`
      if ((written.get(name) ?? `${count}`) === key) continue
      const data = mask(kept, values)
      for (const part of partsOf(weight, executable.shapes)) executable.write(part.name, data.subarray(part.from, part.to))
      written.set(name, key)
    }
  }
  return {
    async evaluate(candidates, signal) {
      for (const candidate of candidates) checkWeightLayers(graph, candidate)
      const results: Judgement[] = []
      for (const candidate of candidates) {
        apply(candidate)
        results.push(...(await judge(undefined, signal)))
      }
      return results
    },
    destroy,
  }
}
