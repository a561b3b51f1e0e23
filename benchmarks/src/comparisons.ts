/** What is compared with what, and what is asked of it. */
import { candidates } from './contenders/masked.js'
import { batch, gemmSize, macsPerImage } from './network.js'

export interface Arm {
  readonly label: string
  readonly runtime: string
  readonly case: string
  /** Least ratio of its time to ours, per kind of adapter. */
  readonly goal?: { readonly hardware: number; readonly software: number }
}

export interface Comparison {
  readonly id: string
  readonly title: string
  readonly flops: number
  /** Ours first. */
  readonly arms: readonly [Arm, ...Arm[]]
}

const always = (ratio: number) => ({ hardware: ratio, software: ratio })
const forwardFlops = 2 * macsPerImage * batch

export const comparisons: readonly Comparison[] = [
  {
    id: 'forward',
    title: `forward, ${batch} images`,
    flops: forwardFlops,
    arms: [
      { label: 'espalier', runtime: 'espalier', case: 'forward' },
      { label: 'tfjs', runtime: 'tfjs', case: 'forward', goal: always(2) },
      { label: 'onnxruntime', runtime: 'onnxruntime', case: 'forward', goal: always(1) },
    ],
  },
  {
    id: 'training',
    title: `training step, ${batch} images`,
    flops: 3 * forwardFlops,
    arms: [
      { label: 'espalier', runtime: 'espalier', case: 'training' },
      { label: 'tfjs', runtime: 'tfjs', case: 'training', goal: always(3) },
    ],
  },
  {
    id: 'masked',
    title: `${candidates} masked candidates, ${batch} images each`,
    flops: candidates * forwardFlops,
    arms: [
      { label: 'in one run', runtime: 'espalier', case: 'masked together' },
      { label: 'one at a time', runtime: 'espalier', case: 'masked one at a time', goal: { hardware: 1.5, software: 1 } },
    ],
  },
  {
    id: 'gemm',
    title: `matrix product, ${gemmSize}`,
    flops: 2 * gemmSize ** 3,
    arms: [
      { label: 'espalier', runtime: 'espalier', case: 'gemm' },
      { label: 'gpu.js', runtime: 'gpu.js', case: 'gemm' },
    ],
  },
  {
    id: 'policy',
    title: 'policy iteration, 384 samples',
    flops: 0,
    arms: [
      { label: 'rl, on the CPU', runtime: 'espalier', case: 'policy update' },
      { label: 'engine, on the GPU', runtime: 'espalier', case: 'policy update on the GPU' },
    ],
  },
]
