/**
 * tfjs-backend-webgpu in Node. What it needs there, and does not find by itself:
 * - `navigator.gpu`, before it is imported: the same Dawn instance, and so the same adapter, that our own acquireGpu() chose;
 * - the WebGPU globals (GPUBufferUsage, ...): acquireGpu() sets them;
 * - its list of features holds a list (`['bgra8unorm-storage']`), which browsers take for a string and Dawn's Node binding refuses: flattened.
 * Nothing else is changed; all its flags have their defaults.
 */
import { createRequire } from 'node:module'
import { acquireGpu } from '@espalier/kernels'
import { fuseForInference } from '@espalier/nn'
import { batch, channelsLast, classes, dataset, epsilon, floats, kernelChannelsLast, layers, network, normalized } from '../network.js'
import { type Case, type Contender, comparedSteps, learningRate, momentum, timed, waitedForCore } from './contender.js'
import { patiently } from './patience.js'

type Tf = typeof import('@tensorflow/tfjs-core') & Pick<typeof import('@tensorflow/tfjs-layers'), 'layers' | 'model' | 'input'>

export async function createContender(prefer: string | undefined): Promise<Contender> {
  const gpu = await acquireGpu({ prefer })
  const instance = gpu.keepAlive as GPU
  const navigatorGpu = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await instance.requestAdapter(options)
      if (!adapter) return null
      const request = adapter.requestDevice.bind(adapter)
      adapter.requestDevice = (descriptor) =>
        request({ ...descriptor, requiredFeatures: [descriptor?.requiredFeatures ?? []].flat(2) as GPUFeatureName[] })
      return adapter
    },
    keepAlive: gpu,
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: navigatorGpu, userAgent: 'node' }, configurable: true })
  const core = await import('@tensorflow/tfjs-core')
  const { layers: layerTypes, model, input } = await import('@tensorflow/tfjs-layers')
  await import('@tensorflow/tfjs-backend-webgpu')
  if (!(await core.setBackend('webgpu'))) throw new Error('tfjs: its WebGPU backend did not start')
  await core.ready()
  const tf = { ...core, layers: layerTypes, model, input } as Tf
  const { version } = createRequire(import.meta.url)('@tensorflow/tfjs-backend-webgpu/package.json') as { version: string }
  return {
    adapter: gpu.info.name,
    versions: { ...gpu.info.versions, 'tfjs-backend-webgpu': version },
    cases: { forward: () => forward(tf), training: () => training(tf) },
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

/** The fastest form tfjs has for a network that is only run: normalisation folded into the weights, `fused.conv2d` with bias and ReLU. */
async function forward(tf: Tf): Promise<Case> {
  const graph = fuseForInference(network())
  const images = channelsLast(normalized(dataset().images), batch, 3, 32 * 32)
  const weights = layers.map(({ name, from, to, pool }) => ({
    pool,
    filter: tf.tensor4d(kernelChannelsLast(floats(graph, `${name}:folded weight`), to, from), [3, 3, from, to]),
    bias: tf.tensor1d(floats(graph, `${name}:folded bias`)),
  }))
  const linear = tf.transpose(tf.tensor2d(floats(graph, 'fc.weight'), [classes, 128]))
  const bias = tf.tensor1d(floats(graph, 'fc.bias'))
  const run = async () => {
    const logits = tf.tidy(() => {
      let x = tf.tensor4d(images, [batch, 32, 32, 3])
      for (const { filter, bias: b, pool } of weights) {
        x = tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias: b, activation: 'relu' })
        if (pool) x = tf.maxPool(x, 2, 2, 'valid')
      }
      return tf.fused.matMul({ a: tf.mean<import('@tensorflow/tfjs-core').Tensor2D>(x, [1, 2]), b: linear, bias })
    })
    const data = await patiently(logits.data())
    logits.dispose()
    return data
  }
  return { once: async () => ({ ms: await timed(run) }), outputs: async () => Array.from(await run()) }
}

/** A step of `tf.train.momentum` on a layers model, batch normalisation in training mode, softmax cross-entropy. Images and labels stay on the device. */
async function training(tf: Tf): Promise<Case> {
  const graph = network()
  const data = dataset()
  const weight = (name: string, shape: number[]) => tf.tensor(floats(graph, name), shape)
  const image = tf.input({ shape: [32, 32, 3] })
  let x = image
  for (const { name, from, to, pool } of layers) {
    const conv = tf.layers.conv2d({ filters: to, kernelSize: 3, padding: 'same', useBias: false, name })
    const norm = tf.layers.batchNormalization({ epsilon, momentum: 0.9, name: `${name}_bn` })
    x = tf.layers.reLU().apply(norm.apply(conv.apply(x))) as typeof image
    if (pool) x = tf.layers.maxPooling2d({ poolSize: 2 }).apply(x) as typeof image
    conv.setWeights([tf.tensor4d(kernelChannelsLast(floats(graph, `${name}.weight`), to, from), [3, 3, from, to])])
    norm.setWeights(['weight', 'bias', 'running_mean', 'running_var'].map((part) => weight(`${name}.bn.${part}`, [to])))
  }
  const dense = tf.layers.dense({ units: classes })
  const net = tf.model({ inputs: image, outputs: dense.apply(tf.layers.globalAveragePooling2d({}).apply(x)) as typeof image })
  dense.setWeights([tf.transpose(weight('fc.weight', [classes, 128])), weight('fc.bias', [classes])])
  const images = tf.tensor4d(channelsLast(normalized(data.images), batch, 3, 32 * 32), [batch, 32, 32, 3])
  const labels = tf.oneHot(tf.tensor1d(Array.from(data.labels), 'int32'), classes)
  const optimizer = tf.train.momentum(learningRate, momentum)
  const step = (cost: boolean) =>
    optimizer.minimize(
      () =>
        tf.losses.softmaxCrossEntropy(
          labels,
          net.apply(images, { training: true }) as import('@tensorflow/tfjs-core').Tensor,
        ) as import('@tensorflow/tfjs-core').Scalar,
      cost,
    )
  return {
    once: async () => {
      let hostMs = 0
      const ms = await timed(async () => {
        const waited = waitedForCore()
        const start = performance.now()
        step(false)
        hostMs = performance.now() - start - (waitedForCore() - waited)
        await settle(tf)
      })
      return { ms, hostMs }
    },
    async outputs() {
      const losses: number[] = []
      for (let i = 0; i < comparedSteps; i++) {
        const loss = step(true)!
        losses.push((await patiently(loss.data()))[0])
        loss.dispose()
      }
      return losses
    },
  }
}
