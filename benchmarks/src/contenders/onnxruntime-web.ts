/**
 * onnxruntime-web: the same network, exported by us, on WebAssembly SIMD with threads. In Node its package leads to a build that starts its threads
 * as worker_threads by itself; all it has to be told is how many. Its optimiser folds normalisation into the weights and joins activations.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { exportOnnx } from '@espalier/nn'
import { dataset, normalized } from '../network.js'
import { type Contender, forEachNetwork, type Settings, timed } from './contender.js'

export async function createContender({ threads = 1 }: Settings): Promise<Contender> {
  const ort = await import('onnxruntime-web')
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  // Its package.json is not among its exports.
  const main = createRequire(import.meta.url).resolve('onnxruntime-web')
  const { version } = createRequire(import.meta.url)(join(main, '../../package.json')) as { version: string }
  return {
    adapter: `WebAssembly, ${threads} threads`,
    versions: { 'onnxruntime-web': version },
    cases: forEachNetwork('forward', async ({ graph, batch }) => {
      const session = await ort.InferenceSession.create(exportOnnx(graph()), {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
      })
      const images = normalized(dataset(batch).images)
      const run = async () => {
        const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', images, [batch, 3, 32, 32]) }
        return (await session.run(feeds))[session.outputNames[0]].data as Float32Array
      }
      return {
        once: async () => ({ ms: await timed(run) }),
        outputs: async () => Array.from(await run()),
        dispose: () => session.release(),
      }
    }),
  }
}
