import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Metafile } from 'esbuild'

const root = join(import.meta.dirname, '..', '..', '..', '..')

/**
 * The page's script with everything it imports, from the packages' sources or from what `npm run build` made of them, as any
 * application would bundle it: no externals, no replacements. esbuild refuses Node's modules for this platform.
 */
export async function bundlePage(from: 'sources' | 'built packages'): Promise<{ code: string; metafile: Metafile }> {
  if (from === 'built packages') await buildPackages()
  const { outputFiles, metafile } = await build({
    entryPoints: [join(import.meta.dirname, 'page.ts')],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...(from === 'sources' && { conditions: ['espalier-source'], loader: { '.wgsl': 'text' } }),
  })
  return { code: outputFiles[0].text, metafile }
}

/** Finds all in turborepo's cache after `npm run build`. */
async function buildPackages(): Promise<void> {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }
  await promisify(execFile)('npm', ['run', '-s', 'build', '--', '--filter=@espalier/rl'], { cwd: root, env, timeout: 100_000 }).catch(
    (error: { stdout?: string }) => {
      throw new Error(`npm run build failed:\n${error.stdout}`, { cause: error })
    },
  )
}
