import { GpuError, NoAdapterError } from '@espalier/kernels'
import { AbortedError, InputError } from '@espalier/nn'
import { UnreachableError } from '@espalier/prune'

/** What the command line exits with; promised in the documentation. */
export const exitCodes = { done: 0, bug: 1, input: 2, unreachable: 3, noAdapter: 4, interrupted: 130 } as const

export function exitCodeOf(error: unknown): number {
  if (error instanceof InputError) return exitCodes.input
  if (error instanceof UnreachableError) return exitCodes.unreachable
  if (error instanceof NoAdapterError || error instanceof GpuError) return exitCodes.noAdapter
  if (error instanceof AbortedError) return exitCodes.interrupted
  return exitCodes.bug
}
