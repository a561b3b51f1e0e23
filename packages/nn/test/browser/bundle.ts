import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Metafile } from 'esbuild'
import { bundle, root, sources } from '../../../kernels/test/browser/bundle.js'

/**
 * The page's script with everything it imports, from the packages' sources or from what `npm run build` made of them, as any
 * application would bundle it: no externals, no replacements.
 */
export async function bundlePage(from: 'sources' | 'built packages'): Promise<{ code: string; metafile: Metafile }> {
  if (from === 'built packages') await buildPackages()
  const { codes, metafile } = await bundle([join(import.meta.dirname, 'page.ts')], from === 'sources' ? sources : {})
  return { code: codes[0], metafile }
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
