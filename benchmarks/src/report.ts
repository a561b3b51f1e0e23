/** Results as a Markdown page. */
import type { OperationTime } from './breakdown.js'
import type { Ceilings } from './ceilings.js'
import type { Surroundings } from './environment.js'
import type { Summary } from './statistics.js'

/** One side of a comparison; the first of a list is ours. */
export interface ArmResult {
  readonly label: string
  /** Milliseconds of every round. */
  readonly rounds: readonly number[]
  readonly time: Summary
  /** Other figures of the rounds, by name: medians. */
  readonly also: Readonly<Record<string, number>>
}

export interface ComparisonResult extends Surroundings {
  readonly title: string
  /** Floating-point operations of one run, 0 where it means nothing. */
  readonly flops: number
  readonly arms: readonly ArmResult[]
  /** Time of the other arm over ours, paired by round. */
  readonly ratios: readonly { readonly label: string; readonly ratio: Summary; readonly goal?: number }[]
  readonly disagreement?: number
}

export interface Check extends Surroundings {
  readonly title: string
  readonly value: number
  readonly unit: string
  /** The value must not exceed it. */
  readonly limit?: number
  readonly detail: string
}

/** Operations of a network's pass, with their shares of the pass and of the adapter's ceilings. */
export interface KernelFigures extends Surroundings, Ceilings {
  readonly rows: readonly (OperationTime & { readonly case: string; readonly share: number })[]
}

export interface Results {
  readonly adapter: string
  readonly kind: string
  readonly source: string
  readonly versions: Readonly<Record<string, string>>
  readonly comparisons: readonly ComparisonResult[]
  readonly checks: readonly Check[]
  readonly kernels?: KernelFigures
}

/** A table with its columns padded, as a formatter would leave it. Numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  for (const row of rows)
    if (row.length !== header.length)
      throw new RangeError(`table: expected ${header.length} cells, found ${row.length} in '${row.join(' | ')}'`)
  const escaped = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = header.map((_, column) => Math.max(3, ...escaped.map((row) => row[column].length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(escaped[0]), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...escaped.slice(1).map(line)].join('\n')
}

/** Three significant digits, no exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)))
  return value.toFixed(Math.max(0, Math.min(6, 2 - magnitude)))
}

/** The label of what the machine can do at most: the time of the same multiply-adds at that rate. */
export const ceilingLabel = 'ceiling'

/** The time of another over ours, or our share of the ceiling. */
export function relation(label: string, { median, low, high }: Summary): string {
  if (label !== ceilingLabel) return `${digits(median)} (${digits(low)} .. ${digits(high)})`
  return `ours at ${percent(median)} (${percent(low)} .. ${percent(high)}) of it`
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`

const verdict = (met: boolean) => (met ? 'yes' : 'NO')

export function markdown(results: Results): string {
  const { adapter, kind, source, versions, comparisons, checks, kernels } = results
  const processor = comparisons[0]?.cpu ?? checks[0]?.cpu ?? ''
  /** Cases that were measured again may have met another machine than the others. */
  const where = ({ load, commit, cpu }: Surroundings) => `${load}, ${commit}${cpu === processor ? '' : `, ${cpu}`}`
  const times = comparisons.filter(isNotShare).flatMap(({ title, arms, ratios, flops, ...here }) =>
    arms.map(({ label, time, also }, i) => {
      const ratio = ratios.find((each) => each.label === label)
      return [
        i === 0 ? title : '',
        label,
        digits(time.median),
        `${digits(time.min)}; ${digits(time.low)} .. ${digits(time.high)}`,
        String(time.count),
        also.processorMs === undefined ? '' : digits(also.processorMs),
        flops ? digits(flops / time.median / 1e6) : '',
        ratio ? relation(label, ratio.ratio) : '',
        ratio?.goal ? `>= ${ratio.goal}: ${verdict(ratio.ratio.median >= ratio.goal)}` : '',
        i === 0 ? where(here) : '',
      ]
    }),
  )
  const lines = [
    `# ${adapter}`,
    '',
    `${kind} adapter (${source}), ${processor}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}. Written by \`npm run bench\`; what is measured and how: [README](../README.md).`,
    '',
    table(
      ['case', 'runtime', 'ms', 'least; quartiles', 'rounds', 'processor, ms', 'GFLOPS', 'its time / ours', 'goal', 'load, commit'],
      times,
    ),
  ]
  const shares = comparisons.filter((each) => !isNotShare(each))
  if (shares.length > 0) lines.push('', ...shareLines(shares))
  if (checks.length > 0)
    lines.push(
      '',
      table(
        ['check', 'value', 'limit', 'detail', 'load, commit'],
        checks.map(({ title, value, unit, limit, detail, ...here }) => [
          title,
          `${digits(value)} ${unit}`.trim(),
          limit === undefined ? '' : `<= ${limit}: ${verdict(value <= limit)}`,
          detail,
          where(here),
        ]),
      ),
    )
  if (kernels) lines.push('', ...kernelLines(kernels))
  return `${lines.join('\n')}\n`
}

/** Ours against the ceiling alone is a table of its own. */
const isNotShare = ({ arms }: ComparisonResult) => arms.length !== 2 || arms[1].label !== ceilingLabel

function shareLines(comparisons: readonly ComparisonResult[]): string[] {
  const body = comparisons.map(({ title, flops, arms: [ours, ceiling], ratios: [{ ratio }], load, commit }) => [
    title,
    digits(ours.time.median),
    digits(ours.time.min),
    String(ours.time.count),
    digits(flops / ours.time.median / 1e6),
    digits(flops / ceiling.time.median / 1e6),
    `${percent(ratio.median)} (${percent(ratio.low)} .. ${percent(ratio.high)})`,
    percent(ceiling.time.min / ours.time.min),
    percent(ceiling.also.processorMs / ours.also.processorMs),
    `${load}, ${commit}`,
  ])
  return [
    'Useful multiply-adds as shares of the ceiling measured in turn: median of the rounds, of the best of either, and of the time that either had the processor.',
    '',
    table(
      ['kernel, batch 32', 'ms', 'least', 'rounds', 'GFLOPS', 'ceiling', 'share', 'of the best', "of processor's time", 'load, commit'],
      body,
    ),
  ]
}

function kernelLines({ fma, copy, rows, load, commit }: KernelFigures): string[] {
  const body = rows.map(({ case: name, op, count, ms, share, macs, bytes }, i) => [
    name === rows[i - 1]?.case ? '' : name,
    op,
    String(count),
    digits(ms),
    percent(share),
    macs ? digits((2 * macs) / ms / 1e6) : '',
    macs ? percent((2 * macs) / ms / 1e6 / fma) : '',
    digits(bytes / ms / 1e6),
    percent(bytes / ms / 1e6 / copy),
  ])
  return [
    `Our operations one by one (those from 1% of the pass on), load ${load}, commit ${commit}. The adapter's own ceilings: ${digits(fma)} GFLOPS of multiply-adds in`,
    `registers, ${digits(copy)} GB/s of a copy (bytes read and written); GB/s of an operation count each operand once.`,
    '',
    table(['pass', 'operation', 'calls', 'ms', 'share', 'GFLOPS', 'of ceiling', 'GB/s', 'of ceiling'], body),
  ]
}
