/** Budgets: what a network may cost, as text (`macs<=30%`) or as a function of the user's own. */

import { InputError } from '@espalier/nn'
import { commandCost } from '#platform'
import { loadModule, patient } from './black-box.js'
import type { Candidate, CostFunction } from './candidate.js'

/** Sizes that are counted exactly, without running anything. */
export const exactKinds = ['params', 'macs', 'bytes', 'memory', 'weights'] as const
export type ExactKind = (typeof exactKinds)[number]
export type Sizes = Readonly<Record<ExactKind, number>>

/** A budget of the user's own. `limit` is in the units of `cost`. */
export interface CustomBudget {
  readonly name: string
  readonly limit: number
  readonly cost: CostFunction
}

/** A budget as asked for: the limit may still be a share of what the original network costs. */
export interface BudgetRequest {
  /** As the user wrote it. */
  readonly text: string
  readonly kind: ExactKind | 'latency' | 'custom'
  readonly limit: { readonly value: number; readonly share: boolean }
  readonly cost: CostFunction
}

/** A budget in real units. */
export interface Budget extends Omit<BudgetRequest, 'limit'> {
  readonly limit: number
}

/** Counted, and not measured: the same every time it is asked for. */
export const isExact = <B extends Pick<Budget, 'kind'>>(budget: B): budget is B & { kind: ExactKind } =>
  (exactKinds as readonly string[]).includes(budget.kind)

const forms =
  'params<=10%, params<=200k, macs<=0.3x, bytes<=1MB, memory<=2MiB, latency<=4ms, weights<=10%, module:./file.mjs<=12.5 or command:./measure.sh<=3'

/** How budgets are measured. */
export interface Meters {
  /** For budgets on latency, which need a device. */
  readonly latency?: CostFunction
  /**
   * What a black box may take for one candidate, in ms; a minute by default. What may hang without giving the thread back belongs in a `command:`,
   * which can be ended.
   */
  readonly patience?: number
}

const aMinute = 60_000

/** Reads the budgets, loading the modules they name. @throws InputError naming the budget and what was expected */
export async function readBudgets(given: readonly (string | CustomBudget)[], meters?: Meters): Promise<BudgetRequest[]> {
  if (typeof given === 'string') throw new InputError('not a list', { field: 'budgets', expected: `['${given}']`, found: `'${given}'` })
  if (!Array.isArray(given) || given.length === 0)
    throw new InputError('no budget', { field: '--budget', expected: `at least one, such as ${forms}` })
  const requests = await Promise.all(given.map((one) => (typeof one === 'string' ? parseBudget(one, meters) : customBudget(one, meters))))
  const twice = requests.find(({ text }, i) => requests.findIndex((other) => other.text === text) < i)
  // Records keep values by the budget's name.
  if (twice) throw new InputError('given twice', { field: `budget '${twice.text}'`, expected: 'a name for each budget' })
  return requests
}

export async function parseBudget(text: string, { latency, patience = aMinute }: Meters = {}): Promise<BudgetRequest> {
  const field = `--budget '${text}'`
  const at = text.lastIndexOf('<=')
  if (at < 0) {
    const sign = /[<>=≤≥]+/.exec(text)?.[0]
    throw new InputError('not a budget', {
      field,
      expected: forms,
      found: sign ? `'${sign}'; a budget is an upper limit: '<='` : "no '<='",
    })
  }
  const name = text.slice(0, at).trim()
  const written = text.slice(at + 2).trim()
  const kind = name.includes(':') ? name.slice(0, name.indexOf(':')) : name
  if (kind === 'module') {
    const path = name.slice('module:'.length)
    if (path === '') throw new InputError('the file is missing', { field, expected: 'module:./file.mjs<=LIMIT' })
    return { text, kind: 'custom', limit: parseLimit(written, field, 'plain'), cost: patient(await loadModule(path, field), patience) }
  }
  if (kind === 'command') {
    const words = name.slice('command:'.length).split(/\s+/).filter(Boolean)
    if (words.length === 0) throw new InputError('the command is missing', { field, expected: 'command:./measure.sh<=LIMIT' })
    return { text, kind: 'custom', limit: parseLimit(written, field, 'plain'), cost: commandCost(words, patience) }
  }
  if (name === 'latency') {
    const limit = parseLimit(written, field, 'time')
    if (!latency) throw new InputError('latency cannot be measured here', { field, expected: 'a GPU adapter' })
    return { text, kind: 'latency', limit, cost: latency }
  }
  const exact = exactKinds.find((one) => one === name)
  if (!exact) throw new InputError('unknown budget', { field, expected: forms, found: `'${name}'` })
  return {
    text,
    kind: exact,
    limit: parseLimit(written, field, exact === 'bytes' || exact === 'memory' ? 'bytes' : 'count'),
    cost: (candidate) => candidate[exact],
  }
}

const countUnits: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 }
const byteUnits: Readonly<Record<string, number>> = {
  ...countUnits,
  ...{ b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
}

/** Milliseconds. */
const timeUnits: Readonly<Record<string, number>> = { '': 1, ms: 1, us: 1e-3, s: 1e3 }

/** `10%` and `0.3x` are shares of the original; everything else is a number with a unit. */
function parseLimit(written: string, field: string, unit: 'count' | 'bytes' | 'time' | 'plain'): BudgetRequest['limit'] {
  const units: Readonly<Record<string, number>> = { count: countUnits, bytes: byteUnits, time: timeUnits, plain: { '': 1 } }[unit]
  const expected = {
    count: 'a number such as 10%, 0.3x, 200k or 1.5M',
    bytes: 'a number such as 10%, 0.3x, 500KB or 1MiB',
    time: 'milliseconds such as 4ms or 4, microseconds such as 500us, or a share such as 50%',
    plain: 'a number such as 12.5, or a share such as 50%',
  }[unit]
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%|[a-z]*)$/i.exec(written.replace(/(?<=\d)_(?=\d)/g, ''))
  const fail = () => new InputError('not a limit', { field, expected, found: `'${written}'` })
  if (!match) throw fail()
  const number = Number(match[1])
  const suffix = match[2].toLowerCase()
  const share = suffix === '%' || suffix === 'x'
  const scale = suffix === '%' ? 0.01 : suffix === 'x' ? 1 : units[suffix]
  if (scale === undefined) throw fail()
  const value = number * scale
  if (!Number.isFinite(value) || ((share || unit !== 'plain') && value <= 0))
    throw new InputError('not a limit', { field, expected: `${expected}, above 0`, found: `'${written}'` })
  return { value, share }
}

function customBudget({ name, limit, cost }: CustomBudget, { patience = aMinute }: Meters = {}): BudgetRequest {
  const field = `budget '${name}'`
  if (typeof cost !== 'function')
    throw new InputError('no cost function', { field, expected: 'cost: async (candidate) => number', found: typeof cost })
  if (!Number.isFinite(limit)) throw new InputError('not a limit', { field, expected: 'a finite number', found: String(limit) })
  return { text: name, kind: 'custom', limit: { value: limit, share: false }, cost: patient(cost, patience) }
}

/** A user's own function gets a network of its own: whatever it does with it, the one that is written stays what it is. */
function copyOf(candidate: Candidate): Candidate {
  const { params, macs } = candidate
  return Object.freeze({
    graph: () => structuredClone(candidate.graph()),
    onnx: () => candidate.onnx().slice(),
    get layers() {
      return structuredClone(candidate.layers)
    },
    params,
    macs,
    get bytes() {
      return candidate.bytes
    },
    get memory() {
      return candidate.memory
    },
    get weights() {
      return candidate.weights
    },
    get widths() {
      return structuredClone(candidate.widths)
    },
    get kept() {
      return structuredClone(candidate.kept)
    },
  })
}

/** Anything as text, also what has no text of its own: circles, whole numbers without end, objects without a prototype. */
function textOf(value: unknown): string {
  try {
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** What a budget's function says of a candidate. @throws InputError naming the budget when it throws or gives no finite number */
export async function costValue(budget: Pick<Budget, 'text' | 'cost' | 'kind'>, candidate: Candidate): Promise<number> {
  if (isExact(budget)) return candidate[budget.kind]
  const field = `budget '${budget.text}'`
  let value: unknown
  try {
    value = await budget.cost(budget.kind === 'custom' ? copyOf(candidate) : candidate)
  } catch (error) {
    throw new InputError(budget.text.startsWith('command:') ? 'its command failed' : 'its function threw', {
      field,
      expected: 'a finite number',
      found: error instanceof Error ? error.message : textOf(error),
      cause: error,
    })
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    const found =
      value === undefined || typeof value === 'number'
        ? String(value)
        : `${typeof value} ${(typeof value === 'string' ? JSON.stringify(value) : textOf(value)).slice(0, 60)}`
    throw new InputError('its function gave no finite number', { field, expected: 'a finite number', found })
  }
  return value
}

/** Shares become real units: those of what the original costs. `measured` may know values already. */
export async function resolveBudgets(
  requests: readonly BudgetRequest[],
  original: Candidate,
  measured: (budget: Omit<Budget, 'limit'>, candidate: Candidate) => Promise<number> = costValue,
): Promise<Budget[]> {
  const budgets: Budget[] = []
  for (const { limit, ...request } of requests) {
    // Asked even where the limit needs no original: a function that fails is found out before any work.
    const value = await measured(request, original)
    budgets.push({ ...request, limit: limit.share ? limit.value * value : limit.value })
  }
  return budgets
}

/** The cost signal of a budget, without units: 1 at the limit, value / limit where the limit is positive. */
export const relativeCost = (value: number, limit: number) => 1 + (value - limit) / (Math.abs(limit) || 1)

export const isMet = (value: number, limit: number) => value <= limit
