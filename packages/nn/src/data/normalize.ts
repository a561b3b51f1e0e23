import { InputError } from '../errors.js'
import { type Dataset, imageBytes } from './dataset.js'

/** Per channel: a network sees `(value / 255 - mean) / std`. */
export interface Normalization {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

const presets: Record<string, Normalization> = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  half: { mean: [0.5], std: [0.5] },
  none: { mean: [0], std: [1] },
  // Values stay 0 .. 255: (value / 255 - 0) / (1 / 255).
  '0-255': { mean: [0], std: [1 / 255] },
}

export const normalizations = Object.keys(presets)

/**
 * A preset by name, or mean and std of one number (for every channel) or one per channel.
 * On one channel a preset for RGB becomes the average of its three means and of its three stds.
 */
export function normalizationOf(choice: string | Normalization, channels: number): Normalization {
  if (typeof choice !== 'string') return { mean: perChannel(choice.mean, channels, 'mean'), std: perChannel(choice.std, channels, 'std') }
  const preset = Object.hasOwn(presets, choice) ? presets[choice] : undefined
  if (!preset)
    throw new InputError('unknown normalisation', { field: '--normalize', expected: normalizations.join(', '), found: `'${choice}'` })
  if (channels === 1) return { mean: [average(preset.mean)], std: [average(preset.std)] }
  if (preset.mean.length > 1 && preset.mean.length !== channels) {
    throw new InputError(`'${choice}' does not fit`, {
      field: '--normalize',
      expected: 'images of 1 or 3 channels',
      found: `${channels} channels`,
    })
  }
  return normalizationOf(preset, channels)
}

/** Mean and standard deviation of every channel over all pixels / 255; a channel of one value gets std 1. */
export function computeNormalization(dataset: Dataset): Normalization {
  const [channels, height, width] = dataset.shape
  const pixels = height * width
  const total = dataset.count * pixels
  const mean: number[] = []
  const std: number[] = []
  for (let c = 0; c < channels; c++) {
    // Whole numbers: exact up to 2^53, which is 10^11 pixels.
    let sum = 0
    let squares = 0
    for (let n = 0; n < dataset.count; n++) {
      const start = n * imageBytes(dataset) + c * pixels
      for (let i = start; i < start + pixels; i++) {
        sum += dataset.images[i]
        squares += dataset.images[i] * dataset.images[i]
      }
    }
    mean.push(sum / total / 255)
    std.push(Math.sqrt(Math.max(0, squares / total - (sum / total) ** 2)) / 255 || 1)
  }
  return { mean, std }
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

function perChannel(values: readonly number[], channels: number, name: 'mean' | 'std'): number[] {
  const found = values.join(', ')
  if (values.length !== 1 && values.length !== channels) {
    throw new InputError('wrong number of values', { field: `--${name}`, expected: `1 or ${channels} (one per channel)`, found })
  }
  if (!values.every((value) => Number.isFinite(value) && (name === 'mean' || value > 0))) {
    throw new InputError('not usable', { field: `--${name}`, expected: name === 'std' ? 'numbers above 0' : 'finite numbers', found })
  }
  return Array.from({ length: channels }, (_, c) => values[values.length === 1 ? 0 : c])
}
