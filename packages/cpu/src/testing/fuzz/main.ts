/**
 * Fuzzing by hand: `npm run fuzz -w packages/cpu -- [options]`.
 *   --seeds 0-500      which programs (500: the first 500)
 *   --reference NAME   the driver Dawn runs on: swiftshader (the bundled one), or part of a system adapter's name (llvmpipe)
 *   --self             the reference twice, instead of it and our device
 *   --against NAME     another driver instead of our device
 *   --shrink           makes programs that fail smaller
 *   --report FILE      appends programs that fail
 *   --show             prints each program
 *   --record           writes the digests that tests compare with
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openDawn } from '../swiftshader.js'
import { type Digests, sourcesDigest } from './digests.js'
import { generate, type Program } from './program.js'
import { difference, digest, runProgram } from './run.js'
import { shrink } from './shrink.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    reference: { type: 'string', default: 'swiftshader' },
    against: { type: 'string' },
    self: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    report: { type: 'string' },
    show: { type: 'boolean', default: false },
    record: { type: 'string' },
    threads: { type: 'string', default: '1' },
  },
})

async function ours(): Promise<GPUDevice> {
  const { createGpu } = await import('../../index.js')
  const adapter = await (await createGpu({ threads: Number(values.threads), fused: false })).requestAdapter()
  const device = await adapter!.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: 10 } })
  return device
}

/** What differs, or undefined. A program that the reference refuses is an error: of the generator, or of the shrinker's making. */
async function compare(reference: GPUDevice, device: GPUDevice, program: Program): Promise<string | undefined> {
  const expected = await runProgram(reference, program)
  try {
    return difference(program, expected, await runProgram(device, program))
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : error}`
  }
}

/** Of an error, what stays the same while the program gets smaller. */
const kindOf = (failure: string) =>
  failure.startsWith('error')
    ? failure
        .split('\n')[0]
        .replace(/\d+|'[^']*'/g, '#')
        .slice(0, 60)
    : 'different'

const [first, last] = values.seeds.includes('-') ? values.seeds.split('-').map(Number) : [0, Number(values.seeds)]
const reference = await openDawn(values.reference)
const device = values.self || values.record ? reference : values.against ? await openDawn(values.against) : await ours()
const digests: number[] = []
const kinds = new Map<string, number>()
const started = performance.now()
for (let seed = first; seed < last; seed++) {
  const program = generate(seed)
  if (values.show) console.log(`// seed ${seed}, workgroups ${program.workgroups.join(' x ')}\n${program.source}`)
  let failure: string | undefined
  try {
    if (values.record) {
      digests.push(digest(program, await runProgram(reference, program)))
      continue
    }
    failure = await compare(reference, device, program)
  } catch (error) {
    failure = `refused by the reference: ${error instanceof Error ? error.message : error}`
  }
  if (failure === undefined) continue
  const kind = kindOf(failure)
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  console.log(`seed ${seed}: ${failure.split('\n')[0].slice(0, 200)}`)
  if (!values.report && !values.show) continue
  let small = program
  // One of a kind is enough, of errors.
  if (values.shrink && !failure.startsWith('refused') && (kind === 'different' || kinds.get(kind) === 1)) {
    small = await shrink(program, async (candidate) => {
      const now = await compare(reference, device, candidate)
      return now !== undefined && kindOf(now) === kind
    })
    failure = (await compare(reference, device, small)) ?? failure
  }
  const text = `## seed ${seed}\n\n${failure}\n\nworkgroups ${program.workgroups.join(' x ')}, constants ${JSON.stringify(program.constants)}\n\n\`\`\`wgsl\n${small.source}\`\`\`\n\n`
  if (values.report) appendFileSync(values.report, text)
  else console.log(text)
}
const seconds = (performance.now() - started) / 1000
if (values.record) {
  const record: Digests = { first, sources: sourcesDigest(first, last), digests }
  writeFileSync(values.record, `${JSON.stringify(record)}\n`)
}
console.log(`${last - first} programs in ${seconds.toFixed(1)} s, ${[...kinds.values()].reduce((a, b) => a + b, 0)} differ`)
process.exit(kinds.size === 0 ? 0 : 1)
