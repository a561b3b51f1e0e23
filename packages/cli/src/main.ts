/** The command line: arguments in, exit code out. Nothing else of Espalier prints or looks at arguments. */
import { type AdapterPreference, acquireGpu, type Gpu } from '@espalier/kernels'
import { AbortedError, InputError } from '@espalier/nn'
import { type Reporter, readJson, UnreachableError, version } from '@espalier/prune'
import { Command as Commander, CommanderError, Option } from 'commander'
import type { Answer, Command } from './command.js'
import { commands } from './commands/index.js'
import { exitCodeOf, exitCodes } from './errors.js'
import { type OptionSpecs, readConfig, readValues } from './option.js'
import { type Output, terminalReporter } from './terminal.js'

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  /** Where SIGINT and SIGTERM come from; the process. */
  readonly signals?: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>
  /** Interrupts like SIGINT. */
  readonly signal?: AbortSignal
}

/** Runs one command. @returns the exit code; never throws */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = exitCodes.done
  const program = new Commander('espalier')
    .description('Prunes a trained convolutional network (ONNX) to a budget, with constrained reinforcement learning on WebGPU')
    .version(version, '-V, --version')
    .showHelpAfterError('(espalier COMMAND --help shows its options)')
  for (const command of commands) {
    const sub = program.command(command.name).description(command.summary)
    for (const { name, description } of command.arguments) sub.argument(name, description)
    for (const spec of Object.values(command.options)) {
      const made = new Option(spec.flags, spec.description)
      if (spec.repeat) made.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
      sub.addOption(made)
      if (spec.negatable) sub.addOption(new Option(made.long!.replace('--', '--no-'), `without --${made.long!.slice(2)}`))
    }
    sub.action(async (...received: unknown[]) => {
      const given = sub.opts() as Record<string, unknown>
      code = await execute(command, received.slice(0, command.arguments.length) as (string | undefined)[], given, io)
    })
  }
  for (const each of [program, ...program.commands]) {
    each.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getErrHelpWidth: () => 140,
      getOutHelpWidth: () => 140,
    })
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? exitCodes.done : exitCodes.input
  }
  return code
}

async function execute(
  command: Command,
  positional: readonly (string | undefined)[],
  given: Record<string, unknown>,
  io: Io,
): Promise<number> {
  const json = given.json === true
  const reporter = terminalReporter(io.stderr, given.quiet === true)
  const { signal, dispose } = interruption(io)
  let gpu: Promise<Gpu> | undefined
  let debug = given.debug === true
  let asJson = json
  try {
    const file = given.config as string | undefined
    const config = file === undefined ? {} : readConfig(await requireJson(file), command.options, file)
    const merged = { ...config, ...given }
    const options = readValues(command.options as OptionSpecs, merged, (name) =>
      name in given || !(name in config) ? undefined : file,
    ) as Record<string, unknown>
    debug = options.debug === true
    asJson = options.json === true
    const report = options.quiet && !given.quiet ? terminalReporter(io.stderr, true) : reporter
    const answer: Answer = await command.run(positional, options, {
      report,
      signal,
      given: new Set(Object.keys(merged)),
      gpu: (wanted) =>
        (gpu ??= openAdapter(
          {
            prefer: (options.adapter as string | undefined) ?? process.env.ESPALIER_ADAPTER,
            threads: options.threads as number | undefined,
          },
          wanted,
          report,
        )),
    })
    reporter.stop()
    io.stdout.write(asJson ? `${JSON.stringify(answer.json)}\n` : answer.text === '' ? '' : `${answer.text}\n`)
    return exitCodes.done
  } catch (error) {
    reporter.stop()
    const code = exitCodeOf(error)
    const message = error instanceof Error ? error.message : String(error)
    if (code === exitCodes.bug)
      io.stderr.write(
        `espalier: unexpected error: ${message}\nThis is a bug in espalier; please report it with the command and the output of --debug.\n`,
      )
    else io.stderr.write(`espalier: ${error instanceof AbortedError ? 'interrupted: ' : ''}${message}\n`)
    if (debug && error instanceof Error) io.stderr.write(`${error.stack}\n`)
    if (asJson)
      io.stdout.write(
        `${JSON.stringify({ error: message, exitCode: code, ...(error instanceof UnreachableError && { nearest: error.nearest }) })}\n`,
      )
    return code
  } finally {
    dispose()
    await gpu?.then((opened) => opened.close()).catch(() => {})
  }
}

/** The adapter asked for; where none is, the one of that name, if it is still there. */
async function openAdapter(
  { prefer, threads }: { prefer: string | undefined; threads: number | undefined },
  wanted: string | undefined,
  report: Reporter,
): Promise<Gpu> {
  const gpu = await openNamed(prefer || undefined, wanted, threads)
  if (threads !== undefined && gpu.info.kind !== 'cpu')
    report.log(`--threads ${threads} is for the cpu adapter; '${gpu.info.name}' decides itself how many it takes`)
  return gpu
}

async function openNamed(prefer: AdapterPreference, wanted: string | undefined, threads: number | undefined): Promise<Gpu> {
  const first = await acquireGpu({ prefer, threads })
  if (prefer !== undefined || wanted === undefined || first.info.name === wanted) return first
  const [word] = wanted.split(/[ :(]/)
  const other = await acquireGpu({ prefer: word, threads }).catch(() => undefined)
  if (other?.info.name !== wanted) {
    other?.close()
    return first
  }
  first.close()
  return other
}

async function requireJson(file: string): Promise<unknown> {
  const config = await readJson(file)
  if (config === undefined)
    throw new InputError('cannot be read', { file, field: '--config', expected: 'a JSON file', found: 'nothing there' })
  return config
}

/** The first SIGINT or SIGTERM asks the work to save itself and stop, the second ends the process. */
function interruption(io: Io): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  io.signal?.addEventListener('abort', abort)
  const onSignal = () => {
    if (controller.signal.aborted) io.signals?.exit(exitCodes.interrupted)
    io.stderr.write('\nespalier: saving; once more ends at once\n')
    abort()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) io.signals?.on(name, onSignal)
  return {
    signal: controller.signal,
    dispose() {
      io.signal?.removeEventListener('abort', abort)
      for (const name of ['SIGINT', 'SIGTERM'] as const) io.signals?.off(name, onSignal)
    },
  }
}
