/** The adapter in a real browser: on threads in a page that is cross-origin isolated, on the page's own thread in one that is not. */
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { bundle, sources } from '../../../kernels/test/browser/bundle.js'
import { launchChromium } from '../../../kernels/test/browser/chromium.js'
import { newPage } from '../../../kernels/test/browser/page.js'
import type { Page } from './script.js'

const { codes } = await bundle([join(import.meta.dirname, 'script.ts')], { ...sources, minify: true })
const chromium = await launchChromium()
afterAll(() => chromium.kill())
type Window = { espalierCpu: Page }

describe.each([true, false])('cross-origin isolated: %s', (isolated) => {
  const printed: string[] = []
  const opened = (async () => {
    const page = await newPage(chromium.browser, printed)
    const headers: Record<string, string> = isolated
      ? { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
      : {}
    await page.route('**/*', (route) => {
      const isScript = route.request().url().endsWith('/page.js')
      const contentType = isScript ? 'text/javascript' : 'text/html'
      return route.fulfill({
        contentType,
        headers,
        body: isScript ? codes[0] : '<!doctype html><script type="module" src="/page.js"></script>',
      })
    })
    await page.goto('http://localhost/')
    await page.waitForFunction(() => 'espalierCpu' in globalThis)
    return page
  })()

  test('a shader runs, and the adapter says on what', async () => {
    const result = await (await opened).evaluate(() => (globalThis as unknown as Window).espalierCpu.shader())
    expect(result).toMatchObject({ wrong: -1, lost: 'destroyed' })
    const threads = isolated ? '2 threads' : '1 thread: this page is not cross-origin isolated'
    expect(result.description).toMatch(new RegExp(`^Espalier CPU \\(WebAssembly SIMD, .*, ${threads}\\)$`))
  })

  test('the page stays alive meanwhile', async () => {
    const result = await (await opened).evaluate(() => (globalThis as unknown as Window).espalierCpu.busy())
    expect(result.wrong).toBe(-1)
    expect(result.turns).toBeGreaterThan(5)
  })

  test('a trap loses the device', async () => {
    const message = await (await opened).evaluate(() => (globalThis as unknown as Window).espalierCpu.trap())
    expect(message).toMatch(/^the CPU adapter failed: .*unreachable/)
  })

  test('nothing was printed', async () => {
    await opened
    expect(printed).toEqual([])
  })
})
