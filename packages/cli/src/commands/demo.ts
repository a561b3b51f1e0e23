import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Graph, makeShapes, openData } from '@espalier/nn'
import { type Method, makeFolder, type PruneResult, percent, prune, train } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { compareWithOnnxRuntime } from '../onnxruntime.js'
import { option, text } from '../option.js'
import { count, table } from './shared.js'

/** What 2 cores without a GPU do in under three minutes. */
const plan = {
  budgets: ['params<=35%', 'macs<=45%'],
  trainEpochs: 2,
  episodes: 48,
  images: 160,
  finalists: 2,
  finetune: 1,
  prunedOn: 'shapes,limit=3000',
}

export const demoCommand = defineCommand({
  name: 'demo',
  summary: 'the whole job on built-in data, in under 3 minutes without a GPU',
  arguments: [],
  options: { out: option('--out <dir>', 'keep the models and records in this folder', text.optional()), ...commonOptions },
  async run(_, { seed, out }, { gpu: open, report, signal }) {
    const start = performance.now()
    const gpu = await open()
    if (out !== undefined) await makeFolder(out, '--out')
    const folder = out ?? (await mkdtemp(join(tmpdir(), 'espalier-demo-')))
    try {
      report.log(`demo on ${gpu.info.name} (${gpu.info.kind})`)
      const data = await openData('shapes', { seed })
      const common = { data, seed, gpu, report, signal }
      const trained = await train({
        ...common,
        architecture: 'tiny',
        epochs: plan.trainEpochs,
        training: { lr: 0.05 },
        out: join(folder, 'tiny.onnx'),
      })
      report.log(`tiny trained: test accuracy ${percent(trained.accuracy)}`)
      const fewer = await openData(plan.prunedOn, { seed })
      const results = {} as Record<Method, PruneResult>
      for (const method of shown) {
        report.log(`pruning by ${method} to ${plan.budgets.join(' and ')}`)
        results[method] = await prune({
          ...common,
          data: fewer,
          model: trained.graph,
          budgets: plan.budgets,
          method,
          episodes: plan.episodes,
          images: plan.images,
          finalists: plan.finalists,
          finetune: plan.finetune,
          out: join(folder, `tiny-${method}.onnx`),
          run: join(folder, `${method}.run`),
          replace: true,
        })
      }
      const check = await compareWithOnnxRuntime(gpu, results.crl.graph, results.crl.bytes, makeShapes('test', seed, 16))
      const seconds = (performance.now() - start) / 1000
      const checked =
        check === undefined
          ? 'onnxruntime-node is not installed: the ONNX file was not checked in a second runtime'
          : `onnxruntime gives the same outputs for the ONNX file: greatest difference ${check.toExponential(1)}`
      const json = {
        ...summary(results.crl),
        onnxruntime: check === undefined ? null : { maxAbsDifference: check },
        baselines: { uniform: summary(results.uniform), random: summary(results.random) },
        seconds: { ...results.crl.seconds, demo: seconds },
      }
      return {
        json,
        text: [
          describe(results, trained.graph),
          '',
          checked,
          `${seconds.toFixed(0)} s${out === undefined ? '' : `; models and reports are in ${out}`}`,
        ].join('\n'),
      }
    } finally {
      if (out === undefined) await rm(folder, { recursive: true, force: true })
    }
  },
})

const shown = ['crl', 'uniform', 'random'] as const satisfies readonly Method[]
type Shown = (typeof shown)[number]

const summary = ({ graph: _graph, bytes: _bytes, kept: _kept, ...json }: PruneResult) => json

function describe(results: Record<Shown, PruneResult>, original: Graph): string {
  const { before } = results.crl
  const share = (value: number, whole: number) => `${((100 * value) / whole).toFixed(1)}%`
  const names: Record<Shown, string> = { crl: 'constrained RL', uniform: 'uniform', random: 'random' }
  const rows = [
    ['', 'parameters', 'MACs', 'bytes', 'validation', 'pruned', 'fine-tuned', 'ms'],
    [
      `original (${original.name})`,
      count(before.params),
      count(before.macs),
      count(before.bytes),
      '',
      '',
      percent(before.accuracy),
      before.latencyMs.toFixed(2),
    ],
    ...shown.map((method) => {
      const { after, pruned } = results[method]
      return [
        names[method],
        `${count(after.params)} (${share(after.params, before.params)})`,
        `${count(after.macs)} (${share(after.macs, before.macs)})`,
        count(after.bytes),
        percent(pruned.validationAccuracy),
        percent(pruned.accuracy),
        percent(after.accuracy),
        after.latencyMs.toFixed(2),
      ]
    }),
  ]
  return `${table(rows)}\n\nBudgets: ${plan.budgets.join(', ')}. Validation: what the choice was made by, on images split off the training set. Pruned, fine-tuned: test accuracy.`
}
