/** gpu.js on its WebGPU backend: matrix multiplication as its README writes it. Finds the adapter through `navigator.gpu`, as tfjs does. */
import { createRequire } from 'node:module'
import { acquireGpu } from '@espalier/kernels'
import { gemmOperands, gemmSize } from '../network.js'
import { type Contender, type Settings, timed } from './contender.js'
import { patiently } from './patience.js'

export async function createContender({ prefer }: Settings): Promise<Contender> {
  const gpu = await acquireGpu({ prefer })
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: gpu.instance, userAgent: 'node' }, configurable: true })
  const { GPU } = await import('gpu.js')
  const { version } = createRequire(import.meta.url)('gpu.js/package.json') as { version: string }
  return {
    adapter: gpu.info.name,
    versions: { ...gpu.info.versions, 'gpu.js': version },
    cases: {
      gemm: async () => {
        const { a, b } = gemmOperands()
        const rows = (data: Float32Array) => Array.from({ length: gemmSize }, (_, i) => data.subarray(i * gemmSize, (i + 1) * gemmSize))
        const kernel = new GPU({ mode: 'webgpu' as 'gpu' })
          .createKernel(function (this: { thread: { x: number; y: number }; constants: { size: number } }, x: number[][], y: number[][]) {
            let sum = 0
            for (let i = 0; i < this.constants.size; i++) sum += x[this.thread.y][i] * y[i][this.thread.x]
            return sum
          })
          .setConstants({ size: gemmSize })
          .setOutput([gemmSize, gemmSize])
        const [left, right] = [rows(a), rows(b)]
        // Its types do not know yet that calls of this backend are asynchronous.
        const run = async () => (await patiently(kernel(left, right) as unknown as Promise<Float32Array[]>)) as Float32Array[]
        return { once: async () => ({ ms: await timed(run) }), outputs: async () => (await run()).flatMap((row) => Array.from(row)) }
      },
    },
  }
}
