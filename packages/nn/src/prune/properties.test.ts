/** Laws that hold for every network, on random ones. Seeds are fixed: a run is the same everywhere. */
import type { NdArray } from '@espalier/kernels'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { costOf } from '../cost.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { exportOnnx, importOnnx } from '../onnx/index.js'
import { shapesAtBatchOne } from '../onnx/shapes.js'
import { comparable } from '../onnx/testing/models.js'
import { createRandom } from '../random.js'
import { inferShapes } from '../shapes.js'
import { evaluateReference } from '../testing/reference.js'
import { analyse } from './analysis.js'
import { channelGroups, compensatedGraph, costModel, maskGraph, maskName, pruneChannels } from './index.js'
import { difference, type Outputs, run, withoutMasks } from './testing/onnx.js'
import { buildRandom, type Recipe, recipes } from './testing/random-graph.js'

/** @param runs how many networks; each law has its own */
const holds = (runs: number, seed: number, law: (graph: Graph, recipe: Recipe) => Promise<void> | void) =>
  fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      await law(buildRandom(recipe), recipe)
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  )

const free = (graph: Graph) => channelGroups(graph).filter(({ locked }) => locked === null)
const range = (count: number) => [...Array(count).keys()]

/** Some of every free group, at least one. */
function someOf(graph: Graph, seed: number, stream: string): Record<string, number[]> {
  return Object.fromEntries(
    free(graph).map(({ id, channels }) => {
      const random = createRandom(seed, `${stream} ${id}`)
      const count = 1 + random.integer(channels)
      return [id, [...random.permutation(channels)].slice(0, count).sort((a, b) => a - b)]
    }),
  )
}

const image = (graph: Graph, batch: number): NdArray => {
  const shape = graph.inputs[0].shape.map((size) => (typeof size === 'number' ? size : batch))
  const random = createRandom(1, 'image')
  return { shape, data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()) }
}

test('shapes are those that the reference computes, in all three places that infer them', () =>
  holds(150, 1, (graph) => {
    const values = evaluateReference(graph, { input: image(graph, 2) })
    const shapes = inferShapes(graph, { batch: 2 })
    const single = shapesAtBatchOne(graph)
    const { layouts } = analyse(graph)
    for (const name of graph.nodes.flatMap(({ outputs }) => outputs)) {
      const shape = [...values.get(name)!.shape]
      expect(shapes.get(name), name).toEqual(shape)
      expect(single.get(name), name).toEqual([1, ...shape.slice(1)])
      expect(layouts.get(name)!.shape.slice(1), name).toEqual(shape.slice(1))
    }
  }))

const transposes = (graph: Graph) => graph.nodes.filter(({ op }) => op === 'Transpose').length

test('a file and back is the same network', () =>
  holds(200, 2, async (graph) => {
    const imported = await importOnnx(exportOnnx(graph))
    // The import leaves out Transposes that undo one another.
    if (transposes(graph) === transposes(imported)) expect(comparable(imported)).toEqual(comparable(graph))
    else expect(difference(await run(imported), await run(graph))).toBeLessThan(1e-5)
    // Weights come back in the order of their use; from then on not a byte changes.
    const exported = exportOnnx(imported)
    expect(Buffer.compare(exportOnnx(await importOnnx(exported)), exported)).toBe(0)
  }))

test('masked equals pruned, in the runtime of others', () =>
  holds(300, 3, async (graph, { seed }) => {
    const groups = free(graph)
    const kept = someOf(graph, seed, 'kept')
    const masks = Object.fromEntries(
      groups.map(({ id, channels }) => {
        const stays = new Set(kept[id])
        return [maskName(id), { dims: [1, channels], data: Float32Array.from({ length: channels }, (_, i) => Number(stays.has(i))) }]
      }),
    )
    const full = compensatedGraph(graph, kept)
    const masked = await run(withoutMasks(maskGraph(full, groups), full, masks))
    expect(difference(await run(pruneChannels(graph, kept)), masked)).toBeLessThan(1e-4)
  }))

test('what is cut is valid: no empty tensor, whole groups, shapes that fit, a file that comes back', () =>
  holds(300, 4, async (graph, { seed }) => {
    const small = pruneChannels(graph, someOf(graph, seed, 'kept'))
    const shapes = inferShapes(small, { batch: 1 })
    for (const [name, shape] of shapes) expect(Math.min(...shape), name).toBeGreaterThan(0)
    for (const { op, name, inputs, attributes } of small.nodes) {
      if (op !== 'Conv') continue
      const [outputs, perGroup] = shapes.get(inputs[1])!
      expect(outputs % Number(attributes.group), name).toBe(0)
      expect(perGroup * Number(attributes.group), name).toBe(shapes.get(inputs[0])![1])
    }
    const written = await importOnnx(exportOnnx(small))
    if (transposes(written) === transposes(small)) expect(comparable(written)).toEqual(comparable(small))
    // Its outputs are what they were.
    for (const { name, shape } of graph.outputs) expect(shapes.get(name)!.slice(1)).toEqual(shape.slice(1))
  }))

test('nothing removed is the network itself, and nothing kept is refused', () =>
  holds(200, 5, (graph) => {
    const groups = free(graph)
    for (const kept of [{}, Object.fromEntries(groups.map(({ id, channels }) => [id, range(channels).reverse()]))]) {
      const same = pruneChannels(graph, kept)
      expect(same.nodes).toEqual(graph.nodes)
      expect([...same.initializers.keys()]).toEqual([...graph.initializers.keys()])
      for (const [name, tensor] of graph.initializers) expect(same.initializers.get(name)).toBe(tensor)
    }
    for (const { id } of groups) expect(() => pruneChannels(graph, { [id]: [] })).toThrow(InputError)
  }))

test('what is not cut stays the very same tensor, and the network that was given stays as it was', () =>
  holds(300, 6, (graph, { seed }) => {
    const before = comparable(graph)
    const all = someOf(graph, seed, 'kept')
    // Only some of the groups.
    const kept = Object.fromEntries(Object.entries(all).filter((_, i) => (i + seed) % 2 === 0))
    const full = compensatedGraph(graph, kept)
    const small = pruneChannels(graph, kept)
    for (const [name, tensor] of small.initializers) {
      const old = graph.initializers.get(name)
      if (old?.dims.join() !== tensor.dims.join()) continue
      // A bias that takes up what constant channels leave is another.
      const compensated = full.initializers.get(name)
      if (compensated === old) expect(tensor, name).toBe(old)
      else expect(tensor, name).toEqual(compensated)
    }
    expect(comparable(graph)).toEqual(before)
  }))

test('pruning twice is pruning once', async () => {
  let counted = 0
  await holds(400, 7, async (graph, { seed }) => {
    const first = someOf(graph, seed, 'first')
    const between = pruneChannels(graph, first)
    // One group left of a channel shuffle ties nothing any more: the units are then others than before.
    const structure = (of: Graph) =>
      free(of).map(({ id, members }) => [id, members.map(({ layer, side, multiplicity }) => [layer, side, multiplicity])])
    const alike = free(between).every(({ id, channels }) => first[id]?.length === channels)
    if (!alike || JSON.stringify(structure(between)) !== JSON.stringify(structure(graph))) return
    const both: Record<string, number[]> = {}
    const second: Record<string, number[]> = {}
    for (const [id, units] of Object.entries(first)) {
      const random = createRandom(seed, `second ${id}`)
      both[id] = units.filter((_, i) => i === 0 || random.uniform() < 0.6)
      second[id] = both[id].map((unit) => units.indexOf(unit))
    }
    counted++
    const once = pruneChannels(graph, both)
    const twice = pruneChannels(between, second)
    expect(twice.nodes).toEqual(once.nodes)
    expect([...twice.initializers].map(([name, { dims }]) => [name, dims])).toEqual(
      [...once.initializers].map(([name, { dims }]) => [name, dims]),
    )
    // Constants that removed channels leave are summed in another order.
    expect(difference(floats(twice), floats(once))).toBeLessThan(1e-6)
  })
  expect(counted).toBeGreaterThan(150)
})

const floats = (graph: Graph): Outputs =>
  Object.fromEntries([...graph.initializers].map(([name, { dims, data }]) => [name, { dims, data: Float32Array.from(data, Number) }]))

test('costs without cutting are those counted on what was cut', () =>
  holds(400, 8, (graph, { seed }) => {
    const groups = channelGroups(graph)
    const model = costModel(graph, groups)
    const kept = someOf(graph, seed, 'kept')
    if (compensatedGraph(graph, kept).initializers.size > graph.initializers.size) return
    const { params, macs } = costOf(pruneChannels(graph, kept))
    expect(model(groups.map(({ id, channels }) => kept[id]?.length ?? channels))).toEqual({ params, macs })
  }))
