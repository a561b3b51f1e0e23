/** What a user waits for before the first step, and how soon steps are as fast as they get: ours, once in a process of its own. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { compileStep } from '@espalier/nn'
import { dataset, networks, normalization } from '../network.js'
import { quantile } from '../statistics.js'
import { type Case, type Contender, learningRate, momentum, type Settings, timed } from './contender.js'
import { waitingFor } from './patience.js'

/** Steps that are told of one by one, and how many there are in all: the last ones are the steady state. */
export const firstSteps = 10
const steps = 50
const last = 20
/** A slow adapter does not get so far: milliseconds for all steps. */
const patience = 60_000

export async function createContender({ prefer, threads }: Settings): Promise<Contender> {
  return {
    adapter: '',
    versions: {},
    cases: { 'training resnet20': async () => ({ once: () => start({ prefer, threads }) }) satisfies Case },
  }
}

async function start(wanted: { prefer?: string; threads?: number }) {
  const begun = performance.now()
  const gpu = await acquireGpu(wanted)
  const openMs = performance.now() - begun
  const wait = waitingFor(gpu)
  const { graph, batch } = networks.resnet20
  const [network, data] = [graph(), dataset(batch)]
  const counted = countPipelines(gpu.device)
  let made: Awaited<ReturnType<typeof compileStep>> | undefined
  const compileMs = await timed(async () => {
    made = await compileStep(gpu, network, data, { batch, optimizer: 'sgd', labelSmoothing: 0, normalization })
  })
  const { executable, groups } = made!
  executable.write('valid', Uint32Array.of(batch))
  executable.write('bytes', data.images)
  executable.write('labels', data.labels)
  for (const group of groups) executable.write(`hyper ${group}`, Float32Array.of(learningRate, momentum, 0, 0))
  const times: number[] = []
  const until = performance.now() + patience
  for (let i = 0; i < steps && (i < firstSteps || performance.now() < until); i++)
    times.push(
      await timed(() => {
        executable.run()
        return wait(gpu.sync())
      }),
    )
  const first = Object.fromEntries(times.slice(0, firstSteps).map((ms, i) => [`step ${i + 1}`, ms]))
  const steady = quantile(times.slice(-Math.min(last, Math.max(1, times.length - firstSteps))), 0.5)
  const found = { openMs, compileMs, ...counted(), ...first, steady, ...(await emptyDispatches(gpu)) }
  return { ms: performance.now() - begun, ...found }
}

/** How many pipelines are asked for, and in how long a time any of them was being made. */
function countPipelines(device: GPUDevice): () => { pipelines: number; pipelineMs: number } {
  const create = device.createComputePipelineAsync
  let [pipelines, pending, since, pipelineMs] = [0, 0, 0, 0]
  device.createComputePipelineAsync = async (descriptor) => {
    pipelines++
    if (pending++ === 0) since = performance.now()
    try {
      return await create.call(device, descriptor)
    } finally {
      if (--pending === 0) pipelineMs += performance.now() - since
    }
  }
  return () => {
    device.createComputePipelineAsync = create
    return { pipelines, pipelineMs }
  }
}

/** A dispatch that does nothing, in microseconds: one more among many, and one by itself from its submission to its end. */
async function emptyDispatches({ device, sync }: Gpu): Promise<{ emptyUs: number; roundTripUs: number }> {
  const module = device.createShaderModule({ code: '@compute @workgroup_size(1) fn main() {}' })
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } })
  const run = (count: number) =>
    timed(() => {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      for (let i = 0; i < count; i++) pass.dispatchWorkgroups(1)
      pass.end()
      device.queue.submit([encoder.finish()])
      return sync()
    })
  const many = 1000
  const [alone, together]: number[][] = [[], []]
  for (let i = 0; i < 12; i++) {
    alone.push(await run(1))
    together.push(await run(many))
  }
  // The first two are the warm-up.
  const [one, all] = [alone, together].map((times) => quantile(times.slice(2), 0.5))
  return { emptyUs: (1000 * (all - one)) / (many - 1), roundTripUs: 1000 * one }
}
