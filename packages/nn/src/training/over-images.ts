/** Some training images through a network, for what is to be learnt from its activations. */
import type { Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import type { Normalization } from '../data/normalize.js'
import { gatherBatch, shuffledIndices } from '../data/split.js'
import { compile, type Executable } from '../engine/compile.js'
import { AbortedError, InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { normalizeNode } from './judge.js'

export interface ImagesOptions {
  readonly normalization: Normalization
  /** How many, drawn from the seed; 1024 when absent. Those that fill no batch are left out. */
  readonly images?: number
  /** Images per run; 100 when absent. */
  readonly batch?: number
  readonly seed?: number
  readonly signal?: AbortSignal
}

/**
 * Runs a graph, whose image input is `input`, batch after batch; `each` reads what it needs after a run and `before` writes what the graph
 * needs besides. A graph that has an input `labels` [batch] gets them.
 * @returns how many images there were in how many batches
 */
export async function overImages(
  gpu: Gpu,
  graph: Graph,
  input: string,
  dataset: Dataset,
  options: ImagesOptions,
  each: (executable: Executable, batch: number) => Promise<void>,
  before?: (executable: Executable, run: number) => void,
): Promise<{ images: number; batches: number }> {
  const batch = batchOf(dataset, options)
  const { node, words } = normalizeNode(input, dataset, options.normalization, batch)
  const inputs = [{ name: 'bytes', shape: [words], type: 'int32' as const }, ...graph.inputs.filter((value) => value.name !== input)]
  const executable = await compile(gpu, { ...graph, inputs, nodes: [node, ...graph.nodes] }, { batch })
  try {
    const order = shuffledIndices(dataset.count, options.seed ?? 0, 0)
    const batches = Math.max(1, Math.floor(Math.min(options.images ?? imagesByDefault, dataset.count) / batch))
    const bytes = new Uint8Array(words * 4)
    const labels = new Uint32Array(batch)
    const labelled = inputs.some((value) => value.name === 'labels')
    for (let run = 0; run < batches; run++) {
      if (options.signal?.aborted) throw new AbortedError('interrupted')
      gatherBatch(dataset, order, run * batch, bytes, labels)
      executable.write('bytes', bytes)
      if (labelled) executable.write('labels', labels)
      before?.(executable, run)
      executable.run()
      await each(executable, batch)
    }
    return { images: batches * batch, batches }
  } finally {
    executable.destroy()
  }
}

const imagesByDefault = 1024

/** Images per run: as asked, and no more than there are. */
export function batchOf(dataset: Dataset, { images = imagesByDefault, batch = 100 }: Pick<ImagesOptions, 'images' | 'batch'>): number {
  if (dataset.count === 0) throw new InputError(`data '${dataset.name}'`, { field: 'images', expected: 'at least 1', found: 0 })
  return Math.max(1, Math.min(batch, images, dataset.count))
}
