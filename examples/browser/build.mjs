// One file with all it needs: examples/browser/dist/compare.html, to be opened from the disk or served from anywhere.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const here = import.meta.dirname
const { outputFiles } = await build({
  entryPoints: [join(here, 'compare.ts')],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
})
// A closing tag inside a string of the script would end it.
const script = outputFiles[0].text.replaceAll('</script', '<\\/script')
const page = await readFile(join(here, 'index.html'), 'utf8')
const file = join(here, 'dist', 'compare.html')
await mkdir(join(here, 'dist'), { recursive: true })
await writeFile(
  file,
  page.replace('/* compare.ts */', () => script),
)
console.log(file)
