import { NoAdapterError } from '@espalier/kernels'
import { AbortedError, InputError } from '@espalier/nn'

/** What the command line exits with; promised in the documentation. */
export const exitCodes = { done: 0, bug: 1, input: 2, unreachable: 3, noAdapter: 4, interrupted: 130 } as const

/** A budget with the nearest value that was reached, for people who must choose another one. */
export interface NearestValue {
  readonly budget: string
  readonly limit: number
  readonly nearest: number
}

/** No network within the budgets exists, or none was found. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  readonly nearest: readonly NearestValue[]
  constructor(what: string, nearest: readonly NearestValue[]) {
    const lines = nearest.map(
      ({ budget, limit, nearest: value }) => `  ${budget}: limit ${figure(limit)}, nearest reachable value ${figure(value)}`,
    )
    super([what, ...lines].join('\n'))
    this.nearest = nearest
  }
}

const figure = (value: number) => (Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(6))))

export function exitCodeOf(error: unknown): number {
  if (error instanceof InputError) return exitCodes.input
  if (error instanceof UnreachableError) return exitCodes.unreachable
  if (error instanceof NoAdapterError) return exitCodes.noAdapter
  if (error instanceof AbortedError) return exitCodes.interrupted
  return exitCodes.bug
}
