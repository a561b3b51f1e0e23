// `npm run portable -w benchmarks [-- FOLDER]`: a folder (benchmarks/portable by default) that measures a GPU on a bare Linux x64 machine: this Node
// and Dawn, packed, and one bundle of everything else. Nothing is installed there and nothing is fetched: `sh FOLDER/run.sh [--adapter NAME] [--out FILE]`.
// The machine must have a Vulkan driver; a loader (libvulkan.so.1) beside run.sh is used where the system has none.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

if (process.platform !== 'linux' || process.arch !== 'x64')
  throw new Error(`portable: expected to run on linux x64, found ${process.platform} ${process.arch}`)
const here = import.meta.dirname
const folder = resolve(process.argv[2] ?? join(here, 'portable'))
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
await build({
  entryPoints: [join(here, 'src', 'hardware.ts')],
  outfile: join(folder, 'hardware.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['espalier-source'],
  external: ['webgpu', 'onnxruntime-node', '@sparticuz/chromium', 'image-size', 'sharp'],
  loader: { '.wgsl': 'text' },
  banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
  logLevel: 'warning',
})
const webgpu = dirname(createRequire(import.meta.url).resolve('webgpu/package.json'))
const packed = (from, to) => {
  // Symbols are half of it.
  const bare = join(tmpdir(), `espalier-${process.pid}-${to}`)
  copyFileSync(from, bare)
  try {
    execFileSync('strip', ['--strip-unneeded', bare], { stdio: 'ignore' })
  } catch {
    // Without binutils it is merely larger.
  }
  writeFileSync(join(folder, `${to}.gz`), gzipSync(readFileSync(bare), { level: 9 }))
  rmSync(bare)
}
packed(process.execPath, 'node')
packed(join(webgpu, 'dist/linux-x64/dawn.node'), 'dawn.node')
const target = join(folder, 'node_modules/webgpu')
mkdirSync(join(target, 'dist/linux-x64'), { recursive: true })
for (const file of ['package.json', 'index.js', 'LICENSE', 'LICENSE.md'])
  if (existsSync(join(webgpu, file))) copyFileSync(join(webgpu, file), join(target, file))
writeFileSync(
  join(folder, 'run.sh'),
  `#!/bin/sh
set -e
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$here/node" ] || { gzip -dc "$here/node.gz" > "$here/node.part" && chmod +x "$here/node.part" && mv "$here/node.part" "$here/node"; }
dawn="$here/node_modules/webgpu/dist/linux-x64/dawn.node"
[ -f "$dawn" ] || { gzip -dc "$here/dawn.node.gz" > "$dawn.part" && mv "$dawn.part" "$dawn"; }
export LD_LIBRARY_PATH="$here\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/node" "$here/hardware.mjs" "$@"
`,
)
const bytes = execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]
console.log(
  `${folder}: ${(Number(bytes) / 2 ** 20).toFixed(1)} MiB (node ${(statSync(join(folder, 'node.gz')).size / 2 ** 20).toFixed(1)}, Dawn ${(statSync(join(folder, 'dawn.node.gz')).size / 2 ** 20).toFixed(1)})`,
)
