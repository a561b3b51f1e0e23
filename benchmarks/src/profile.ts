/**
 * `npm run profile -- [--adapter <name>] [--network resnet20] [--case training|forward|masked] [--candidates 8] [--rounds 5] [--top 40]`: where the time of one run goes.
 */
import { parseArgs } from 'node:util'
import { acquireGpu, type Gpu } from '@espalier/kernels'
import { channelGroups, compile, type Executable, fuseForInference, maskGraph } from '@espalier/nn'
import { breakDown, byOperation, compileFor } from './breakdown.js'
import { ceilings } from './ceilings.js'
import { networks } from './network.js'
import { digits, table } from './report.js'

const { values: options } = parseArgs({
  options: {
    adapter: { type: 'string' },
    network: { type: 'string', default: 'cifar4' },
    case: { type: 'string', default: 'training' },
    candidates: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    top: { type: 'string', default: '40' },
  },
})

if (!Object.hasOwn(networks, options.network))
  throw new Error(`--network: expected one of ${Object.keys(networks).join(', ')}, found '${options.network}'`)
const network = networks[options.network as keyof typeof networks]
const { batch, title } = network

async function compileCase(gpu: Gpu): Promise<Executable> {
  const { case: pass } = options
  if (pass === 'masked') return compileMasked(gpu, Number(options.candidates))
  if (pass !== 'forward' && pass !== 'training') throw new Error(`--case: expected training, forward or masked, found '${pass}'`)
  return compileFor(gpu, network, pass)
}

/** The network of `maskedEvaluator`, without its loss and counting; all masks are ones. */
async function compileMasked(gpu: Gpu, candidates: number): Promise<Executable> {
  const graph = network.graph()
  const groups = channelGroups(graph).filter((group) => group.locked === null)
  const executable = await compile(gpu, fuseForInference(maskGraph(graph, groups, { candidates })), { batch })
  for (const { id, channels } of groups) executable.write(`mask:${id}`, new Float32Array(candidates * channels).fill(1))
  return executable
}

async function main(): Promise<void> {
  const gpu = await acquireGpu({ prefer: options.adapter })
  const rounds = Number(options.rounds)
  const found = await breakDown(gpu, () => compileCase(gpu), rounds)
  const { fma, copy } = await ceilings(gpu)
  const sum = found.calls.reduce((total, { ms }) => total + ms, 0)
  console.log(
    `${gpu.info.name}: ${title}, ${options.case}, ${batch} images: ${digits(found.whole)} ms in one run of ${found.dispatches} dispatches,`,
  )
  console.log(
    `${digits(sum)} ms as the sum of its dispatches (an empty submission, ${digits(found.overhead)} ms, taken off each); medians of ${rounds}`,
  )
  console.log(`ceilings of the adapter: ${digits(fma)} GFLOPS in registers, ${digits(copy)} GB/s in a copy (read and written)\n`)

  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)}%`
  const speed = (macs: number, ms: number) => (macs && ms ? digits((2 * macs) / ms / 1e6) : '')
  const rate = (bytes: number, ms: number) => (ms ? digits(bytes / ms / 1e6) : '')
  console.log(
    table(
      ['operation', 'calls', 'ms', 'share', 'GFLOPS', 'of ceiling', 'GB/s', 'of ceiling'],
      byOperation(found).map(({ op, ms, count, macs, bytes }) => [
        op,
        String(count),
        digits(ms),
        share(ms, sum),
        speed(macs, ms),
        macs ? share((2 * macs) / ms / 1e6, fma) : '',
        rate(bytes, ms),
        share(bytes / ms / 1e6, copy),
      ]),
    ),
  )
  console.log()
  console.log(
    table(
      ['call', 'inputs', 'ms', 'share', 'GFLOPS', 'GB/s', 'dispatches'],
      [...found.calls]
        .sort((a, b) => b.ms - a.ms)
        .slice(0, Number(options.top))
        .map(({ op, output, shapes, ms, macs, bytes, parts }) => [
          `${op} -> ${output}`,
          shapes,
          digits(ms),
          share(ms, sum),
          speed(macs, ms),
          rate(bytes, ms),
          parts.length > 1 ? parts.join(', ') : '',
        ]),
    ),
  )
  gpu.close()
}

await main()
