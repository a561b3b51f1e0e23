/** What our exports carry in ONNX metadata_props, so that a model alone says how to feed it. */
import type { Normalization } from './data/normalize.js'
import { InputError } from './errors.js'
import type { Graph } from './graph.js'

export function withMetadata(graph: Graph, metadata: Readonly<Record<string, string>>): Graph {
  return { ...graph, metadata: { ...graph.metadata, ...metadata } }
}

/** Metadata for a normalisation: means and deviations of pixels / 255, one per channel. */
export function normalizationMetadata({ mean, std }: Normalization): Record<string, string> {
  return { 'espalier.mean': mean.join(','), 'espalier.std': std.join(',') }
}

/** The normalisation a model carries; undefined when it carries none. */
export function normalizationFromMetadata(graph: Graph): Normalization | undefined {
  const metadata: Readonly<Record<string, string | undefined>> = graph.metadata
  const { 'espalier.mean': mean, 'espalier.std': std } = metadata
  if (mean === undefined || std === undefined) return undefined
  const numbers = (field: string, text: string) => {
    const values = text.split(',').map(Number)
    if (values.some((value) => !Number.isFinite(value)))
      throw new InputError('not usable', { field, expected: 'numbers separated by commas', found: `'${text}'` })
    return values
  }
  return { mean: numbers('espalier.mean', mean), std: numbers('espalier.std', std) }
}
