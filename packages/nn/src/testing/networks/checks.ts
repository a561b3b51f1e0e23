/** What must hold for every network, whoever made it. */
import { fromBinary } from '@bufbuild/protobuf'
import type { Gpu } from '@espalier/kernels'
import { expect } from 'vitest'
import { costOf } from '../../cost.js'
import { openModel } from '../../engine/model.js'
import type { Graph } from '../../graph.js'
import { exportOnnx, importOnnx } from '../../onnx/index.js'
import { ModelProtoSchema, TensorProto_DataType as Type } from '../../onnx/proto/onnx_pb.js'
import { comparable, difference, type Outputs, runFile } from '../../onnx/testing/models.js'
import { costModel } from '../../prune/cost-model.js'
import { channelGroups, maskGraph, maskName, pruneChannels } from '../../prune/index.js'
import { run, withoutMasks, withRandomNorms } from '../../prune/testing/onnx.js'
import { createRandom } from '../../random.js'

/** Trained numbers in a file, counted from its bytes: every float that is no running statistic, bound, scale of an image or single number. */
export function trainedNumbers(bytes: Uint8Array): number {
  const { initializer, node } = fromBinary(ModelProtoSchema, bytes).graph!
  const floats = new Map(initializer.filter(({ dataType }) => dataType === Type.FLOAT).map((tensor) => [tensor.name, tensor]))
  const trained = new Set<string>()
  const alone = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max', 'Mean'])
  for (const { opType, input } of node)
    for (const [position, name] of input.entries()) {
      const tensor = floats.get(name)
      if (!tensor || opType === 'Clip' || opType === 'Pad' || opType === 'Resize') continue
      if (opType === 'BatchNormalization' && position > 2) continue
      if (!(alone.has(opType) && tensor.rawData.length === 4)) trained.add(name)
    }
  return [...trained].reduce((sum, name) => sum + floats.get(name)!.rawData.length / 4, 0)
}

/** Our engine on the inputs that `runFile` draws. */
export async function runEngine(from: Graph | Uint8Array, gpu: Gpu): Promise<Outputs> {
  const model = await openModel(from, { gpu })
  const inputs = model.graph.inputs.map(({ name, shape }) => {
    const dims = shape.map((size) => (typeof size === 'number' ? size : 1))
    const random = createRandom(1, name)
    return [name, { dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()) }] as const
  })
  const outputs = await model.run(Object.fromEntries(inputs))
  model.close()
  return outputs
}

/** Half of every free group, at random. */
export function half(graph: Graph, seed = 1): Record<string, number[]> {
  const free = channelGroups(graph).filter(({ locked }) => locked === null)
  return Object.fromEntries(
    free.map(({ id, channels }) => [id, [...createRandom(seed, id).permutation(channels)].slice(0, Math.max(1, channels >> 1))]),
  )
}

/** The network with weights drawn at random, for files whose weights are all alike; and without a Softmax at its end, which may be 0 or 1 for all. */
export function withRandomWeights(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  for (const { op, inputs } of graph.nodes) {
    const weight = initializers.get(inputs[1])
    if (!weight || (op !== 'Conv' && op !== 'Gemm')) continue
    const random = createRandom(1, inputs[1])
    const deviation = Math.sqrt((2 * weight.dims[0]) / weight.data.length)
    initializers.set(inputs[1], { ...weight, data: Float32Array.from({ length: weight.data.length }, () => random.normal(0, deviation)) })
  }
  const last = graph.nodes.at(-1)!
  if (last.op !== 'Softmax') return withRandomNorms({ ...graph, initializers })
  const [logits, probabilities] = [last.inputs[0], last.outputs[0]]
  const nodes = graph.nodes
    .slice(0, -1)
    .map((node) => ({ ...node, outputs: node.outputs.map((name) => (name === logits ? probabilities : name)) }))
  return withRandomNorms({ ...graph, nodes, initializers })
}

/**
 * A file comes back from our own as it was read; our engine, masks and the cut to half of every free group agree with onnxruntime to 1e-4
 * of the outputs' scale; and parameters are those in the file, before and after. `alike`: the file's weights are, so that nothing can change
 * its outputs.
 */
export async function expectWhole(file: Uint8Array, gpu: Gpu, { alike = false } = {}): Promise<void> {
  const graph = await importOnnx(file)
  const bytes = exportOnnx(graph)
  expect(comparable(await importOnnx(bytes)), 'import of the export').toEqual(comparable(graph))
  expect(costOf(graph).params, 'parameters').toBe(trainedNumbers(bytes))
  const full = await runFile(file)
  expect(difference(await runEngine(graph, gpu), full), 'engine').toBeLessThan(1e-4)

  const groups = channelGroups(graph).filter(({ locked }) => locked === null)
  const kept = half(graph)
  const small = pruneChannels(graph, kept)
  const smallBytes = exportOnnx(small)
  expect(comparable(await importOnnx(smallBytes)), 'import of the pruned export').toEqual(comparable(small))
  const cost = costOf(small)
  expect(cost.params, 'parameters after pruning').toBe(trainedNumbers(smallBytes))
  expect(costModel(graph, groups)(groups.map(({ id }) => kept[id].length)), 'predicted cost').toEqual({
    params: cost.params,
    macs: cost.macs,
  })
  const cut = await runFile(smallBytes)
  if (!alike) expect(difference(cut, full), 'pruning changes the outputs').toBeGreaterThan(1e-4)
  expect(difference(await runEngine(small, gpu), cut), 'engine, pruned').toBeLessThan(1e-4)

  const masks = Object.fromEntries(
    groups.map(({ id, channels }) => {
      const stays = new Set(kept[id])
      return [maskName(id), { dims: [1, channels], data: Float32Array.from({ length: channels }, (_, i) => (stays.has(i) ? 1 : 0)) }]
    }),
  )
  expect(difference(await run(withoutMasks(maskGraph(graph, groups), graph, masks)), cut), 'masked').toBeLessThan(1e-4)
}
