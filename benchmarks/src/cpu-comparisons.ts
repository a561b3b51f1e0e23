/** What our device on the CPU is compared with: what else computes on the same cores, with as many threads, and what these can do at most. */
import { availableParallelism } from 'node:os'
import type { Arm, Comparison } from './comparisons.js'
import type { Settings } from './contenders/contender.js'
import { convolutions } from './contenders/convolutions.js'
import { layouts } from './contenders/pytorch.js'
import { type Network, networks } from './network.js'
import { ceilingLabel } from './report.js'
import { images } from './search.js'

/** The time that the multiply-adds would take at the machine's ceiling: over ours, our share of it. */
const ceiling = (flops: number): Arm => ({ label: ceilingLabel, runtime: 'ceiling', case: 'ceiling', times: flops / 1e9 })
const ours = (name: string): Arm => ({ label: 'espalier', runtime: 'espalier', case: name })

/** What is a quick one's turn: threads of others that wait for work have gone to sleep, and a single run does not decide. */
const turn = 250

/** The second loss of a training step depends on every gradient, and MobileNetV2's the more on the order of sums: PyTorch's two layouts differ by 5e-4. */
const trainingTolerance = 4e-3

export function cpuComparisons({ threads = 1, python }: Settings): Comparison[] {
  /** Ours on Vulkan's software adapters. SwiftShader always takes all cores. */
  const software = (name: string): Arm[] => [
    { label: 'espalier on lavapipe', runtime: 'espalier', case: name, settings: { prefer: 'lavapipe', threads }, optional: true },
    ...(threads === availableParallelism()
      ? [{ label: 'espalier on SwiftShader', runtime: 'espalier', case: name, settings: { prefer: 'swiftshader' }, optional: true }]
      : []),
  ]
  const pytorch = (pass: string, id: string): Arm[] =>
    python ? layouts.map((layout) => ({ label: `PyTorch, ${layout}`, runtime: 'pytorch', case: `${pass} ${layout} ${id}` })) : []

  const ofNetwork = ({ id, title, batch, macs }: Network): Comparison[] => {
    const flops = 2 * macs() * batch
    return [
      {
        id: `forward-${id}`,
        title: `${title}: forward, ${batch} images`,
        flops,
        turn,
        arms: [
          ours(`forward ${id}`),
          ...pytorch('forward', id),
          { label: 'onnxruntime-web', runtime: 'onnxruntime-web', case: `forward ${id}` },
          { label: 'tfjs-wasm', runtime: 'tfjs-wasm', case: `forward ${id}` },
          ...software(`forward ${id}`),
          ceiling(flops),
        ],
      },
      {
        id: `training-${id}`,
        title: `${title}: training step, ${batch} images`,
        flops: 3 * flops,
        turn,
        tolerance: trainingTolerance,
        arms: [ours(`training ${id}`), ...pytorch('training', id), ...software(`training ${id}`), ceiling(3 * flops)],
      },
    ]
  }

  const { cifar4: _, ...compared } = networks
  return [
    {
      id: 'ceiling',
      title: '1e9 operations of multiply-adds, WebAssembly',
      flops: 1e9,
      arms: [
        { label: 'relaxed_madd, all', runtime: 'ceiling', case: 'ceiling' },
        { label: 'relaxed_madd, one', runtime: 'ceiling', case: 'relaxed_madd, one thread', optional: true },
        { label: 'mul and add, all', runtime: 'ceiling', case: 'mul and add, all threads' },
        { label: 'mul and add, one', runtime: 'ceiling', case: 'mul and add, one thread' },
      ],
    },
    ...convolutions.map(({ name, pass, flops }) => ({
      id: `convolutions-${name.replaceAll(' ', '')}-${pass.replace(' ', '-')}`,
      title: `3x3 convolution, ${name}: ${pass}`,
      flops,
      turn: 100,
      arms: [ours(`convolution ${name}, ${pass}`), ceiling(flops)] as const,
    })),
    ...Object.values(compared).flatMap(ofNetwork),
    ...['not re-fitted', 're-fitted'].map((how) => ({
      id: `candidate-${how}`,
      title: `a candidate, ResNet-20, ${images} images, ${how}`,
      flops: 0,
      arms: [ours(`candidate, ${how}`), ...software(`candidate, ${how}`)] as const,
    })),
    ...(threads > 1 ? Object.values(compared) : []).flatMap(({ id, title, batch, macs }) =>
      (['forward', 'training'] as const).map((pass) => ({
        id: `threads-${pass}-${id}`,
        title: `${title}: ${pass === 'forward' ? 'forward' : 'training step'}, ${batch} images, ${threads} threads against 1`,
        flops: (pass === 'forward' ? 2 : 6) * macs() * batch,
        turn,
        tolerance: trainingTolerance,
        arms: [ours(`${pass} ${id}`), { ...ours(`${pass} ${id}`), label: 'on one thread', settings: { threads: 1 } }] as const,
      })),
    ),
  ]
}
