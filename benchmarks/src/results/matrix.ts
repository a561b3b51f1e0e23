/** A matrix of runs (models x methods x budgets x seeds) is data; here it becomes a list of commands. */

export interface Model {
  readonly title: string
  /** The ONNX file, with the placeholders of paths. */
  readonly file: string
  /** Commands that make the file where it is absent; none for a network of others. */
  readonly make?: readonly string[]
  readonly data: string
  /** What every command on it needs, e.g. `--normalize imagenet`. */
  readonly options?: string
}

export interface Method {
  readonly title: string
  readonly options: string
  /** An agent; what is none is what it must beat. */
  readonly learns?: boolean
}

/** Every seed, budget and method of these lists, in this order (methods change fastest). */
export interface Block {
  readonly model: string
  /** A budget, or several that hold at once. */
  readonly budgets: readonly (string | readonly string[])[]
  readonly methods: readonly string[]
  readonly seeds: readonly number[]
  readonly options: string
  /** Sets its tables apart from others of the same model and budget. */
  readonly variant?: string
  /** The written files of these seeds, trained further. Without it, what `--finetune` in the options does counts. */
  readonly finetune?: { readonly seeds: readonly number[]; readonly data?: string; readonly options: string }
}

/** Does the entropy of random networks within a budget predict their accuracy? */
export interface SignalBlock {
  readonly signal: string
  readonly budget: string
  readonly options: string
}

/** What others report; shares are of the original, accuracies in percent. */
export interface Published {
  readonly model: string
  readonly budget: string
  readonly variant?: string
  readonly name: string
  readonly original?: number
  readonly accuracy: number
  readonly params?: number
  readonly macs?: number
}

export interface Matrix {
  readonly name: string
  readonly about: string
  readonly models: Readonly<Record<string, Model>>
  readonly methods: Readonly<Record<string, Method>>
  readonly runs: readonly (Block | SignalBlock)[]
  readonly published?: readonly Published[]
}

export interface Job {
  readonly kind: 'make' | 'prune' | 'finetune' | 'signal'
  /** `fashion macs<=20% crl seed 0`: unique, and what `--only` looks into. */
  readonly name: string
  readonly model: string
  /** The table it belongs to. */
  readonly budgets: readonly string[]
  readonly variant: string
  readonly method: string
  readonly seed: number
  /** With placeholders: also what a record is found by. */
  readonly command: string
  /** Files made by other commands of the matrix. */
  readonly needs: readonly string[]
  readonly makes?: string
}

export const placeholders = ['FASHION', 'CIFAR', 'SHARED', 'MODELS'] as const
export type Paths = Partial<Record<(typeof placeholders)[number], string>>

/** Splits as a shell does; only single quotes are known. */
export function words(command: string): string[] {
  const found = command.match(/(?:'[^']*'|[^\s'])+/g) ?? []
  if ((command.match(/'/g) ?? []).length % 2) throw new RangeError(`expected closed quotes, found ${command}`)
  return found.map((word) => word.replaceAll("'", ''))
}

/** The placeholders that stand in a command, as whole words. */
export const placeholdersIn = (command: string) => placeholders.filter((name) => new RegExp(`\\b${name}\\b`).test(command))

/** Arguments with paths in the place of placeholders. */
export function argumentsOf(command: string, paths: Paths): string[] {
  return words(command).map((word) =>
    word.replace(new RegExp(`\\b(${placeholders.join('|')})\\b`, 'g'), (name) => paths[name as keyof Paths] ?? name),
  )
}

const listOf = (budget: string | readonly string[]) => (typeof budget === 'string' ? [budget] : budget)
const slug = (text: string) => text.replace(/[^a-z0-9.]+/gi, '-').replace(/^-|-$/g, '')
const joined = (...parts: readonly (string | undefined)[]) => parts.filter(Boolean).join(' ')
const quoted = (budgets: readonly string[]) => budgets.map((budget) => `--budget '${budget}'`).join(' ')

/** The command of a block's runs; `method`, `seed` and `out` may be words that stand for all of them. */
export function pruneCommand(
  { file, data, options }: Model,
  block: Block,
  run: { budgets: readonly string[]; method: string; seed: number | string; out: string },
): string {
  return joined(
    'prune',
    file,
    `--data ${data}`,
    options,
    quoted(run.budgets),
    run.method,
    block.options,
    `--seed ${run.seed}`,
    `--out ${run.out}`,
  )
}

export function finetuneCommand(
  { file, data }: Model,
  { finetune }: Block,
  run: { from: string; seed: number | string; out: string },
): string {
  return joined(
    'finetune',
    run.from,
    `--teacher ${file}`,
    `--data ${finetune?.data ?? data}`,
    finetune?.options,
    `--seed ${run.seed}`,
    `--out ${run.out}`,
  )
}

/** Files of the matrix that a command reads, and the one it writes. */
function filesOf(command: string): Pick<Job, 'needs' | 'makes'> {
  const list = words(command)
  const at = list.indexOf('--out')
  const makes = at < 0 ? undefined : list[at + 1]
  return { needs: list.filter((word) => word.startsWith('MODELS/') && word !== makes), makes }
}

/**
 * All runs of a matrix, in its order; a network is made before its first use, and a run that stands in several blocks is one.
 * @param scale below 1 cuts epochs, episodes, images, data and the widths of networks that are trained, to try whether every command runs
 */
export function expand(matrix: Matrix, scale = 1): Job[] {
  const jobs = new Map<string, Job>()
  const add = (job: Omit<Job, 'needs' | 'makes'>) => {
    const command = scaled(job.command, scale)
    if (!jobs.has(command)) jobs.set(command, { ...job, command, ...filesOf(command) })
  }
  for (const block of matrix.runs) {
    const id = 'signal' in block ? block.signal : block.model
    const model = entry(matrix.models, id, 'model')
    model.make?.forEach((command, i) =>
      add({ kind: 'make', name: `${id} made, step ${i + 1}`, model: id, budgets: [], variant: '', method: '', seed: 0, command }),
    )
    if ('signal' in block) add(signalJob(id, model, block))
    else for (const job of jobsOf(matrix, model, block)) add(job)
  }
  const names = [...jobs.values()].map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new RangeError(`matrix ${matrix.name}: '${twice}' stands for two commands; give one of the blocks a variant`)
  return [...jobs.values()]
}

function signalJob(id: string, model: Model, { budget, options }: SignalBlock): Omit<Job, 'needs' | 'makes'> {
  const command = joined('signal', `--model ${model.file}`, `--data ${model.data}`, model.options, `--budget '${budget}'`, options)
  return { kind: 'signal', name: `${id} ${budget} signal`, model: id, budgets: [budget], variant: '', method: '', seed: 0, command }
}

function* jobsOf(matrix: Matrix, model: Model, block: Block): Generator<Omit<Job, 'needs' | 'makes'>> {
  const variant = block.variant ?? ''
  for (const seed of block.seeds)
    for (const budget of block.budgets)
      for (const method of block.methods) {
        const budgets = listOf(budget)
        const { options } = entry(matrix.methods, method, 'method')
        const name = [block.model, ...budgets, ...(variant ? [variant] : []), method, `seed ${seed}`]
        const out = `MODELS/${slug(name.join(' '))}`
        const common = { model: block.model, budgets, variant, method, seed }
        const pruned = `${out}.onnx`
        yield {
          kind: 'prune',
          name: name.join(' '),
          ...common,
          command: pruneCommand(model, block, { budgets, method: options, seed, out: pruned }),
        }
        if (!block.finetune?.seeds.includes(seed)) continue
        const command = finetuneCommand(model, block, { from: pruned, seed, out: `${out}-tuned.onnx` })
        yield { kind: 'finetune', name: [...name, 'fine-tuned'].join(' '), ...common, command }
      }
}

function entry<T>(table: Readonly<Record<string, T>>, name: string, what: string): T {
  if (!Object.hasOwn(table, name)) throw new RangeError(`${what}: expected one of ${Object.keys(table).join(', ')}, found '${name}'`)
  return table[name]
}

/** Counts that `--scale` cuts, and the least each may become. */
const counts: Readonly<Record<string, number>> = { '--epochs': 1, '--finetune': 1, '--episodes': 16, '--images': 32, '--networks': 4 }
const leastData = 500
/** Where a command takes all there is: about what the data sets have. */
const allData = 50_000

/** Networks that are trained become thinner, but not so thin that shares of their channels mean nothing. */
const leastWidth = 0.25

/** A command with fewer epochs, episodes, images and data, and, where it trains, a thinner network. */
export function scaled(command: string, scale: number): string {
  if (!(scale > 0 && scale <= 1)) throw new RangeError(`scale: expected a number above 0, at most 1, found ${scale}`)
  if (scale === 1) return command
  const less = (value: number, least: number) => Math.min(value, Math.max(least, Math.round(value * scale)))
  const thin = command.replace(/^train \S+/, (train) => `${train} --width ${Math.max(leastWidth, scale)}`)
  return thin.replace(/(--[a-z-]+) ([^\s']+)/g, (whole, option: string, value: string) => {
    if (option in counts) return `${option} ${less(Number(value), counts[option])}`
    if (option !== '--data') return whole
    const [source, limit] = value.split(',limit=')
    return `${option} ${source},limit=${less(Number(limit ?? allData), leastData)}`
  })
}
