/** report.html: what a run did, from its records alone, in one file that needs nothing else. */
import { join } from 'node:path'
import { InputError } from '@espalier/nn'
import { readIfThere, writeWhole } from '../files.js'
import type { Figures } from '../measure.js'
import type { PruneSummary } from '../prune/options.js'
import type { EpisodeRecord } from '../prune/records.js'
import { type RunRecord, readRecord } from '../run.js'
import { learningCurve } from './chart.js'
import { count, escapeHtml, htmlPage, table } from './html.js'
import { type SensitivityRecord, sensitivitySections } from './sensitivity.js'

interface Recorded extends PruneSummary {
  readonly groups: readonly { id: string; channels: number; kept: number; fixed: string | null }[]
}

/** Writes DIR/report.html. @returns its path @throws InputError where the folder holds no run of `prune` or `sensitivity` */
export async function writeReport(dir: string): Promise<string> {
  const record = await readRecord(dir)
  if (!record)
    throw new InputError('holds no run', {
      file: dir,
      field: 'DIR',
      expected: 'a folder with run.json, written by espalier prune or sensitivity',
      found: 'none',
    })
  const path = join(dir, 'report.html')
  if (record.command === 'sensitivity') {
    await writeWhole(path, sensitivityPage(record))
    return path
  }
  if (record.command !== 'prune')
    throw new InputError('only runs of prune and sensitivity have a report', {
      file: dir,
      field: 'command',
      expected: 'prune or sensitivity',
      found: record.command,
    })
  const text = (await readIfThere(join(dir, 'episodes.jsonl'))) ?? ''
  const episodes = text
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as EpisodeRecord]
      } catch {
        // The last line of a run that is still going on.
        return []
      }
    })
  await writeWhole(path, page(record, episodes))
  return path
}

function page(record: RunRecord, episodes: readonly EpisodeRecord[]): string {
  const result = record.status === 'done' ? (record.result as Recorded) : undefined
  const title = `espalier: ${String(record.settings.model)}`
  const sections = [
    `<p>${escapeHtml(String(record.settings.method))}, ${episodes.length} candidates judged${result ? '' : '; this run is not finished'}. Adapter: ${escapeHtml(record.adapter)}. Seed ${record.seed}.</p>`,
    result ? summaryTable(result) : '',
    result ? budgetTable(result) : '',
    result ? widthTable(result) : '',
    episodes.length > 0 ? `<h2>Search</h2>${learningCurve(episodes)}` : '',
    settingsTable(record),
  ]
  return htmlPage(title, sections)
}

function sensitivityPage(record: RunRecord): string {
  const title = `espalier: sensitivity of ${String(record.settings.model)}`
  const result = record.status === 'done' ? (record.result as SensitivityRecord) : undefined
  return htmlPage(title, [...(result ? sensitivitySections(result) : ['<p>This run is not finished.</p>']), settingsTable(record)])
}

const units: readonly [keyof Figures, string, (value: number) => string][] = [
  ['accuracy', 'Test accuracy', (value) => `${(100 * value).toFixed(2)}%`],
  ['params', 'Parameters', count],
  ['macs', 'MACs (FLOPs = 2 × MACs)', count],
  ['bytes', 'ONNX file, bytes', count],
  ['memory', 'Peak activations, bytes, batch 1', count],
  ['latencyMs', 'Latency, ms, median, batch 1', (value) => value.toFixed(3)],
]

function summaryTable({ before, after, pruned, selfCheck, seconds }: Recorded): string {
  const rows = units.map(([key, name, show]) => {
    const change =
      key === 'accuracy'
        ? `${after[key] >= before[key] ? '+' : '−'}${Math.abs(100 * (after[key] - before[key])).toFixed(2)} points`
        : `${((100 * after[key]) / before[key]).toFixed(1)}%`
    return [name, show(before[key]), show(after[key]), change]
  })
  return `<h2>Before and after</h2>${table(['', 'Before', 'After', 'Change or share left'], rows)}
<p>Test accuracy after pruning and before fine-tuning: ${(100 * pruned.accuracy).toFixed(2)}%. Greatest difference between the masked and the pruned network: ${selfCheck.maxAbsDifference.toExponential(2)}. Search ${seconds.search.toFixed(1)} s, fine-tuning ${seconds.finetune.toFixed(1)} s, in all ${seconds.total.toFixed(1)} s.</p>`
}

const budgetTable = ({ budgets }: Recorded) =>
  `<h2>Budgets, evaluated on the written file</h2>${table(
    ['Budget', 'Limit', 'Value', ''],
    budgets.map(({ budget, limit, value, met }) => [budget, count(limit), count(value), met ? 'met' : 'NOT met']),
  )}`

function widthTable({ groups }: Recorded): string {
  const widest = Math.max(...groups.map((group) => group.channels))
  const rows = groups.map(({ id, channels, kept, fixed }) => {
    const bar = (width: number, name: string) => `<span class="${name}" style="width:${((100 * width) / widest).toFixed(2)}%"></span>`
    return `<tr><td>${escapeHtml(id)}</td><td class="number">${kept} of ${channels}</td><td class="bars">${bar(channels, 'all')}${bar(kept, 'kept')}</td><td>${escapeHtml(fixed ?? '')}</td></tr>`
  })
  return `<h2>Widths</h2><table><thead><tr><th>Channel group</th><th>Channels</th><th></th><th>Not cut because</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

const settingsTable = ({ settings, versions }: RunRecord) =>
  `<details><summary>Settings</summary>${table(
    ['', ''],
    [...Object.entries(settings), ...Object.entries(versions)].map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )}</details>`
