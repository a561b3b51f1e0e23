/**
 * What a GPU machine is asked, in one go and without a network: `node hardware.js [--adapter <name>] [--seconds 240] [--out figures.json]`. Made
 * for the portable folder (`npm run portable -w benchmarks`), which runs on a bare Linux machine with a Vulkan driver.
 *
 * Every fast kernel against its float64 reference; the adapter's ceilings; 3x3 convolutions of 128 and 256 channels, forward and both
 * gradients, as shares of the multiply-add ceiling; forward pass and training step of the networks, with dispatches and the host's microseconds.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { acquireGpu, type Gpu, operations, validate } from '@espalier/kernels'
import { breakDown, byOperation, compileFor } from './breakdown.js'
import { ceilings } from './ceilings.js'
import { networks } from './network.js'
import { compileAlone } from './operation.js'
import { digits, table } from './report.js'
import { quantile } from './statistics.js'

const { values: options } = parseArgs({
  options: { adapter: { type: 'string' }, seconds: { type: 'string', default: '240' }, out: { type: 'string' } },
})
const deadline = performance.now() + 1000 * Number(options.seconds)

/** Median time of a run, host and device, over what fits: 20 runs at most. */
async function timeRuns(gpu: Gpu, run: () => void): Promise<{ ms: number; hostMs: number }> {
  const [times, host]: [number[], number[]] = [[], []]
  for (let i = 0; i < 23; i++) {
    const start = performance.now()
    run()
    const encoded = performance.now()
    await gpu.sync()
    if (i >= 3 || performance.now() > deadline) {
      times.push(performance.now() - start)
      host.push(encoded - start)
    }
    if (performance.now() > deadline && times.length >= 1) break
  }
  return { ms: quantile(times, 0.5), hostMs: quantile(host, 0.5) }
}

async function timeOperation(...[gpu, ...operation]: Parameters<typeof compileAlone>) {
  const { executable, macs } = await compileAlone(gpu, ...operation)
  const { ms } = await timeRuns(gpu, () => executable.run())
  executable.destroy()
  return { ms, gflops: (2 * macs) / ms / 1e6 }
}

const gpu = await acquireGpu({ prefer: options.adapter })
console.log(`${gpu.info.name} (${gpu.info.kind}); features: ${gpu.features.join(', ')}`)
const fast = ['tiled', 'narrow', 'depthwise-3x3', 'workgroup', ...(gpu.target.subgroups ? ['tiled-3x3'] : [])].map(
  (name) => `conv2d-${name}`,
)
const gradients = ['tiled', 'narrow', 'workgroup'].map((name) => `conv2d-weight-gradient-${name}`)
const epilogues = [
  { fused: 0, adds: 0, masks: 0 },
  { fused: 1, adds: 0, masks: 0 },
  { fused: 1, adds: 1, masks: 1 },
]
const tried = [...fast, ...gradients].flatMap((name) => epilogues.map((constants) => ({ shader: { name }, constants })))
const refused = await validate(gpu, tried)
console.log(
  `fast kernels against their references: ${fast.length + gradients.length - refused.length} right, refused: ${refused.join(', ') || 'none'}`,
)
const limits = await ceilings(gpu)
console.log(`ceilings: ${digits(limits.fma)} GFLOPS in registers, ${digits(limits.copy)} GB/s in a copy\n`)

const batch = gpu.info.kind === 'hardware' ? 256 : 4
const kernels = []
for (const channels of [128, 256]) {
  const [x, w] = [
    [batch, channels, 32, 32],
    [channels, channels, 3, 3],
  ]
  const attributes = { pads: [1, 1, 1, 1] }
  for (const [op, more, shapes] of [
    ['Conv', {}, [x, w]],
    ['ConvInputGradient', { inputShape: x }, [x, w]],
    ['ConvWeightGradient', { weightShape: w }, [x, x]],
  ] as const) {
    if (performance.now() > deadline) break
    const { ms, gflops } = await timeOperation(gpu, operations[op], { ...attributes, ...more }, shapes)
    kernels.push({ op, channels, batch, ms, gflops, share: gflops / limits.fma })
  }
}
console.log(
  table(
    ['3x3 convolution, 32 x 32', 'channels', 'batch', 'ms', 'GFLOPS', 'of ceiling'],
    kernels.map(({ op, channels, ms, gflops, share }) => [
      op,
      `${channels} - ${channels}`,
      String(batch),
      digits(ms),
      digits(gflops),
      `${(100 * share).toFixed(1)}%`,
    ]),
  ),
)

const passes = []
const sizes = gpu.info.kind === 'hardware' ? { vgg16: 256, resnet20: 128, mobilenetv2: 128, cifar4: 64 } : { resnet20: 4, cifar4: 4 }
for (const [id, images] of Object.entries(sizes))
  for (const pass of ['forward', 'training'] as const) {
    if (performance.now() > deadline) break
    const network = { ...networks[id as keyof typeof networks], batch: images }
    const executable = await compileFor(gpu, network, pass)
    const { ms, hostMs } = await timeRuns(gpu, () => executable.run())
    executable.destroy()
    const found = await breakDown(gpu, () => compileFor(gpu, network, pass), 3)
    const gflops = ((pass === 'forward' ? 2 : 6) * network.macs() * images) / ms / 1e6
    const top = byOperation(found).slice(0, 4)
    passes.push({ network: network.title, pass, images, ms, hostMs, dispatches: found.dispatches, gflops, top })
  }
console.log()
console.log(
  table(
    ['network', 'pass', 'images', 'ms', 'images/s', 'GFLOPS', 'dispatches', 'host us', 'dearest operations, ms'],
    passes.map(({ network, pass, images, ms, hostMs, dispatches, gflops, top }) => [
      network,
      pass,
      String(images),
      digits(ms),
      digits((1000 * images) / ms),
      digits(gflops),
      String(dispatches),
      digits(1000 * hostMs),
      top.map((each) => `${each.op} ${digits(each.ms)}`).join(', '),
    ]),
  ),
)
if (options.out) writeFileSync(options.out, `${JSON.stringify({ info: gpu.info, refused, ...limits, kernels, passes }, null, 2)}\n`)
gpu.close()
