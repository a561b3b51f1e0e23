import type { Browser, Page } from 'playwright-core'

/** Adds what pages print and throw to `printed`: libraries print nothing. */
export async function newPage(browser: Browser, printed: string[]): Promise<Page> {
  const page = await browser.newPage()
  // Machines may be busy.
  page.setDefaultTimeout(60_000)
  page.on('console', (message) => printed.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => printed.push(`uncaught: ${error.message}`))
  return page
}

export interface LoadOptions {
  readonly url?: string
  /** Whether the page is cross-origin isolated, so that it may share memory with threads. */
  readonly isolated?: boolean
}

/**
 * Loads a page that is nothing but the script, served without a network, and waits for the global that the script sets.
 * WebGPU wants a secure context, which http://localhost is.
 */
export async function load(
  page: Page,
  code: string,
  global: string,
  { url = 'http://localhost/', isolated = false }: LoadOptions = {},
): Promise<void> {
  const headers: Record<string, string> = isolated
    ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
    : {}
  await page.unrouteAll()
  await page.route('**/*', (route) => {
    const path = new URL(route.request().url()).pathname
    if (path === '/page.js') return route.fulfill({ contentType: 'text/javascript', headers, body: code })
    if (path === '/')
      return route.fulfill({ contentType: 'text/html', headers, body: '<!doctype html><script type="module" src="/page.js"></script>' })
    return route.fulfill({ status: path === '/favicon.ico' ? 204 : 404 })
  })
  await page.goto(url)
  await page.waitForFunction((name) => name in globalThis, global)
}
