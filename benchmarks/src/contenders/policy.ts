/**
 * One iteration of PPO-Lagrangian as a pruning run does it (384 samples, minibatches of 64, 10 epochs, a policy and three critics of two equal hidden
 * layers): as packages/rl does it, on the CPU; and the same arithmetic as compiled training steps on the GPU, the least that moving it there would cost.
 */
import type { Gpu } from '@espalier/kernels'
import { compileStep, createBuilder, type Dataset } from '@espalier/nn'
import { type Environment, learn } from '@espalier/rl'
import { type Case, timed } from './contender.js'
import { waitingFor } from './patience.js'

const samples = 384
const minibatch = 64
const epochs = 10
const observationSize = 16
const networks = 4

/** Costs next to nothing, so that the update is what is measured. */
export function environment(): Environment {
  const observation = new Float64Array(observationSize)
  let step = 0
  return {
    observationSize,
    actions: { kind: 'box', low: 0, high: 1, size: 1 },
    costs: networks - 2,
    reset(random) {
      step = 0
      return observation.map(() => random.uniform())
    },
    step(action) {
      step++
      const [a] = action as Float32Array
      return {
        observation: observation.map((_, i) => Math.sin(i + step)),
        reward: a,
        costs: [a, a * a],
        terminated: step % 16 === 0,
        truncated: false,
      }
    },
  }
}

/** Time of the second iteration of two: collection (384 steps of the policy) and update. `hidden`: width of each of two layers. */
export async function policyUpdate(hidden = 64): Promise<Case> {
  return {
    async once() {
      let start = 0
      let ms = 0
      await learn({
        algorithm: 'ppo-lag',
        environment,
        costLimits: [1, 1],
        steps: 2 * samples,
        collect: { stepsPerEnvironment: samples },
        hidden: [hidden, hidden],
        epochs,
        minibatch,
        // No early end: all epochs count.
        targetKl: Number.POSITIVE_INFINITY,
        onIteration() {
          const now = performance.now()
          ms = now - start
          start = now
        },
      })
      return { ms }
    },
  }
}

/** All minibatch steps of all networks, one after the other without waiting, then one wait. ReLU stands for tanh, the loss is cross-entropy. */
export async function policyUpdateOnGpu(gpu: Gpu, hidden = 64): Promise<Case> {
  const net = createBuilder({ name: 'policy', input: [4, 2, 2], seed: 0 })
  let x = net.flatten('flatten', net.input)
  x = net.relu('relu1', net.linear('fc1', x, hidden))
  x = net.relu('relu2', net.linear('fc2', x, hidden))
  const graph = net.graph(net.linear('out', x, 2))
  const data: Dataset = {
    name: 'samples',
    classes: 2,
    shape: [4, 2, 2],
    count: minibatch,
    images: new Uint8Array(minibatch * observationSize).fill(100),
    labels: new Uint32Array(minibatch),
  }
  const { executable } = await compileStep(gpu, graph, data, {
    batch: minibatch,
    optimizer: 'adam',
    labelSmoothing: 0,
    normalization: { mean: [0], std: [1] },
  })
  const run = async () => {
    for (let i = 0; i < (samples / minibatch) * epochs * networks; i++) {
      executable.write('bytes', data.images)
      executable.write('labels', data.labels)
      executable.run()
    }
    await waitingFor(gpu)(gpu.sync())
  }
  return { once: async () => ({ ms: await timed(run) }), dispose: () => executable.destroy() }
}
