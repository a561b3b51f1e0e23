// Lint, types and build, then the tests, then one closing line `N passed, N failed`. A run without a test, or one that crashed, fails.
// With arguments (file names, vitest's options) only the tests they select run.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

if (process.argv.length <= 2) {
  for (const script of ['lint', 'types', 'build']) {
    const { status } = spawnSync('npm', ['run', '-s', script], { stdio: 'inherit', shell: process.platform === 'win32' })
    if (status !== 0) {
      console.error(`npm run ${script} failed`)
      console.log('0 passed, 1 failed')
      process.exit(1)
    }
  }
}
const folder = mkdtempSync(join(tmpdir(), 'espalier-tests-'))
const file = join(folder, 'results.json')
const vitest = join(import.meta.dirname, '..', 'node_modules', 'vitest', 'vitest.mjs')
const child = spawn(
  process.execPath,
  [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
)
const code = await new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)))
let passed = 0
let failed = 0
let skipped = []
try {
  const results = JSON.parse(readFileSync(file, 'utf8'))
  passed = results.numPassedTests
  skipped = results.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed'),
  )
  // A file that fails before its first test has none to count.
  failed =
    results.numFailedTests +
    results.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed'))
      .length
} catch {
  failed = 1
}
rmSync(folder, { recursive: true, force: true })
// A worker that crashed takes its tests along: vitest's exit code is all that tells of it.
if (code !== 0) failed = Math.max(failed, 1)
// Those that a selection leaves out are what it is for.
if (process.argv.length <= 2) for (const { fullName } of skipped) console.log(`skipped: ${fullName}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(code === 0 && passed > 0 && failed === 0 ? 0 : 1)
