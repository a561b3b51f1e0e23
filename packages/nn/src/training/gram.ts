/** What layers read, seen over training images: the Gram matrices that `prune/refit.ts` solves with. */
import type { Gpu } from '@espalier/kernels'
import type { Dataset } from '../data/dataset.js'
import { fuseForInference } from '../engine/fuse.js'
import type { Graph, Node } from '../graph.js'
import { numbers } from '../prune/attributes.js'
import type { ChannelGroup } from '../prune/groups.js'
import { windowSize } from '../prune/layout.js'
import { addProducts, padded } from '../prune/least-squares.js'
import { type InputStatistics, type LayerGram, type RefitLayer, refitLayers, type Skipped } from '../prune/refit.js'
import { createRandom } from '../random.js'
import { inferShapes } from '../shapes.js'
import { classifierOf } from './judge.js'
import { batchOf, type ImagesOptions, overImages } from './over-images.js'

export interface GramOptions extends ImagesOptions {
  /** Output positions per image, drawn from the seed; 10 when absent, as He et al. 2017 (arXiv 1707.06168). */
  readonly positions?: number
  /** Greatest matrix, in bytes of float64; a layer that needs more is left out with the reason. 64 MiB when absent: 2895 columns. */
  readonly maxBytes?: number
}

/**
 * Gram matrices of what the layers that read units of `groups` read, in the network as it is, over `images` training images (1500 when absent)
 * and a few positions of each. The GPU gathers the samples; the sums are float64. Batch normalisation uses its running statistics.
 */
export async function gatherGrams(
  gpu: Gpu,
  graph: Graph,
  groups: readonly Pick<ChannelGroup, 'id'>[],
  dataset: Dataset,
  { images = 1500, positions = 10, maxBytes = 2 ** 26, ...options }: GramOptions,
): Promise<InputStatistics> {
  const found = refitLayers(graph, groups)
  const skipped: Skipped[] = [...found.skipped]
  const layers = found.layers.filter(({ node, inputs, taps }) => {
    const bytes = 8 * (inputs.length * taps + 1) ** 2
    if (bytes > maxBytes)
      skipped.push({ layer: node.name, reason: `its ${inputs.length * taps} input columns need ${bytes} bytes, more than ${maxBytes}` })
    return bytes <= maxBytes
  })
  if (layers.length === 0) return { layers: new Map(), skipped }
  const settled = { ...options, images, batch: options.batch ?? 50 }
  const batch = batchOf(dataset, settled)
  const { input, graph: network } = classifierOf(graph, dataset)
  const shapes = inferShapes(network, { batch })
  const samplers = layers.map((layer) => sampler(graph, layer, shapes.get(layer.node.inputs[0])!, positions, options.seed ?? 0))
  const tensors = new Map(samplers.map((each) => [each.rows.name, each.rows]))
  const outputs = samplers.map(({ name }) => ({ name, shape: [], type: 'float32' as const }))
  const sampled: Graph = {
    ...network,
    nodes: [...network.nodes, ...[...tensors.values()].flatMap(({ nodes }) => nodes), ...samplers.map(({ node }) => node)],
    inputs: [...network.inputs, ...samplers.map(({ indices, count }) => ({ name: indices, shape: [count], type: 'int32' as const }))],
    outputs,
  }
  let places: Int32Array[] = []
  await overImages(
    gpu,
    fuseForInference(sampled),
    input,
    dataset,
    settled,
    async (executable) => {
      for (const [i, each] of samplers.entries()) each.add(await executable.read(each.name), places[i])
    },
    (executable, run) => {
      places = samplers.map((each) => each.draw(run))
      samplers.forEach(({ indices }, i) =>
        executable.write(
          indices,
          places[i].map((place) => Math.max(0, place)),
        ),
      )
    },
  )
  return { layers: new Map(samplers.map((each, i) => [layers[i].node.name, each.result()])), skipped }
}

/** Everything about one layer: the nodes that gather its samples, where they are, and the sums. */
function sampler(graph: Graph, { node, inputs, taps }: RefitLayer, shape: readonly number[], positions: number, seed: number) {
  const convolution = node.op.startsWith('Conv')
  const [tensor] = node.inputs
  const name = `samples of ${node.name}`
  const indices = `positions of ${node.name}`
  const rank = shape.length
  const channels = inputs.length
  // Rows of channels, one per image and position.
  const rows = `${tensor}:rows${convolution ? '' : ':last'}`
  const last = `${tensor}:channels last`
  const others = Array.from({ length: rank - 2 }, (_, i) => i + 2)
  const nodes: Node[] = convolution
    ? [{ name: last, op: 'Transpose', inputs: [tensor], outputs: [last], attributes: { perm: [0, ...others, 1] } }]
    : []
  nodes.push({ name: rows, op: 'Reshape', inputs: [convolution ? last : tensor], outputs: [rows], attributes: { shape: [-1, channels] } })

  const [batch] = shape
  const sizes = convolution ? shape.slice(2) : shape.slice(1, -1)
  const plane = sizes.reduce((a, b) => a * b, 1)
  const kernel = convolution ? graph.initializers.get(node.inputs[1])!.dims.slice(2) : sizes.map(() => 1)
  const axes = sizes.map((size, axis) => {
    const read = (attribute: string, i: number, fallback: number) => numbers(node, attribute)?.[i] ?? fallback
    const [stride, dilation] = convolution ? [read('strides', axis, 1), read('dilations', axis, 1)] : [1, 1]
    const [begin, end] = convolution ? [read('pads', axis, 0), read('pads', axis + sizes.length, 0)] : [0, 0]
    const places = windowSize(size, { kernel: kernel[axis], stride, dilation, pads: begin + end })!
    return { size, kernel: kernel[axis], stride, dilation, begin, places }
  })
  const all = axes.reduce((product, { places }) => product * places, 1)
  const perImage = Math.min(positions, all)
  /** The index in the plane of a tap of the window at an output position; -1 in the padding. */
  const indexOf = (position: number, tap: number) => {
    let index = 0
    let stride = 1
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { size, kernel, stride: step, dilation, begin, places } = axes[axis]
      const at = (position % places) * step - begin + (tap % kernel) * dilation
      if (at < 0 || at >= size) return -1
      index += at * stride
      stride *= size
      position = Math.floor(position / places)
      tap = Math.floor(tap / kernel)
    }
    return index
  }
  const count = batch * perImage * taps
  const columns = channels * taps
  const size = columns + 1
  const width = padded(size)
  const sums = new Float64Array(width ** 2)
  const samples = new Float64Array(batch * perImage * width)
  let seen = 0
  return {
    name,
    indices,
    count,
    rows: { name: rows, nodes },
    node: { name, op: 'Gather', inputs: [rows, indices], outputs: [name], attributes: { axis: 0 } } satisfies Node,
    draw(run: number): Int32Array {
      const random = createRandom(seed, `gram/${node.name}/${run}`)
      const places = new Int32Array(count)
      for (let n = 0, at = 0; n < batch; n++) {
        for (let p = 0; p < perImage; p++) {
          const position = perImage === all ? p : random.integer(all)
          for (let tap = 0; tap < taps; tap++) {
            const index = indexOf(position, tap)
            places[at++] = index < 0 ? -1 : n * plane + index
          }
        }
      }
      return places
    },
    add(values: Float32Array, places: Int32Array): void {
      samples.fill(0)
      for (let at = 0; at < count; at++) {
        if (places[at] < 0) continue
        const start = Math.floor(at / taps) * width + (at % taps)
        for (let c = 0; c < channels; c++) samples[start + c * taps] = values[at * channels + c]
      }
      for (let row = 0; row < batch * perImage; row++) samples[row * width + columns] = 1
      addProducts(sums, samples, width)
      seen += batch * perImage
    },
    result(): LayerGram {
      // In place: these are the largest arrays there are.
      for (let i = 0; i < size; i++) sums.copyWithin(i * size, i * width, i * width + size)
      const gram = sums.subarray(0, size ** 2)
      for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) gram[i * size + j] = gram[j * size + i]
      return { gram, columns, samples: seen }
    },
  }
}
