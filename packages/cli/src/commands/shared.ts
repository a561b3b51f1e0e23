/** Options that several commands have. */
import { InputError } from '@espalier/nn'
import { type RunRecord, readRecord, trainingDefaults } from '@espalier/prune'
import { above, flag, number, numbers, oneOf, option, text, whole } from '../option.js'

/** The record of the run to go on with. @throws InputError where the folder has none of this command */
export async function recordToResume(folder: string | undefined, command: string): Promise<RunRecord> {
  if (folder === undefined) throw new InputError('is required', { field: '--run', expected: 'the folder of the run to resume' })
  const record = await readRecord(folder)
  if (record?.command === command) return record
  throw new InputError('there is no run to resume', {
    file: folder,
    field: '--resume',
    expected: `a folder with run.json, written by espalier ${command}`,
    found: record?.command ?? 'none',
  })
}

export const dataOptions = {
  data: option('--data <spec>', 'idx:DIR, cifar10:DIR, cifar100:DIR, images:DIR or shapes; ,limit=N takes the first N images', text),
  normalize: option(
    '--normalize <name>',
    'cifar10, imagenet, half, none or 0-255: pixels become (value / 255 - mean) / std',
    text.optional(),
  ),
  mean: option('--mean <r,g,b>', 'mean of value / 255, per channel', numbers.optional()),
  std: option('--std <r,g,b>', 'standard deviation of value / 255, per channel', numbers.optional()),
}

export const trainingOptions = {
  batch: option('--batch <n>', `images per step (${trainingDefaults.batch})`, whole(1).optional()),
  lr: option('--lr <x>', 'highest learning rate', above(0).optional()),
  optimizer: option('--optimizer <name>', 'sgd or adam', oneOf(['sgd', 'adam']).optional()),
  schedule: option('--schedule <name>', 'cosine, constant or step', oneOf(['cosine', 'constant', 'step']).optional()),
  warmup: option('--warmup <share>', 'share of the steps in which the learning rate rises', number(0, 1).optional()),
  momentum: option('--momentum <x>', `of sgd (${trainingDefaults.momentum})`, number(0, 1).optional()),
  weightDecay: option('--weight-decay <x>', `(${trainingDefaults.weightDecay})`, number(0).optional()),
  labelSmoothing: option('--label-smoothing <x>', '0 to 1', number(0, 1).optional()),
  augment: option('--augment', 'random crops and flips (the default for photographs)', flag.optional(), { negatable: true }),
}

type TrainingValues = { [K in keyof typeof trainingOptions]?: unknown }

/** Only what was given, so that defaults stay with the job. */
export function trainingChoice<T extends TrainingValues>(options: T): Pick<T, keyof typeof trainingOptions & keyof T> {
  const names = Object.keys(trainingOptions) as (keyof typeof trainingOptions)[]
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]])) as never
}

export const architectureWidth = option('--width <x>', "multiplier of every layer's channels (1)", above(0).optional())

/** The folder of a run where none is named: beside the file that it makes. */
export const runBeside = (out: string) => `${out.replace(/\.onnx$/i, '')}.run`

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InputError('is required', { field: name })
  return value
}

export const count = (value: number) => value.toLocaleString('en-US')

/** Columns as wide as their widest cell, the first to the left and the others to the right. */
export function table(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
