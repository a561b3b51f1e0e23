/**
 * What each layer takes, learnt from the networks that were measured: a sum over layers of a time for its multiply-accumulates and one for its output
 * elements, and what every run takes. It proposes, and a measurement decides: real kernels take steps (tiles, vectors of four) that no such sum has.
 */
import type { LayerCost } from '@espalier/nn'

/** Where a table's predictions were tested, each before its network was measured. */
export interface PredictionError {
  /** Median of |predicted / measured - 1|. */
  readonly median: number
  readonly networks: number
}

export interface LatencyTable {
  /** A measured network. */
  learn(layers: readonly LayerCost[], ms: number): void
  /** Milliseconds; undefined while too few networks were measured. Changes only after every fourth measurement. */
  predict(layers: readonly LayerCost[]): number | undefined
  /** The prediction with what predictions were off by until the last fit (1.5 times the median error, about one standard deviation; at most 10%) on top. */
  bound(layers: readonly LayerCost[]): number | undefined
  error(): PredictionError | undefined
}

/** Networks measured before the first prediction, and between two fits. */
const fewest = 4
/** Variance of a measurement, relative to its value: those of one network differ by a few percent, and steps are more than the model has words for. */
const noise = 0.05 ** 2
const mostMargin = 0.1
/** How far a layer may lie from its share of the prior, as a part of the whole latency of its kind. */
const spread = 0.5

/** @param original layers of the network that is pruned: what shares are of */
export function createLatencyTable(original: readonly LayerCost[]): LatencyTable {
  const features = featuresOf(original)
  const rows: number[][] = []
  const times: number[] = []
  const errors: number[] = []
  let coefficients: readonly number[] | undefined
  let fitted = 0
  let margin = 1
  const predict = (row: readonly number[]) => coefficients && dot(row, coefficients)
  return {
    learn(layers, ms) {
      const row = features.of(layers)
      const predicted = predict(row)
      if (predicted !== undefined) errors.push(Math.abs(predicted / ms - 1))
      rows.push(row)
      times.push(ms)
      if (rows.length - fitted < fewest) return
      fitted = rows.length
      if (errors.length > 0) margin = 1 + Math.min(mostMargin, 1.5 * median(errors))
      coefficients = fit(rows, times, features.kinds)
    },
    predict: (layers) => predict(features.of(layers)),
    bound(layers) {
      const ms = predict(features.of(layers))
      return ms && ms * margin
    },
    error: () => (errors.length === 0 ? undefined : { median: median(errors), networks: errors.length }),
  }
}

/** A column's kind, and its share of the kind's total in the original. */
interface Column {
  readonly kind: (typeof kinds)[number]
  readonly share: number
}

const kinds = ['macs', 'tiles', 'elements', 'constant'] as const

/** Output channels that kernels make at once: those of the last, broken tile cost as much as a whole one. */
const tile = 16

/**
 * Multiply-accumulates, the same in whole tiles, and output elements of each layer that multiplies, output elements of all others, and 1; each divided by
 * the original's.
 */
function featuresOf(original: readonly LayerCost[]) {
  const heavy = original.filter((layer) => layer.macs > 0)
  const raw = (layers: readonly LayerCost[]) => {
    const byName = new Map(layers.map((layer) => [layer.name, layer]))
    const all = layers.reduce((sum, layer) => sum + elementsOf(layer), 0)
    const own = heavy.map(({ name }) => elementsOf(byName.get(name)))
    const macs = heavy.map(({ name }) => byName.get(name)?.macs ?? 0)
    const tiles = macs.map((each, i) => each * brokenTiles(byName.get(heavy[i].name)?.outputShape?.[1]))
    return { macs, tiles, own, rest: all - own.reduce((sum, each) => sum + each, 0) }
  }
  const whole = raw(original)
  const macs = whole.macs.reduce((sum, each) => sum + each, 0)
  const tiles = whole.tiles.reduce((sum, each) => sum + each, 0)
  const elements = whole.own.reduce((sum, each) => sum + each, 0) + whole.rest
  const columns: Column[] = [
    ...whole.macs.map((each) => ({ kind: 'macs' as const, share: each / macs })),
    ...whole.tiles.map((each) => ({ kind: 'tiles' as const, share: each / tiles })),
    ...[...whole.own, whole.rest].map((each) => ({ kind: 'elements' as const, share: each / elements })),
    { kind: 'constant', share: 1 },
  ]
  return {
    kinds: columns,
    of(layers: readonly LayerCost[]): number[] {
      const { macs, tiles, own, rest } = raw(layers)
      const relative = (value: number, of: number) => (of > 0 ? value / of : 0)
      return [
        ...macs.map((each, i) => relative(each, whole.macs[i])),
        ...tiles.map((each, i) => relative(each, whole.tiles[i])),
        ...own.map((each, i) => relative(each, whole.own[i])),
        relative(rest, whole.rest),
        1,
      ]
    },
  }
}

const brokenTiles = (channels = tile) => (Math.ceil(channels / tile) * tile) / channels
const elementsOf = (layer: LayerCost | undefined) => layer?.outputShape?.reduce((product, size) => product * size, 1) ?? 0

/**
 * Milliseconds of each column, not negative. First for the three kinds as wholes, which few measurements tell; then for each layer, drawn to its share of
 * its kind as far as the measurements leave it open.
 */
function fit(rows: readonly (readonly number[])[], times: readonly number[], columns: readonly Column[]): number[] {
  const scale = Math.max(...times)
  const sums = rows.map((row) =>
    kinds.map((kind) => columns.reduce((sum, column, j) => sum + (column.kind === kind ? column.share * row[j] : 0), 0)),
  )
  const prior = [0.3, 0.3, 0.2, 0.2].map((share) => share * scale)
  const wholes = reweighted(
    sums,
    times,
    prior,
    kinds.map(() => scale),
  )
  const center = columns.map(({ kind, share }) => share * wholes[kinds.indexOf(kind)])
  const deviation = columns.map(({ share }) => Math.max(share, 1e-6) * spread * scale)
  return reweighted(rows, times, center, deviation)
}

type Rows = readonly (readonly number[])[]

/** Errors are relative to the predicted time: relative to the measured one, a noisy network counts the less the slower it seemed. */
function reweighted(rows: Rows, times: readonly number[], center: readonly number[], deviation: readonly number[]): number[] {
  const first = ridge(rows, times, times, center, deviation)
  const floor = 0.05 * Math.max(...times)
  const predicted = rows.map((row) => Math.max(floor, dot(row, first)))
  return ridge(rows, times, predicted, center, deviation)
}

/**
 * argmin over b >= 0 of sum_i ((t_i - x_i b) / s_i)^2 + noise sum_j ((b_j - center_j) / deviation_j)^2, by coordinate descent on the normal
 * equations (Franc, Hlavac, Navara, Sequential coordinate-wise algorithm for the non-negative least squares problem, 2005).
 */
function ridge(
  rows: Rows,
  times: readonly number[],
  scales: readonly number[],
  center: readonly number[],
  deviation: readonly number[],
): number[] {
  const size = center.length
  const gram = Array.from({ length: size }, () => new Float64Array(size))
  const target = new Float64Array(size)
  rows.forEach((row, i) => {
    for (let j = 0; j < size; j++) {
      const weighted = row[j] / scales[i] ** 2
      target[j] += weighted * times[i]
      for (let k = 0; k < size; k++) gram[j][k] += weighted * row[k]
    }
  })
  for (let j = 0; j < size; j++) {
    gram[j][j] += noise / deviation[j] ** 2
    target[j] += (noise * center[j]) / deviation[j] ** 2
  }
  const found = [...center]
  for (let sweep = 0; sweep < 1000; sweep++) {
    let moved = 0
    for (let j = 0; j < size; j++) {
      const step = (target[j] - dot(gram[j], found)) / gram[j][j]
      const next = Math.max(0, found[j] + step)
      moved = Math.max(moved, Math.abs(next - found[j]) / deviation[j])
      found[j] = next
    }
    if (moved < 1e-6) break
  }
  return found
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
