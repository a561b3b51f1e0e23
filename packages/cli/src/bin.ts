import { Console } from 'node:console'
import { exitCodes } from './errors.js'
import { main } from './main.js'

// What a budget's module prints must not get into the result on standard output.
globalThis.console = new Console(process.stderr, process.stderr)
// Reached only when `main` waits for what can never happen, such as a budget's promise that nothing settles.
process.once('beforeExit', () => {
  process.stderr.write('espalier: nothing is left to wait for: a function of a budget never answered\n')
  process.exit(exitCodes.input)
})

process.exitCode = await main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signals: process })
// Dawn keeps a thread that would hold the process open.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
process.exit()
