import { describe, expect, test } from 'vitest'
import { buildArchitecture, createBuilder } from '../architectures/index.js'
import type { Graph } from '../graph.js'
import { createRandom } from '../random.js'
import { channelGroups, keepTop, type LayerGram, pruneAndRefit, pruneChannels } from './index.js'
import { refitLayers } from './refit.js'

const values = (graph: Graph, name: string) => graph.initializers.get(name)!.data as Float32Array
const gramOf = (rows: readonly (readonly number[])[]): LayerGram => {
  const columns = rows[0].length
  const gram = new Float64Array((columns + 1) ** 2)
  for (const row of rows) {
    const x = [...row, 1]
    x.forEach((a, i) => {
      x.forEach((b, j) => (gram[i * (columns + 1) + j] += a * b))
    })
  }
  return { gram, columns, samples: rows.length }
}
/** Two linear layers: 5 hidden units, 3 outputs. */
function linear() {
  const net = createBuilder({ name: 'linear', input: [4, 1, 1], seed: 2 })
  const hidden = net.relu('act', net.linear('hidden', net.flatten('flatten', net.input), 5))
  return net.graph(net.linear('fc', hidden, 3))
}
const random = createRandom(0, 'refit')
const normal = (count: number, width: number) => Array.from({ length: count }, () => Array.from({ length: width }, () => random.normal()))
const outputsOf = (graph: Graph, rows: readonly (readonly number[])[]) => {
  const [weight, bias] = [values(graph, 'fc.weight'), values(graph, 'fc.bias')]
  const size = weight.length / bias.length
  return rows.map((row) => Array.from(bias, (b, o) => row.reduce((sum, x, i) => sum + x * weight[o * size + i], b)))
}
const squares = (a: number[][], b: number[][]) =>
  a.reduce((sum, row, n) => sum + row.reduce((part, x, o) => part + (x - b[n][o]) ** 2, 0), 0) / (a.length * a[0].length)

describe('a linear layer', () => {
  const graph = linear()
  const keep = [0, 2, 3]
  const pickKept = (rows: number[][]) => rows.map((row) => keep.map((i) => row[i]))

  test('what is a combination of kept inputs and a constant is restored exactly', () => {
    const rows = normal(50, 5).map(([a, , c, d]) => [a, 0.5 * a - 2 * c + 0.3, c, d, c + d - 1])
    const { graph: small, refitted } = pruneAndRefit(
      graph,
      { hidden: keep },
      { layers: new Map([['fc', gramOf(rows)]]), skipped: [] },
      { ridge: 0 },
    )
    expect(Math.sqrt(squares(outputsOf(small, pickKept(rows)), outputsOf(graph, rows)))).toBeLessThan(1e-6)
    expect(refitted[0].after).toBeLessThan(1e-12)
    expect(values(small, 'hidden.weight')).toEqual(values(pruneChannels(graph, { hidden: keep }), 'hidden.weight'))
  })

  test('of random data the least squares are left: any change makes it worse, and the errors told are those', () => {
    const rows = normal(60, 5).map((row) => row.map((x) => x + 0.4 * row[0]))
    const statistics = { layers: new Map([['fc', gramOf(rows)]]), skipped: [] }
    const wanted = outputsOf(graph, rows)
    const { graph: small, refitted } = pruneAndRefit(graph, { hidden: keep }, statistics, { ridge: 0 })
    const best = squares(outputsOf(small, pickKept(rows)), wanted)
    expect(refitted[0].after).toBeCloseTo(best, 7)
    expect(refitted[0].before).toBeCloseTo(squares(outputsOf(pruneChannels(graph, { hidden: keep }), pickKept(rows)), wanted), 7)
    for (const name of ['fc.weight', 'fc.bias']) {
      values(small, name).forEach((value, i) => {
        for (const step of [-0.01, 0.01]) {
          const data = values(small, name).slice()
          data[i] = value + step
          const moved = { ...small, initializers: new Map(small.initializers).set(name, { ...small.initializers.get(name)!, data }) }
          expect(squares(outputsOf(moved, pickKept(rows)), wanted)).toBeGreaterThan(best)
        }
      })
    }
    // A great ridge leaves the weights as they were.
    const held = pruneAndRefit(graph, { hidden: keep }, statistics, { ridge: 1e9 })
    values(held.graph, 'fc.weight').forEach((value, i) =>
      expect(value).toBeCloseTo(values(pruneChannels(graph, { hidden: keep }), 'fc.weight')[i], 6),
    )
  })

  test('the order of the kept units does not matter, and with all of them nothing is touched', () => {
    const statistics = { layers: new Map([['fc', gramOf(normal(40, 5))]]), skipped: [] }
    const fit = (hidden: number[]) => pruneAndRefit(graph, { hidden }, statistics)
    expect(fit([3, 0, 2]).graph.initializers).toEqual(fit(keep).graph.initializers)
    const whole = fit([4, 3, 2, 1, 0])
    expect(whole.refitted).toEqual([])
    for (const [name, tensor] of graph.initializers) expect(whole.graph.initializers.get(name)).toBe(tensor)
    const other = { layers: new Map([['fc', gramOf(normal(9, 4))]]), skipped: [] }
    expect(() => pruneAndRefit(graph, { hidden: keep }, other)).toThrow('expected 5 columns, found 4')
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -Number.POSITIVE_INFINITY])('statistics with %s in them end it', (value) => {
    for (const at of [
      [0, 0],
      [2, 0],
      [3, 4],
    ]) {
      const gram = gramOf(normal(40, 5))
      gram.gram[at[0] * 6 + at[1]] = value
      gram.gram[at[1] * 6 + at[0]] = value
      const fit = () => pruneAndRefit(graph, { hidden: keep }, { layers: new Map([['fc', gram]]), skipped: [] })
      if (keep.includes(at[0]) && keep.includes(at[1]))
        expect(fit).toThrow(/cannot be re-fitted: expected statistics and a ridge of finite numbers/)
    }
    const whole = { layers: new Map([['fc', gramOf(normal(40, 5))]]), skipped: [] }
    expect(() => pruneAndRefit(graph, { hidden: keep }, whole, { ridge: Number.NaN })).toThrow('found a ridge of NaN')
  })
})

test('a MatMul with an Add behind, weights [in, out]', () => {
  const net = createBuilder({ name: 'matmul', input: [4, 1, 1], seed: 2 })
  const hidden = net.relu('act', net.linear('hidden', net.flatten('flatten', net.input), 3))
  const weight = net.parameter('w', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6))
  const product = net.node('fc', 'MatMul', [hidden, weight], [2])
  const graph = net.graph(net.node('sum', 'Add', [product, net.parameter('b', [2], Float32Array.of(10, 20))], [2]))
  const rows = normal(30, 3).map(([a, b]) => [a, b, 2 * a - b + 1])
  const { graph: small } = pruneAndRefit(graph, { hidden: [0, 1] }, { layers: new Map([['fc', gramOf(rows)]]), skipped: [] }, { ridge: 0 })
  const rounded = (name: string) => Array.from(values(small, name), (x) => Math.round(x * 1e5) / 1e5)
  expect(rounded('w')).toEqual([1 + 2 * 5, 2 + 2 * 6, 3 - 5, 4 - 6])
  expect(rounded('b')).toEqual([15, 26])
})

test('layers that cannot be re-fitted are named with the reason', () => {
  const net = createBuilder({ name: 'mixed', input: [3, 8, 8] })
  const a = net.relu('act_a', net.conv('a', net.input, 8))
  const dw = net.conv('dw', a, 8, { groups: 8 })
  const grouped = net.relu('act_g', net.conv('grouped', dw, 8, { groups: 2 }))
  const last = net.conv('last', grouped, 4)
  const graph = net.graph(net.linear('fc', net.flatten('flatten', net.globalAveragePool('pool', last)), 3))
  const { layers, skipped } = refitLayers(graph, channelGroups(graph))
  expect(layers.map(({ node }) => node.name)).toEqual(['last', 'fc'])
  expect(skipped).toEqual([
    { layer: 'dw', reason: 'depthwise: each channel is made of one alone' },
    { layer: 'grouped', reason: 'a grouped convolution' },
  ])
  const tiny = buildArchitecture('tiny')
  expect(refitLayers(tiny, [{ id: 'conv1' }]).layers.map(({ node }) => node.name)).toEqual(['conv2'])
  expect(keepTop([1, 2], 1)).toEqual([1])
})
