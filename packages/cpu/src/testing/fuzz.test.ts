/**
 * Random programs (fuzz/program.ts) give the same here as on SwiftShader through Dawn, whose compilers others made. What SwiftShader gave for 2,000 of them is kept
 * as digests (`npm run fuzz -w packages/cpu -- --seeds 0-2000 --record src/testing/fuzz/digests.json`), for it takes some 50 ms for each; some run on both.
 */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { createGpu, globals } from '../index.js'
import { type Digests, sourcesDigest } from './fuzz/digests.js'
import { generate } from './fuzz/program.js'
import { difference, digest, runProgram } from './fuzz/run.js'
import { openDawn } from './swiftshader.js'

const known = JSON.parse(readFileSync(new URL('./fuzz/digests.json', import.meta.url), 'utf8')) as Digests
const end = known.first + known.digests.length
const ofATest = 250
/**
 * Programs of which the optimiser before SwiftShader makes something else, as WGSL lets it, and what: the last digit differs. That it is so and no more is seen in what
 * they compute: 1117 has `x * q + q * q`, made (x + q) * q.
 */
const reassociated: readonly number[] = [1117]
/** Programs that run on both at once; others than those with digests. */
const live = 40

let device: GPUDevice
beforeAll(async () => {
  Object.assign(globalThis, globals)
  const adapter = await (await createGpu({ threads: 2, fused: false })).requestAdapter()
  device = await adapter!.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: 10 } })
})

test('the digests are of the programs that are generated now', () => {
  expect(sourcesDigest(known.first, end), 'record the digests again').toBe(known.sources)
})

describe('as SwiftShader had it', () => {
  for (let first = known.first; first < end; first += ofATest) {
    const last = Math.min(end, first + ofATest)
    test(`programs ${first} to ${last - 1}`, async () => {
      const different: number[] = []
      for (let seed = first; seed < last; seed++) {
        const program = generate(seed)
        if (digest(program, await runProgram(device, program)) !== known.digests[seed - known.first]) different.push(seed)
      }
      expect(different, 'npm run fuzz -w packages/cpu -- --seeds N-N+1 --shrink shows them').toEqual(
        reassociated.filter((seed) => seed >= first && seed < last),
      )
    })
  }
})

// SwiftShader comes for Linux on x64 only.
test.runIf(process.platform === 'linux' && process.arch === 'x64')(`${live} programs on both`, async () => {
  const reference = await openDawn('swiftshader')
  Object.assign(globalThis, globals)
  const different: string[] = []
  for (let seed = 1_000_000; seed < 1_000_000 + live; seed++) {
    const program = generate(seed)
    const found = difference(program, await runProgram(reference, program), await runProgram(device, program))
    if (found !== undefined) different.push(`seed ${seed}: ${found}`)
  }
  expect(different).toEqual([])
})
