/** Convolutions of 3x3 by themselves: the shapes of ResNet-20 and VGG16 at the batch of their networks, each in its three passes. */
import { type Gpu, operations } from '@espalier/kernels'
import { createRandom } from '@espalier/nn'
import { compileAlone, macsOf } from '../operation.js'
import { type Case, type Contender, timed } from './contender.js'
import { waitingFor } from './patience.js'

const batch = 32

/** Channels in and out, and rows and columns. */
const shapes = [
  [16, 32],
  [32, 16],
  [64, 8],
  [64, 32],
  [128, 16],
  [256, 8],
  [512, 4],
  [512, 2],
] as const

const passes = {
  forward: { op: 'Conv', second: 'weights' },
  'input gradient': { op: 'ConvInputGradient', second: 'weights' },
  'weight gradient': { op: 'ConvWeightGradient', second: 'images' },
} as const

export interface Convolution {
  readonly name: string
  readonly pass: keyof typeof passes
  readonly flops: number
  readonly compile: (gpu: Gpu) => ReturnType<typeof compileAlone>
}

function convolution(channels: number, size: number, pass: keyof typeof passes): Convolution {
  const images = [batch, channels, size, size]
  const weights = [channels, channels, 3, 3]
  const { op, second } = passes[pass]
  const attributes = {
    pads: [1, 1, 1, 1],
    ...(pass === 'input gradient' ? { inputShape: images } : pass === 'weight gradient' ? { weightShape: weights } : {}),
  }
  const inputs = [images, second === 'weights' ? weights : images]
  return {
    name: `${channels} x ${size} x ${size}`,
    pass,
    flops: 2 * macsOf(operations[op], attributes, inputs),
    compile: async (gpu) => {
      const made = await compileAlone(gpu, operations[op], attributes, inputs)
      const random = createRandom(8, 'convolution')
      for (const [i, shape] of inputs.entries())
        made.executable.write(
          `input${i}`,
          new Float32Array(shape.reduce((a, b) => a * b, 1)).map(() => random.uniform(-1, 1)),
        )
      return made
    },
  }
}

export const convolutions: readonly Convolution[] = shapes.flatMap(([channels, size]) =>
  (Object.keys(passes) as (keyof typeof passes)[]).map((pass) => convolution(channels, size, pass)),
)

/** Operands stay on the device; the time is that of a run, from its submission to its end. */
async function alone(gpu: Gpu, { compile }: Convolution): Promise<Case> {
  const wait = waitingFor(gpu)
  const { executable } = await compile(gpu)
  const run = () => {
    executable.run()
    return wait(gpu.sync())
  }
  return { once: async () => ({ ms: await timed(run) }), dispose: () => executable.destroy() }
}

export const convolutionCases = (gpu: Gpu): Contender['cases'] =>
  Object.fromEntries(convolutions.map((each) => [`convolution ${each.name}, ${each.pass}`, () => alone(gpu, each)]))
