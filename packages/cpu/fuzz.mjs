// Bundles the sources and runs them: `npm run fuzz -- --seeds 0-500` (options: src/testing/fuzz/main.ts).
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const folder = fileURLToPath(new URL('node_modules/.fuzz/', import.meta.url))
mkdirSync(folder, { recursive: true })
const outfile = `${folder}${process.pid}.mjs`
await build({
  entryPoints: [fileURLToPath(new URL('src/testing/fuzz/main.ts', import.meta.url))],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: ['webgpu', '@sparticuz/chromium'],
  conditions: ['espalier-source'],
  logLevel: 'warning',
})
process.exit(spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1)
