import type { Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import type { Normalization } from '../data/normalize.js'
import { prepareForTraining } from '../engine/fuse.js'
import type { Graph } from '../graph.js'
import { classifierOf } from './judge.js'
import { overImages } from './over-images.js'

/**
 * Batch-normalisation recalibration: the running statistics become the averages, over some training images, of the
 * statistics the network has now. After channels are removed the stored ones are of another network; this alone often
 * brings back much of the accuracy (Li et al., EagleEye, arXiv 2007.02491). Weights do not change.
 * @returns a new graph; the same graph when it has no batch normalisation
 */
export async function recalibrateBatchNorm(
  gpu: Gpu,
  graph: Graph,
  dataset: Dataset,
  options: { normalization: Normalization; images?: number; batch?: number; seed?: number },
): Promise<Graph> {
  const classifier = classifierOf(graph, dataset)
  // ONNX momentum 0: the running statistics are those of the last batch; the average over batches is taken here.
  const network = prepareForTraining(classifier.graph, 0)
  const names = network.nodes.filter((node) => node.op === 'BatchNormalizationTraining').flatMap((node) => [node.inputs[3], node.inputs[4]])
  if (names.length === 0) return graph
  const sums = new Map(names.map((name) => [name, new Float64Array(graph.initializers.get(name)!.data.length)]))
  const outputs = [{ name: classifier.logits, shape: [], type: 'float32' as const }]
  const { batches } = await overImages(gpu, { ...network, outputs }, classifier.input, dataset, options, async (executable) => {
    for (const [name, sum] of sums) (await executable.read(name)).forEach((value, c) => (sum[c] += value))
  })
  const initializers = new Map(graph.initializers)
  for (const [name, sum] of sums)
    initializers.set(name, { ...graph.initializers.get(name)!, data: Float32Array.from(sum, (value) => value / batches) })
  return { ...graph, initializers }
}
