/** report.html: what a run did, from its records alone, in one file that needs nothing else. */
import { InputError } from '@espalier/nn'
import { join, writeWhole } from '#platform'
import type { Figures } from '../budgets/measure.js'
import type { PruneSummary } from '../job/options.js'
import { readIfThere, readJson } from '../run/files.js'
import { type RunRecord, readRecord } from '../run/run.js'
import { count, escapeHtml, htmlPage, table } from './html.js'
import { type Episode, type Limit, lockedTable, searchSections } from './search.js'
import { type SensitivityRecord, sensitivitySections } from './sensitivity.js'

/** What was recorded at the end; records of older versions lack some of it. */
interface Recorded extends Partial<PruneSummary> {
  readonly groups?: readonly { id: string; channels: number; kept: number; fixed: string | null }[]
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
        return [JSON.parse(line) as Episode]
      } catch {
        // The last line of a run that is still going on.
        return []
      }
    })
  const best = (await readJson(join(dir, 'best.json')).catch(() => undefined)) as { episode?: number } | undefined
  await writeWhole(path, page(record, episodes, best?.episode))
  return path
}

function page(record: RunRecord, episodes: readonly Episode[], best: number | undefined): string {
  const result = record.status === 'done' ? (record.result as Recorded) : undefined
  const title = `espalier: ${String(record.settings.model)}`
  const sections = [
    `<p>${escapeHtml(String(record.settings.method))}, ${episodes.length} candidates judged${result ? '' : '; this run is not finished'}. Adapter: ${escapeHtml(record.adapter)}. Seed ${record.seed}.</p>`,
    result ? summaryTable(result) : '',
    result ? budgetTable(result) : '',
    result ? widthTable(result) : '',
    ...searchSections(episodes, result?.budgets ?? limitsOf(episodes), best),
    lockedTable((result?.groups ?? []).flatMap(({ id, channels, fixed }) => (fixed === null ? [] : [{ id, channels, reason: fixed }]))),
    settingsTable(record),
  ]
  return htmlPage(title, sections)
}

/** While a run goes on only the names of its budgets are known. */
const limitsOf = (episodes: readonly Episode[]): Limit[] => Object.keys(episodes[0]?.costs ?? {}).map((budget) => ({ budget }))

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
  ['weights', 'Weights that are not zero', count],
  ['latencyMs', 'Latency, ms, median, batch 1', (value) => value.toFixed(3)],
]

function summaryTable({ before, after, pruned, selfCheck, seconds }: Recorded): string {
  const rows = units.flatMap(([key, name, show]) => {
    const [was, is] = [before?.[key], after?.[key]]
    if (was === undefined || is === undefined) return []
    const change =
      key === 'accuracy' ? `${is >= was ? '+' : '−'}${Math.abs(100 * (is - was)).toFixed(2)} points` : `${((100 * is) / was).toFixed(1)}%`
    return [[name, show(was), show(is), change]]
  })
  const notes = [
    pruned && `Test accuracy after pruning and before fine-tuning: ${(100 * pruned.accuracy).toFixed(2)}%.`,
    selfCheck && `Greatest difference between the masked and the pruned network: ${selfCheck.maxAbsDifference.toExponential(2)}.`,
    seconds && `Search ${seconds.search.toFixed(1)} s, fine-tuning ${seconds.finetune.toFixed(1)} s, in all ${seconds.total.toFixed(1)} s.`,
  ]
  return `<h2>Before and after</h2>${table(['', 'Before', 'After', 'Change or share left'], rows)}
<p>${notes.filter(Boolean).join(' ')}</p>`
}

const budgetTable = ({ budgets = [] }: Recorded) =>
  `<h2>Budgets, evaluated on the written file</h2>${table(
    ['Budget', 'Limit', 'Value', 'Of the limit', ''],
    budgets.map(({ budget, limit, value, met }) => [
      budget,
      count(limit),
      count(value),
      limit > 0 ? `${((100 * value) / limit).toFixed(1)}%` : '',
      met ? 'met' : 'NOT met',
    ]),
    [1, 2, 3],
  )}`

function widthTable({ groups = [], structure }: Recorded): string {
  if (groups.length === 0) return ''
  const widest = Math.max(...groups.map((group) => group.channels))
  const bar = (width: number, name: string) => `<span class="${name}" style="width:${((100 * width) / widest).toFixed(2)}%"></span>`
  const rows = groups.map(
    ({ id, channels, kept, fixed }) =>
      `<tr><td>${escapeHtml(id)}</td><td class="number">${kept} of ${channels}</td><td class="number">${((100 * kept) / channels).toFixed(0)}%</td><td class="bars">${bar(channels, 'all')}${bar(kept, fixed === null ? 'kept' : 'fixed')}</td></tr>`,
  )
  return `<h2>Widths</h2><div class="wide"><table><thead><tr><th>${structure === 'weights' ? 'Layer' : 'Channel group'}</th><th class="number">${structure === 'weights' ? 'Weights or filters' : 'Channels'}</th><th class="number">Kept</th><th></th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>
<p>Grey: not to be cut; the reasons are below.</p>`
}

const settingsTable = ({ settings, versions }: RunRecord) =>
  `<details><summary>Settings</summary>${table(
    ['', ''],
    [...Object.entries(settings), ...Object.entries(versions)].map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
    [],
  )}</details>`
