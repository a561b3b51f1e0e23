import { elements, type Gpu, type GpuInfo, listAdapters, operations } from '@espalier/kernels'
import { compile, createRandom, type Graph } from '@espalier/nn'
import { type Reporter, version } from '@espalier/prune'
import { commonOptions, defineCommand } from '../command.js'
import { table } from './shared.js'

interface SelfTest {
  readonly ok: boolean
  readonly gflops: number
  readonly maxAbsDifference?: number
  /** What kept it from being tested. */
  readonly error?: string
}

interface Tested {
  readonly name: string
  readonly kind: GpuInfo['kind']
  readonly source: GpuInfo['source']
  readonly selfTest: SelfTest
  readonly taken: boolean
  readonly why: string
}

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'the adapters of this machine, each with a self-test of 2 s; which is taken and why; its limits, features, versions',
  arguments: [],
  options: commonOptions,
  async run(_, { adapter: asked = process.env.ESPALIER_ADAPTER, threads }, { gpu: open, report }) {
    const gpu = await open()
    const { name, description, kind, backend, source, skipped } = gpu.info
    const { adapters, absent } = await testAll(gpu, { asked, threads, report })
    const { selfTest } = adapters.find(({ taken }) => taken)!
    const versions = { espalier: version, ...gpu.info.versions }
    const { limits, features } = gpu
    const json = {
      adapter: name,
      kind,
      backend,
      source,
      threads: gpu.info.threads,
      skipped,
      limits,
      features,
      versions,
      selfTest,
      adapters,
      absent,
    }
    const rows = adapters.map((each) => [each.taken ? '*' : '', each.name, each.kind, each.source, speedOf(each.selfTest), each.why])
    const lines = [
      table([['', 'adapter', 'kind', 'from', 'GFLOP/s', ''], ...rows], [0, 1, 2, 3, 5]),
      ...absent.map((why) => `   ${why}`),
      'GFLOP/s: convolutions, 3x3, 64 to 64 channels, float32, after one was compared with its float64 reference',
      '',
      `adapter    ${description}`,
      `kind       ${kind} (${backend}, ${source})`,
      `versions   ${Object.entries(versions)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')}`,
      `features   ${features.join(', ') || 'none'}`,
      ...Object.entries(limits).map(([key, value], i) => `${i === 0 ? 'limits     ' : '           '}${key} ${value}`),
    ]
    return { json, text: lines.join('\n') }
  },
})

const speedOf = ({ ok, gflops, error }: SelfTest) => (ok ? gflops.toFixed(1) : error === undefined ? 'WRONG' : 'FAILED')

interface Choice {
  /** What `--adapter` says. */
  readonly asked: string | undefined
  readonly threads: number | undefined
  readonly report: Reporter
}

/** One after the other: the software ones take all cores. */
async function testAll(gpu: Gpu, { asked, threads, report }: Choice): Promise<{ adapters: Tested[]; absent: readonly string[] }> {
  const { adapters: listed, absent } = await listAdapters({ threads })
  const found = listed.find(({ info }) => info.name === gpu.info.name && info.source === gpu.info.source)
  // What was taken may be known by its name only, as a machine's third GPU.
  const all = found ? listed : [{ info: gpu.info, open: async () => gpu }, ...listed]
  const adapters: Tested[] = []
  for (const each of all) {
    const { description: name, kind, source } = each.info
    report.log(`testing ${name}`)
    const taken = each === (found ?? all[0])
    const selfTest = taken ? await testAdapter(gpu) : await testOther(each.open)
    adapters.push({ name, kind, source, selfTest, taken, why: whyOf(kind, taken, asked) })
  }
  return { adapters, absent }
}

/** In the words of a user: what is taken when nothing is said, and what by name only. */
function whyOf(kind: GpuInfo['kind'], taken: boolean, asked: string | undefined): string {
  if (taken && asked) return `taken: '${asked}' was asked for`
  if (taken) return kind === 'hardware' ? 'taken: a GPU comes first' : 'taken: there is no hardware GPU'
  if (kind === 'software') return 'by name only: it computes on the processor, as cpu does'
  return asked ? `'${asked}' was asked for` : kind === 'cpu' ? 'a hardware GPU comes first' : 'another GPU comes first'
}

async function testOther(open: () => Promise<Gpu>): Promise<SelfTest> {
  try {
    const gpu = await open()
    try {
      return await testAdapter(gpu)
    } finally {
      gpu.close()
    }
  } catch (error) {
    return { ok: false, gflops: 0, error: error instanceof Error ? error.message : String(error) }
  }
}

/** Seconds for the measurement of speed. */
const seconds = 1.5

/** A convolution compared with its float64 reference, then one of the usual size against the clock. */
async function testAdapter(gpu: Gpu): Promise<SelfTest> {
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
