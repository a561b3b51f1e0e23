/** Where the time of one run of an executable goes: its dispatches one by one, put back to the operations that asked for them. */
import { elements, type Gpu, type Operation, operations } from '@espalier/kernels'
import { compile, compileStep, type Executable, fuseForInference } from '@espalier/nn'
import { dataset, type Network, normalization } from './network.js'
import { quantile } from './statistics.js'

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

/** A pass of a network, ready to run. */
export async function compileFor(gpu: Gpu, { graph, batch }: Network, pass: 'forward' | 'training'): Promise<Executable> {
  if (pass === 'forward') return compile(gpu, fuseForInference(graph()), { batch })
  const data = dataset(batch)
  const { executable } = await compileStep(gpu, graph(), data, { batch, optimizer: 'sgd', labelSmoothing: 0, normalization })
  executable.write('bytes', data.images)
  executable.write('labels', data.labels)
  executable.write('valid', Uint32Array.of(batch))
  return executable
}

export interface Breakdown {
  /** Milliseconds of a whole run, and of an empty submission, which is taken off every dispatch: medians. */
  readonly whole: number
  readonly overhead: number
  readonly dispatches: number
  readonly calls: readonly (Called & { readonly ms: number; readonly parts: readonly string[] })[]
}

/**
 * The run is recorded as it is encoded (pipeline, bind group and workgroups of every dispatch), then its dispatches are submitted one by one,
 * each waited for. Waiting after each hides overlap between dispatches, so that the sum may exceed the time of the whole run.
 */
export async function breakDown(gpu: Gpu, make: () => Promise<Executable>, rounds: number): Promise<Breakdown> {
  const { result: executable, calls } = await noting(make)
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
  executable.destroy()
  const overhead = quantile(empty, 0.5)
  const times = each.map((samples) => Math.max(0, quantile(samples, 0.5) - overhead))
  let next = 0
  const rows = calls.map((call) => {
    const range = [next, (next += call.dispatches)] as const
    const parts = recorded.slice(...range).map(({ pipeline }, i) => `${pipeline.label} ${times[range[0] + i].toFixed(3)}`)
    return { ...call, ms: times.slice(...range).reduce((a, b) => a + b, 0), parts }
  })
  if (next !== recorded.length) throw new Error(`the operations declare ${next} dispatches, the run encodes ${recorded.length}`)
  return { whole: quantile(whole, 0.5), overhead, dispatches: recorded.length, calls: rows }
}

export interface OperationTime {
  readonly op: string
  readonly count: number
  readonly ms: number
  readonly macs: number
  /** Of all operands, each once. */
  readonly bytes: number
}

/** By operation, the dearest first. */
export function byOperation({ calls }: Breakdown): OperationTime[] {
  const totals = new Map<string, OperationTime>()
  for (const { op, ms, macs, bytes } of calls) {
    const total = totals.get(op) ?? { op, ms: 0, count: 0, macs: 0, bytes: 0 }
    totals.set(op, { op, ms: total.ms + ms, count: total.count + 1, macs: total.macs + macs, bytes: total.bytes + bytes })
  }
  return [...totals.values()].sort((a, b) => b.ms - a.ms)
}
