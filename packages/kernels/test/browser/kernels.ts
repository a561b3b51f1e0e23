/** All tests of the kernels, as they are declared for Node, in a real browser; no browser or no adapter is a failure, never a skip. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundle, sources } from './bundle.js'
import { launchChromium } from './chromium.js'
import { load, newPage } from './page.js'
import type { Tests } from './vitest.js'

/** What only Node has, and is tested in Node only. */
const onlyInNode = ['gpu.test.ts > SwiftShader opens by its name where the package that carries it is']

const folder = join(import.meta.dirname, '../../src')
const files = (readdirSync(folder, { recursive: true }) as string[])
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.test.ts'))
  .sort((a, b) => (a < b ? -1 : 1))

/** Declares those whose file and name fit, to be run on the adapter of that name. */
export async function testKernels(adapter: 'swiftshader' | 'cpu', fitting = /(?:)/): Promise<void> {
  const { codes } = await bundle(
    files.map((file) => join(folder, file)),
    {
      ...sources,
      alias: { vitest: join(import.meta.dirname, 'vitest.ts') },
      define: { 'process.env.ESPALIER_ADAPTER': JSON.stringify(adapter) },
    },
  )
  // Only the page knows the names of its tests, and vitest wants to know them before any test runs.
  const chromium = await launchChromium()
  afterAll(() => chromium.kill())
  const printed: string[] = []
  const page = await newPage(chromium.browser, printed)
  // Isolated, so that the CPU device has its threads.
  const loadFile = (index: number) => load(page, codes[index], 'espalierTests', { isolated: true })
  type Window = { espalierTests: Tests }
  const listed: { file: string; names: readonly string[] }[] = []
  try {
    for (const [i, file] of files.entries()) {
      await loadFile(i)
      listed.push({ file, names: await page.evaluate(() => (globalThis as unknown as Window).espalierTests.names) })
    }
  } catch (error) {
    await chromium.kill()
    throw new Error(`the tests of ${files[listed.length]} do not load in the browser: ${printed.join('\n')}`, { cause: error })
  }

  let left = 0
  for (const [i, { file, names }] of listed.entries()) {
    const chosen = [...names.entries()].filter(([, name]) => fitting.test(`${file} > ${name}`))
    left += names.length - chosen.length
    if (chosen.length === 0) continue
    describe.sequential(file, () => {
      // A page, and so a device, of its own for each file, as in Node.
      beforeAll(() => loadFile(i))
      for (const [j, name] of chosen)
        if (!onlyInNode.includes(`${file} > ${name}`))
          test(name, async () => {
            const failure = await page.evaluate((index) => (globalThis as unknown as Window).espalierTests.run(index), j)
            if (failure !== null) expect.fail(failure)
          })
    })
  }

  test(`only in Node: ${onlyInNode.join(', ')}`, () => {
    const all = listed.flatMap(({ file, names }) => names.map((name) => `${file} > ${name}`))
    expect(all).toEqual(expect.arrayContaining(onlyInNode))
  })
  test.skipIf(left > 0)(`on ${adapter} in Node only: ${left} tests, all but ${fitting}`, () => {})

  test('the browser is the one that came along, with threads, and nothing is printed', async () => {
    const architecture = await page.evaluate(async () => (await navigator.gpu.requestAdapter())?.info.architecture)
    expect(architecture).toMatch(/swiftshader/i)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    expect(printed).toEqual([])
  })
}
