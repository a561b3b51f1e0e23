import type { Gpu } from '@espalier/kernels'
import type { Reporter } from '@espalier/prune'
import type { OptionSpecs, Values } from './option.js'
import { flag, option, text, whole } from './option.js'

/** What a command gets from the outside. */
export interface Context {
  readonly report: Reporter
  readonly signal: AbortSignal
  /** The adapter chosen by `--adapter`, or else the one of that name if there is one; opened when first asked for. */
  gpu(wanted?: string): Promise<Gpu>
  /** Names of options that were given on the command line or in the configuration. */
  readonly given: ReadonlySet<string>
}

/** The result of a command: what `--json` prints, and the same for people. */
export interface Answer {
  readonly json: unknown
  readonly text: string
}

export interface Command<O extends OptionSpecs = OptionSpecs> {
  readonly name: string
  readonly summary: string
  /** `<MODEL>`, `[DIR]`. */
  readonly arguments: readonly { readonly name: string; readonly description: string }[]
  readonly options: O
  run(positional: readonly (string | undefined)[], options: Values<O>, context: Context): Promise<Answer>
}

export const defineCommand = <O extends OptionSpecs>(command: Command<O>): Command<O> => command

export const commonOptions = {
  seed: option('--seed <n>', 'seed of everything random; same seed and adapter, same result', whole(0).default(0)),
  json: option('--json', 'print one JSON object on standard output', flag.default(false)),
  adapter: option(
    '--adapter <name>',
    'hardware, cpu (ours), lavapipe, swiftshader, or part of the name of an adapter (hardware, else cpu)',
    text.optional(),
  ),
  threads: option('--threads <n>', 'how many the cpu adapter computes on; results do not depend on it (all cores)', whole(1).optional()),
  quiet: option('--quiet', 'no progress, no log', flag.default(false)),
  config: option('--config <file>', 'JSON file with the names of these options; options win', text.optional()),
  debug: option('--debug', 'show where an error came from', flag.default(false)),
}

export const runOptions = {
  run: option('--run <dir>', 'folder for the records of the run', text.optional()),
  resume: option('--resume', 'go on with the run in --run', flag.default(false)),
}
