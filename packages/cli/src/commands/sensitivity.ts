import { percent, type Sensitivity, sensitivity } from '@espalier/prune'
import { type Answer, commonOptions, defineCommand, runOptions } from '../command.js'
import { flag, number, option, shares, text, texts, whole } from '../option.js'
import { count, dataOptions, recordToResume, required, table } from './shared.js'

export const sensitivityCommand = defineCommand({
  name: 'sensitivity',
  summary: 'accuracy against the share of channels removed, for each channel group alone',
  arguments: [{ name: '[MODEL]', description: 'ONNX file; not needed with --resume' }],
  options: {
    ...dataOptions,
    data: { ...dataOptions.data, schema: text.optional() },
    ratios: option('--ratios <shares>', 'shares to remove: 0.1..0.9 in steps of 0.1, or 0.25,0.5 (0.1..0.9)', shares.optional()),
    criterion: option('--criterion <name>', 'which channels go first: l1, l2, bn, fpgm, taylor, entropy or random (l1)', text.optional()),
    keep: option('--keep <layer>', 'a layer that stays whole; may be given again', texts.optional(), { repeat: true }),
    recalibrate: option('--recalibrate', 'batch normalisation statistics of each smaller network (the default)', flag.optional(), {
      negatable: true,
    }),
    validation: option('--validation <n>', 'training images that judge: a number, or a share below 1 (0.1)', number(0).optional()),
    images: option('--images <n>', 'how many of them judge (500, on hardware 2000)', whole(1).optional()),
    candidates: option('--candidates <n>', 'networks judged in one run of the GPU (8, on hardware 16)', whole(1).optional()),
    ...runOptions,
    ...commonOptions,
  },
  async run([model], options, { gpu, report, signal, given }) {
    const folder = options.run ?? (model === undefined ? undefined : `${model.replace(/\.onnx$/i, '')}.sensitivity`)
    // What a run was begun with need not be said again to go on with it.
    const record = options.resume ? await recordToResume(folder, 'sensitivity') : undefined
    const { modelDigest: _digest, mean, std, ...settings } = record?.settings ?? {}
    const recorded: Record<string, unknown> = { ...settings, ...(record && options.normalize === undefined && { mean, std }) }
    const all = {
      ...options,
      ...recorded,
      ...Object.fromEntries(Object.entries(options).filter(([name, value]) => value !== undefined && given.has(name))),
    } as typeof options & { model?: string }
    const result = await sensitivity({
      model: required(model ?? all.model, 'MODEL'),
      data: required(all.data, '--data'),
      normalize: all.normalize,
      mean: all.mean,
      std: all.std,
      ratios: all.ratios,
      criterion: all.criterion as never,
      keep: all.keep,
      recalibrate: all.recalibrate,
      validation: all.validation,
      images: all.images,
      candidates: all.candidates,
      seed: all.seed,
      run: folder,
      resume: options.resume,
      replace: options.run === undefined,
      gpu: await gpu(record?.adapter),
      report,
      signal,
    })
    return describe(result)
  },
})

function describe(result: Sensitivity): Answer {
  const { groups, fixed, ratios } = result
  const share = (ratio: number) => `-${Number((100 * ratio).toFixed(2))}%`
  const rows = [
    ['channel group', 'channels', ...ratios.map(share), 'within 1 point'],
    ...groups.map(({ id, channels, points, tolerated }) => [
      id,
      count(channels),
      ...points.map(({ accuracy }) => percent(accuracy)),
      tolerated > 0 ? share(tolerated) : 'none',
    ]),
  ]
  const locked = fixed.map(({ id, channels, reason }) => `${id}: all ${channels} channels stay: ${reason}`)
  return {
    json: result,
    text: [
      `${percent(result.accuracy)} whole, on ${count(result.images)} validation images; each group alone without a share of its channels:`,
      '',
      table(rows),
      '',
      ...locked,
      ...(result.report ? [`plotted in ${result.report}`] : []),
    ].join('\n'),
  }
}
