import { describe, expect, test } from 'vitest'
import { createBuilder } from '../architectures/index.js'
import { InputError } from '../errors.js'
import type { Graph } from '../graph.js'
import { type Criterion, channelGroups, keepTop, keptCount, rankChannels } from './index.js'

/** A 1 x 1 network with the weights given. */
function network(first: number[][], second: number[][]): Graph {
  const net = createBuilder({ name: 'ranked', input: [first[0].length, 1, 1] })
  const attributes = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 }
  const conv = (name: string, x: typeof net.input, w: number[][]) =>
    net.node(
      name,
      'Conv',
      [x, net.parameter(`${name}.weight`, [w.length, w[0].length, 1, 1], Float32Array.from(w.flat()))],
      [w.length, 1, 1],
      attributes,
    )
  return net.graph(conv('second', net.batchNorm('bn', conv('first', net.input, first)), second))
}

const graph = network(
  [
    [1, -1],
    [2, 0],
    [0, 0],
    [3, 3],
  ],
  [
    [1, 1, 1, 1],
    [0, 2, 0, -1],
  ],
)
const rank = (criterion: Criterion, seed?: number) => [...rankChannels(graph, { id: 'first' }, criterion, { seed })]

describe('criteria', () => {
  test('l1 and l2 are means over members of scores over their mean', () => {
    // Made by 2, 2, 0, 6 (mean 2.5), read by 1, 3, 1, 2 (mean 1.75).
    const l1 = [2, 2, 0, 6].map((out, i) => (out / 2.5 + [1, 3, 1, 2][i] / 1.75) / 2)
    rank('l1').forEach((score, i) => expect(score).toBeCloseTo(l1[i], 12))
    const l2 = [2, 4, 0, 18].map((out, i) => (out / 6 + [1, 5, 1, 2][i] / 2.25) / 2)
    rank('l2').forEach((score, i) => expect(score).toBeCloseTo(l2[i], 12))
  })

  test('bn reads scales, fpgm distances between filters', () => {
    const scales = Float32Array.of(1, -2, 0, 1)
    const scaled = { ...graph, initializers: new Map(graph.initializers).set('bn.weight', { dims: [4], type: 'float32', data: scales }) }
    expect([...rankChannels(scaled, { id: 'first' }, 'bn')]).toEqual([1, 2, 0, 1])
    const rows = [
      [1, -1],
      [2, 0],
      [0, 0],
      [3, 3],
    ]
    const apart = rows.map((a) => rows.reduce((sum, b) => sum + Math.hypot(a[0] - b[0], a[1] - b[1]), 0))
    const mean = apart.reduce((a, b) => a + b) / 4
    rank('fpgm').forEach((score, i) => expect(score).toBeCloseTo(apart[i] / mean, 12))
  })

  test('random follows the seed', () => {
    expect(rank('random', 1)).toEqual(rank('random', 1))
    expect(rank('random', 1)).not.toEqual(rank('random', 2))
  })

  test('grouped layers count the weights of their own group', () => {
    const net = createBuilder({ name: 'grouped', input: [2, 3, 3], seed: 1 })
    const x = net.conv('b', net.conv('a', net.input, 4), 6, { groups: 2 })
    const grouped = net.graph(net.conv('c', x, 1))
    const group = channelGroups(grouped).find(({ id }) => id === 'a')!
    expect(group.channels).toBe(2)
    const sum = (name: string, take: (o: number, i: number) => boolean) => {
      const { dims, data } = grouped.initializers.get(`${name}.weight`)!
      return (data as Float32Array).reduce(
        (total, w, k) => total + (take(Math.floor(k / 9 / dims[1]), Math.floor(k / 9) % dims[1]) ? Math.abs(w) : 0),
        0,
      )
    }
    const made = [0, 1].map((unit) => sum('a', (o) => o % 2 === unit))
    const read = [0, 1].map((unit) => sum('b', (_, i) => i === unit))
    const scores = rankChannels(grouped, group, 'l1')
    for (const unit of [0, 1]) {
      expect(scores[unit]).toBeCloseTo(made[unit] / (made[0] + made[1]) + read[unit] / (read[0] + read[1]), 10)
    }
  })

  test('what cannot rank says so', () => {
    expect(() => rankChannels(graph, { id: 'first' }, 'taylor' as Criterion)).toThrow(
      'expected one of l1, l2, bn, fpgm, random, found taylor',
    )
    expect(() => rankChannels(graph, { id: 'third' }, 'l1')).toThrow(InputError)
    expect(() => rankChannels(graph, { id: 'second' }, 'bn')).toThrow('no batch normalisation')
  })
})

test('keepTop keeps the best in ascending order, the first of equals', () => {
  expect(keepTop([0.1, 0.5, 0.5, 0.9, 0.5], 3)).toEqual([1, 2, 3])
  expect(keepTop(Float64Array.of(3, 1), 2)).toEqual([0, 1])
  expect(() => keepTop([1, 2], 0)).toThrow('number of channels to keep: expected a whole number from 1 to 2, found 0')
  expect(() => keepTop([1, NaN], 1)).toThrow('NaN at 1')
})

test.each([
  [64, 0.5, {}, 32],
  [10, 0.01, {}, 1],
  [10, 2, {}, 10],
  [64, 0.3, { roundTo: 8 }, 16],
  [64, 0.01, { roundTo: 8 }, 8],
  [6, 0.2, { roundTo: 8 }, 6],
  [64, 0.1, { roundTo: 8, minChannels: 12 }, 16],
  [18, 1, { roundTo: 8 }, 18],
  [18, 0.9, { roundTo: 8 }, 16],
  [5, 0.1, { minChannels: 9 }, 5],
])('keptCount(%d, %d, %o) is %d', (channels, ratio, options, count) => {
  expect(keptCount(channels, ratio, options)).toBe(count)
})
