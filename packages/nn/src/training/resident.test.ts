import { acquireGpu, type Gpu } from '@espalier/kernels'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBuilder } from '../architectures/builder.js'
import { compile } from '../engine/compile.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { computeOnce, residentBytes, splitVarying } from './resident.js'

let gpu: Gpu
beforeAll(async () => {
  gpu = await acquireGpu({ prefer: process.env.ESPALIER_ADAPTER })
})
afterAll(() => gpu.close())

/** Two convolutions and a shortcut around the second, whose input is masked; the mask repeats the images. */
function network(): Graph {
  const net = createBuilder({ name: 'split', input: [3, 5, 6], seed: 3 })
  const value = net.relu('stem.relu', net.conv('stem', net.input, 4))
  const graph = net.graph(net.add('sum', net.conv('conv', value, 4), value))
  const [stem] = graph.nodes.find(({ op }) => op === 'Relu')!.outputs
  const mask = { name: 'mask', op: 'Mask', inputs: [stem, 'mask:stem'], outputs: ['masked'], attributes: { expand: 1 } }
  const repeat = { name: 'repeat', op: 'RepeatBatch', inputs: [stem], outputs: ['repeated'], attributes: { repeats: 2 } }
  const at = graph.nodes.findIndex(({ name }) => name === 'conv')
  const rest = graph.nodes.slice(at).map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === stem ? (node.name === 'conv' ? 'masked' : 'repeated') : name)),
  }))
  return {
    ...graph,
    nodes: [...graph.nodes.slice(0, at), mask, repeat, ...rest],
    inputs: [...graph.inputs, { name: 'mask:stem', shape: [2, 4], type: 'float32' }],
  }
}

test('the part that no mask reaches runs once; both parts give what the whole gives, to the bit', async () => {
  const graph = network()
  const batch = 3
  const input = graph.inputs[0].name
  const random = createRandom(1, 'images')
  const images = [0, 1].map(() => Float32Array.from({ length: batch * 3 * 5 * 6 }, () => random.normal()))
  const parts = splitVarying(graph, input, ['mask:stem'], batch)!
  expect(parts.before.nodes.map(({ op }) => op)).toEqual(['Conv', 'Relu'])
  expect(parts.after.nodes.map(({ op }) => op)).toEqual(['Mask', 'RepeatBatch', 'Conv', 'Add'])
  expect(parts.between).toEqual([{ name: parts.before.nodes[1].outputs[0], shape: [batch, 4, 5, 6] }])
  expect([...parts.after.initializers.keys()].some((name) => parts.before.initializers.has(name))).toBe(false)
  expect(residentBytes(parts.between, 2)).toBe(2 * batch * 4 * 5 * 6 * 4)

  const bytes = (run: number) => new Uint8Array(images[run].buffer)
  const kept = await computeOnce(gpu, parts, batch, 2, bytes)
  const [whole, after] = [await compile(gpu, graph, { batch }), await compile(gpu, parts.after, { batch })]
  const output = graph.outputs[0].name
  for (const [run, mask] of [
    [1, [1, 0, 1, 1, 0, 1, 0, 1]],
    [0, [0, 0, 1, 0, 1, 1, 1, 1]],
    [1, [1, 1, 1, 1, 0, 0, 0, 1]],
  ] as const) {
    whole.write(input, images[run])
    kept.load(after, run)
    for (const each of [whole, after]) {
      each.write('mask:stem', Float32Array.from(mask))
      each.run()
    }
    expect(await after.read(output)).toEqual(await whole.read(output))
  }
  for (const each of [whole, after, kept]) each.destroy()
})

test('what reads the images themselves, or nothing that could be kept, stays whole', () => {
  const graph = network()
  const [image, stem] = [graph.inputs[0].name, graph.nodes[1].outputs[0]]
  const direct = graph.nodes.map((node) => (node.op === 'Mask' ? { ...node, inputs: [image, 'mask:stem'] } : node))
  expect(splitVarying({ ...graph, nodes: direct }, image, ['mask:stem'], 1)).toBeUndefined()
  expect(splitVarying(graph, image, [image], 1)).toBeUndefined()
  expect(
    splitVarying({ ...graph, nodes: graph.nodes.slice(0, 2), outputs: [{ ...graph.outputs[0], name: stem }] }, image, [], 1),
  ).toBeUndefined()
})
