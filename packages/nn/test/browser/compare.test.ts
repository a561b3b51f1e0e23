/** `examples/browser`, built as its users build it and served without a network. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../../../kernels/test/browser/bundle.js'
import { type Chromium, launchChromium } from '../../../kernels/test/browser/chromium.js'
import { newPage } from '../../../kernels/test/browser/page.js'
import { buildArchitecture } from '../../src/architectures/index.js'
import { exportOnnx } from '../../src/onnx/index.js'

let chromium: Chromium
let page: Page
const printed: string[] = []
beforeAll(async () => {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }
  await promisify(execFile)('npm', ['run', '-s', 'browser'], { cwd: root, env })
  chromium = await launchChromium()
  page = await newPage(chromium.browser, printed)
  // Four seconds of measurement, and compilation on what may be a busy machine.
  page.setDefaultTimeout(60_000)
  const body = await readFile(join(root, 'examples/browser/dist/compare.html'), 'utf8')
  await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto('http://localhost/')
  await page.waitForSelector('body[data-ready]')
})
afterAll(() => chromium.kill())

const onnx = (name: string, width: number) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(exportOnnx(buildArchitecture('tiny', { width }))),
})
const choose = (files: Parameters<Page['setInputFiles']>[1]) => page.setInputFiles('#files', files)

test('two models: their costs, and how much faster the second is than the first', async () => {
  expect(await page.textContent('#adapter')).toMatch(/^Espalier CPU \(.*, 1 thread: this page is not cross-origin isolated\)$/)
  await choose([onnx('whole.onnx', 1), onnx('half.onnx', 0.5)])
  await page.waitForSelector('#table:not([hidden])')
  const rows = await page.$$eval('#rows tr', (all) => all.map((row) => [...row.children].map((cell) => cell.textContent)))
  expect(rows.map((row) => row.slice(0, 3))).toEqual([
    ['whole.onnx', '42,906', '1,058,176'],
    ['half.onnx', '11,090', '280,256'],
  ])
  for (const [, , , , , latency, ratio] of rows) {
    expect(latency).toMatch(/^\d+\.\d\d \(\d+\.\d\d\)$/)
    expect(ratio).toMatch(/^\d+\.\d\dx$/)
  }
  expect(rows[0][6]).toBe('1.00x')
  expect(await page.textContent('#status')).toMatch(/^\d+ rounds/)
})

test('what is no model is named, and the next choice works', async () => {
  await choose([onnx('whole.onnx', 1), { name: 'notes.onnx', mimeType: 'text/plain', buffer: Buffer.from('no model at all') }])
  await page.waitForSelector('#status.bad')
  expect(await page.textContent('#status')).toMatch(/^notes\.onnx: /)
  expect(await page.isHidden('#table')).toBe(true)
  await choose([onnx('half.onnx', 0.5)])
  await page.waitForSelector('#table:not([hidden])')
  expect(await page.$$('#rows tr')).toHaveLength(1)
  expect(printed).toEqual([])
})
