import { evaluate, percent } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { option, whole } from '../option.js'
import { count, dataOptions, required } from './shared.js'

export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'accuracy, loss, latency (median, p95), parameters, MACs',
  arguments: [{ name: '<MODEL>', description: 'ONNX file' }],
  options: { ...dataOptions, batch: option('--batch <n>', 'images per run (100)', whole(1).optional()), ...commonOptions },
  async run([model], { data, normalize, mean, std, batch, seed }, { gpu, report, signal }) {
    const result = await evaluate({
      model: required(model, 'MODEL'),
      data,
      normalize,
      mean,
      std,
      batch,
      seed,
      gpu: await gpu(),
      report,
      signal,
    })
    const lines = [
      `accuracy    ${percent(result.accuracy)} of ${count(result.images)} images`,
      `loss        ${result.loss.toFixed(4)}`,
      `parameters  ${count(result.params)}`,
      `MACs        ${count(result.macs)} (${count(2 * result.macs)} FLOPs)`,
      `latency     ${result.latencyMs.median.toFixed(3)} ms median, ${result.latencyMs.p95.toFixed(3)} ms p95, batch 1, ${result.adapter}`,
    ]
    return { json: result, text: lines.join('\n') }
  },
})
