/** onnxruntime-node with its WebGPU execution provider (it brings its own Dawn): the same network, exported by us. */
import { createRequire } from 'node:module'
import { acquireGpu } from '@espalier/kernels'
import { exportOnnx } from '@espalier/nn'
import { dataset, normalized } from '../network.js'
import { type Contender, forEachNetwork, type Settings, timed } from './contender.js'

export async function createContender({ prefer }: Settings): Promise<Contender> {
  // Which Vulkan driver it finds is decided by variables that our platform code sets for the bundled SwiftShader; only the name is used here.
  const gpu = await acquireGpu({ prefer })
  const adapter = gpu.info.name
  gpu.close()
  const ort = await import('onnxruntime-node')
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return {
    adapter,
    versions: { 'onnxruntime-node': version },
    cases: forEachNetwork('forward', async ({ graph, batch }) => {
      const session = await ort.InferenceSession.create(exportOnnx(graph()), {
        executionProviders: ['webgpu'],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
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
