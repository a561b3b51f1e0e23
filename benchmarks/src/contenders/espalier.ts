/** Ours. */
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { compile, compileStep, type Executable, fuseForInference, type Graph } from '@espalier/nn'
import { dataset, gemmOperands, gemmSize, type Network, normalization, normalized } from '../network.js'
import { countBuffers } from './buffers.js'
import { candidateCases } from './candidate.js'
import {
  type Case,
  type Contender,
  comparedSteps,
  forEachNetwork,
  learningRate,
  momentum,
  type Settings,
  timed,
  timedStep,
} from './contender.js'
import { convolutionCases } from './convolutions.js'
import { candidates, masked } from './masked.js'
import { waitingFor } from './patience.js'
import { policyUpdate, policyUpdateOnGpu } from './policy.js'

export async function createContender({ prefer, threads }: Settings): Promise<Contender> {
  const gpu = await acquireGpu({ prefer, threads })
  return {
    adapter: gpu.info.name,
    versions: gpu.info.versions,
    cases: {
      ...forEachNetwork('forward', (each) => forward(gpu, each)),
      ...forEachNetwork('training', (each) => training(gpu, each)),
      gemm: () => gemm(gpu),
      'masked together': () => masked(gpu, candidates),
      'masked one at a time': () => masked(gpu, 1),
      ...forEachNetwork('memory, forward', (each) => memory(gpu, each, forward)),
      ...forEachNetwork('memory, training', (each) => memory(gpu, each, training)),
      'policy update': () => policyUpdate(),
      'policy update on the GPU': () => policyUpdateOnGpu(gpu),
      ...convolutionCases(gpu),
      ...candidateCases(gpu),
    },
  }
}

interface Planned extends Case {
  readonly plan: Executable['plan']
}

/** Images from the host, logits to the host. */
async function forward(gpu: Gpu, { graph, batch }: Network): Promise<Planned> {
  const wait = waitingFor(gpu)
  const executable = await compile(gpu, fuseForInference(graph()), { batch })
  const images = normalized(dataset(batch).images)
  const run = async () => {
    executable.write('input', images)
    executable.run()
    return wait(executable.read('output'))
  }
  return {
    plan: executable.plan,
    once: async () => ({ ms: await timed(run) }),
    outputs: async () => Array.from(await run()),
    dispose: () => executable.destroy(),
  }
}

/** A training step as train() does it: bytes and labels written, normalised on the device, metrics accumulated there. */
async function training(gpu: Gpu, { graph, batch }: Network): Promise<Planned> {
  const wait = waitingFor(gpu)
  const data = dataset(batch)
  const { executable, groups } = await compileStep(gpu, graph(), data, { batch, optimizer: 'sgd', labelSmoothing: 0, normalization })
  executable.write('valid', Uint32Array.of(batch))
  const step = () => {
    executable.write('bytes', data.images)
    executable.write('labels', data.labels)
    for (const group of groups) executable.write(`hyper ${group}`, Float32Array.of(learningRate, momentum, 0, 0))
    executable.run()
  }
  return {
    plan: executable.plan,
    once: () => timedStep(step, () => wait(gpu.sync())),
    async outputs() {
      const losses: number[] = []
      for (let i = 0; i < comparedSteps; i++) {
        executable.write('loss sum', new Float32Array(1))
        step()
        losses.push((await wait(executable.read('loss sum')))[0] / batch)
      }
      return losses
    },
    dispose: () => executable.destroy(),
  }
}

async function gemm(gpu: Gpu): Promise<Case> {
  const wait = waitingFor(gpu)
  const size = gemmSize
  const value = (name: string) => ({ name, shape: [size, size], type: 'float32' as const })
  const graph: Graph = {
    name: 'gemm',
    inputs: [value('a'), value('b')],
    outputs: [value('c')],
    nodes: [{ name: 'gemm', op: 'Gemm', inputs: ['a', 'b'], outputs: ['c'], attributes: { alpha: 1, beta: 1, transA: 0, transB: 0 } }],
    initializers: new Map(),
    metadata: {},
  }
  const executable = await compile(gpu, graph, { batch: 1 })
  const { a, b } = gemmOperands()
  const run = async () => {
    executable.write('a', a)
    executable.write('b', b)
    executable.run()
    return wait(executable.read('c'))
  }
  return { once: async () => ({ ms: await timed(run) }), outputs: async () => Array.from(await run()), dispose: () => executable.destroy() }
}

/** Bytes of all GPU buffers alive, at their most, from before compilation to after a few runs and readbacks; against what the plan says. */
async function memory(gpu: Gpu, network: Network, make: (gpu: Gpu, network: Network) => Promise<Planned>): Promise<Case> {
  return {
    async once() {
      const counter = countBuffers(gpu.device)
      try {
        const made = await make(gpu, network)
        await made.outputs?.()
        await made.once()
        const planBytes = made.plan.arenaBytes + made.plan.persistentBytes
        await made.dispose?.()
        return {
          peakBytes: counter.peak(),
          planBytes,
          arenaBytes: made.plan.arenaBytes,
          lowerBoundBytes: made.plan.lowerBoundBytes,
          ratio: counter.peak() / planBytes,
          leftBytes: counter.alive(),
        }
      } finally {
        counter.stop()
      }
    },
  }
}
