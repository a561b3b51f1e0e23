import { expect, test } from 'vitest'
import { digits, markdown, type Results, table } from './report.js'
import { disagreement, mean, paired, quantile, rankCorrelation, summarise } from './statistics.js'

test('quantiles are linear between order statistics, and refuse what has none', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2)
  expect(quantile([4, 1, 2, 3], 0.5)).toBe(2.5)
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2)
  expect(quantile([7], 1)).toBe(7)
  expect(summarise([5, 1, 3])).toEqual({ median: 3, low: 2, high: 4, min: 1, max: 5, count: 3 })
  expect(() => quantile([], 0.5)).toThrow('at least 1 value')
  expect(mean([1, 2, 6])).toBe(3)
  expect(() => mean([])).toThrow('at least 1 value')
  expect(() => quantile([1], 2)).toThrow('found 2')
})

test('ratios are taken round by round', () => {
  expect(paired([4, 9], [2, 3])).toEqual([2, 3])
  expect(() => paired([1], [1, 2])).toThrow('found 1 and 2')
})

test('disagreement is relative to the largest value, and NaN never agrees', () => {
  expect(disagreement([1, 2], [1, 2])).toBe(0)
  expect(disagreement([0.5, 0], [0.25, 0])).toBe(0.25)
  expect(disagreement([101, 0], [100, 0])).toBe(0.01)
  expect(disagreement([Number.NaN, 1], [1, 1])).toBeNaN()
  expect(disagreement([1, 1], [1, Number.NaN])).toBeNaN()
  expect(() => disagreement([1], [1, 2])).toThrow('expected 2 values, found 1')
})

test('three significant digits without exponents', () => {
  expect([1234.5, 123.45, 12.345, 1.2345, 0.012345, 0].map(digits)).toEqual(['1235', '123', '12.3', '1.23', '0.0123', '0.00'])
  expect(digits(Number.POSITIVE_INFINITY)).toBe('Infinity')
})

test('tables are padded, and rows must fit', () => {
  expect(table(['a', 'bcd'], [['1|2', 'x']])).toBe('| a    | bcd |\n| ---- | --- |\n| 1\\|2 | x   |')
  expect(() => table(['a'], [['1', '2']])).toThrow('expected 1 cells, found 2')
})

test('the page says ratios, goals and whether they are met', () => {
  const here = { date: '2026-01-01 00:00', commit: 'abc', cpu: '2 x cpu', load: 0.5 }
  const arm = (label: string, rounds: number[]) => ({ label, rounds, time: summarise(rounds), also: {} })
  const results: Results = {
    adapter: 'lavapipe',
    kind: 'software',
    source: 'system',
    versions: { node: '20' },
    comparisons: [
      {
        ...here,
        title: 'forward',
        flops: 2e9,
        arms: [arm('ours', [100, 100]), arm('peer', [250, 150])],
        ratios: [{ label: 'peer', ratio: summarise(paired([250, 150], [100, 100])), goal: 3 }],
      },
    ],
    checks: [{ ...here, title: 'memory', value: 1.1, unit: '', limit: 1.3, detail: 'peak' }],
  }
  const page = markdown(results)
  expect(page).toContain('| forward | ours    | 100 |')
  expect(page).toContain('| 2.00 (1.75 .. 2.25) | >= 3: NO |')
  expect(page).toContain('<= 1.3: yes')
  expect(page).toContain('20.0')
})

test('rank correlation: order only, ties in the middle, and lists that do not fit', () => {
  expect(rankCorrelation([1, 2, 3, 4], [10, 100, 1000, 1001])).toBe(1)
  expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1)
  // Ranks 0.5 0.5 2 against 0 1 2: covariance 1.5, variances 1.5 and 2.
  expect(rankCorrelation([5, 5, 9], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12)
  expect(() => rankCorrelation([1], [1])).toThrow('expected two lists of the same length from 2, found 1 and 1')
})
