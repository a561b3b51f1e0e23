// Bundles the sources of this package and of the packages it measures (shaders as text, no build needed), then runs one of them:
// `node run.mjs bench --adapter swiftshader`. Native packages and peers stay outside the bundle.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'

const here = import.meta.dirname
const [script = 'bench', ...options] = process.argv.slice(2)
await build({
  entryPoints: {
    ...Object.fromEntries(['bench', 'profile', 'signal', 'contender'].map((name) => [name, join(here, 'src', `${name}.ts`)])),
    results: join(here, 'src/results/run.ts'),
  },
  outdir: join(here, 'dist'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['espalier-source'],
  external: ['webgpu', 'onnxruntime-node', 'onnxruntime-web', '@tensorflow/*', 'gpu.js', '@jax-js/jax', '@sparticuz/chromium'],
  loader: { '.wgsl': 'text' },
  // Bundled CommonJS dependencies ask for `require`.
  banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
  sourcemap: true,
  logLevel: 'warning',
})
const child = spawn(process.execPath, ['--enable-source-maps', join(here, 'dist', `${script}.js`), ...options], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('close', (status) => process.exit(status ?? 1))
