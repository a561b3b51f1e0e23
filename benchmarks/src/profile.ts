/**
 * `npm run profile -- [--adapter <name>] [--case training|forward|masked] [--candidates 8] [--rounds 5] [--top 40]`: where the time of one run goes.
 *
 * The run is recorded as it is encoded (pipeline, bind group and workgroups of every dispatch), then its dispatches are submitted one by one,
 * each waited for. The cost of an empty submission is measured and taken off. Waiting after each hides overlap between dispatches, so the
 * sum may exceed the time of the whole run, which is printed too.
 */
import { parseArgs } from 'node:util'
import { acquireGpu, elements, type Gpu, type Operation, operations } from '@espalier/kernels'
import { channelGroups, compile, type Executable, fuseForInference } from '@espalier/nn'
import { maskGraph } from '../../packages/nn/src/prune/index.js'
import { compileStep } from '../../packages/nn/src/training/step.js'
import { batch, dataset, network, normalization } from './network.js'
import { digits, table } from './report.js'
import { quantile } from './statistics.js'

const { values: options } = parseArgs({
  options: {
    adapter: { type: 'string' },
    case: { type: 'string', default: 'training' },
    candidates: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    top: { type: 'string', default: '40' },
  },
})

interface Called {
  readonly op: string
  readonly output: string
  readonly shapes: string
  readonly macs: number
  readonly bytes: number
  readonly dispatches: number
}

/** Notes every call of an operation while `work` compiles, in the order of the dispatches. */
async function noting<T>(work: () => Promise<T>): Promise<{ result: T; calls: Called[] }> {
  const calls: Called[] = []
  const table = operations as Record<string, Operation>
  const originals = { ...table }
  for (const [name, operation] of Object.entries(originals)) {
    table[name] = {
      ...operation,
      dispatches(attributes, inputs, outputs, target) {
        const made = operation.dispatches(attributes, inputs, outputs, target)
        const shapes = inputs.map((tensor) => tensor?.shape)
        calls.push({
          op: operation.op,
          output: outputs[0]?.name ?? inputs[0]?.name ?? '',
          shapes: shapes.flatMap((shape) => (shape ? [`[${shape.join(',')}]`] : [])).join(' '),
          macs:
            operation.macs?.(
              attributes,
              shapes,
              outputs.map((tensor) => tensor.shape),
            ) ?? 0,
          bytes: [...inputs, ...outputs].reduce((sum, tensor) => sum + (tensor ? elements(tensor.shape) * 4 : 0), 0),
          dispatches: made.length,
        })
        return made
      },
    }
  }
  try {
    return { result: await work(), calls }
  } finally {
    Object.assign(table, originals)
  }
}

async function compileCase(gpu: Gpu): Promise<Executable> {
  if (options.case === 'forward') return compile(gpu, fuseForInference(network()), { batch })
  if (options.case === 'masked') return compileMasked(gpu, Number(options.candidates))
  if (options.case !== 'training') throw new Error(`--case: expected training, forward or masked, found '${options.case}'`)
  const data = dataset()
  const { executable } = await compileStep(gpu, network(), data, { batch, optimizer: 'sgd', labelSmoothing: 0, normalization })
  executable.write('bytes', data.images)
  executable.write('labels', data.labels)
  executable.write('valid', Uint32Array.of(batch))
  return executable
}

/** The network of `maskedEvaluator`, without its loss and counting; all masks are ones. */
async function compileMasked(gpu: Gpu, candidates: number): Promise<Executable> {
  const graph = network()
  const groups = channelGroups(graph).filter((group) => group.locked === null)
  const executable = await compile(gpu, fuseForInference(maskGraph(graph, groups, { candidates })), { batch })
  for (const { id, channels } of groups) executable.write(`mask:${id}`, new Float32Array(candidates * channels).fill(1))
  return executable
}

interface Recorded {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
}

/** The dispatches that `run` encodes. The pass it encodes into is real, and thrown away unsubmitted. */
function record(device: GPUDevice, run: () => void): Recorded[] {
  const recorded: Recorded[] = []
  let pipeline: GPUComputePipeline
  let group: GPUBindGroup
  const pass = {
    setPipeline: (value: GPUComputePipeline) => (pipeline = value),
    setBindGroup: (_: number, value: GPUBindGroup) => (group = value),
    dispatchWorkgroups: (x: number, y = 1, z = 1) => recorded.push({ pipeline, group, workgroups: [x, y, z] }),
    end: () => {},
  }
  const create = device.createCommandEncoder
  device.createCommandEncoder = () =>
    ({ beginComputePass: () => pass, finish: () => create.call(device).finish() }) as unknown as GPUCommandEncoder
  try {
    run()
  } finally {
    device.createCommandEncoder = create
  }
  return recorded
}

async function timeOf(gpu: Gpu, dispatch: Recorded | undefined): Promise<number> {
  const start = performance.now()
  const encoder = gpu.device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  if (dispatch) {
    pass.setPipeline(dispatch.pipeline)
    pass.setBindGroup(0, dispatch.group)
    pass.dispatchWorkgroups(...dispatch.workgroups)
  }
  pass.end()
  gpu.device.queue.submit([encoder.finish()])
  await gpu.sync()
  return performance.now() - start
}

async function main(): Promise<void> {
  const gpu = await acquireGpu({ prefer: options.adapter === 'lavapipe' ? 'llvmpipe' : options.adapter })
  const { result: executable, calls } = await noting(() => compileCase(gpu))
  const rounds = Number(options.rounds)
  for (let i = 0; i < 2; i++) executable.run()
  await gpu.sync()
  const recorded = record(gpu.device, () => executable.run())
  const whole: number[] = []
  const empty: number[] = []
  const each = recorded.map(() => [] as number[])
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    executable.run()
    await gpu.sync()
    whole.push(performance.now() - start)
    for (let i = 0; i < 10; i++) empty.push(await timeOf(gpu, undefined))
    for (const [i, dispatch] of recorded.entries()) each[i].push(await timeOf(gpu, dispatch))
  }
  const overhead = quantile(empty, 0.5)
  const times = each.map((samples) => Math.max(0, quantile(samples, 0.5) - overhead))
  let next = 0
  const rows = calls.map((call) => {
    const range = [next, (next += call.dispatches)] as const
    const parts = recorded.slice(...range).map(({ pipeline }, i) => `${pipeline.label} ${digits(times[range[0] + i])}`)
    return { ...call, ms: times.slice(...range).reduce((a, b) => a + b, 0), parts }
  })
  if (next !== recorded.length) throw new Error(`profile: the operations declare ${next} dispatches, the run encodes ${recorded.length}`)
  const sum = rows.reduce((total, { ms }) => total + ms, 0)
  console.log(
    `${gpu.info.name}: ${options.case}, ${batch} images: ${digits(quantile(whole, 0.5))} ms in one run of ${recorded.length} dispatches,`,
  )
  console.log(
    `${digits(sum)} ms as the sum of its dispatches (an empty submission, ${digits(overhead)} ms, taken off each); medians of ${rounds}\n`,
  )

  const byOp = new Map<string, { ms: number; count: number; macs: number }>()
  for (const { op, ms, macs } of rows) {
    const total = byOp.get(op) ?? { ms: 0, count: 0, macs: 0 }
    byOp.set(op, { ms: total.ms + ms, count: total.count + 1, macs: total.macs + macs })
  }
  const share = (ms: number) => `${((100 * ms) / sum).toFixed(1)}%`
  const speed = (macs: number, ms: number) => (macs && ms ? digits((2 * macs) / ms / 1e6) : '')
  const operationRows = [...byOp].sort(([, a], [, b]) => b.ms - a.ms)
  console.log(
    table(
      ['operation', 'calls', 'ms', 'share', 'GFLOPS'],
      operationRows.map(([op, { ms, count, macs }]) => [op, String(count), digits(ms), share(ms), speed(macs, ms)]),
    ),
  )
  console.log()
  console.log(
    table(
      ['call', 'inputs', 'ms', 'share', 'GFLOPS', 'GB/s', 'dispatches'],
      [...rows]
        .sort((a, b) => b.ms - a.ms)
        .slice(0, Number(options.top))
        .map(({ op, output, shapes, ms, macs, bytes, parts }) => [
          `${op} -> ${output}`,
          shapes,
          digits(ms),
          share(ms),
          speed(macs, ms),
          ms ? digits(bytes / ms / 1e6) : '',
          parts.length > 1 ? parts.join(', ') : '',
        ]),
    ),
  )
  executable.destroy()
  gpu.close()
}

await main()
