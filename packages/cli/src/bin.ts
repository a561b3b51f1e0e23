import { main } from './main.js'

process.exitCode = await main(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signals: process })
// Dawn keeps a thread that would hold the process open.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
process.exit()
