/** What budgets that are measured said, each value once: kept with the run, so that one that is resumed goes the same way although they would answer differently now. */
import { AbortedError } from '@espalier/nn'
import { isNumber, isText, type Run } from '../run/run.js'

/** One line of measurements.jsonl. */
interface Measurement {
  /** Which network: its widths; `cut` before them where it was measured as it would be written, `original` for the one that is pruned. */
  readonly network: string
  readonly budget: string
  readonly value: number
}

export interface Measurements {
  /** The value that is known, or what `measure` gives, which is known from then on. */
  of(network: string, budget: string, measure: () => Promise<number>): Promise<number>
  /** Reads what the run measured before it was interrupted, or writes down what was measured before there was a run; later values are appended as they are made. */
  keepIn(run: Run | undefined): Promise<void>
}

const file = 'measurements.jsonl'

/**
 * @param prefix tells networks apart that are measured for one run and have the same widths: those of its rounds
 * @param signal when it fires, nothing more is measured: AbortedError
 */
export function createMeasurements({ prefix = '', signal }: { prefix?: string; signal?: AbortSignal } = {}): Measurements {
  const known = new Map<string, number>()
  const keyOf = ({ network, budget }: Omit<Measurement, 'value'>) => `${network}\n${budget}`
  let unwritten: Measurement[] = []
  let run: Run | undefined
  const write = async () => {
    if (!run) return
    const lines = unwritten.map((one) => `${JSON.stringify(one)}\n`).join('')
    unwritten = []
    if (lines !== '') await run.append(file, lines)
  }
  return {
    async of(given, budget, measure) {
      const network = prefix + given
      const found = known.get(keyOf({ network, budget }))
      if (found !== undefined) return found
      if (signal?.aborted) throw new AbortedError('interrupted while budgets were measured')
      const value = await measure()
      known.set(keyOf({ network, budget }), value)
      unwritten.push({ network, budget, value })
      await write()
      return value
    },
    async keepIn(given) {
      run = given
      if (run?.before) for (const one of await readAll(run)) known.set(keyOf(one), one.value)
      await write()
    },
  }
}

const readAll = async (run: Run): Promise<Measurement[]> =>
  (await run.records<Measurement>(file, { network: isText, budget: isText, value: isNumber })).map(({ value }) => value)
