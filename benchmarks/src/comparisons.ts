/** What is compared with what, and what is asked of it. */
import type { Settings } from './contenders/contender.js'
import { batch, candidates } from './contenders/masked.js'
import { gemmSize, type Network, networks } from './network.js'

export interface Arm {
  readonly label: string
  readonly runtime: string
  readonly case: string
  /** What its runtime is started with instead of what the run says. */
  readonly settings?: Settings
  /** Left out where its runtime does not start. */
  readonly optional?: boolean
  /** Its time is that of a unit of work, of which the comparison has so many. */
  readonly times?: number
  /** Least ratio of its time to ours, per kind of adapter. */
  readonly goal?: { readonly hardware: number; readonly software: number }
}

export interface Comparison {
  readonly id: string
  readonly title: string
  readonly flops: number
  /** Ours first. */
  readonly arms: readonly [Arm, ...Arm[]]
  /** Largest difference between runtimes, relative to the largest value; 1e-3 when absent. */
  readonly tolerance?: number
  /** Milliseconds that a runtime repeats its case for when it is its turn, for the median: once when absent. */
  readonly turn?: number
}

const always = (ratio: number) => ({ hardware: ratio, software: ratio })

/** Least ratios of their times to ours: of tfjs and onnxruntime forward, of tfjs in a training step. */
const goals: Readonly<Record<string, readonly [number, number, number]>> = { cifar4: [2, 1, 3] }

/** jax-js takes minutes for the larger networks: it is measured on one. */
const jaxJs = (id: string, pass: string): Arm[] => (id === 'cifar4' ? [{ label: 'jax-js', runtime: 'jax-js', case: `${pass} ${id}` }] : [])

function ofNetwork({ id, title, batch, macs }: Network): Comparison[] {
  const [tfjs, onnxruntime, training] = goals[id] ?? [2.5, 1.3, 4]
  const flops = 2 * macs() * batch
  return [
    {
      id: `forward-${id}`,
      title: `${title}: forward, ${batch} images`,
      flops,
      arms: [
        { label: 'espalier', runtime: 'espalier', case: `forward ${id}` },
        { label: 'tfjs', runtime: 'tfjs', case: `forward ${id}`, goal: always(tfjs) },
        { label: 'onnxruntime', runtime: 'onnxruntime', case: `forward ${id}`, goal: always(onnxruntime) },
        ...jaxJs(id, 'forward'),
      ],
    },
    {
      id: `training-${id}`,
      title: `${title}: training step, ${batch} images`,
      flops: 3 * flops,
      arms: [
        { label: 'espalier', runtime: 'espalier', case: `training ${id}` },
        { label: 'tfjs', runtime: 'tfjs', case: `training ${id}`, goal: always(training) },
        ...jaxJs(id, 'training'),
      ],
    },
  ]
}

/** On an adapter, against what runs on the same one. */
export const comparisons: readonly Comparison[] = [
  ...Object.values(networks).flatMap(ofNetwork),
  {
    id: 'masked',
    title: `${candidates} masked candidates, ${batch} images each`,
    flops: 2 * candidates * networks.cifar4.macs() * batch,
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
