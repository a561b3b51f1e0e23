/** Costs that can only be called: modules and commands of the user's own. */

import { InputError } from '@espalier/nn'
import { importModule } from '#platform'
import type { CostFunction } from './candidate.js'

/** The default export of an ES module. @throws InputError naming `field`, the option that asked for it */
export async function loadModule(path: string, field: string): Promise<CostFunction> {
  let module: { default?: unknown }
  try {
    module = await importModule(path)
  } catch (error) {
    // Who imported it is a file of ours.
    const message = (error instanceof Error ? error.message : String(error)).replace(/ imported from .*$/, '')
    throw new InputError('the module cannot be loaded', { file: path, field, expected: 'an ES module', found: message, cause: error })
  }
  if (typeof module.default !== 'function')
    throw new InputError('the module has no cost function', {
      file: path,
      field,
      expected: 'export default async (candidate) => number',
      found: `default export: ${typeof module.default}`,
    })
  return module.default as CostFunction
}

const isThenable = (value: unknown): value is PromiseLike<number> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/**
 * A function that never answers must not hold up a search for good: it is given up after `patience` ms. One that never gives the thread back (an endless
 * loop) cannot be.
 */
export const patient =
  (cost: CostFunction, patience: number): CostFunction =>
  (candidate) => {
    const value = cost(candidate)
    if (!isThenable(value)) return value
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${patience / 1000} s`)), patience)
    })
    return Promise.race([Promise.resolve(value), late]).finally(() => clearTimeout(timer))
  }
