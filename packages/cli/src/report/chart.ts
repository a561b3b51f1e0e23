import type { EpisodeRecord } from '../prune/records.js'

const width = 860
const height = 300
const margin = { left: 48, right: 12, top: 12, bottom: 34 }

/** Validation accuracy of every candidate in the order they were judged, and the best within the budgets so far; as SVG. */
export function learningCurve(episodes: readonly Pick<EpisodeRecord, 'accuracy' | 'feasible'>[]): string {
  const values = episodes.map((episode) => 100 * episode.accuracy)
  const low = Math.floor(Math.min(...values) / 5) * 5
  const high = Math.max(low + 5, Math.ceil(Math.max(...values) / 5) * 5)
  const x = (i: number) => margin.left + ((width - margin.left - margin.right) * (i + 0.5)) / episodes.length
  const y = (value: number) => height - margin.bottom - ((height - margin.top - margin.bottom) * (value - low)) / (high - low)
  const points = episodes.map(
    ({ feasible }, i) => `<circle class="${feasible ? 'in' : 'out'}" cx="${x(i).toFixed(1)}" cy="${y(values[i]).toFixed(1)}" r="2.5"/>`,
  )
  let best = Number.NEGATIVE_INFINITY
  const path: string[] = []
  episodes.forEach(({ feasible }, i) => {
    if (feasible) best = Math.max(best, values[i])
    if (best > Number.NEGATIVE_INFINITY) path.push(`${path.length === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(best).toFixed(1)}`)
  })
  const ticks = [0, 1, 2, 3, 4, 5].map((i) => low + ((high - low) * i) / 5)
  const lines = ticks.map(
    (tick) =>
      `<line class="axis" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><text x="${margin.left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${Number(tick.toFixed(1))}%</text>`,
  )
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Validation accuracy of the candidates">${lines.join('')}${points.join('')}<path class="best" d="${path.join('')}"/>
<text x="${margin.left}" y="${height - 8}">candidate 1</text><text x="${width - margin.right}" y="${height - 8}" text-anchor="end">${episodes.length}</text></svg>
<p>Validation accuracy before fine-tuning. Filled: within all budgets. Rings: beyond one. Line: the best within the budgets so far.</p>`
}
