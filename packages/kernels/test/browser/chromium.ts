/** The Chromium for tests: it comes with `npm ci` (@sparticuz/chromium, Linux on x64), so that no machine needs a browser of its own. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, type BrowserServer, chromium } from 'playwright-core'

// Playwright's own switches keep the browser off the network, without first-run pages, sync or updates, and without a sandbox.
const args = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']

export interface Chromium {
  readonly browser: Browser
  /** Ends it even when it hangs. */
  kill(): Promise<void>
}

/** A headless browser whose WebGPU is SwiftShader. Elsewhere than on Linux x64: an installed Chrome. */
export async function launchChromium(): Promise<Chromium> {
  const server = await launchServer()
  try {
    return { browser: await chromium.connect(server.wsEndpoint(), { timeout: 10_000 }), kill: () => server.kill() }
  } catch (error) {
    await server.kill()
    throw error
  }
}

async function launchServer(): Promise<BrowserServer> {
  const options = { args, timeout: 30_000 }
  if (process.platform !== 'linux' || process.arch !== 'x64') return chromium.launchServer({ ...options, channel: 'chrome' })
  const folder = await unpackChromium()
  // Libraries that the browser wants and small systems lack (NSS, expat) come with it.
  const libraries = [join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':')
  const env = { ...process.env, LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: await fontsOf(folder) }
  return chromium.launchServer({ ...options, env, executablePath: join(folder, 'chromium') })
}

/** The package's own list of fonts names folders of AWS only; and without any font the browser dies of the first letter on a page. */
async function fontsOf(folder: string): Promise<string> {
  const file = join(folder, 'fonts.conf')
  if (existsSync(file)) return file
  const beside = `${file}.${process.pid}`
  await writeFile(
    beside,
    `<fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>\n`,
  )
  await rename(beside, file)
  return file
}

/** Unpacks the browser (200 MB) into the cache folder, once; a few seconds. */
async function unpackChromium(): Promise<string> {
  const resolved = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const home = resolved.slice(0, resolved.lastIndexOf('build'))
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string }
  const cache = process.env.XDG_CACHE_HOME ?? (homedir() ? join(homedir(), '.cache') : tmpdir())
  const folder = join(cache, 'espalier', `chromium-${version}`)
  if (existsSync(folder)) return folder
  // The package unpacks into the temporary folder, with a name that tells no version, and takes what a killed run left there for
  // whole; hence a folder of our own, renamed at the end. It adds the libraries only where it believes to be on AWS.
  await mkdir(dirname(folder), { recursive: true })
  const beside = await mkdtemp(join(dirname(folder), 'unpack-'))
  try {
    const script = "await (await import('@sparticuz/chromium')).default.executablePath()"
    const env = { ...process.env, TMPDIR: beside, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' }
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: home, env, timeout: 60_000 })
    await rename(beside, folder)
  } catch (error) {
    await rm(beside, { recursive: true, force: true })
    // Another process may have been first.
    if (!existsSync(folder)) throw error
  }
  return folder
}
