/** Charts as SVG text: a frame with two axes, and marks in it. */
import { escapeHtml } from './html.js'

export interface Point {
  readonly x: number
  readonly y: number
}

interface Axis {
  readonly low: number
  readonly high: number
  /** What ticks say; none are drawn without. */
  readonly show: (value: number) => string
}

export interface Chart {
  readonly width: number
  readonly height: number
  readonly x: Axis
  readonly y: Axis
  /** What it shows, for those who cannot see it. */
  readonly label: string
}

/** Places in the drawing of the values of a chart. */
export interface Places {
  at(point: Point): Point
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const margin = { left: 44, right: 10, top: 10, bottom: 24 }

export function chart({ width, height, x, y, label }: Chart, marks: (places: Places) => string): string {
  const [left, right, top, bottom] = [margin.left, width - margin.right, margin.top, height - margin.bottom]
  const along = (axis: Axis, from: number, to: number, value: number) =>
    fixed(from + ((to - from) * (value - axis.low)) / (axis.high - axis.low || 1))
  const at = (point: Point) => ({ x: along(x, left, right, point.x), y: along(y, bottom, top, point.y) })
  const rows = ticks(y.low, y.high, height > 200 ? 7 : 4).map((tick) => {
    const place = at({ x: x.low, y: tick }).y
    return `<line class="axis" x1="${left}" x2="${right}" y1="${place}" y2="${place}"/><text x="${left - 5}" y="${place + 4}" text-anchor="end">${escapeHtml(y.show(tick))}</text>`
  })
  const columns = ticks(x.low, x.high, width > 400 ? 9 : 4).map((tick) => {
    const text = x.show(tick)
    const place = at({ x: tick, y: y.low }).x
    // In the middle under its tick, but within the drawing: a figure is some 6 wide.
    const room = width - place < 3 * text.length + 2
    return `<text x="${room ? width - 1 : place}" y="${height - 7}" text-anchor="${room ? 'end' : 'middle'}">${escapeHtml(text)}</text>`
  })
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">${rows.join('')}${columns.join('')}${marks({ at, left, right, top, bottom })}</svg>`
}

const fixed = (value: number) => Number(value.toFixed(1))

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low]
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** The interval of these values with a little room; `least` wide at least. */
export function span(values: readonly number[], least: number): { low: number; high: number } {
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
  const room = Math.max(0.05 * (high - low), (least - (high - low)) / 2)
  return { low: low >= 0 ? Math.max(0, low - room) : low - room, high: high + room }
}

export function dot({ x, y }: Point, kind: string, title: string, radius = 2.5): string {
  return `<circle class="${kind}" cx="${x}" cy="${y}" r="${radius}"><title>${escapeHtml(title)}</title></circle>`
}

export function diamond({ x, y }: Point, kind: string, title: string, radius = 5): string {
  return `<path class="${kind}" d="M${x} ${y - radius}L${x + radius} ${y}L${x} ${y + radius}L${x - radius} ${y}Z"><title>${escapeHtml(title)}</title></path>`
}

export const line = (points: readonly Point[], kind: string): string =>
  points.length === 0 ? '' : `<path class="${kind}" d="${points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')}"/>`

/** Each value holds until the next. */
export const steps = (points: readonly Point[]): Point[] =>
  points.flatMap((point, i) => (i === 0 ? [point] : [{ x: point.x, y: points[i - 1].y }, point]))

/** Numbers as short as an axis needs them: 350k, 1.2M, 0.04. */
export function short(value: number): string {
  const size = Math.abs(value)
  const [scale, unit] = size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e4 ? [1e3, 'k'] : [1, '']
  return `${Number((value / scale).toPrecision(3))}${unit}`
}
