/**
 * tfjs-backend-webgpu in Node. What it needs there, and does not find by itself:
 * - `navigator.gpu`, before it is imported: the same Dawn instance, and so the same adapter, that our own acquireGpu() chose;
 * - the WebGPU globals (GPUBufferUsage, ...): acquireGpu() sets them;
 * - its list of features holds a list (`['bgra8unorm-storage']`), which browsers take for a string and Dawn's Node binding refuses: flattened.
 * Nothing else is changed; all its flags have their defaults.
 */
import { createRequire } from 'node:module'
import { acquireGpu } from '@espalier/kernels'
import { classes, dataset, type Network, normalized } from '../network.js'
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
import { patiently } from './patience.js'
import { channelsLast, inference, type Tf, trainable } from './tfjs-graph.js'

export async function createContender({ prefer }: Settings): Promise<Contender> {
  const gpu = await acquireGpu({ prefer })
  const instance = gpu.instance as GPU
  const navigatorGpu = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await instance.requestAdapter(options)
      if (!adapter) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = (descriptor) =>
        request({ ...descriptor, requiredFeatures: [descriptor?.requiredFeatures ?? []].flat(2) as GPUFeatureName[] })
      return adapter
    },
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: navigatorGpu, userAgent: 'node' }, configurable: true })
  const core = await import('@tensorflow/tfjs-core')
  // It registers the gradients.
  await import('@tensorflow/tfjs-layers')
  await import('@tensorflow/tfjs-backend-webgpu')
  if (!(await core.setBackend('webgpu'))) throw new Error('tfjs: its WebGPU backend did not start')
  await core.ready()
  const { version } = createRequire(import.meta.url)('@tensorflow/tfjs-backend-webgpu/package.json') as { version: string }
  return {
    adapter: gpu.info.name,
    versions: { ...gpu.info.versions, 'tfjs-backend-webgpu': version },
    cases: { ...forEachNetwork('forward', (each) => forward(core, each)), ...forEachNetwork('training', (each) => training(core, each)) },
  }
}

/** Everything submitted and done. Its own way to wait for the device is to read a tensor; this is what a read does first. */
async function settle(tf: Tf): Promise<void> {
  const backend = tf.backend() as unknown as {
    commandEncoder: unknown
    endComputePassEncoder(): void
    submitQueue(): void
    queue: GPUQueue
  }
  if (backend.commandEncoder) {
    backend.endComputePassEncoder()
    backend.submitQueue()
  }
  await patiently(backend.queue.onSubmittedWorkDone())
}

const imagesOf = (tf: Tf, batch: number) =>
  tf.tensor4d(channelsLast(normalized(dataset(batch).images), batch, 3, 32 * 32), [batch, 32, 32, 3])

/** Images from the host, logits to the host. */
export async function forward(tf: Tf, { graph, batch }: Network): Promise<Case> {
  const network = inference(tf, graph())
  const images = channelsLast(normalized(dataset(batch).images), batch, 3, 32 * 32)
  const run = async () => {
    const logits = tf.tidy(() => network(tf.tensor4d(images, [batch, 32, 32, 3])))
    const data = await patiently(logits.data())
    logits.dispose()
    return data
  }
  return {
    once: async () => ({ ms: await timed(run) }),
    outputs: async () => Array.from(await run()),
    dispose: () => tf.disposeVariables(),
  }
}

/** A step of `tf.train.momentum`, batch normalisation in training mode, softmax cross-entropy. Images and labels stay on the device. */
async function training(tf: Tf, { graph, batch }: Network): Promise<Case> {
  const { run, variables } = trainable(tf, graph())
  const images = imagesOf(tf, batch)
  const labels = tf.oneHot(tf.tensor1d(Array.from(dataset(batch).labels), 'int32'), classes)
  const optimizer = tf.train.momentum(learningRate, momentum)
  type Scalar = import('@tensorflow/tfjs-core').Scalar
  const step = (cost: boolean) => optimizer.minimize(() => tf.losses.softmaxCrossEntropy(labels, run(images)) as Scalar, cost, variables)
  return {
    once: () =>
      timedStep(
        () => step(false),
        () => settle(tf),
      ),
    async outputs() {
      const losses: number[] = []
      for (let i = 0; i < comparedSteps; i++) {
        const loss = step(true)!
        losses.push((await patiently(loss.data()))[0])
        loss.dispose()
      }
      return losses
    },
    dispose() {
      optimizer.dispose()
      tf.dispose([images, labels, ...variables])
    },
  }
}
