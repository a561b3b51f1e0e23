/** `@espalier/kernels`, `nn` and `rl`, unchanged, in a real browser; no browser or no adapter is a failure, never a skip. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Chromium, launchChromium } from '../../../kernels/test/browser/chromium.js'
import { type LoadOptions, load, newPage } from '../../../kernels/test/browser/page.js'
import { bundlePage } from './bundle.js'
import { work } from './work.js'

type Work = typeof work
const adapter = process.env.ESPALIER_ADAPTER

let chromium: Chromium
beforeAll(async () => {
  chromium = await launchChromium()
})
afterAll(() => chromium.kill())

const printed: string[] = []

async function open(code: string, options?: LoadOptions): Promise<Page> {
  const page = await newPage(chromium.browser, printed)
  await load(page, code, 'work', options)
  return page
}

const run = <Name extends keyof Work>(page: Page, name: Name, prefer?: string) =>
  page.evaluate<unknown, [string, string?]>(
    ([key, argument]) => (globalThis as unknown as { work: Work }).work[key as Name](argument),
    [name, prefer],
  ) as ReturnType<Work[Name]>

/** Numbers may differ by `tolerance` (adapters sum in different orders), all else must be the same. */
function expectAlike(actual: unknown, expected: unknown, tolerance: number, where = 'result'): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    expect(Math.abs(actual - expected), `${where}: ${actual} in the browser, ${expected} in Node`).toBeLessThanOrEqual(tolerance)
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object), where).toEqual(Object.keys(expected))
    for (const [key, value] of Object.entries(expected)) {
      expectAlike((actual as Record<string, unknown>)[key], value, tolerance, `${where}.${key}`)
    }
  } else expect(actual, where).toEqual(expected)
}

describe.sequential('sources', { timeout: 60_000 }, () => {
  let page: Page
  let code: string
  beforeAll(async () => {
    code = (await bundlePage('sources')).code
    page = await open(code)
  })

  test('the adapter is found, named and classed', async () => {
    const { info, limits } = await run(page, 'gpu', 'software')
    expect(info).toMatchObject({ source: 'browser', backend: 'browser', kind: 'software' })
    expect(info.name).toMatch(/swiftshader/i)
    expect(info.versions.userAgent).toMatch(/Chrome/)
    expect(limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256)
  })

  test('no hardware: the CPU device, which has threads where the page is isolated', async () => {
    const { info } = await run(page, 'gpu')
    expect(info).toMatchObject({ source: '@espalier/cpu', backend: 'wasm', kind: 'cpu', threads: 1 })
    expect(info.description).toBe(info.name.replace(')', ', 1 thread: this page is not cross-origin isolated)'))
    expect(info.skipped).toEqual([expect.stringMatching(/swiftshader.*computes on the processor: taken by name only/i)])
    const isolated = await open(code, { isolated: true })
    const cores = await isolated.evaluate(() => navigator.hardwareConcurrency)
    expect((await run(isolated, 'gpu')).info).toMatchObject({ name: info.name, threads: cores })
    await isolated.close()
  })

  test('an adapter that it is not is an error that names the ones there are', async () => {
    expect(await run(page, 'failure', 'no-such-adapter')).toEqual({
      name: 'NoAdapterError',
      message: expect.stringMatching(/for 'no-such-adapter'.*adapter is '.*swiftshader.*other.*'Espalier CPU/is),
    })
    expect(await run(page, 'failure', 'SwiftShader')).toBeNull()
    expect(await run(page, 'failure', 'hardware')).toMatchObject({ name: 'NoAdapterError', message: expect.stringContaining('hardware') })
  })

  describe.each(['swiftshader', 'cpu'])('on %s', (prefer) => {
    test('operations = their float64 references', async () => {
      for (const { op, values, difference } of await run(page, 'operations', prefer)) {
        expect(values, op).toBeGreaterThan(0)
        expect(difference, op).toBeLessThan(1e-5)
      }
    })

    test('a model gives the outputs that it gives in Node', async () => {
      const [actual, expected] = [await run(page, 'model', prefer), await work.model(adapter)]
      expect(Math.max(...expected.logits) - Math.min(...expected.logits)).toBeGreaterThan(0.1)
      expectAlike(actual, expected, 1e-4)
    })

    test('training takes the course that it takes in Node', async () => {
      const [actual, expected] = [await run(page, 'training', prefer), await work.training(adapter)]
      expect(expected.history[1].loss).toBeLessThan(expected.history[0].loss)
      expectAlike(actual, expected, 1e-3)
    })
  })

  test('learn takes the course that it takes in Node', async () => {
    const [actual, expected] = [await run(page, 'learning'), await work.learning()]
    expect(expected.history.length).toBeGreaterThanOrEqual(3)
    expectAlike(actual, expected, 1e-9)
  })

  test('without WebGPU the CPU device is there, and says what was not', async () => {
    // Not a secure context: this browser shows no navigator.gpu there.
    const insecure = await open(code, { url: 'http://espalier.test/' })
    const { info } = await run(insecure, 'gpu')
    expect(info).toMatchObject({ kind: 'cpu', threads: 1, skipped: [expect.stringMatching(/navigator\.gpu.*secure context/)] })
    for (const { op, difference } of await run(insecure, 'operations')) expect(difference, op).toBeLessThan(1e-5)
    expect(await run(insecure, 'failure', 'hardware')).toEqual({
      name: 'NoAdapterError',
      message: expect.stringMatching(/no usable GPU adapter.*navigator\.gpu.*secure context/s),
    })
    await page.evaluate(() => Object.assign(navigator.gpu, { requestAdapter: async () => null }))
    expect(await run(page, 'failure', 'hardware')).toEqual({
      name: 'NoAdapterError',
      message: expect.stringMatching(/no usable GPU adapter.*requestAdapter\(\) gave null/s),
    })
  })
})

describe.sequential('built packages', () => {
  test('bundle without Node, and run', async () => {
    const { code, metafile } = await bundlePage('built packages')
    const inputs = Object.keys(metafile.inputs)
    for (const name of ['cpu', 'kernels', 'nn', 'rl']) expect(inputs).toContain(`packages/${name}/dist/index.js`)
    expect(inputs.filter((input) => /packages\/\w+\/src\/|\.node\.|^node:/.test(input))).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
    // The program of the CPU device's threads is a text here, which looks where it runs.
    expect(code.replace("inNode ? require('node:worker_threads')", '')).not.toMatch(/["']node:/)
    const page = await open(code)
    expectAlike(await run(page, 'model'), await work.model(adapter), 1e-4)
  })
})

test('the libraries print nothing', () => expect(printed).toEqual([]))
