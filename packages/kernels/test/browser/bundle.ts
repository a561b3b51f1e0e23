import { join } from 'node:path'
import { type BuildOptions, build, type Metafile } from 'esbuild'

export const root = join(import.meta.dirname, '..', '..', '..', '..')

/** Bundles for a page from the packages' sources. */
export const sources = { conditions: ['espalier-source'], loader: { '.wgsl': 'text' } } as const satisfies BuildOptions

/** Scripts with everything they import, one per entry point in their order. esbuild refuses Node's modules for this platform. */
export async function bundle(entryPoints: readonly string[], options: BuildOptions): Promise<{ codes: string[]; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [...entryPoints],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    outdir: root,
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...options,
  })
  return { codes: outputFiles!.map(({ text }) => text), metafile: metafile! }
}
