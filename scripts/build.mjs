// Builds the package in the current folder: ES modules by esbuild (shaders as text), types by tsc.
// Run by each package's `build` script, in dependency order, through turborepo.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
rmSync('dist', { recursive: true, force: true })
const entryPoints = ['index', 'platform.node', 'platform.browser', 'bin']
  .map((name) => join('src', `${name}.ts`))
  .filter((path) => existsSync(path))
await build({
  entryPoints,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  packages: 'external',
  external: ['#platform', 'node:*'],
  loader: { '.wgsl': 'text' },
  sourcemap: true,
  logLevel: 'warning',
})
const types = spawnSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})
process.exit(types.status ?? 1)
