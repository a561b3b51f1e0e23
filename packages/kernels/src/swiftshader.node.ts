import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

/**
 * Unpacks the SwiftShader (a Vulkan implementation on the CPU, Apache-2.0) that the npm package @sparticuz/chromium
 * carries into a cache folder, once, and gives the folder; null when the package is not installed.
 */
export async function unpackSwiftShader(): Promise<string | null> {
  const require = createRequire(import.meta.url)
  let archive: string
  let version: string
  try {
    const main = require.resolve('@sparticuz/chromium')
    let folder = dirname(main)
    while (!existsSync(join(folder, 'bin', 'swiftshader.tar.br')) && folder !== dirname(folder)) folder = dirname(folder)
    archive = join(folder, 'bin', 'swiftshader.tar.br')
    version = (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }).version
  } catch {
    return null
  }
  const cache = process.env.XDG_CACHE_HOME ?? (homedir() ? join(homedir(), '.cache') : tmpdir())
  for (const parent of [join(cache, 'espalier'), join(tmpdir(), 'espalier')]) {
    const folder = join(parent, `swiftshader-${version}`)
    if (existsSync(join(folder, 'vk_swiftshader_icd.json'))) return folder
    try {
      // Written beside and renamed: two processes may do this at once.
      await mkdir(parent, { recursive: true })
      const beside = await mkdtemp(join(parent, 'unpack-'))
      for (const [name, bytes] of untar(brotliDecompressSync(await readFile(archive)))) {
        if (/vulkan|swiftshader/.test(name)) await writeFile(join(beside, name), bytes)
      }
      await rename(beside, folder).catch(async (error) => {
        await rm(beside, { recursive: true, force: true })
        if (!existsSync(folder)) throw error
      })
      return folder
    } catch (error) {
      // A read-only home: the temporary folder is next.
      if (parent.startsWith(tmpdir())) throw error
    }
  }
  return null
}

/** Regular files of a tar archive: 512-byte headers with the name at 0 and the size, octal, at 124. */
function* untar(bytes: Buffer): Generator<[string, Buffer]> {
  for (let offset = 0; offset + 512 <= bytes.length; ) {
    const name = bytes.toString('utf8', offset, offset + 100).replace(/\0.*$/s, '')
    if (!name) return
    const size = Number.parseInt(bytes.toString('utf8', offset + 124, offset + 136), 8)
    yield [name, bytes.subarray(offset + 512, offset + 512 + size)]
    offset += 512 + Math.ceil(size / 512) * 512
  }
}
