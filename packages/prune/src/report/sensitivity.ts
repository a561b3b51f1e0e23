/** Accuracy against the share of channels removed, group by group: one small chart each, on common axes. */

import { escapeHtml, table } from './html.js'
import { lockedTable } from './search.js'
import type { Sensitivity } from './sensitivity-result.js'

export type SensitivityRecord = Sensitivity

const width = 260
const height = 150
const margin = { left: 34, right: 8, top: 8, bottom: 20 }
const percent = (share: number, digits = 1) => `${(100 * share).toFixed(digits)}%`

export function sensitivitySections(result: Sensitivity): string[] {
  const { groups, accuracy, images, ratios, fixed } = result
  const all = groups.flatMap(({ points }) => points.map((point) => point.accuracy))
  const low = Math.floor(10 * Math.min(accuracy, ...all)) / 10
  const high = Math.max(low + 0.1, Math.ceil(10 * Math.max(accuracy, ...all)) / 10)
  return [
    `<p>Accuracy of the whole network: ${percent(accuracy, 2)} on ${images} validation images, split off the training images. Each group alone is cut to what the criterion ${escapeHtml(result.criterion)} ranks highest, ${result.recalibrate ? 'with batch normalisation statistics of its own, ' : ''}without training. Adapter: ${escapeHtml(result.adapter)}. Seed ${result.seed}.</p>`,
    `<h2>Accuracy against the share of channels removed</h2>
<div class="panels">${groups.map((group) => panel(group, accuracy, low, high)).join('')}</div>
<p>All charts have the same axes. Broken line: the whole network.</p>`,
    `<h2>Figures</h2>${table(
      ['Channel group', 'Channels', ...ratios.map((ratio) => `−${percent(ratio, 0)}`), 'Within 1 point'],
      groups.map((group) => [
        group.id,
        String(group.channels),
        ...group.points.map((point) => percent(point.accuracy)),
        group.tolerated > 0 ? `−${percent(group.tolerated, 0)}` : 'none',
      ]),
    )}`,
    lockedTable(fixed),
  ]
}

function panel({ id, channels, points }: Sensitivity['groups'][number], whole: number, low: number, high: number): string {
  const x = (share: number) => (margin.left + (width - margin.left - margin.right) * share).toFixed(1)
  const y = (accuracy: number) =>
    (height - margin.bottom - ((height - margin.top - margin.bottom) * (accuracy - low)) / (high - low)).toFixed(1)
  const places = [
    { removed: 0, accuracy: whole, kept: channels },
    ...points.map((point) => ({ ...point, removed: 1 - point.kept / channels })),
  ]
  const path = places.map(({ removed, accuracy }, i) => `${i === 0 ? 'M' : 'L'}${x(removed)} ${y(accuracy)}`).join('')
  const marks = places
    .slice(1)
    .map(
      ({ removed, accuracy, kept }) =>
        `<circle class="in" cx="${x(removed)}" cy="${y(accuracy)}" r="3"><title>${kept} of ${channels} kept: ${percent(accuracy, 2)}</title></circle>`,
    )
  const lines = [low, (low + high) / 2, high].map(
    (tick) =>
      `<line class="axis" x1="${x(0)}" x2="${x(1)}" y1="${y(tick)}" y2="${y(tick)}"/><text x="${margin.left - 4}" y="${Number(y(tick)) + 4}" text-anchor="end">${percent(tick, 0)}</text>`,
  )
  const shares = [0, 0.5, 1].map(
    (share) =>
      `<text x="${x(share)}" y="${height - 5}" text-anchor="${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}">${percent(share, 0)}</text>`,
  )
  return `<figure><figcaption>${escapeHtml(id)} <span>${channels} channels</span></figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Accuracy of ${escapeHtml(id)} against the share removed">${lines.join('')}${shares.join('')}<line class="whole" x1="${x(0)}" x2="${x(1)}" y1="${y(whole)}" y2="${y(whole)}"/><path class="best" d="${path}"/>${marks.join('')}</svg></figure>`
}
