import { elements, type Gpu, operations } from '@espalier/kernels'
import { compile, createRandom, type Graph } from '@espalier/nn'
import { commonOptions, defineCommand } from '../command.js'
import { version } from '../version.js'

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'the GPU adapter: name, kind, limits, features, versions, and a self-test of 2 s',
  arguments: [],
  options: commonOptions,
  async run(_, __, { gpu: open }) {
    const gpu = await open()
    const { name, kind, backend, source, skipped } = gpu.info
    const versions = { espalier: version, ...gpu.info.versions }
    const selfTest = await testAdapter(gpu)
    const result = { adapter: name, kind, backend, source, skipped, limits: gpu.limits, features: gpu.features, versions, selfTest }
    const lines = [
      `adapter    ${name}`,
      `kind       ${kind} (${backend}, ${source})`,
      ...skipped.map((why) => `skipped    ${why}`),
      `self-test  ${selfTest.ok ? 'ok' : 'FAILED: a convolution is not what it should be'}, ${selfTest.gflops.toFixed(1)} GFLOP/s (3x3 convolution, 64 to 64 channels, float32)`,
      `versions   ${Object.entries(versions)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')}`,
      `features   ${gpu.features.join(', ') || 'none'}`,
      ...Object.entries(gpu.limits).map(([key, value], i) => `${i === 0 ? 'limits     ' : '           '}${key} ${value}`),
    ]
    return { json: result, text: lines.join('\n') }
  },
})

/** Seconds for the measurement of speed. */
const seconds = 1.5

/** A convolution compared with its float64 reference, then one of the usual size against the clock. */
async function testAdapter(gpu: Gpu): Promise<{ ok: boolean; gflops: number; maxAbsDifference: number }> {
  const { output, expected } = await convolve(gpu, 2, 16, 13)
  const maxAbsDifference = output.reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - expected[i])), 0)
  return { ok: maxAbsDifference < 1e-4, maxAbsDifference, gflops: await speed(gpu, 4, 64, 32) }
}

function convolution(batch: number, channels: number, side: number): { graph: Graph; x: Float32Array; w: Float32Array } {
  const random = createRandom(0, 'doctor')
  const values = (length: number) => Float32Array.from({ length }, () => random.uniform(-0.5, 0.5))
  const w = values(channels * channels * 9)
  const graph: Graph = {
    name: 'self-test',
    inputs: [{ name: 'x', shape: ['N', channels, side, side], type: 'float32' }],
    outputs: [{ name: 'y', shape: ['N', channels, side, side], type: 'float32' }],
    nodes: [{ name: 'conv', op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attributes: attributes }],
    initializers: new Map([['w', { dims: [channels, channels, 3, 3], type: 'float32', data: w }]]),
    metadata: {},
  }
  return { graph, x: values(batch * channels * side * side), w }
}

const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 }

async function convolve(
  gpu: Gpu,
  batch: number,
  channels: number,
  side: number,
): Promise<{ output: Float32Array; expected: Float64Array }> {
  const { graph, x, w } = convolution(batch, channels, side)
  const executable = await compile(gpu, graph, { batch })
  try {
    executable.write('x', x)
    executable.run()
    const shapes = [
      [batch, channels, side, side],
      [channels, channels, 3, 3],
    ]
    const [expected] = operations.Conv.reference(
      attributes,
      [x, w].map((data, i) => ({ shape: shapes[i], data: Float64Array.from(data) })),
    )
    return { output: await executable.read('y'), expected: expected.data }
  } finally {
    executable.destroy()
  }
}

async function speed(gpu: Gpu, batch: number, channels: number, side: number): Promise<number> {
  const { graph, x } = convolution(batch, channels, side)
  const executable = await compile(gpu, graph, { batch })
  try {
    executable.write('x', x)
    executable.run()
    await gpu.sync()
    const flops = 2 * elements([batch, channels, side, side]) * channels * 9
    const start = performance.now()
    // More and more runs between two looks at the clock, so that a fast device is not measured by the latency of the host.
    let runs = 0
    for (let chunk = 1; performance.now() - start < seconds * 1000; chunk = Math.min(2 * chunk, Math.max(1, runs))) {
      for (let i = 0; i < chunk; i++) executable.run()
      await gpu.sync()
      runs += chunk
      if ((performance.now() - start) / runs > 20) chunk = 0.5
    }
    return (flops * runs) / ((performance.now() - start) / 1000) / 1e9
  } finally {
    executable.destroy()
  }
}
